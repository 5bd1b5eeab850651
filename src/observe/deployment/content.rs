//! Whether a branch holds a step of ours, what that step means to do, and whether its base has moved on.
use serde_json::{Map, Value};

use super::folder::{self, KUSTOMIZATIONS, LAST_RUN, RUN, State};
use super::{Error, Files, Paths, SETTINGS, Source, beside};
use crate::config::parse_settings;
use crate::git::{Entry, Oid, Repo};
use crate::manifest;
use crate::run::deployment::{Action, Intent, StepContent};
use crate::run::{LastRun, Outcome, Phase, SystemRef, intent_between};

/// A commit, judged as a step.
pub struct Judged {
    pub content: StepContent,
    /// Whether what the step was made from changed on the base since.
    pub outdated: bool,
}

/// Judges the commit that the branch of step `at` (run, step) holds; `tips` are the commits that the base
/// branch is known to have been at.
pub(super) fn classify(
    source: &Source<'_>,
    system: &SystemRef,
    paths: &Paths,
    at: (u32, u32),
    commit: Oid,
    tips: &[Oid],
) -> Result<Judged, Error> {
    let repo = source.repo;
    let found = repo.commit(commit)?;
    let on_base = |commit: Oid| -> Result<bool, Error> {
        for tip in tips {
            if repo.is_in_history(*tip, commit)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let merged = on_base(commit)?;
    let foreign = |why: String| Judged {
        content: StepContent::Foreign { commit: commit.to_string(), why },
        outdated: false,
    };
    let edges = repo.shallow_edges()?;
    let mut parents = repo.parents(commit, &edges)?.into_iter();
    let (parent, more) = (parents.next(), parents.len());
    let Some(parent) = parent.filter(|_| more == 0) else {
        return Ok(match (merged, more) {
            (true, _) => Judged { content: StepContent::Empty, outdated: false },
            (false, 0) if edges.contains(&commit) => foreign(cut_off(source)),
            (false, 0) => foreign("it has no parent".to_owned()),
            (false, _) => foreign("it is a merge".to_owned()),
        });
    };
    if !merged && !on_base(parent)? {
        return Ok(foreign(match repo.is_shallow() {
            true => cut_off(source),
            false => format!("it isn't exactly one commit over {}", source.base.name),
        }));
    }
    let (before, after) = (repo.commit(parent)?.tree_id(), found.tree_id());
    let judged = judge(source, system, paths, at, before, after)?;
    Ok(match judged {
        Ok(intent) => Judged {
            content: StepContent::Ours(Box::new(intent)),
            outdated: !merged && is_outdated(source, paths, before)?,
        },
        // It was made on the base and has nothing of its own yet.
        Err(_) if merged => Judged { content: StepContent::Empty, outdated: false },
        Err(why) => foreign(why),
    })
}

fn cut_off(source: &Source<'_>) -> String {
    format!(
        "the clone is shallow, and whether it is one commit over {} can't be seen (`git fetch --unshallow`)",
        source.base.name
    )
}

/// What the commit between two trees means to do; or why it isn't ours.
fn judge(
    source: &Source<'_>,
    system: &SystemRef,
    paths: &Paths,
    at: (u32, u32),
    before: Oid,
    after: Oid,
) -> Result<Result<Intent, String>, Error> {
    let repo = source.repo;
    let (mut own, mut parents) = (Vec::new(), Vec::new());
    for path in changed(repo, before, after)? {
        let rest = path.strip_prefix(&paths.dcr).and_then(|rest| rest.strip_prefix('/'));
        let is_parent =
            source.kustomizations().iter().any(|name| beside(&paths.folder, name) == path);
        match rest {
            Some(name) => own.push(name.to_owned()),
            None if is_parent => parents.push(path),
            None => return Ok(Err(format!("it changes {path}"))),
        }
    }
    for path in parents {
        if !only_wires(repo, &path, before, after)? {
            return Ok(Err(format!("it changes more of {path} than the entry for dcr/")));
        }
    }
    let files = |tree: Oid| match repo.at_path(tree, &paths.dcr)? {
        Some(entry) if entry.is_tree() => folder::texts(repo, &paths.dcr, entry.id),
        _ => Ok(Files::new()),
    };
    let (old, new) = match (files(before), files(after)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(Error::Git(error)), _) | (_, Err(Error::Git(error))) => return Err(error.into()),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(error.to_string())),
    };
    for (name, text) in new.iter().filter(|(name, _)| folder::is_manifest(name)) {
        match manifest::objects(text) {
            Ok(objects) if objects.iter().all(|object| object.is_as_rendered()) => {}
            Ok(_) => return Ok(Err(format!("{name} holds an object that was edited by hand"))),
            Err(_) => return Ok(Err(format!("{name} can't be read"))),
        }
    }
    let strange = own.iter().find(|name| !is_ours(name));
    if let Some(name) = strange {
        return Ok(Err(format!("it changes {name} in dcr/, which no step writes")));
    }
    let (old, new) = match (State::of(&old, &paths.dcr), State::of(&new, &paths.dcr)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(error.to_string())),
    };
    Ok(meaning(system, at, &old, &new))
}

/// A file that a step of ours may write: manifests, the kustomization and `last-run`.
fn is_ours(name: &str) -> bool {
    !name.contains('/')
        && (name == LAST_RUN || KUSTOMIZATIONS.contains(&name) || folder::is_manifest(name))
}

fn meaning(system: &SystemRef, at: (u32, u32), old: &State, new: &State) -> Result<Intent, String> {
    if new.record.as_ref().is_some_and(|record| record.system != *system) {
        return Err(format!("its {RUN} is another system's"));
    }
    if new.reached() != Some(at) {
        return Err(format!("it doesn't hold step {} of run {}", at.1, at.0));
    }
    if old.reached() == Some(at) {
        return Err("the step was there before it".to_owned());
    }
    let ended = new.last_run.as_ref().filter(|_| new.record.is_none());
    let intent = intent_between(old.record.as_ref(), new.record.as_ref(), ended);
    // The end of a run whose record had been taken back from the base before.
    intent
        .or_else(|| ended.filter(|last| last.outcome == Outcome::Aborted).map(end_of_lost_run))
        .ok_or_else(|| "what it means to do can't be told".to_owned())
}

fn end_of_lost_run(last: &LastRun) -> Intent {
    Intent {
        action: Action::Abort,
        kind: last.kind,
        phase: Phase::Teardown,
        attempt: 1,
        forced: false,
        farmers: 0,
        ticket: None,
        gate_skipped: last.gate_skipped.clone(),
        reason: last.reason.clone(),
    }
}

/// Whether inputs, `dcr/` or the settings differ between the tree a step was made from and the base.
fn is_outdated(source: &Source<'_>, paths: &Paths, before: Oid) -> Result<bool, Error> {
    let base = source.base_tree()?;
    if base == before {
        return Ok(false);
    }
    let name = paths.inputs.rsplit('/').next().unwrap_or_default();
    let own = |tree: Oid| -> Result<[Option<Oid>; 2], Error> {
        let folder = source.repo.at_path(tree, &paths.folder)?.filter(|entry| entry.is_tree());
        let Some(folder) = folder else { return Ok([None, None]) };
        let (inputs, dcr) =
            (source.repo.entry(folder.id, name)?, source.repo.entry(folder.id, "dcr")?);
        Ok([inputs, dcr].map(|entry| entry.map(|entry| entry.id)))
    };
    Ok(own(before)? != own(base)? || defaults(source.repo, before)? != defaults(source.repo, base)?)
}

/// What the settings of a tree add to every system's inputs; whatever else they say makes no step outdated.
fn defaults(repo: &Repo, tree: Oid) -> Result<Option<Map<String, Value>>, Error> {
    let Some(entry) = repo.entry(tree, SETTINGS)?.filter(|entry| entry.is_file()) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&repo.blob(entry.id)?).into_owned();
    Ok(parse_settings(SETTINGS, &text).ok().map(|file| file.settings.defaults))
}

/// Whether a kustomization differs in nothing but the resource `dcr`.
fn only_wires(repo: &Repo, path: &str, before: Oid, after: Oid) -> Result<bool, Error> {
    let read = |tree: Oid| -> Result<Option<Value>, Error> {
        let Some(entry) = repo.at_path(tree, path)?.filter(|entry| entry.is_file()) else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&repo.blob(entry.id)?).into_owned();
        let documents = manifest::objects(&text).unwrap_or_default();
        Ok(documents.into_iter().next().map(|object| without_ours(object.0)))
    };
    let (before, after) = (read(before)?, read(after)?);
    Ok(before.is_some() && before == after)
}

/// A kustomization without the entry for `dcr/`, and without the list if that was all of it.
fn without_ours(mut kustomization: Value) -> Value {
    if let Some(fields) = kustomization.as_object_mut() {
        let mut empty = fields.get("resources").is_some_and(Value::is_null);
        if let Some(resources) = fields.get_mut("resources").and_then(Value::as_array_mut) {
            resources
                .retain(|name| !matches!(name.as_str(), Some("dcr" | "./dcr" | "dcr/" | "./dcr/")));
            empty = resources.is_empty();
        }
        if empty {
            fields.shift_remove("resources");
        }
    }
    kustomization
}

/// The files that differ between two trees, by path; only trees that differ are read.
fn changed(repo: &Repo, before: Oid, after: Oid) -> Result<Vec<String>, Error> {
    let mut files = Vec::new();
    let mut open = vec![(String::new(), Some(before), Some(after))];
    while let Some((path, before, after)) = open.pop() {
        repo.ensure(before.into_iter().chain(after))?;
        let entries = |tree: Option<Oid>| tree.map(|tree| repo.entries(tree)).transpose();
        let (before, after) =
            (entries(before)?.unwrap_or_default(), entries(after)?.unwrap_or_default());
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        for name in after.keys().chain(gone) {
            let (old, new) = (before.get(name).copied(), after.get(name).copied());
            if old == new {
                continue;
            }
            let path = beside(&path, name);
            let tree = |entry: Option<Entry>| entry.filter(|entry| entry.is_tree());
            let file = |entry: Option<Entry>| entry.is_some_and(|entry| !entry.is_tree());
            if file(old) || file(new) {
                files.push(path.clone());
            }
            if tree(old).is_some() || tree(new).is_some() {
                open.push((path, tree(old).map(|old| old.id), tree(new).map(|new| new.id)));
            }
        }
    }
    files.sort();
    Ok(files)
}
