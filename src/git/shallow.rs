//! History, as far as a clone has it.
use std::collections::HashSet;

use git2::Oid;

use super::{Error, Repo};

impl Repo {
    /// Whether the clone's history is cut off somewhere.
    pub fn is_shallow(&self) -> bool {
        // libgit2 looks into a linked worktree's own folder, where the list never is.
        std::fs::metadata(self.common_dir().join("shallow")).is_ok_and(|list| list.len() > 0)
    }

    /// The commits below which a shallow clone's history is cut off, as git's list has them now. libgit2 reads
    /// it when the repo is opened and doesn't see what a fetch changed.
    ///
    /// # Errors
    /// The list can't be read.
    pub fn shallow_edges(&self) -> Result<HashSet<Oid>, Error> {
        if !self.is_shallow() {
            return Ok(HashSet::new());
        }
        let file = self.common_dir().join("shallow");
        let edges = std::fs::read_to_string(&file)
            .map_err(Error::io(format!("reading {}", file.display())))?;
        Ok(edges.lines().filter_map(|edge| Oid::from_str(edge).ok()).collect())
    }

    /// The parents of a commit, none where a shallow clone is cut off below it.
    ///
    /// # Errors
    /// The commit can't be read.
    pub fn parents(&self, commit: Oid, edges: &HashSet<Oid>) -> Result<Vec<Oid>, Error> {
        if edges.contains(&commit) {
            return Ok(Vec::new());
        }
        let commit = self.commit(commit)?;
        if !self.opened_shallow {
            return Ok(commit.parent_ids().collect());
        }
        // What libgit2 says is by the list as it was.
        let header = String::from_utf8_lossy(commit.raw_header_bytes());
        let parents = header.lines().filter_map(|line| line.strip_prefix("parent "));
        Ok(parents.filter_map(|parent| Oid::from_str(parent).ok()).collect())
    }

    /// Whether `commit` is `tip` or one of its ancestors, as far as they are here.
    ///
    /// # Errors
    /// The history can't be read.
    pub fn is_in_history(&self, tip: Oid, commit: Oid) -> Result<bool, Error> {
        let odb = self.inner.odb().map_err(Error::git("opening the object database"))?;
        if tip == commit || !odb.exists(commit) {
            return Ok(tip == commit);
        }
        if !self.opened_shallow && !self.is_shallow() {
            let walking = format!("looking for {commit} in the history of {tip}");
            return self.inner.graph_descendant_of(tip, commit).map_err(Error::git(walking));
        }
        let edges = self.shallow_edges()?;
        let (mut seen, mut open) = (HashSet::from([tip]), vec![tip]);
        while let Some(id) = open.pop() {
            if id == commit {
                return Ok(true);
            }
            let parents = self.parents(id, &edges)?;
            open.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        Ok(false)
    }

    /// In a shallow clone: fetches the history of a remote's branch back to `since` (seconds since 1970),
    /// so that what was made on it can be told. No ref is written. Where the remote has nothing that
    /// recent, nothing changes.
    ///
    /// # Errors
    /// `git` can't be run.
    pub fn deepen(&self, remote: &str, branch: &str, since: i64) -> Result<(), Error> {
        let depth = format!("--shallow-since={since}");
        let branch = format!("refs/heads/{branch}");
        self.quiet_fetch().arguments([&depth, remote, &branch]).said()?;
        let odb = self.inner.odb().map_err(Error::git("opening the object database"))?;
        odb.refresh().map_err(Error::git("looking for fetched objects"))
    }
}
