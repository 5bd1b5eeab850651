//! The status of a StatefulSet, without the counts that are zero, as the real controller writes it.
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Look, pods};
use crate::rehearse::kubernetes::cluster::Cluster;
use crate::rehearse::kubernetes::object;

impl Cluster {
    /// Writes what was there when the look began: what this look created is counted by the next.
    pub(super) fn report_set(&mut self, look: &Look) {
        let current = match object::text(&look.set, "/status/currentRevision") {
            "" => look.revision.clone(),
            current => current.to_owned(),
        };
        let rolled = look.set["spec"]["updateStrategy"]["type"] == "RollingUpdate"
            && look
                .pods
                .iter()
                .all(|(_, pod)| pods::revision_of(pod) == look.revision && object::is_ready(pod))
            && look.pods.len() == usize::try_from(look.replicas).unwrap_or(usize::MAX);
        let current = if rolled { look.revision.clone() } else { current };
        let count = |fits: &dyn Fn(&Arc<Value>) -> bool| {
            look.pods.iter().filter(|(_, pod)| fits(pod)).count()
        };
        let of_revision = |revision: &str| {
            count(&|pod| !object::is_terminating(pod) && pods::revision_of(pod) == revision)
        };
        let ready = count(&|pod| pod["status"]["phase"] == "Running" && object::is_ready(pod));
        let mut status = json!({
            "observedGeneration": look.set["metadata"]["generation"],
            "replicas": look.pods.len(),
        });
        let counts = [
            ("readyReplicas", ready),
            ("currentReplicas", of_revision(&current)),
            ("updatedReplicas", of_revision(&look.revision)),
        ];
        for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            status[key] = json!(count);
        }
        status["currentRevision"] = json!(current);
        status["updateRevision"] = json!(look.revision);
        status["collisionCount"] = json!(0);
        status["availableReplicas"] = json!(ready);
        self.store.update(&look.key, |set| set["status"] = status);
    }
}
