//! From a change to a commit on a branch, and from there to the remote.
pub mod comment;
mod commit;
mod durable;
mod journal;
pub mod on_github;
mod patience;
pub mod pull_request;
mod push;
mod sign;
mod splice;
pub mod ticket;
mod withdraw;

use thiserror::Error;

pub use commit::{Committed, Proposal, commit};
pub use journal::{Note, note};
pub use push::{Push, Pushed, push};
pub use splice::{Spliced, splice};
pub use withdraw::withdraw;

use crate::git::{self, Oid};
use crate::github;

/// Whether a commit means the same as the step at hand, so that it may stand for it.
pub type Same<'a> = &'a dyn Fn(Oid) -> anyhow::Result<bool>;

/// Why nothing was proposed.
#[derive(Debug, Error)]
pub enum Error {
    /// The change was made from other files than are on the base.
    #[error("{path} on the base {why}")]
    BaseDiffers { path: String, why: String },
    /// Somebody else was faster, with something else.
    #[error("{branch} {} meanwhile", match .holds { Some(commit) => format!("came to hold {commit}"), None => "was deleted".to_owned() })]
    Conflict { branch: String, holds: Option<Oid> },
    /// GitHub makes plain files only.
    #[error("{path} has mode {mode:o}, which commits made by GitHub can't have")]
    Mode { path: String, mode: i32 },
    #[error(transparent)]
    Git(#[from] git::Error),
    #[error(transparent)]
    Github(#[from] github::Error),
    /// What another racer's commit means couldn't be read.
    #[error("reading what {commit} on {branch} means")]
    Unreadable { branch: String, commit: Oid, source: anyhow::Error },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::BaseDiffers { .. } | Error::Conflict { .. } => {
                Some("run it again: it starts from what is there now".to_owned())
            }
            Error::Git(error) => error.hint(),
            Error::Mode { .. } => {
                Some("make it a plain file, or set `github.commits: git`".to_owned())
            }
            Error::Github(error) => error.hint(),
            Error::Unreadable { .. } => None,
        }
    }

    /// Whether the repo or its configuration must be mended (exit code 3).
    pub fn is_about_the_repo(&self) -> bool {
        match self {
            Error::Mode { .. } => true,
            Error::Git(error) => error.is_about_the_repo(),
            _ => false,
        }
    }
}

/// Asks `same` about a racer's commit.
fn means_the_same(same: Same<'_>, branch: &str, commit: Oid) -> Result<bool, Error> {
    same(commit).map_err(|source| Error::Unreadable { branch: branch.to_owned(), commit, source })
}
