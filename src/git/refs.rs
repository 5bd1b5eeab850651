//! Refs: found by prefix, and moved only from what they were seen to hold.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use git2::{ErrorCode, Oid, Signature};

use super::{Error, Repo};

/// How often, and how long at first, a ref that another process holds locked is tried again: 2.5 s in all.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// What became of a ref that was to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    Moved,
    /// It holds something else than was expected, and was left alone.
    Holds(Option<Oid>),
}

impl Repo {
    /// The commit a ref holds, symbolic refs and tags followed.
    ///
    /// # Errors
    /// The ref can't be read, or what it names is missing.
    pub fn commit_of(&self, name: &str) -> Result<Option<Oid>, Error> {
        match self.inner.find_reference(name) {
            Ok(reference) => match reference.peel_to_commit() {
                Ok(commit) => Ok(Some(commit.id())),
                // A symbolic ref to a branch that isn't born.
                Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
                Err(error) => Err(Error::git(format!("reading {name}"))(error)),
            },
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
                Ok(None)
            }
            Err(error) => Err(Error::git(format!("reading {name}"))(error)),
        }
    }

    /// All refs below a prefix that ends in `/`: what comes after it → what they hold.
    ///
    /// # Errors
    /// The refs can't be listed.
    pub fn refs_below(&self, prefix: &str) -> Result<BTreeMap<String, Oid>, Error> {
        let listing = || Error::git(format!("listing {prefix}"));
        let mut found = BTreeMap::new();
        for reference in self.inner.references_glob(&format!("{prefix}*")).map_err(listing())? {
            let reference = reference.map_err(listing())?;
            let name = reference.name().ok().and_then(|name| name.strip_prefix(prefix));
            if let (Some(name), Some(id)) = (name, reference.target()) {
                found.insert(name.to_owned(), id);
            }
        }
        Ok(found)
    }

    /// Moves a ref to `new` if it holds `expected` (nothing: if it doesn't exist), with an entry in its log.
    ///
    /// # Errors
    /// Another process holds the ref for seconds, or the name collides with another ref's.
    pub fn swap(
        &self,
        name: &str,
        expected: Option<Oid>,
        new: Oid,
        who: &Signature<'_>,
        why: &str,
    ) -> Result<Swap, Error> {
        let mut pause = PAUSE;
        for _ in 0..ATTEMPTS {
            match self.try_swap(name, expected, new, who, why) {
                Err(error) if error.code() == ErrorCode::Locked => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(50));
                }
                Err(error) => {
                    return Err(match self.in_the_way(name)? {
                        Some(other) => Error::NameTaken { name: name.to_owned(), other },
                        None => Error::git(format!("moving {name}"))(error),
                    });
                }
                Ok(swap) => return Ok(swap),
            }
        }
        Err(Error::Locked(name.to_owned()))
    }

    /// Deletes a ref if it holds `expected`.
    ///
    /// # Errors
    /// Another process holds the ref, or it can't be written.
    pub fn delete(&self, name: &str, expected: Oid) -> Result<Swap, Error> {
        let deleting = || Error::git(format!("deleting {name}"));
        let mut transaction = self.inner.transaction().map_err(deleting())?;
        transaction.lock_ref(name).map_err(deleting())?;
        let holds = self.commit_of(name)?;
        if holds != Some(expected) {
            return Ok(Swap::Holds(holds));
        }
        transaction.remove(name).map_err(deleting())?;
        transaction.commit().map_err(deleting())?;
        Ok(Swap::Moved)
    }

    fn try_swap(
        &self,
        name: &str,
        expected: Option<Oid>,
        new: Oid,
        who: &Signature<'_>,
        why: &str,
    ) -> Result<Swap, git2::Error> {
        // With the ref locked, what is read stays true until the transaction ends. Creating a ref
        // through libgit2 would look at every ref there is, for one whose name is in the way.
        let mut transaction = self.inner.transaction()?;
        transaction.lock_ref(name)?;
        let holds = match self.inner.find_reference(name) {
            Ok(reference) => reference.target(),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(error),
        };
        if holds != expected {
            return Ok(Swap::Holds(holds));
        }
        if expected.is_none() && self.parent_ref(name)?.is_some() {
            return Err(git2::Error::from_str("a ref of a shorter name is in the way"));
        }
        transaction.set_target(name, new, Some(who), why)?;
        transaction.commit()?;
        Ok(Swap::Moved)
    }

    /// A ref whose name is the beginning of this one's path: git can't have both.
    fn parent_ref(&self, name: &str) -> Result<Option<String>, git2::Error> {
        let slashes = name.match_indices('/').map(|(at, _)| &name[..at]).skip(2);
        for parent in slashes {
            match self.inner.find_reference(parent) {
                Ok(_) => return Ok(Some(parent.to_owned())),
                Err(error) if error.code() == ErrorCode::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn in_the_way(&self, name: &str) -> Result<Option<String>, Error> {
        let looking = || Error::git(format!("looking for what is in the way of {name}"));
        if let Some(parent) = self.parent_ref(name).map_err(looking())? {
            return Ok(Some(parent));
        }
        let below = self.refs_below(&format!("{name}/"))?;
        Ok(below.into_keys().next().map(|rest| format!("{name}/{rest}")))
    }

    /// The work tree that has a branch (`refs/heads/…`) checked out, or is rebasing it.
    pub fn checked_out_in(&self, name: &str) -> Option<PathBuf> {
        let common = self.common_dir();
        let linked = std::fs::read_dir(common.join("worktrees")).into_iter().flatten();
        let linked = linked.filter_map(|entry| Some(entry.ok()?.path()));
        let main = (!self.main_is_bare()).then(|| common.to_owned());
        main.into_iter().chain(linked).find_map(|git_dir| {
            let says = |file: &str, start: &str| {
                let text = std::fs::read_to_string(git_dir.join(file)).unwrap_or_default();
                text.trim_end().strip_prefix(start) == Some(name)
            };
            let uses = says("HEAD", "ref: ")
                || says("rebase-merge/head-name", "")
                || says("rebase-apply/head-name", "");
            uses.then(|| match std::fs::read_to_string(git_dir.join("gitdir")) {
                Ok(dot_git) => PathBuf::from(dot_git.trim_end().trim_end_matches("/.git")),
                Err(_) => git_dir.parent().unwrap_or(&git_dir).to_owned(),
            })
        })
    }

    fn main_is_bare(&self) -> bool {
        let local = git2::Config::open(&self.common_dir().join("config"));
        local.and_then(|local| local.get_bool("core.bare")).unwrap_or(false)
    }
}
