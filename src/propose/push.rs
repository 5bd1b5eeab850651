//! One branch pushed with a lease; what a failed push meant is read from the remote, not from its words.
use std::time::Duration;

use git2::Oid;

use super::{Error, Same, means_the_same};
use crate::git::{RemoteBranches, Repo};

/// How often a push is tried that changed nothing on the remote, and what lies between two of them.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);

/// What is pushed, and over what.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    pub remote: &'a str,
    /// Without `refs/heads/`.
    pub branch: &'a str,
    pub commit: Oid,
    /// The commit the remote's branch was seen to hold, which this one replaces; nothing: there must be
    /// no such branch.
    pub expected: Option<Oid>,
}

/// What the remote holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    Pushed,
    /// Somebody else was faster with a step that means the same. The local branch was moved to their
    /// commit, unless it is checked out somewhere.
    Adopted(Oid),
}

/// Pushes one branch. No hook runs, nothing but the branch is sent.
///
/// # Errors
/// The remote's branch holds something that isn't the `same`, or the remote refuses or doesn't answer.
pub fn push(repo: &Repo, push: Push<'_>, same: Same<'_>) -> Result<Pushed, Error> {
    let Push { remote, branch, commit, expected } = push;
    let holding = expected.map(|commit| commit.to_string()).unwrap_or_default();
    let lease = format!("--force-with-lease=refs/heads/{branch}:{holding}");
    let refspec = format!("{commit}:refs/heads/{branch}");
    // A mirror would push all its refs, or none.
    let no_mirror = format!("remote.{remote}.mirror=false");
    let mut attempt = 0;
    loop {
        attempt += 1;
        // Without negotiating, a remote whose branches aren't known here is sent the whole tree.
        let arguments =
            ["-c", "push.negotiate=true", "-c", &no_mirror, "push", "--quiet", "--no-verify"];
        let call = repo.git(&arguments).arguments([
            "--no-follow-tags",
            "--recurse-submodules=no",
            &lease,
            remote,
            &refspec,
        ]);
        let said = call.said()?;
        if said.success {
            return Ok(Pushed::Pushed);
        }
        let there = repo.remote_branches(remote, &[branch.to_owned()])?;
        let holds = there.get(branch).copied();
        if holds == Some(commit) {
            return Ok(Pushed::Pushed);
        }
        if holds != expected {
            return lost(repo, push, &there, holds, same);
        }
        if attempt == ATTEMPTS {
            return Err(said.into_error("push").into());
        }
        std::thread::sleep(PAUSE * attempt);
    }
}

fn lost(
    repo: &Repo,
    push: Push<'_>,
    there: &RemoteBranches,
    holds: Option<Oid>,
    same: Same<'_>,
) -> Result<Pushed, Error> {
    let conflict = || Error::Conflict { branch: push.branch.to_owned(), holds };
    let theirs = holds.ok_or_else(conflict)?;
    repo.fetch_contents(push.remote, there)?;
    if !means_the_same(same, push.branch, theirs)? {
        return Err(conflict());
    }
    let name = format!("refs/heads/{}", push.branch);
    if repo.checked_out_in(&name).is_none() {
        let ours = repo.commit(push.commit)?;
        // If the branch was moved meanwhile, whoever moved it looks at the remote themselves.
        let why = format!("adopt: {} has this step", push.remote);
        repo.swap(&name, Some(push.commit), theirs, &ours.committer(), &why)?;
    }
    Ok(Pushed::Adopted(theirs))
}
