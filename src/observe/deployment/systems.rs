//! Finding systems: the trees the pattern leaves open are walked, level by level.
use super::{Error, Source, beside};
use crate::config::Known;
use crate::git::Entry;
use crate::run::SystemRef;

/// A system and where its inputs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    pub system: SystemRef,
    /// `dcr.yaml`, relative to the repo.
    pub inputs: String,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Systems {
    /// Sorted by their path.
    pub found: Vec<Located>,
    /// Folders with a run, but without inputs: each is an error of its own and stops no other system.
    pub orphans: Vec<Error>,
}

struct Open {
    path: String,
    entry: Entry,
    known: Known,
}

pub(super) fn find(source: &Source<'_>, known: &Known) -> Result<Systems, Error> {
    let (repo, pattern) = (source.repo, source.pattern);
    let root = Entry { id: source.base_tree()?, mode: crate::git::TREE };
    let mut level = vec![Open { path: String::new(), entry: root, known: known.clone() }];
    let mut systems = Systems::default();
    let last = pattern.depth().saturating_sub(1);
    for depth in 0..pattern.depth() {
        level.retain(|open| open.entry.is_tree());
        repo.ensure(level.iter().map(|open| open.entry.id))?;
        let mut next = Vec::new();
        for open in level {
            let mut enter = |name: &str, entry: Entry| {
                if let Some(known) = pattern.enter(depth, name, &open.known) {
                    next.push(Open { path: beside(&open.path, name), entry, known });
                }
            };
            match pattern.only(depth, &open.known) {
                Some(name) => match repo.entry(open.entry.id, &name)? {
                    Some(entry) => enter(&name, entry),
                    None if depth == last => systems.orphans.extend(orphan(source, &open, &name)?),
                    None => {}
                },
                None => {
                    for (name, entry) in repo.entries(open.entry.id)? {
                        enter(&name, entry);
                    }
                }
            }
        }
        level = next;
    }
    systems.found = level
        .into_iter()
        .filter(|open| open.entry.is_file())
        .filter_map(|open| Some(Located { system: open.known.complete()?, inputs: open.path }))
        .collect();
    Ok(systems)
}

/// A folder that could be a system's and has a run, but no inputs.
fn orphan(source: &Source<'_>, folder: &Open, inputs: &str) -> Result<Option<Error>, Error> {
    let repo = source.repo;
    let Some(dcr) = repo.entry(folder.entry.id, "dcr")?.filter(|entry| entry.is_tree()) else {
        return Ok(None);
    };
    let run = repo.entry(dcr.id, super::folder::RUN)?;
    Ok(run.map(|_| Error::Orphan {
        dcr: beside(&folder.path, "dcr"),
        inputs: beside(&folder.path, inputs),
    }))
}
