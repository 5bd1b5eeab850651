//! A step taken back before it was merged: its branch deleted, here and on the remote, if it holds what it was
//! seen to hold.
use git2::Oid;

use super::Error;
use crate::git::{self, Repo, Swap};
use crate::run::deployment::StepBranch;

/// Deletes the branch on the remote, if one is named, and here.
///
/// # Errors
/// It came to hold something else, is checked out, or the remote refuses.
pub fn withdraw(repo: &Repo, remote: Option<&str>, branch: &StepBranch) -> Result<(), Error> {
    if let (Some(remote), Some(holds)) = (remote, &branch.remote) {
        delete_on(repo, remote, &branch.branch, holds)?;
    }
    let Some(local) = &branch.local else { return Ok(()) };
    let name = format!("refs/heads/{}", branch.branch);
    if let Some(worktree) = repo.checked_out_in(&name) {
        return Err(git::Error::CheckedOut { name: branch.branch.clone(), worktree }.into());
    }
    let expected = Oid::from_str(local)
        .map_err(git::Error::git(format!("reading the object id `{local}`")))?;
    match repo.delete(&name, expected)? {
        Swap::Moved | Swap::Holds(None) => Ok(()),
        Swap::Holds(holds) => Err(Error::Conflict { branch: branch.branch.clone(), holds }),
    }
}

fn delete_on(repo: &Repo, remote: &str, branch: &str, holds: &str) -> Result<(), Error> {
    let lease = format!("--force-with-lease=refs/heads/{branch}:{holds}");
    let no_mirror = format!("remote.{remote}.mirror=false");
    let said = repo
        .git(&["-c", &no_mirror, "push", "--quiet", "--no-verify", &lease, remote])
        .arguments([format!(":refs/heads/{branch}")])
        .said()?;
    if said.success {
        return Ok(());
    }
    // Closing its request may have deleted it, and so may somebody else who takes it back.
    let there = repo.remote_branches(remote, &[branch.to_owned()])?;
    match there.get(branch).copied() {
        None => Ok(()),
        Some(now) if now.to_string() != holds => {
            Err(Error::Conflict { branch: branch.to_owned(), holds: Some(now) })
        }
        Some(_) => Err(said.into_error("push").into()),
    }
}
