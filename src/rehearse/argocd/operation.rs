//! A sync: what it was asked to do, what it does to the cluster, and when it is tried again.
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::comparison::{Id, Resource, ignored, remove};
use super::status::{self, SyncResult};
use super::{Application, ClusterWriter};

/// How far a sync is: what happens to it next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It was asked for: `.operation` is set, and the state of the one before is gone.
    Requested,
    /// It runs and has no result yet.
    Started,
    /// Everything was applied and deleted.
    Applied,
    /// It is in the history.
    Recorded,
    /// An attempt failed.
    Waiting,
}

/// A sync that was begun.
#[derive(Debug, Clone)]
pub struct Operation {
    pub revision: String,
    pub targets: Vec<Value>,
    /// What self-heal found out of sync, and is to be synced alone.
    pub only: Option<Vec<Id>>,
    /// What no commit wants any more.
    pub surplus: Vec<Id>,
    pub stage: Stage,
    pub due: Timestamp,
    pub retries: u32,
    /// `.operation`.
    pub asked: Value,
}

/// What an attempt did.
pub struct Attempt {
    pub result: SyncResult,
    /// Why it failed, if it did.
    pub failed: Option<String>,
}

impl Operation {
    pub fn new(
        settings: &Application,
        revision: &str,
        targets: Vec<Value>,
        resources: &[Resource],
        heals: bool,
        due: Timestamp,
    ) -> Self {
        let differ = resources.iter().filter(|resource| !resource.is_synced());
        let only: Option<Vec<Id>> = heals.then(|| differ.map(|it| it.id.clone()).collect());
        let surplus = resources.iter().filter(|it| it.requires_pruning).map(|it| it.id.clone());
        let prune = settings.automated.is_some_and(|automated| automated.prune);
        let mut sync = json!({"revision": revision});
        if prune {
            sync["prune"] = json!(true);
        }
        let options = status::sync_options(settings);
        if !options.is_empty() {
            sync["syncOptions"] = json!(options);
        }
        if let Some(only) = &only {
            let resource = |id: &Id| json!({"group": id.group, "kind": id.kind, "name": id.name});
            sync["resources"] = only.iter().map(resource).collect();
        }
        Operation {
            revision: revision.to_owned(),
            surplus: surplus.collect(),
            targets,
            only,
            stage: Stage::Requested,
            due,
            retries: 0,
            asked: json!({
                "initiatedBy": {"automated": true},
                "retry": {"limit": settings.retry_limit},
                "sync": sync,
            }),
        }
    }

    /// Deletes and applies. If a dry run finds an object invalid, nothing is done at all.
    pub fn attempt(
        &self,
        settings: &Application,
        applied: &mut BTreeMap<Id, Value>,
        cluster: &dyn ClusterWriter,
    ) -> Attempt {
        let mut resources = Vec::new();
        let mut reasons = Vec::new();
        let mut targets: Vec<&Value> =
            self.targets.iter().filter(|target| self.concerns(&Id::of(target))).collect();
        targets.sort_by_key(|target| rank(target));
        for target in &targets {
            let id = Id::of(target);
            let rejected =
                settings.rejects.iter().find(|it| it.kind == id.kind && it.name == id.name);
            if let Some(rejected) = rejected {
                resources.push(result(&id, "SyncFailed", "Failed", &rejected.message));
                reasons.push(rejected.message.clone());
            }
        }
        if reasons.is_empty() {
            resources.extend(self.prune(settings, applied, cluster));
            for target in targets {
                let id = Id::of(target);
                match apply(settings, target, cluster) {
                    Ok(message) => {
                        applied.insert(id.clone(), target.clone());
                        // A sync of one wave leaves its objects so for ever.
                        resources.push(result(&id, "Synced", "Running", &message));
                    }
                    Err(message) => {
                        resources.push(result(&id, "SyncFailed", "Failed", &message));
                        reasons.push(message);
                    }
                }
            }
        }
        let source = status::source(settings);
        let failed = (!reasons.is_empty())
            .then(|| format!("one or more objects failed to apply, reason: {}", reasons.join(",")));
        let result = SyncResult { revision: self.revision.clone(), source, resources };
        Attempt { result, failed }
    }

    fn concerns(&self, id: &Id) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(id))
    }

    fn prune(
        &self,
        settings: &Application,
        applied: &mut BTreeMap<Id, Value>,
        cluster: &dyn ClusterWriter,
    ) -> Vec<Value> {
        let prunes = self.prunes();
        let prune = |id: &Id| {
            if !prunes {
                return result(id, "PruneSkipped", "Succeeded", "ignored (requires pruning)");
            }
            cluster.delete(&id.kind, &id.namespace, &id.name, settings.prune_propagation);
            applied.remove(id);
            result(id, "Pruned", "Succeeded", "pruned")
        };
        self.surplus.iter().map(prune).collect()
    }

    fn prunes(&self) -> bool {
        self.asked["sync"]["prune"] == true
    }

    /// The first object that was pruned and isn't gone yet.
    pub fn lingering(&self, cluster: &dyn ClusterWriter) -> Option<&Id> {
        self.surplus.iter().find(|id| self.prunes() && id.get(cluster).is_some())
    }

    /// Counts a failed attempt: the time of the next one and the message until then, or `None` if it
    /// was the last.
    pub fn retry(&mut self, why: &str, limit: u32, at: Timestamp) -> Option<String> {
        if self.retries >= limit {
            return None;
        }
        // The message is about the delay before this failure was counted, the waiting after it.
        let announced = at.checked_add(backoff(self.retries)).unwrap_or(at);
        self.retries += 1;
        self.stage = Stage::Waiting;
        self.due = at.checked_add(backoff(self.retries)).unwrap_or(at);
        let announced = announced.strftime("%-I:%M%p");
        Some(format!("{why}. Retrying attempt #{} at {announced}.", self.retries))
    }
}

/// 5 s, doubled for each retry, 3 min at most.
fn backoff(retries: u32) -> SignedDuration {
    SignedDuration::from_secs(5_i64.saturating_mul(1 << retries.min(10)).min(180))
}

/// Applies one object; the answer is what kubectl would print.
fn apply(
    settings: &Application,
    target: &Value,
    cluster: &dyn ClusterWriter,
) -> Result<String, String> {
    let id = Id::of(target);
    let live = id.get(cluster);
    let mut object = target.clone();
    if settings.respect_ignored {
        for pointer in ignored(settings, target) {
            match live.as_ref().and_then(|live| live.pointer(pointer)) {
                Some(value) => set(&mut object, pointer, value.clone()),
                // An object that isn't there yet is made as it is wanted.
                None if live.is_some() => remove(&mut object, pointer),
                None => {}
            }
        }
    }
    cluster.apply(&object)?;
    let name = match id.group.as_str() {
        "" => format!("{}/{}", id.kind.to_lowercase(), id.name),
        group => format!("{}.{group}/{}", id.kind.to_lowercase(), id.name),
    };
    Ok(format!("{name} {}", if live.is_some() { "configured" } else { "created" }))
}

fn set(object: &mut Value, pointer: &str, value: Value) {
    if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(Value::Object(parent)) = object.pointer_mut(parent)
    {
        parent.insert(key.to_owned(), value);
    }
}

fn result(id: &Id, status: &str, hook_phase: &str, message: &str) -> Value {
    json!({
        "group": id.group,
        "version": id.version,
        "kind": id.kind,
        "namespace": id.namespace,
        "name": id.name,
        "status": status,
        "message": message,
        "hookPhase": hook_phase,
        "syncPhase": "Sync",
    })
}

/// In which order kinds are applied; unknown ones come last.
fn rank(object: &Value) -> (usize, String) {
    const ORDER: [&str; 12] = [
        "Namespace",
        "ResourceQuota",
        "PodDisruptionBudget",
        "ServiceAccount",
        "Secret",
        "ConfigMap",
        "PersistentVolumeClaim",
        "Service",
        "Pod",
        "Deployment",
        "StatefulSet",
        "Job",
    ];
    let id = Id::of(object);
    (ORDER.iter().position(|kind| *kind == id.kind).unwrap_or(ORDER.len()), id.name)
}
