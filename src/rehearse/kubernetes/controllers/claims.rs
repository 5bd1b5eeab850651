//! PersistentVolumeClaims: they get a volume after a while, and stay as long as a pod uses them.
use serde_json::{Value, json};

use super::events::Said;
use crate::rehearse::kubernetes::cluster::{Cluster, Due};
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

/// Holds a claim while a pod uses it.
pub(super) const PROTECTION: &str = "kubernetes.io/pvc-protection";

impl Cluster {
    pub(in super::super) fn claims(&mut self) {
        let claims: Vec<_> = self.store.list(Kind::PersistentVolumeClaim, None).cloned().collect();
        for claim in claims {
            let key = Key::of(Kind::PersistentVolumeClaim, &claim);
            if object::is_terminating(&claim) {
                if !self.is_used(&key) {
                    self.store.update(&key, |claim| object::remove_finalizer(claim, PROTECTION));
                }
            } else if !is_bound(&claim) {
                let due = Due::Bind { claim: key, uid: object::uid(&claim).to_owned() };
                if !self.is_planned(&due) {
                    self.tell(
                        &claim,
                        &Said {
                            warns: false,
                            reason: "FailedBinding",
                            message: "no persistent volumes available for this claim and no storage class is set",
                            by: "persistentvolume-controller",
                        },
                    );
                    self.plan(due, self.timing.bind);
                }
            }
        }
    }

    /// Gives a claim its volume.
    pub(in super::super) fn bind(&mut self, key: &Key, uid: &str) {
        let waits = self.store.get(key).is_some_and(|claim| {
            object::uid(claim) == uid && !object::is_terminating(claim) && !is_bound(claim)
        });
        if !waits {
            return;
        }
        self.store.update(key, |claim| {
            let annotations = &mut claim["metadata"]["annotations"];
            annotations["pv.kubernetes.io/bind-completed"] = json!("yes");
            annotations["pv.kubernetes.io/bound-by-controller"] = json!("yes");
            claim["spec"]["volumeName"] = json!(format!("pvc-{uid}"));
        });
        self.store.update(key, |claim| {
            claim["status"] = json!({
                "phase": "Bound",
                "accessModes": claim["spec"]["accessModes"],
                "capacity": claim["spec"]["resources"]["requests"],
            });
        });
    }

    fn is_used(&self, claim: &Key) -> bool {
        self.store
            .list(Kind::Pod, Some(&claim.namespace))
            .any(|pod| !object::is_terminal(pod) && claimed(pod).any(|name| name == claim.name))
    }
}

pub(super) fn is_bound(claim: &Value) -> bool {
    claim["status"]["phase"] == "Bound"
}

/// The names of the claims that a pod uses.
pub(super) fn claimed(pod: &Value) -> impl Iterator<Item = &str> {
    object::list(pod, "/spec/volumes")
        .iter()
        .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
}
