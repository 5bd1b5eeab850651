//! What the world itself and the files of the repo know: whether a commit may be made now, and what a run
//! leaves behind. Nothing here is read through the program's own readers, gates or types of a run.
use std::collections::BTreeMap;
use std::path::Path;

use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::object;
use dcr_gitops::rehearse::world::World;
use dcr_gitops::run::SystemRef;
use git2::{Oid, Repository};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::base::{Files, read};

/// What a rule was broken by.
pub type Held = Result<(), String>;

/// Holds unless it does not: then `why`.
macro_rules! holds {
    ($condition:expr, $($why:tt)*) => {
        if !$condition {
            return Err(format!($($why)*));
        }
    };
}
pub(crate) use holds;

/// What a person asked the program for, if one did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Nothing,
    Start,
    Retry,
    Scale,
    Abort,
}

/// The order of phases, as words of files.
pub const PHASES: [&str; 5] = ["history-update", "farm-up", "rebuild", "propagate", "teardown"];

/// What a run record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stand {
    pub run: u32,
    pub step: u32,
    pub phase: String,
    pub attempt: u32,
    pub farmers: usize,
}

impl Stand {
    /// Of the files of a `dcr/`, while a run is on.
    pub fn of(files: &Files) -> Option<Self> {
        let objects = read(files.get("run.yaml")?);
        let word = |key: &str| objects[0].0["data"][key].as_str().unwrap_or_default().to_owned();
        Some(Stand {
            run: word("run").parse().unwrap(),
            step: word("step").parse().unwrap(),
            phase: word("phase"),
            attempt: word("attempt").parse().unwrap(),
            farmers: word("farmers").parse().unwrap(),
        })
    }

    /// Of this or the last run: its number and step.
    pub fn reached(files: &Files) -> (u32, u32) {
        let number = |key: &str| {
            let last = files.get("last-run")?;
            last.lines().find_map(|line| line.strip_prefix(key)?.parse().ok())
        };
        match Stand::of(files) {
            Some(stand) => (stand.run, stand.step),
            None => (number("run: ").unwrap_or(0), number("step: ").unwrap_or(0)),
        }
    }
}

/// The world at one moment.
#[derive(Debug)]
pub struct Facts {
    pub at: Timestamp,
    /// The files of the run on the base, and its inputs.
    pub base: Files,
    pub inputs: Value,
    applied: Held,
    synchronizers: usize,
    farmers: usize,
    history: Value,
    pub rebuild: Value,
    propagation: Value,
    /// The A/A status as a node prints it.
    status: String,
    /// When the propagate Job of the base's attempt was complete.
    propagated: Option<Timestamp>,
    left: Vec<String>,
}

impl Facts {
    pub fn now(world: &World, system: &SystemRef, base: Files, inputs: Value) -> Self {
        let stand = Stand::of(&base);
        let says = |cmd: &str| says(world, system, cmd, stand.as_ref()).unwrap_or_default();
        let job = stand.as_ref().map(|it| {
            let name = format!("{}-dcr-propagate-{}-{}", system.system, it.run, it.attempt);
            world.kubernetes.get(Kind::Job, &system.namespace, &name)
        });
        let propagated =
            job.flatten().and_then(|job| object::text(&job, "/status/completionTime").parse().ok());
        Facts {
            at: world.now(),
            applied: is_applied(world, &system.namespace, &base),
            synchronizers: ready(world, system, "synchronizer"),
            farmers: ready(world, system, "farmer"),
            history: says("historyStatus"),
            rebuild: says("rebuildStatus"),
            propagation: says("propagationStatus"),
            status: status(world, system).unwrap_or_default(),
            propagated,
            left: left(world, system),
            base,
            inputs,
        }
    }

    /// Whether a commit may make `after` of the base.
    pub fn allow(&self, after: &Files, asked: Asked) -> Held {
        let at = self.at;
        let (before, next) = (Stand::of(&self.base), Stand::of(after));
        match (before, next) {
            (None, Some(next)) => {
                holds!(next.phase == PHASES[0], "{at}: a run begins with {}", next.phase);
                holds!(self.left.is_empty(), "{at}: a run begins on {:?}", self.left);
                let (last, _) = Stand::reached(&self.base);
                holds!(next.run > last, "{at}: run {} after run {last}", next.run);
                holds!(asked != Asked::Nothing, "{at}: nobody asked for a run");
                Ok(())
            }
            (Some(before), Some(next)) => {
                self.carries(after)?;
                holds!(next.run == before.run, "{at}: run {} on run {}", next.run, before.run);
                holds!(next.step > before.step, "{at}: {next:?} after {before:?}");
                let on = |phase: &str| PHASES.iter().position(|it| *it == phase);
                if next.phase == before.phase {
                    let again = asked == Asked::Retry && next.attempt > before.attempt;
                    let more = next.farmers > before.farmers
                        && matches!(asked, Asked::Scale | Asked::Retry);
                    holds!(again || more, "{at}: {next:?} after {before:?}");
                    if again && next.phase == "rebuild" {
                        let state = &self.rebuild["state"];
                        holds!(state != "RUNNING", "{at}: a rebuild runs: {}", self.rebuild);
                    }
                    return Ok(());
                }
                let follows = on(&next.phase) == on(&before.phase).map(|at| at + 1);
                holds!(follows, "{at}: {} after {}", next.phase, before.phase);
                self.gates(&before, false)
            }
            (Some(before), None) => {
                let last =
                    after.get("last-run").ok_or(format!("{at}: nothing tells of the run"))?;
                if last.contains("outcome: aborted") {
                    holds!(asked == Asked::Abort, "{at}: nobody asked for an abort");
                    return Ok(());
                }
                holds!(before.phase == "propagate", "{at}: torn down after {}", before.phase);
                self.gates(&before, true)
            }
            // The first step was taken back, and the run with it.
            (None, None) => {
                holds!(asked == Asked::Abort, "{at}: a commit without a run");
                Ok(())
            }
        }
    }

    /// What has to be before a phase is followed by the next one.
    fn gates(&self, before: &Stand, down: bool) -> Held {
        let Facts { at, farmers, .. } = self;
        self.applied.clone()?;
        match before.phase.as_str() {
            "history-update" => {
                let state = &self.history["state"];
                holds!(state == "COMPLETE", "{at}: the history is {state}");
                let up = self.synchronizers == 1 && *farmers >= 1;
                holds!(up, "{at}: {} synchronizers, {farmers} farmers", self.synchronizers);
            }
            "farm-up" => {
                let tolerated = self.inputs["farmers"]["tolerate"].as_u64().unwrap_or(1);
                let enough = before.farmers.saturating_sub(tolerated as usize).max(1);
                holds!(self.synchronizers == 1, "{at}: no synchronizer is ready");
                holds!(*farmers >= enough, "{at}: {farmers} farmers are ready, not {enough}");
            }
            "rebuild" => {
                let (rebuild, of) = (&self.rebuild, format!("{}-{}", before.run, before.attempt));
                holds!(rebuild["state"] == "COMPLETE", "{at}: the rebuild is {rebuild}");
                holds!(rebuild["run"] == of, "{at}: the rebuild of {of} is {rebuild}");
            }
            "propagate" => {
                holds!(down, "{at}: something follows a propagation");
                if !self.inputs["admin"]["propagation"].is_null() {
                    let state = &self.propagation["state"];
                    holds!(state == "COMPLETE", "{at}: the propagation is {state}");
                }
                let ended = self.propagated.ok_or(format!("{at}: no propagate Job is complete"))?;
                let settled = ended + SignedDuration::from_mins(10);
                holds!(settled <= *at, "{at}: the frontends are judged before {settled}");
                let mut frontends = (1..=3).map(|number| format!("-fe{number} "));
                let serves = |name: &str| {
                    let row = self.status.lines().find(|row| row.contains(name));
                    row.is_some_and(|row| row.contains("SYNCHRONIZED"))
                };
                let all = frontends.all(|name| serves(&name));
                holds!(all, "{at}: not every frontend is seen with the cache\n{}", self.status);
            }
            other => return Err(format!("{at}: something follows {other}")),
        }
        Ok(())
    }

    /// The farm's manifests are what they were, but for the number of farmers.
    fn carries(&self, after: &Files) -> Held {
        let at = self.at;
        for name in ["synchronizer.yaml", "farmers.yaml"] {
            let (Some(before), Some(after)) = (self.base.get(name), after.get(name)) else {
                return Err(format!("{at}: {name} is missing"));
            };
            let same = super::base::but_replicas(before) == super::base::but_replicas(after);
            holds!(same, "{at}: {name} was made anew\n{before}\n{after}");
        }
        let synchronizer = "synchronizer.yaml";
        holds!(self.base[synchronizer] == after[synchronizer], "{at}: {synchronizer} changed");
        Ok(())
    }
}

/// A commit of the program has one parent and changes nothing but what is in `folder`.
pub fn stays_inside(repo: &Repository, commit: Oid, folder: &str) -> Held {
    let commit = repo.find_commit(commit).unwrap();
    holds!(commit.parent_count() == 1, "{} parents", commit.parent_count());
    let (before, after) = (commit.parent(0).unwrap().tree().unwrap(), commit.tree().unwrap());
    let diff = repo.diff_tree_to_tree(Some(&before), Some(&after), None).unwrap();
    for delta in diff.deltas() {
        let path = delta.new_file().path().unwrap();
        holds!(path.starts_with(Path::new(folder)), "{} is written", path.display());
    }
    Ok(())
}

/// Everything that is committed is live, and its farm has as many replicas as that asks for.
fn is_applied(world: &World, namespace: &str, base: &Files) -> Held {
    let at = world.now();
    let manifests = base.iter().filter(|(name, _)| name.ends_with(".yaml"));
    let manifests: Vec<_> = manifests.map(|(_, text)| read(text)).collect();
    for wanted in manifests.iter().flat_map(|objects| objects.iter()) {
        let (kind, name) = (wanted.kind(), wanted.name());
        let Some(known) = Kind::ALL.into_iter().find(|it| it.name() == kind) else { continue };
        let live = world.kubernetes.get(known, namespace, name);
        let live = live.ok_or(format!("{at}: {kind} {name} isn't live"))?;
        let digest = |object: &Value| {
            object::text(object, "/metadata/annotations/dcr-gitops~1digest").to_owned()
        };
        holds!(digest(&live) == digest(&wanted.0), "{at}: {kind} {name} is another");
        let replicas = |object: &Value| object::number(object, "/spec/replicas");
        let (is, asked) = (replicas(&live), replicas(&wanted.0));
        holds!(is == asked, "{at}: {name} has {is:?} replicas, not {asked:?}");
    }
    Ok(())
}

fn ready(world: &World, system: &SystemRef, component: &str) -> usize {
    let pods = world.kubernetes.list(Kind::Pod, &system.namespace);
    let label = "/metadata/labels/app.kubernetes.io~1component";
    let is_one = |pod: &Value| {
        let ours = object::text(pod, label) == component && object::is_ready(pod);
        ours && !object::is_terminating(pod)
    };
    pods.iter().filter(|pod| is_one(pod)).count()
}

/// What a node answers when asked straight: of a rebuild, the first that knows of the base's attempt.
fn says(world: &World, system: &SystemRef, cmd: &str, stand: Option<&Stand>) -> Option<Value> {
    let path = format!("/.admin?cmd={cmd}&format=JSON");
    let frontends = (1..=3).map(|number| format!("{}-fe{number}", system.system));
    let nodes = [format!("{}-dcr-sync-0", system.system)].into_iter().chain(frontends);
    let answers = nodes.filter_map(|node| {
        let get = http::Method::GET;
        let answer = world.express.call(&system.namespace, &node, 9100, &get, &path, b"")?;
        let answer: Value = serde_json::from_slice(answer.body()).ok()?;
        answer["state"].is_string().then_some(answer)
    });
    let answers: Vec<Value> = answers.collect();
    let of = stand.map(|stand| format!("{}-{}", stand.run, stand.attempt));
    let ours = answers.iter().find(|answer| answer["run"].as_str() == of.as_deref());
    ours.or(answers.first()).cloned()
}

/// The A/A status, if a node prints it.
fn status(world: &World, system: &SystemRef) -> Option<String> {
    let frontends = (1..=3).map(|number| format!("{}-fe{number}", system.system));
    let mut nodes = [format!("{}-dcr-sync-0", system.system)].into_iter().chain(frontends);
    nodes.find_map(|node| {
        let (get, path) = (http::Method::GET, "/.admin?cmd=aaStatus");
        let answer = world.express.call(&system.namespace, &node, 9100, &get, path, b"")?;
        let text = String::from_utf8(answer.into_body()).ok()?;
        text.contains("SYNCHRONIZED").then_some(text)
    })
}

/// The names of all objects that bear the farm's, whatever they are; Events tell of what was.
pub fn left(world: &World, system: &SystemRef) -> Vec<String> {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Event);
    let all = kinds.flat_map(|kind| world.kubernetes.list(kind, &system.namespace));
    let names = all.map(|object| object::name(&object).to_owned());
    names.filter(|name| name.contains(&format!("{}-dcr-", system.system))).collect()
}

/// The pod templates of the farm's sets, by the UID of the set.
pub fn templates(world: &World, system: &SystemRef) -> BTreeMap<String, Value> {
    let sets = world.kubernetes.list(Kind::StatefulSet, &system.namespace);
    sets.iter().map(|set| (object::uid(set).to_owned(), set["spec"]["template"].clone())).collect()
}
