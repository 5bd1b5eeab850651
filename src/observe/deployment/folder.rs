//! The files of one system on the base, read once, and the run they say is on.
use std::collections::BTreeMap;

use super::{Error, Files, Paths, Source, beside};
use crate::git::{Entry, Oid, Repo};
use crate::manifest::{self, Object};
use crate::run::deployment::Wanted;
use crate::run::{LastRun, Record, SystemRef};

/// The run record, in `dcr/`.
pub const RUN: &str = "run.yaml";
/// What the last teardown left, in `dcr/`.
pub const LAST_RUN: &str = "last-run";
/// The names of a kustomization file, as kustomize looks for them.
pub const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A system's files.
pub struct Folder {
    dcr: String,
    /// The text of `dcr.yaml`.
    pub inputs: String,
    /// What is in `dcr/`, by name relative to it.
    pub files: Files,
    pub parent: Option<(String, String)>,
}

/// Which run a `dcr/` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    pub record: Option<Record>,
    pub last_run: Option<LastRun>,
}

/// Reads a system's folder: each tree on the path once, then all its files together.
pub(super) fn read(source: &Source<'_>, paths: &Paths, tree: Oid) -> Result<Folder, Error> {
    let repo = source.repo;
    let no_inputs =
        || Error::NoInputs { path: paths.inputs.clone(), base: source.base.name.clone() };
    let folder = repo.at_path(tree, &paths.folder)?.filter(|entry| entry.is_tree());
    let siblings = repo.entries(folder.ok_or_else(no_inputs)?.id)?;
    let name = paths.inputs.rsplit('/').next().unwrap_or_default();
    let dcr = siblings.get("dcr").filter(|entry| entry.is_tree());
    let Some(inputs) = siblings.get(name) else {
        let runs = dcr.map(|dcr| repo.entry(dcr.id, RUN)).transpose()?.flatten().is_some();
        return Err(match runs {
            true => Error::Orphan { dcr: paths.dcr.clone(), inputs: paths.inputs.clone() },
            false => no_inputs(),
        });
    };
    let ours = match dcr {
        Some(dcr) => below(repo, dcr.id)?,
        None => BTreeMap::new(),
    };
    let parent =
        source.kustomizations().iter().find_map(|name| Some((*name, siblings.get(*name)?)));
    let parent_id = parent.iter().map(|(_, entry)| entry.id);
    repo.ensure(ours.values().map(|entry| entry.id).chain([inputs.id]).chain(parent_id))?;
    let files = ours
        .iter()
        .map(|(name, entry)| Ok((name.clone(), text(repo, &beside(&paths.dcr, name), *entry)?)));
    Ok(Folder {
        dcr: paths.dcr.clone(),
        inputs: text(repo, &paths.inputs, *inputs)?,
        files: files.collect::<Result<Files, Error>>()?,
        parent: match parent {
            Some((name, entry)) => {
                let path = beside(&paths.folder, name);
                let text = text(repo, &path, *entry)?;
                Some((path, text))
            }
            None => None,
        },
    })
}

impl Folder {
    /// The run on the base, which has to be this system's.
    pub fn state(&self, system: &SystemRef) -> Result<State, Error> {
        let state = State::of(&self.files, &self.dcr)?;
        match &state.record {
            Some(record) if record.system != *system => Err(Error::Moved {
                file: beside(&self.dcr, RUN),
                says: Box::new(record.system.clone()),
                system: Box::new(system.clone()),
            }),
            _ => Ok(state),
        }
    }

    /// The objects the files want in the cluster, file by file.
    pub fn wanted(&self) -> Result<Vec<Wanted>, Error> {
        let mut wanted = Vec::new();
        for (name, text) in self.files.iter().filter(|(name, _)| is_manifest(name)) {
            let file = beside(&self.dcr, name);
            let objects = objects(&file, text)?;
            wanted.extend(objects.iter().map(|object| object.wanted(&file)));
        }
        Ok(wanted)
    }
}

impl State {
    /// Reads the run from the files of a `dcr/`.
    pub fn of(files: &Files, dcr: &str) -> Result<Self, Error> {
        let record = files.get(RUN).map(|text| record(&beside(dcr, RUN), text)).transpose()?;
        let last_run = files.get(LAST_RUN).map(|text| {
            let file = beside(dcr, LAST_RUN);
            LastRun::from_text(text).map_err(|source| Error::BadRecord { file, source })
        });
        Ok(State { record, last_run: last_run.transpose()? })
    }

    /// Run and step that the folder stands at.
    pub fn reached(&self) -> Option<(u32, u32)> {
        let record = self.record.as_ref().map(|record| (record.run, record.step));
        record.or(self.last_run.as_ref().map(|last| (last.run, last.step)))
    }
}

/// Whether a file of `dcr/` holds objects for the cluster.
pub fn is_manifest(name: &str) -> bool {
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    yaml && !KUSTOMIZATIONS.contains(&name)
}

/// The objects of one file.
pub fn objects(file: &str, text: &str) -> Result<Vec<Object>, Error> {
    manifest::objects(text)
        .map_err(|error| Error::BadFile { file: file.to_owned(), problem: error.to_string() })
}

fn record(file: &str, text: &str) -> Result<Record, Error> {
    let bad = |problem: &str| Error::BadFile { file: file.to_owned(), problem: problem.to_owned() };
    let objects = objects(file, text)?;
    let config_map = objects.iter().find(|object| object.kind() == "ConfigMap");
    let data = config_map.and_then(|object| object.0.get("data")?.as_object());
    let data = data.ok_or_else(|| bad("holds no ConfigMap with data"))?;
    let mut strings = BTreeMap::new();
    for (key, value) in data {
        let value = value.as_str().ok_or_else(|| bad(&format!("`{key}` is no string")))?;
        strings.insert(key.clone(), value.to_owned());
    }
    Record::from_data(&strings).map_err(|source| Error::BadRecord { file: file.to_owned(), source })
}

/// All files below a tree, by their path relative to it.
pub fn below(repo: &Repo, tree: Oid) -> Result<BTreeMap<String, Entry>, Error> {
    let mut files = BTreeMap::new();
    let mut open = vec![(String::new(), tree)];
    while let Some((path, tree)) = open.pop() {
        for (name, entry) in repo.entries(tree)? {
            let path = beside(&path, &name);
            if entry.is_tree() {
                open.push((path, entry.id));
            } else {
                files.insert(path, entry);
            }
        }
    }
    Ok(files)
}

/// The text of a file.
pub fn text(repo: &Repo, path: &str, entry: Entry) -> Result<String, Error> {
    let bad = |problem: &str| Error::BadFile { file: path.to_owned(), problem: problem.to_owned() };
    if !entry.is_file() {
        return Err(bad("is no plain file"));
    }
    String::from_utf8(repo.blob(entry.id)?).map_err(|_| bad("isn't UTF-8"))
}

/// The texts of all files of a `dcr/`.
pub fn texts(repo: &Repo, dcr: &str, tree: Oid) -> Result<Files, Error> {
    let files = below(repo, tree)?;
    repo.ensure(files.values().map(|entry| entry.id))?;
    let texts = files
        .iter()
        .map(|(name, entry)| Ok((name.clone(), text(repo, &beside(dcr, name), *entry)?)));
    texts.collect()
}
