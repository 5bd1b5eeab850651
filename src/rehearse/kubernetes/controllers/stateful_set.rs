//! StatefulSets: numbered pods with claims of their own.
mod claims;
mod pods;
mod status;

use std::sync::Arc;

use serde_json::{Value, json};

use super::events::Said;
use crate::rehearse::kubernetes::Propagation;
use crate::rehearse::kubernetes::cluster::Cluster;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

/// A set and what there is of it at the beginning of a look.
struct Look {
    set: Arc<Value>,
    key: Key,
    /// Its pods by their number.
    pods: Vec<(u32, Arc<Value>)>,
    replicas: u32,
    /// The revision of its template.
    revision: String,
    /// Creates and deletes pods all at once, not one after the other.
    parallel: bool,
}

impl Cluster {
    pub(in super::super) fn stateful_sets(&mut self) {
        let sets: Vec<_> = self.store.list(Kind::StatefulSet, None).cloned().collect();
        for set in sets {
            if !object::is_terminating(&set) {
                self.adopt(&set);
                let look = self.look_at(set);
                self.own_claims(&look);
                self.create_missing(&look);
                self.delete_superfluous(&look);
                self.roll(&look);
                self.report_set(&look);
            }
        }
    }

    fn look_at(&self, set: Arc<Value>) -> Look {
        let key = Key::of(Kind::StatefulSet, &set);
        let owned = self.controlled(Kind::Pod, &key.namespace, object::uid(&set));
        let mut pods: Vec<_> = owned
            .into_iter()
            .filter_map(|pod| Some((pods::number(&key.name, &pod)?, pod)))
            .collect();
        pods.sort_by_key(|(number, _)| *number);
        let replicas = object::number(&set, "/spec/replicas").unwrap_or(1);
        Look {
            pods,
            replicas: u32::try_from(replicas).unwrap_or_default(),
            revision: pods::revision(&set),
            parallel: set["spec"]["podManagementPolicy"] == "Parallel",
            set,
            key,
        }
    }

    /// Takes over pods that fit and have no owner, as those that an orphaning deletion left behind.
    fn adopt(&mut self, set: &Value) {
        let chosen = &set["spec"]["selector"]["matchLabels"];
        let all = self.store.list(Kind::Pod, Some(object::namespace(set)));
        let lost: Vec<Key> = all
            .filter(|pod| {
                object::controller(pod).is_none()
                    && !object::is_terminating(pod)
                    && object::has_labels(pod, chosen)
                    && pods::number(object::name(set), pod).is_some()
            })
            .map(|pod| Key::of(Kind::Pod, pod))
            .collect();
        for key in lost {
            self.store.update(&key, |pod| {
                pod["metadata"]["ownerReferences"] = json!([object::owner_reference(set)]);
            });
        }
    }

    fn create_missing(&mut self, look: &Look) {
        let missing: Vec<u32> = (0..look.replicas)
            .filter(|number| !look.pods.iter().any(|(other, _)| other == number))
            .filter(|number| look.parallel || look.all_ready_before(*number))
            .collect();
        if missing.is_empty() || self.must_wait(object::uid(&look.set)) {
            return;
        }
        let mut failed = false;
        for number in missing {
            self.create_claims(look, number);
            let name = format!("{}-{number}", look.key.name);
            let created = self.admit(look.pod(&name, number));
            let set = &look.key.name;
            let (warns, reason, message) = match &created {
                Ok(_) => (
                    false,
                    "SuccessfulCreate",
                    format!("Create Pod {name} in StatefulSet {set} successful"),
                ),
                Err(why) => (
                    true,
                    "FailedCreate",
                    format!("Create Pod {name} in StatefulSet {set} failed error: {why}"),
                ),
            };
            failed |= created.is_err();
            self.tell_of(look, warns, reason, &message);
        }
        if failed {
            self.failed_to_create(object::uid(&look.set));
        } else {
            self.created_all(object::uid(&look.set));
        }
    }

    /// Deletes pods beyond `replicas`, and those that came to their end, to be created again.
    fn delete_superfluous(&mut self, look: &Look) {
        let live = look.pods.iter().rev().filter(|(_, pod)| !object::is_terminating(pod));
        let (condemned, rest): (Vec<_>, Vec<_>) =
            live.partition(|(number, _)| *number >= look.replicas);
        let at_once = if look.parallel { condemned.len() } else { 1 };
        let goes_first =
            look.parallel || !look.pods.iter().any(|(_, pod)| object::is_terminating(pod));
        let condemned = condemned.into_iter().take(if goes_first { at_once } else { 0 });
        let ended = rest.into_iter().filter(|(_, pod)| object::is_terminal(pod));
        for (_, pod) in condemned.chain(ended) {
            self.delete_pod(look, pod);
        }
    }

    /// Replaces pods of an old revision one by one, from the last. With `OnDelete` nothing is replaced.
    fn roll(&mut self, look: &Look) {
        let strategy = &look.set["spec"]["updateStrategy"];
        if strategy["type"] != "RollingUpdate" {
            return;
        }
        let partition = strategy["rollingUpdate"]["partition"].as_u64().unwrap_or_default();
        for (number, pod) in look.pods.iter().rev() {
            if u64::from(*number) < partition || *number >= look.replicas {
                continue;
            }
            if pods::revision_of(pod) != look.revision && !object::is_terminating(pod) {
                return self.delete_pod(look, pod);
            }
            if !object::is_ready(pod) || object::is_terminating(pod) {
                return;
            }
        }
    }

    fn delete_pod(&mut self, look: &Look, pod: &Value) {
        self.delete(&Key::of(Kind::Pod, pod), Propagation::Background);
        let message =
            format!("delete Pod {} in StatefulSet {} successful", object::name(pod), look.key.name);
        self.tell_of(look, false, "SuccessfulDelete", &message);
    }

    fn tell_of(&mut self, look: &Look, warns: bool, reason: &str, message: &str) {
        self.tell(&look.set, &Said { warns, reason, message, by: "statefulset-controller" });
    }
}

impl Look {
    fn all_ready_before(&self, number: u32) -> bool {
        (0..number).all(|before| {
            let pod = self.pods.iter().find(|(other, _)| *other == before);
            pod.is_some_and(|(_, pod)| object::is_ready(pod) && !object::is_terminating(pod))
        })
    }
}
