//! Deletes what has lost all its owners, and lets owners go that wait for what they own.
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::rehearse::kubernetes::Propagation;
use crate::rehearse::kubernetes::cluster::Cluster;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

/// Holds an owner that is deleted in the foreground.
pub(in super::super) const FOREGROUND: &str = "foregroundDeletion";

impl Cluster {
    pub(in super::super) fn collect_garbage(&mut self) {
        let alive: HashSet<String> =
            self.store.all().map(|(_, object)| object::uid(object).to_owned()).collect();
        let in_foreground: HashSet<String> = self
            .store
            .all()
            .filter(|(_, object)| waits_for_dependents(object))
            .map(|(_, object)| object::uid(object).to_owned())
            .collect();
        let owned: Vec<(Key, Arc<Value>)> = self
            .store
            .all()
            .filter(|(_, object)| !object::list(object, "/metadata/ownerReferences").is_empty())
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect();
        let mut holding = HashSet::new();
        for (key, object) in owned {
            let owners = object::list(&object, "/metadata/ownerReferences");
            let uids = || owners.iter().filter_map(|owner| owner["uid"].as_str());
            let goes_first = uids().any(|uid| in_foreground.contains(uid));
            if goes_first {
                holding.extend(uids().map(str::to_owned));
            }
            if object::is_terminating(&object) {
                continue;
            }
            if goes_first || !uids().any(|uid| alive.contains(uid)) {
                self.delete(&key, Propagation::Background);
            }
        }
        self.end_waits(&in_foreground, &holding);
    }

    /// Cuts the ties of everything that an object owns.
    pub(in super::super) fn orphan_dependents(&mut self, owner: &str) {
        let keys: Vec<Key> = self.store.all().map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.store.update(&key, |object| {
                if let Some(owners) =
                    object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut)
                {
                    owners.retain(|other| other["uid"] != *owner);
                }
            });
        }
    }

    fn end_waits(&mut self, waiting: &HashSet<String>, holding: &HashSet<String>) {
        let free: Vec<Key> = self
            .store
            .all()
            .filter(|(_, object)| {
                let uid = object::uid(object);
                waiting.contains(uid) && !holding.contains(uid)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in free {
            self.store.update(&key, |object| object::remove_finalizer(object, FOREGROUND));
        }
    }
}

fn waits_for_dependents(object: &Value) -> bool {
    object::is_terminating(object) && object::has_finalizer(object, FOREGROUND)
}
