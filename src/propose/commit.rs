//! One commit on one branch, made in the object database: the work tree, the index and HEAD have no part in it.
use git2::{ObjectType, Oid, Signature, Time};
use jiff::Timestamp;

use super::{Error, Same, durable, means_the_same, sign, splice};
use crate::git::{self, Repo, Swap};
use crate::render::Change;
use crate::run::Place;

/// What is to be committed, and where.
pub struct Proposal<'a> {
    /// The commit on the base branch that the change was made from.
    pub base: Oid,
    pub change: &'a Change,
    /// Title, body and trailers.
    pub message: &'a str,
    /// Without `refs/heads/`.
    pub branch: &'a str,
    pub place: &'a Place,
}

/// The commit that the branch holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    pub commit: Oid,
    /// Whether it was there already; then nothing was written.
    pub adopted: bool,
}

/// Commits, dated `now` where git's variables don't say otherwise.
///
/// The branch is moved only from what it was seen to hold. If somebody else was faster, their commit stands,
/// and if it means the `same`, it is adopted.
///
/// # Errors
/// The base differs from what the change was made from; the branch came to hold something else; there is
/// no identity; the branch is checked out somewhere; signing fails.
pub fn commit(
    repo: &Repo,
    proposal: &Proposal<'_>,
    now: Timestamp,
    same: Same<'_>,
) -> Result<Committed, Error> {
    let name = format!("refs/heads/{}", proposal.branch);
    let expected = match proposal.place {
        Place::New => None,
        Place::Adopt(branch) => {
            let commit = id(&branch.commit)?;
            return Ok(Committed { commit, adopted: true });
        }
        Place::Replace(branch) => branch.local.as_deref().map(id).transpose()?,
    };
    let base = repo.commit(proposal.base)?;
    let spliced = splice::splice(repo, base.tree_id(), proposal.change)?;
    let holds = repo.commit_of(&name)?;
    if holds != expected {
        return raced(repo, proposal, spliced.tree, holds, same);
    }
    if expected.is_some()
        && let Some(worktree) = repo.checked_out_in(&name)
    {
        return Err(git::Error::CheckedOut { name: proposal.branch.to_owned(), worktree }.into());
    }
    let identity = repo.identity(now)?;
    let tree = repo.tree(spliced.tree)?;
    let mut committer = identity.committer;
    let commit = loop {
        let text = repo
            .raw()
            .commit_create_buffer(&identity.author, &committer, proposal.message, &tree, &[&base])
            .map_err(git::Error::git("composing the commit"))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let commit = write(repo, &text, &committer)?;
        if Some(commit) != expected {
            break commit;
        }
        // A step made again must not be mistaken for the one that was declined.
        committer = a_second_later(&committer)?;
    };
    let mut written = spliced.written;
    written.push(commit);
    durable::sync_if_asked(repo, &written)?;
    let title = proposal.message.lines().next().unwrap_or_default();
    match repo.swap(&name, expected, commit, &committer, &format!("commit: {title}"))? {
        Swap::Moved => Ok(Committed { commit, adopted: false }),
        Swap::Holds(holds) => raced(repo, proposal, spliced.tree, holds, same),
    }
}

/// The branch doesn't hold what it was seen to hold.
fn raced(
    repo: &Repo,
    proposal: &Proposal<'_>,
    tree: Oid,
    holds: Option<Oid>,
    same: Same<'_>,
) -> Result<Committed, Error> {
    let conflict = || Error::Conflict { branch: proposal.branch.to_owned(), holds };
    let commit = holds.ok_or_else(conflict)?;
    let theirs = repo.commit(commit)?;
    let identical = theirs.tree_id() == tree && theirs.parent_ids().eq([proposal.base]);
    if identical || means_the_same(same, proposal.branch, commit)? {
        return Ok(Committed { commit, adopted: true });
    }
    Err(conflict())
}

fn write(repo: &Repo, text: &str, committer: &Signature<'_>) -> Result<Oid, Error> {
    let written = match sign::sign_if_asked(repo, text, committer)? {
        Some(signature) => repo.raw().commit_signed(text, &signature, Some("gpgsig")),
        None => repo.raw().odb().and_then(|odb| odb.write(ObjectType::Commit, text.as_bytes())),
    };
    Ok(written.map_err(git::Error::git("writing the commit"))?)
}

fn a_second_later(who: &Signature<'_>) -> Result<Signature<'static>, Error> {
    let (name, email) =
        (String::from_utf8_lossy(who.name_bytes()), String::from_utf8_lossy(who.email_bytes()));
    let when = Time::new(who.when().seconds() + 1, who.when().offset_minutes());
    Ok(Signature::new(&name, &email, &when).map_err(git::Error::git("dating the commit"))?)
}

fn id(text: &str) -> Result<Oid, Error> {
    Ok(Oid::from_str(text).map_err(git::Error::git(format!("reading the object id `{text}`")))?)
}
