//! What clients that may write do to the cluster: server-side apply and deletion.
use std::collections::HashSet;
use std::sync::Arc;

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, ResourceQuota, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::cluster::Cluster;
use super::controllers::{FOREGROUND, defaults};
use super::kind::Kind;
use super::object;
use super::refusal::Refusal;
use super::store::Key;

/// What becomes of the objects that a deleted object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

impl Cluster {
    pub fn apply(&mut self, given: &Value) -> Result<Arc<Value>, Refusal> {
        let (api_version, kind) =
            (object::text(given, "/apiVersion"), object::text(given, "/kind"));
        let kind = Kind::of(api_version, kind).ok_or_else(|| {
            let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
            Refusal::new(404, "NotFound", message)
        })?;
        let key = Key::of(kind, given);
        if key.name.is_empty() || key.namespace.is_empty() {
            return Err(Refusal::bad_request("name and namespace must be provided"));
        }
        has_its_types(kind, given)?;
        let Some(live) = self.store.get(&key).cloned() else {
            return self.create(kind, given);
        };
        let uid = object::uid(&live).to_owned();
        let last = self.applied.get(&uid).cloned().unwrap_or_default();
        let mut wanted = Value::clone(&live);
        merge(&mut wanted, &last, given);
        defaults::complete(kind, &mut wanted);
        immutable(kind, &key.name, &live, &wanted)?;
        has_its_types(kind, &wanted)?;
        self.applied.insert(uid, given.clone());
        let written = self.store.update(&key, |object| *object = wanted);
        written.ok_or_else(|| Refusal::not_found(kind, &key.name))
    }

    fn create(&mut self, kind: Kind, given: &Value) -> Result<Arc<Value>, Refusal> {
        let mut object = given.clone();
        defaults::complete(kind, &mut object);
        if kind == Kind::StatefulSet
            && !object::has_labels(
                &object["spec"]["template"],
                &object["spec"]["selector"]["matchLabels"],
            )
        {
            let problem = "spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`";
            return Err(Refusal::invalid(kind, object::name(given), problem));
        }
        let created = self.store.create(kind, object, self.at, |object| {
            if kind == Kind::Job {
                defaults::select_own_pods(object);
            }
        });
        self.applied.insert(object::uid(&created).to_owned(), given.clone());
        Ok(created)
    }

    pub fn delete(&mut self, key: &Key, how: Propagation) -> bool {
        let Some(object) = self.store.get(key).cloned() else { return false };
        match how {
            Propagation::Background => {}
            Propagation::Foreground => {
                self.store.update(key, |object| object::add_finalizer(object, FOREGROUND));
            }
            Propagation::Orphan => self.orphan_dependents(object::uid(&object)),
        }
        if object::text(&object, "/spec/nodeName").is_empty() {
            self.store.delete(key, self.at);
        } else {
            self.store.mark_deleted(key, grace(&object), self.at);
        }
        true
    }
}

/// How long the containers of a pod on a node may take to end. Nobody waits for those that have.
fn grace(pod: &Value) -> SignedDuration {
    if object::is_terminal(pod) {
        return SignedDuration::ZERO;
    }
    let seconds = object::number(pod, "/spec/terminationGracePeriodSeconds");
    SignedDuration::from_secs(seconds.unwrap_or(30))
}

/// Sets what is given, and takes away what was given last time and isn't any more. Lists of things that have
/// names of their own are merged by name, other lists are set as a whole.
fn merge(live: &mut Value, last: &Value, given: &Value) {
    match (live, given) {
        (Value::Object(live), Value::Object(given)) => merge_maps(live, last, given),
        (Value::Array(live), Value::Array(given)) if are_named(live) && are_named(given) => {
            let lasts = last.as_array().map(Vec::as_slice).unwrap_or_default();
            live.retain(|item| {
                given.iter().any(|other| other["name"] == item["name"])
                    || !lasts.iter().any(|other| other["name"] == item["name"])
            });
            for item in given {
                let last = lasts.iter().find(|other| other["name"] == item["name"]);
                let last = last.unwrap_or(&Value::Null);
                match live.iter_mut().find(|other| other["name"] == item["name"]) {
                    Some(live) => merge(live, last, item),
                    None => live.push(item.clone()),
                }
            }
        }
        (live, given) => *live = given.clone(),
    }
}

fn merge_maps(live: &mut Map<String, Value>, last: &Value, given: &Map<String, Value>) {
    let lasts = last.as_object().into_iter().flatten();
    for (key, _) in lasts.filter(|(key, _)| !given.contains_key(*key)) {
        live.shift_remove(key);
    }
    for (key, value) in given {
        let last = last.get(key).unwrap_or(&Value::Null);
        match live.get_mut(key) {
            Some(live) => merge(live, last, value),
            None => {
                live.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Whether names tell the items of a list apart; mounts of one volume, for one, may share its name.
fn are_named(list: &[Value]) -> bool {
    let names: HashSet<&str> = list.iter().filter_map(|item| item["name"].as_str()).collect();
    !list.is_empty() && names.len() == list.len()
}

/// Refuses changes of what can't be changed once it exists.
fn immutable(kind: Kind, name: &str, live: &Value, wanted: &Value) -> Result<(), Refusal> {
    let bare = |object: &Value, free: &[&str]| {
        let mut spec = object["spec"].as_object().cloned().unwrap_or_default();
        spec.retain(|key, _| !free.contains(&key.as_str()));
        spec
    };
    let problem = match kind {
        Kind::StatefulSet => {
            let free = [
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
            ];
            (bare(live, &free) != bare(wanted, &free)).then_some(
                "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', \
                 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', \
                 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
            )
        }
        Kind::Job => (live["spec"]["template"] != wanted["spec"]["template"]
            || live["spec"]["completions"] != wanted["spec"]["completions"])
            .then_some("spec.template: Invalid value: field is immutable"),
        _ => None,
    };
    problem.map_or(Ok(()), |problem| Err(Refusal::invalid(kind, name, problem)))
}

/// Refuses objects that aren't of their kind's types, as an API server does on reading them.
fn has_its_types(kind: Kind, object: &Value) -> Result<(), Refusal> {
    match kind {
        Kind::Pod => typed::<Pod>(kind, object),
        Kind::StatefulSet => typed::<StatefulSet>(kind, object),
        Kind::Job => typed::<Job>(kind, object),
        Kind::ConfigMap => typed::<ConfigMap>(kind, object),
        Kind::Service => typed::<Service>(kind, object),
        Kind::PodDisruptionBudget => typed::<PodDisruptionBudget>(kind, object),
        Kind::PersistentVolumeClaim => typed::<PersistentVolumeClaim>(kind, object),
        Kind::ResourceQuota => typed::<ResourceQuota>(kind, object),
        Kind::Event => typed::<k8s_openapi::api::core::v1::Event>(kind, object),
        Kind::Application => Ok(()),
    }
}

fn typed<T: DeserializeOwned>(kind: Kind, object: &Value) -> Result<(), Refusal> {
    serde_path_to_error::deserialize::<_, T>(object).map(drop).map_err(|error| {
        Refusal::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {error}",
            kind.name(),
            kind.version(),
            kind.name()
        ))
    })
}
