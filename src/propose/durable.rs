//! Objects forced to the disk before a ref names them, where `core.fsync` asks for it.
use std::fs::File;

use git2::Oid;

use crate::git::{Error, Repo};

/// Syncs the loose objects among `written`. git doesn't by default: the remote is the durable copy.
///
/// # Errors
/// An object that was just written can't be synced.
pub fn sync_if_asked(repo: &Repo, written: &[Oid]) -> Result<(), Error> {
    if !is_asked(repo) {
        return Ok(());
    }
    let objects = repo.common_dir().join("objects");
    for id in written {
        let id = id.to_string();
        let file = objects.join(&id[..2]).join(&id[2..]);
        // An object that was there before may be in a pack, or in another repo's database.
        if let Ok(object) = File::open(&file) {
            object.sync_all().map_err(Error::io(format!("syncing {}", file.display())))?;
        }
    }
    Ok(())
}

/// The last word on loose objects in the list wins; a `-` takes back.
fn is_asked(repo: &Repo) -> bool {
    let list = repo.config().text("core.fsync").unwrap_or_default();
    let mut asked = repo.config().flag("core.fsyncobjectfiles");
    for word in list.split(',').map(str::trim) {
        let (on, component) = match word.strip_prefix('-') {
            Some(component) => (false, component),
            None => (true, word),
        };
        match component {
            "none" => asked = false,
            "loose-object" | "objects" | "committed" | "added" | "all" => asked = on,
            _ => {}
        }
    }
    asked
}
