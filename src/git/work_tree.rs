//! The work tree as a commit that is in memory only, so that what isn't committed yet is read like what is.
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{Delta, DiffOptions, ErrorCode, FileMode, Oid, Signature, Time};

use super::{Error, Repo};

/// What stands before libgit2's own two stores, so that nothing is written to them.
const BEFORE_ALL: i32 = 1_000;

/// The index entry's flag for a file that a sparse checkout leaves out.
const SKIP_WORKTREE: u16 = 1 << 14;

impl Repo {
    /// A commit without parents that holds what is on disk: tracked files as they are now, and new ones that
    /// aren't ignored. None in a bare repo. Neither objects nor the index are written.
    ///
    /// # Errors
    /// HEAD or a file can't be read.
    pub fn work_tree(&self) -> Result<Option<Oid>, Error> {
        let Some(root) = self.inner.workdir() else { return Ok(None) };
        let of_git = |doing: &str| Error::git(format!("{doing} the work tree"));
        let odb = self.inner.odb().map_err(Error::git("opening the object database"))?;
        odb.add_new_mempack_backend(BEFORE_ALL).map_err(of_git("making room for"))?;
        let head = match self.inner.head() {
            Ok(head) => head.peel_to_tree().map_err(of_git("comparing HEAD with"))?,
            Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
                let empty = self.inner.treebuilder(None).and_then(|empty| empty.write());
                let empty = empty.and_then(|empty| self.inner.find_tree(empty));
                empty.map_err(of_git("reading"))?
            }
            Err(error) => return Err(of_git("comparing HEAD with")(error)),
        };
        let changed = self.changed(&head).map_err(of_git("comparing HEAD with"))?;
        let mut update = TreeUpdateBuilder::new();
        for path in changed {
            match content(root, &path).map_err(Error::io(format!("reading {path}")))? {
                Some((bytes, mode)) => {
                    let id = self.inner.blob(&bytes).map_err(of_git("reading"))?;
                    update.upsert(path, id, mode);
                }
                None => {
                    if head.get_path(Path::new(&path)).is_ok() {
                        update.remove(path);
                    }
                }
            }
        }
        let mut commit = || {
            let tree = update.create_updated(&self.inner, &head)?;
            let tree = self.inner.find_tree(tree)?;
            let nobody = Signature::new("work tree", "nobody@localhost", &Time::new(0, 0))?;
            self.inner.commit(None, &nobody, &nobody, "The work tree", &tree, &[])
        };
        commit().map(Some).map_err(of_git("reading"))
    }

    /// The paths by which disk and HEAD differ.
    fn changed(&self, head: &git2::Tree<'_>) -> Result<Vec<String>, git2::Error> {
        let mut options = DiffOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).include_typechange(true);
        options.ignore_submodules(true).skip_binary_check(true);
        let diff = self.inner.diff_tree_to_workdir_with_index(Some(head), Some(&mut options))?;
        let index = self.inner.index()?;
        let mut changed = Vec::new();
        for delta in diff.deltas() {
            let path = delta.new_file().path().or(delta.old_file().path());
            let Some(path) = path.and_then(Path::to_str) else { continue };
            let left_out = || {
                let entry = index.get_path(Path::new(path), 0);
                entry.is_some_and(|entry| entry.flags_extended & SKIP_WORKTREE != 0)
            };
            if delta.status() == Delta::Deleted && left_out() {
                continue;
            }
            changed.push(path.to_owned());
        }
        Ok(changed)
    }
}

/// What is on disk at a path: a file's bytes, or where a symlink leads.
fn content(root: &Path, path: &str) -> std::io::Result<Option<(Vec<u8>, FileMode)>> {
    let file = root.join(path);
    let kind = match file.symlink_metadata() {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if kind.is_symlink() {
        let target = std::fs::read_link(&file)?.into_os_string().into_encoded_bytes();
        return Ok(Some((target, FileMode::Link)));
    }
    if kind.is_file() {
        return Ok(Some((std::fs::read(&file)?, FileMode::Blob)));
    }
    Ok(None)
}
