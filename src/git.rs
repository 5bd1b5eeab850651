//! The deployment repo as git sees it: opened, its objects read, its refs moved, its remote spoken to.
//!
//! Objects and refs are read and written in this process. The `git` program is used for what needs the
//! user's credentials or a remote, and for objects that a partial clone left there.
mod config;
mod error;
mod identity;
mod objects;
mod open;
mod program;
mod refs;
mod remote;
mod scratch;
mod shallow;
mod wildmatch;
mod work_tree;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

pub use config::Config;
pub use error::Error;
pub use git2::Oid;
pub use identity::Identity;
pub use objects::{BLOB, EXECUTABLE, Entry, TREE};
pub use program::without_credentials;
pub use refs::Swap;
pub use remote::{BranchFetch, RemoteBranches};
pub use scratch::{Replacement, Scratch};

/// The process environment, as the program was started with it.
pub type Env = BTreeMap<OsString, OsString>;

/// An open repo: plain, bare, a linked worktree, shallow, sparse or partial.
pub struct Repo {
    inner: git2::Repository,
    config: Config,
    env: Env,
    /// Whether objects may be missing here that a remote promised to have.
    promisor: Option<String>,
    /// Whether libgit2 believes that history is cut off somewhere.
    opened_shallow: bool,
    read: Cell<u64>,
}

impl Repo {
    /// What git's configuration says, for this repo.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The environment that git's own variables are taken from.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// The repo as libgit2 has it, to write objects.
    pub fn raw(&self) -> &git2::Repository {
        &self.inner
    }

    /// The folder that HEAD and the index are in.
    pub fn git_dir(&self) -> &Path {
        self.inner.path()
    }

    /// How many trees, blobs and commits were read from the object database so far.
    pub fn objects_read(&self) -> u64 {
        self.read.get()
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let value = self.env.get(std::ffi::OsStr::new(name))?.to_str()?;
        (!value.is_empty()).then_some(value)
    }
}
