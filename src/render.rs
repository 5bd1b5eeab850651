//! From a step and the base's files to the change that its commit makes.
use std::collections::BTreeMap;

use crate::config::{Inputs, Wiring};
use crate::run::deployment::Action;
use crate::run::{Kind, Phase, Step};

mod carry;
mod compare;
mod error;
mod flaws;
mod kustomize;
mod limits;
mod manifests;
mod message;
mod pod;
mod templates;
mod typed;
mod validate;

pub use compare::{Content, Difference, Fate, differences};
pub use error::{Problem, RenderError};
pub use message::{message, title};
pub use templates::{Templates, render_yaml};
pub(crate) use templates::{quoted, render_text};

use manifests::{JobKind, Manifests};

const RUN: &str = "run.yaml";
const SYNCHRONIZER: &str = "synchronizer.yaml";
const FARMERS: &str = "farmers.yaml";
const KUSTOMIZATION: &str = "kustomization.yaml";
const LAST_RUN: &str = "last-run";

/// The files of one system on the base that a step may change, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseFolder {
    /// `<folder of dcr.yaml>/dcr`, relative to the repo.
    pub dcr: String,
    /// What is in it: file name → text.
    pub files: BTreeMap<String, String>,
    /// With `wiring: kustomize`: the parent's kustomization file, its path relative to the repo and its text.
    pub parent: Option<(String, String)>,
}

/// What a commit does to the tree: files by their path relative to the repo, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    pub files: Vec<FileChange>,
}

/// One file: added, replaced or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// The change that `step` makes on `base`.
///
/// A run's synchronizer and farmers are rendered by its first step only. From then on they are carried
/// forward from the base, whatever became of inputs, templates or this program in the meantime: no step
/// restarts a working node. The same holds for how the folder is wired.
///
/// # Errors
/// If the inputs or templates make no valid manifests, or the base doesn't hold what the run left there.
pub fn change(
    step: &Step,
    base: &BaseFolder,
    inputs: &Inputs,
    wiring: Wiring,
    templates: &Templates,
) -> Result<Change, RenderError> {
    let mut after = base.clone();
    if step.record.phase == Phase::Teardown {
        tear_down(step, &mut after, wiring)?;
    } else {
        let manifests = Manifests { step, inputs, templates };
        put(step, &mut after, &manifests, wiring)?;
    }
    Ok(Change::between(base, &after))
}

/// Removes all that is ours and leaves `last-run`.
fn tear_down(step: &Step, folder: &mut BaseFolder, wiring: Wiring) -> Result<(), RenderError> {
    let last = step.last_run().ok_or_else(|| {
        Problem::new(folder.path(LAST_RUN), "a teardown has to say how the run ended")
    })?;
    let wired = folder.files.contains_key(KUSTOMIZATION);
    folder.files.retain(|name, _| !is_ours(name));
    folder.files.insert(LAST_RUN.to_owned(), last.to_text());
    match &mut folder.parent {
        Some((path, text)) if wired => *text = kustomize::without_entry(path, text)?,
        // The parent isn't at hand: its entry would be left behind, and nothing next to it applied again.
        None if wired && wiring == Wiring::Directory => {
            let problem =
                "the run began with `wiring: kustomize`, and the settings say `directory`";
            return Err(Problem::new(folder.path(KUSTOMIZATION), problem)
                .hint("set `wiring: kustomize` until the run is torn down")
                .into());
        }
        _ => {}
    }
    Ok(())
}

/// Puts what the step wants into the folder.
fn put(
    step: &Step,
    folder: &mut BaseFolder,
    manifests: &Manifests<'_>,
    wiring: Wiring,
) -> Result<(), RenderError> {
    let record = &step.record;
    if step.action == Action::Start {
        begin(step, folder);
    }
    let mut farm = vec![SYNCHRONIZER];
    if record.kind == Kind::Rebuild {
        farm.push(FARMERS);
    }
    for name in farm {
        let text = farm_file(step, folder, manifests, name)?;
        folder.files.insert(name.to_owned(), text);
    }
    folder.files.insert(RUN.to_owned(), manifests.run()?);
    put_job(step, folder, manifests)?;
    wire(step, folder, wiring)
}

/// Clears the folder of what an earlier run left: its Jobs must not be applied again, and its farm isn't
/// this run's. A farm of this very run (its record alone was taken back) stays.
fn begin(step: &Step, folder: &mut BaseFolder) {
    folder.files.retain(|name, text| match name.as_str() {
        SYNCHRONIZER | FARMERS => carry::mentions_run(text, step.record.run),
        name => !is_ours(name),
    });
}

/// The manifests of the synchronizer or the farmers: as they stand on the base, else as a first step renders
/// them.
fn farm_file(
    step: &Step,
    folder: &BaseFolder,
    manifests: &Manifests<'_>,
    name: &str,
) -> Result<String, RenderError> {
    let record = &step.record;
    let path = folder.path(name);
    let Some(text) = folder.files.get(name) else {
        return match (step.action, name) {
            (Action::Start, FARMERS) => manifests.farmers(),
            (Action::Start, _) => manifests.synchronizer(),
            _ => Err(Problem::new(path, "is missing on the base, though the run has begun")
                .hint("restore the file as the run's first step committed it, or abort the run")
                .into()),
        };
    };
    carry::of_this_run(&path, text, record)?;
    // While the history updates there are as many farmers as when the run began.
    if name == FARMERS && record.phase != Phase::HistoryUpdate {
        let set = record.system.farmer_set();
        return Ok(carry::with_replicas(&path, text, &set, record.farmers)?);
    }
    Ok(text.clone())
}

/// Adds the Job of a new attempt. One that is on the base already stays as it is.
fn put_job(
    step: &Step,
    folder: &mut BaseFolder,
    manifests: &Manifests<'_>,
) -> Result<(), RenderError> {
    let record = &step.record;
    let name = match record.phase {
        Phase::Rebuild => format!("trigger-{}.yaml", record.attempt),
        Phase::Propagate => format!("propagate-{}.yaml", record.attempt),
        _ => return Ok(()),
    };
    if let Some(text) = folder.files.get(&name) {
        return Ok(carry::of_this_run(&folder.path(&name), text, record)?);
    }
    // More farmers are no new attempt: nothing may fire.
    if step.action == Action::Scale {
        return Ok(());
    }
    let kind = match record.phase {
        Phase::Propagate => {
            let attempts = folder.files.keys().filter_map(|name| attempt(name, "trigger-"));
            let rebuild = attempts.max().ok_or_else(|| {
                Problem::new(folder.path("trigger-1.yaml"), "is missing on the base")
                    .hint("without a trigger there is no rebuild whose caches could be propagated")
            })?;
            JobKind::Propagate { rebuild }
        }
        _ => JobKind::Trigger,
    };
    folder.files.insert(name, manifests.job(kind)?);
    Ok(())
}

/// Keeps `kustomization.yaml` in step, if the run began with it.
fn wire(step: &Step, folder: &mut BaseFolder, wiring: Wiring) -> Result<(), RenderError> {
    let start = step.action == Action::Start;
    let wired = folder.files.contains_key(KUSTOMIZATION);
    if !(wired || start && wiring == Wiring::Kustomize) {
        return Ok(());
    }
    let ours = folder.files.keys().filter(|name| is_ours(name) && *name != KUSTOMIZATION);
    let text = kustomize::listing(&folder.path(KUSTOMIZATION), ours)?;
    folder.files.insert(KUSTOMIZATION.to_owned(), text);
    let dcr = folder.dcr.clone();
    match &mut folder.parent {
        Some((path, text)) => {
            kustomize::check_names(path, text, &step.record.system.namespace)?;
            if start {
                *text = kustomize::with_entry(path, text)?;
            }
            Ok(())
        }
        None if start => {
            let folder = dcr.strip_suffix("dcr").unwrap_or_default();
            Err(Problem::new(format!("{folder}{KUSTOMIZATION}"), "is missing")
                .hint("with `wiring: kustomize` it has to list the system's manifests")
                .into())
        }
        None => Ok(()),
    }
}

/// Whether a file of `dcr/` is written and removed by us. `last-run` outlives the run.
fn is_ours(name: &str) -> bool {
    matches!(name, RUN | SYNCHRONIZER | FARMERS | KUSTOMIZATION)
        || attempt(name, "trigger-").or(attempt(name, "propagate-")).is_some()
}

/// The attempt in a Job's file name.
fn attempt(name: &str, prefix: &str) -> Option<u32> {
    let digits = name.strip_prefix(prefix)?.strip_suffix(".yaml")?;
    digits.parse().ok().filter(|attempt: &u32| *attempt > 0 && attempt.to_string() == digits)
}

impl BaseFolder {
    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.dcr)
    }

    /// All files by their path.
    fn by_path(&self) -> BTreeMap<String, &String> {
        let files = self.files.iter().map(|(name, text)| (self.path(name), text));
        files.chain(self.parent.iter().map(|(path, text)| (path.clone(), text))).collect()
    }
}

impl Change {
    fn between(base: &BaseFolder, folder: &BaseFolder) -> Self {
        let (before, after) = (base.by_path(), folder.by_path());
        let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
        paths.sort();
        paths.dedup();
        let files = paths.into_iter().map(|path| FileChange {
            path: path.clone(),
            before: before.get(path).map(|text| (*text).clone()),
            after: after.get(path).map(|text| (*text).clone()),
        });
        Change { files: files.filter(|file| file.before != file.after).collect() }
    }

    /// `base` as it will be once this change is merged, so that the next step can be planned on it.
    pub fn apply(&self, base: &BaseFolder) -> BaseFolder {
        let mut folder = base.clone();
        for file in &self.files {
            if let Some((path, text)) = &mut folder.parent
                && *path == file.path
            {
                text.clone_from(file.after.as_ref().unwrap_or(&String::new()));
                continue;
            }
            let within = file.path.strip_prefix(&base.dcr).and_then(|rest| rest.strip_prefix('/'));
            let Some(name) = within else { continue };
            match &file.after {
                Some(text) => folder.files.insert(name.to_owned(), text.clone()),
                None => folder.files.remove(name),
            };
        }
        folder
    }
}
