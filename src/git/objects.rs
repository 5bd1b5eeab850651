//! Reading trees, blobs and commits, fetching in few round trips what a partial clone left behind.
use std::collections::BTreeMap;

use git2::{ErrorCode, Oid};

use super::{Error, Repo};

/// The mode of a folder.
pub const TREE: i32 = 0o040_000;
/// The mode of a plain file.
pub const BLOB: i32 = 0o100_644;
/// The mode of a file that may be executed.
pub const EXECUTABLE: i32 = 0o100_755;

/// One entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub id: Oid,
    pub mode: i32,
}

impl Entry {
    pub fn is_tree(self) -> bool {
        self.mode == TREE
    }

    /// Whether it is a file of its own: no folder, symlink or submodule.
    pub fn is_file(self) -> bool {
        matches!(self.mode, BLOB | EXECUTABLE) || self.mode == 0o100_664
    }
}

impl Repo {
    /// Makes sure that these objects are here, with one fetch for all that are missing.
    ///
    /// # Errors
    /// Objects are missing and no remote promised them, or the remote doesn't give them.
    pub fn ensure(&self, ids: impl IntoIterator<Item = Oid>) -> Result<(), Error> {
        if self.promisor.is_none() {
            return Ok(());
        }
        let odb = self.inner.odb().map_err(Error::git("opening the object database"))?;
        let mut missing: Vec<Oid> = ids.into_iter().filter(|id| !odb.exists(*id)).collect();
        missing.sort();
        missing.dedup();
        if missing.is_empty() { Ok(()) } else { self.fetch_missing(&missing) }
    }

    fn fetch_missing(&self, ids: &[Oid]) -> Result<(), Error> {
        let Some(promisor) = &self.promisor else {
            return Err(Error::Missing { object: ids[0], repo: self.git_dir().to_owned() });
        };
        // As git's own lazy fetch, but for exactly the objects named: what hangs on them stays away.
        let wanted: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let arguments = [
            "-c",
            "fetch.negotiationAlgorithm=noop",
            "fetch",
            promisor,
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--recurse-submodules=no",
            "--filter=tree:0",
            "--refmap=",
            "--stdin",
        ];
        self.git(&arguments).input(wanted).run()?;
        let odb = self.inner.odb().map_err(Error::git("opening the object database"))?;
        odb.refresh().map_err(Error::git("looking for fetched objects"))?;
        Ok(())
    }

    /// A tree.
    ///
    /// # Errors
    /// It is missing and can't be fetched, or it is something else.
    pub fn tree(&self, id: Oid) -> Result<git2::Tree<'_>, Error> {
        self.find(id, "tree", || self.inner.find_tree(id))
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// As for [`Repo::tree`].
    pub fn blob(&self, id: Oid) -> Result<Vec<u8>, Error> {
        self.find(id, "blob", || Ok(self.inner.find_blob(id)?.content().to_vec()))
    }

    /// A commit.
    ///
    /// # Errors
    /// As for [`Repo::tree`].
    pub fn commit(&self, id: Oid) -> Result<git2::Commit<'_>, Error> {
        self.find(id, "commit", || self.inner.find_commit(id))
    }

    /// What stands in a tree under a name.
    ///
    /// # Errors
    /// As for [`Repo::tree`].
    pub fn entry(&self, tree: Oid, name: &str) -> Result<Option<Entry>, Error> {
        Ok(self
            .tree(tree)?
            .get_name(name)
            .map(|entry| Entry { id: entry.id(), mode: entry.filemode() }))
    }

    /// All entries of a tree by name. Names that aren't UTF-8 are left out: none is ours.
    ///
    /// # Errors
    /// As for [`Repo::tree`].
    pub fn entries(&self, tree: Oid) -> Result<BTreeMap<String, Entry>, Error> {
        let tree = self.tree(tree)?;
        let entries = tree.iter().filter_map(|entry| {
            let name = std::str::from_utf8(entry.name_bytes()).ok()?.to_owned();
            Some((name, Entry { id: entry.id(), mode: entry.filemode() }))
        });
        Ok(entries.collect())
    }

    /// What stands at a path (`/` between its components, the empty path is the tree itself); each
    /// tree on the path is read once.
    ///
    /// # Errors
    /// As for [`Repo::tree`].
    pub fn at_path(&self, tree: Oid, path: &str) -> Result<Option<Entry>, Error> {
        let mut here = Entry { id: tree, mode: TREE };
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if !here.is_tree() {
                return Ok(None);
            }
            match self.entry(here.id, name)? {
                Some(entry) => here = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    fn find<T>(
        &self,
        id: Oid,
        kind: &str,
        find: impl Fn() -> Result<T, git2::Error>,
    ) -> Result<T, Error> {
        self.read.set(self.read.get() + 1);
        let found = match find() {
            Err(error) if error.code() == ErrorCode::NotFound => {
                self.fetch_missing(&[id])?;
                find()
            }
            other => other,
        };
        found.map_err(Error::git(format!("reading {kind} {id}")))
    }
}
