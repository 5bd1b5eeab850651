//! The remote: what branches it has, what is on them, and the base branch fetched anew.
use std::collections::BTreeMap;

use git2::Oid;

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
const QUIETLY: [&str; 7] = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--recurse-submodules=no",
    "--refmap=",
];

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

    pub(super) fn quiet_fetch(&self) -> Call {
        self.git(&QUIETLY)
    }

    /// Fetches a branch, all of it that is new and nothing else, without a depth.
    ///
    /// # Errors
    /// The remote doesn't answer, or has no such branch.
    pub fn fetch(&self, fetch: BranchFetch<'_>) -> Result<Option<Oid>, Error> {
        let BranchFetch { remote, branch } = fetch;
        let tracking = format!("refs/remotes/{remote}/{branch}");
        let refspec = format!("+refs/heads/{branch}:{tracking}");
        self.quiet_fetch().arguments([remote, &refspec]).run()?;
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
            .filter(|(_, id)| !odb.exists(**id))
            .map(|(name, _)| format!("refs/heads/{name}"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let depth = self.is_shallow().then_some("--depth=2");
        let arguments =
            depth.into_iter().map(str::to_owned).chain([remote.to_owned()]).chain(missing);
        self.quiet_fetch().arguments(arguments).run()?;
        odb.refresh().map_err(Error::git("looking for fetched objects"))
    }
}
