//! The remote: what branches it has, what is on them, and the base branch fetched anew.
use std::collections::BTreeMap;
use std::time::Duration;

use git2::{ObjectType, Oid};

use super::program::Call;
use super::{Error, Repo};

/// Branches of the remote as it said itself: name without `refs/heads/` → commit.
pub type RemoteBranches = BTreeMap<String, Oid>;

/// One branch to fetch into `refs/remotes/<remote>/<branch>`.
#[derive(Debug, Clone, Copy)]
pub struct BranchFetch<'a> {
    pub remote: &'a str,
    pub branch: &'a str,
}

/// No tags, no `FETCH_HEAD`, no refs but the one named, no repacking of the user's clone.
pub(super) const QUIETLY: [&str; 7] = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--recurse-submodules=no",
    "--refmap=",
];

/// How often a fetch is tried, and what lies between two of them.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

impl Repo {
    /// The remote of this name, or the only one there is.
    ///
    /// # Errors
    /// The configuration can't be read.
    pub fn remote(&self, name: &str) -> Option<String> {
        let mut remotes = self.config.subsections("remote", "url");
        if remotes.iter().any(|remote| remote == name) {
            return Some(name.to_owned());
        }
        if remotes.len() == 1 { remotes.pop() } else { None }
    }

    /// The address of a remote, as `url.<base>.insteadOf` turns it. It may hold a password.
    pub fn remote_url(&self, remote: &str) -> Option<String> {
        let url = self.config.text(&format!("remote.{remote}.url"))?;
        let bases = self.config.subsections("url", "insteadof").into_iter();
        let fitting = bases.filter_map(|base| {
            let instead = self.config.text(&format!("url.{base}.insteadof"))?;
            Some((instead.len(), format!("{base}{}", url.strip_prefix(&instead)?)))
        });
        let longest = fitting.max_by_key(|(length, _)| *length);
        Some(longest.map_or(url.clone(), |(_, turned)| turned))
    }

    pub(super) fn quiet_fetch(&self) -> Call {
        self.git(&QUIETLY)
    }

    /// Fetches; another process that fetches into the same clone may hold a ref or have just moved it, so
    /// a failure is tried again before it counts.
    fn fetch_patiently(&self, arguments: &[String]) -> Result<(), Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.quiet_fetch().arguments(arguments).run() {
                Err(_) if attempt < ATTEMPTS => std::thread::sleep(PAUSE * attempt),
                other => return other.map(drop),
            }
        }
    }

    /// Fetches a branch, all of it that is new and nothing else, without a depth.
    ///
    /// # Errors
    /// The remote doesn't answer, or has no such branch.
    pub fn fetch(&self, fetch: BranchFetch<'_>) -> Result<Option<Oid>, Error> {
        let BranchFetch { remote, branch } = fetch;
        let tracking = format!("refs/remotes/{remote}/{branch}");
        let refspec = format!("+refs/heads/{branch}:{tracking}");
        self.fetch_patiently(&[remote.to_owned(), refspec])?;
        self.commit_of(&tracking)
    }

    /// Asks the remote which branches it has that begin with one of these prefixes, or are named so.
    ///
    /// # Errors
    /// The remote doesn't answer.
    pub fn remote_branches(
        &self,
        remote: &str,
        prefixes: &[String],
    ) -> Result<RemoteBranches, Error> {
        let patterns = prefixes.iter().map(|prefix| match prefix.ends_with('/') {
            true => format!("refs/heads/{prefix}*"),
            false => format!("refs/heads/{prefix}"),
        });
        let listing = self.git(&["ls-remote", "--heads", remote]).arguments(patterns).run()?;
        let branches = listing.text();
        let branches = branches.lines().filter_map(|line| {
            let (id, name) = line.split_once('\t')?;
            let name = name.strip_prefix("refs/heads/")?;
            // A pattern also fits the end of a longer name.
            let asked = prefixes.iter().any(|prefix| match prefix.ends_with('/') {
                true => name.starts_with(prefix),
                false => name == prefix,
            });
            Some((name.to_owned(), Oid::from_str(id).ok()?)).filter(|_| asked)
        });
        Ok(branches.collect())
    }

    /// Fetches what these branches hold and is missing here, in one round trip, without writing a ref.
    /// In a shallow clone they come with one commit before them; a full one is never made shallow.
    ///
    /// # Errors
    /// The remote doesn't answer, or a branch was deleted meanwhile.
    pub fn fetch_contents(&self, remote: &str, branches: &RemoteBranches) -> Result<(), Error> {
        let odb = self.inner.odb().map_err(Error::git("opening the object database"))?;
        let missing: Vec<String> = branches
            .iter()
            .filter(|(_, id)| !self.is_whole(**id))
            .map(|(name, _)| format!("refs/heads/{name}"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let depth = self.is_shallow().then_some("--depth=2");
        let arguments =
            depth.into_iter().map(str::to_owned).chain([remote.to_owned()]).chain(missing);
        self.fetch_patiently(&arguments.collect::<Vec<String>>())?;
        odb.refresh().map_err(Error::git("looking for fetched objects"))
    }

    /// Fetches a commit that no branch need hold any more, unless it is here. No ref is written.
    ///
    /// # Errors
    /// The remote doesn't have it, or doesn't give it.
    pub fn fetch_commit(&self, remote: &str, commit: Oid) -> Result<(), Error> {
        if self.is_whole(commit) {
            return Ok(());
        }
        let depth = self.is_shallow().then_some("--depth=2").map(str::to_owned);
        let arguments = depth.into_iter().chain([remote.to_owned(), commit.to_string()]);
        self.quiet_fetch().arguments(arguments).run()?;
        let odb = self.inner.odb().map_err(Error::git("opening the object database"))?;
        odb.refresh().map_err(Error::git("looking for fetched objects"))
    }

    /// Whether a commit is here with all that it changes. The commit alone proves nothing: a fetch that is
    /// under way, or was killed, may have left it without its trees.
    fn is_whole(&self, commit: Oid) -> bool {
        let Ok(commit) = self.inner.find_commit(commit) else { return false };
        if self.promisor.is_some() {
            return true;
        }
        let before = commit.parent(0).ok().and_then(|parent| parent.tree().ok());
        commit.tree().is_ok_and(|tree| self.has_new(&tree, before.as_ref()))
    }

    fn has_new(&self, tree: &git2::Tree<'_>, before: Option<&git2::Tree<'_>>) -> bool {
        let Ok(odb) = self.inner.odb() else { return false };
        tree.iter().all(|entry| {
            let old = before.and_then(|before| before.get_name_bytes(entry.name_bytes()));
            match entry.kind() {
                _ if old.as_ref().is_some_and(|old| old.id() == entry.id()) => true,
                Some(ObjectType::Tree) => {
                    let old = old.and_then(|old| self.inner.find_tree(old.id()).ok());
                    let new = self.inner.find_tree(entry.id());
                    new.is_ok_and(|new| self.has_new(&new, old.as_ref()))
                }
                Some(ObjectType::Commit) => true,
                _ => odb.exists(entry.id()),
            }
        })
    }
}
