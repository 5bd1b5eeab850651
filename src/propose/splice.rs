//! A change laid into a tree: only the trees on the changed paths are read and written.
use std::collections::BTreeMap;

use git2::{ObjectType, Oid, TreeBuilder};

use super::Error;
use crate::git::{self, BLOB, Repo};
use crate::render::{Change, FileChange};

/// A tree with a change made, and the objects that were written for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spliced {
    pub tree: Oid,
    pub written: Vec<Oid>,
}

/// Writes the tree that `base` (a tree) becomes by `change`. A file keeps its mode, a new one is plain; a
/// folder that loses its last file goes with it.
///
/// # Errors
/// A file isn't on the base as the change says it is, or an object can't be read or written.
pub fn splice(repo: &Repo, base: Oid, change: &Change) -> Result<Spliced, Error> {
    let files: Vec<(&str, &FileChange)> =
        change.files.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut splicing = Splicing { repo, written: Vec::new() };
    let tree = match splicing.folder(Some(base), &files)? {
        Some(tree) => tree,
        None => {
            let empty = repo.raw().treebuilder(None).and_then(|builder| builder.write());
            empty.map_err(writing("the empty tree"))?
        }
    };
    Ok(Spliced { tree, written: splicing.written })
}

struct Splicing<'a> {
    repo: &'a Repo,
    written: Vec<Oid>,
}

impl Splicing<'_> {
    /// One folder with the changes below it, their paths relative to it. `None` if nothing is left in it.
    fn folder(
        &mut self,
        base: Option<Oid>,
        files: &[(&str, &FileChange)],
    ) -> Result<Option<Oid>, Error> {
        let base = base.map(|base| self.repo.tree(base)).transpose()?;
        let mut builder =
            self.repo.raw().treebuilder(base.as_ref()).map_err(writing("a folder"))?;
        let mut folders: BTreeMap<&str, Vec<(&str, &FileChange)>> = BTreeMap::new();
        for (path, file) in files {
            match path.split_once('/') {
                Some((folder, rest)) => folders.entry(folder).or_default().push((rest, file)),
                None => self.file(&mut builder, path, file)?,
            }
        }
        for (name, files) in folders {
            let before = entry(&builder, name);
            if let Some((_, mode)) = before
                && mode != git::TREE
            {
                return Err(differs(
                    files[0].1,
                    &format!("would be below {name}, which is no folder"),
                ));
            }
            let after = self.folder(before.map(|(id, _)| id), &files)?;
            match after {
                Some(after) => {
                    builder.insert(name, after, git::TREE).map_err(writing(name))?;
                }
                None if before.is_some() => builder.remove(name).map_err(writing(name))?,
                None => {}
            }
        }
        if builder.is_empty() {
            return Ok(None);
        }
        let written = builder.write().map_err(writing("a folder"))?;
        self.written.push(written);
        Ok(Some(written))
    }

    fn file(
        &mut self,
        builder: &mut TreeBuilder<'_>,
        name: &str,
        file: &FileChange,
    ) -> Result<(), Error> {
        let found = entry(builder, name);
        let mode = match (&file.before, found) {
            (None, None) => BLOB,
            (None, Some(_)) => return Err(differs(file, "is there already")),
            (Some(_), None) => return Err(differs(file, "isn't there")),
            (Some(before), Some((id, mode))) => {
                if !(git::Entry { id, mode }).is_file() {
                    return Err(differs(file, "is no plain file"));
                }
                // Its id says what is in it: the file itself needn't be read.
                let expected = Oid::hash_object(ObjectType::Blob, before.as_bytes());
                if expected.map_err(writing(name))? != id {
                    return Err(differs(file, "has other content than the change was made from"));
                }
                mode
            }
        };
        match &file.after {
            Some(after) => {
                let blob = self.repo.raw().blob(after.as_bytes()).map_err(writing(&file.path))?;
                builder.insert(name, blob, mode).map_err(writing(&file.path))?;
                self.written.push(blob);
            }
            None if found.is_some() => builder.remove(name).map_err(writing(&file.path))?,
            None => {}
        }
        Ok(())
    }
}

fn entry(builder: &TreeBuilder<'_>, name: &str) -> Option<(Oid, i32)> {
    let entry = builder.get(name).ok().flatten()?;
    Some((entry.id(), entry.filemode()))
}

fn differs(file: &FileChange, why: &str) -> Error {
    Error::BaseDiffers { path: file.path.clone(), why: why.to_owned() }
}

fn writing(what: &str) -> impl FnOnce(git2::Error) -> Error {
    let doing = format!("writing {what}");
    move |error| Error::Git(git::Error::git(doing)(error))
}
