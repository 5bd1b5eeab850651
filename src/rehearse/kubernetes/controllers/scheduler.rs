//! The scheduler: gives pods a node once their claims have volumes.
use serde_json::{Value, json};

use super::claims::{claimed, is_bound};
use super::events::Said;
use crate::rehearse::kubernetes::cluster::{Cluster, Due, PodStep, Trouble};
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

/// How many nodes the cluster has.
const NODES: u32 = 3;

impl Cluster {
    pub(in super::super) fn schedule(&mut self) {
        let pods: Vec<_> = self.store.list(Kind::Pod, None).cloned().collect();
        for pod in pods {
            let placed = !object::text(&pod, "/spec/nodeName").is_empty();
            if placed || object::is_terminating(&pod) {
                continue;
            }
            let key = Key::of(Kind::Pod, &pod);
            match self.obstacle(&key, &pod) {
                Some(obstacle) => self.report_unschedulable(&key, &obstacle),
                None => {
                    let uid = object::uid(&pod).to_owned();
                    let due = Due::Pod { pod: key, uid, step: PodStep::Schedule };
                    self.plan(due, self.timing.schedule);
                }
            }
        }
    }

    /// Gives the pod its node, unless something has come in between.
    pub(super) fn place(&mut self, key: &Key, pod: &Value) {
        if self.obstacle(key, pod).is_some() || !object::text(pod, "/spec/nodeName").is_empty() {
            return;
        }
        let node = format!("node-{}", self.memory.pods_placed % NODES);
        self.memory.pods_placed += 1;
        let at = object::time(self.at);
        let placed = self.store.update(key, |pod| {
            pod["spec"]["nodeName"] = json!(node);
            pod["status"]["conditions"] = json!([{
                "type": "PodScheduled",
                "status": "True",
                "lastProbeTime": null,
                "lastTransitionTime": at,
            }]);
        });
        let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
        if let Some(pod) = placed {
            let said = Said {
                warns: false,
                reason: "Scheduled",
                message: &message,
                by: "default-scheduler",
            };
            self.tell(&pod, &said);
        }
    }

    fn obstacle(&self, key: &Key, pod: &Value) -> Option<String> {
        if let Some(Trouble::Unschedulable { message }) = self.trouble(key) {
            return Some(message.clone());
        }
        let waits = claimed(pod).any(|name| {
            let claim = Key::new(Kind::PersistentVolumeClaim, &key.namespace, name);
            !self.store.get(&claim).is_some_and(|claim| is_bound(claim))
        });
        waits.then(|| {
            format!(
                "0/{NODES} nodes are available: pod has unbound immediate PersistentVolumeClaims. \
                 preemption: 0/{NODES} nodes are available: {NODES} Preemption is not helpful for scheduling."
            )
        })
    }

    fn report_unschedulable(&mut self, key: &Key, message: &str) {
        let at = object::time(self.at);
        let known = self.store.get(key).is_some_and(|pod| {
            object::list(pod, "/status/conditions").iter().any(|c| c["message"] == *message)
        });
        if known {
            return;
        }
        let reported = self.store.update(key, |pod| {
            pod["status"]["conditions"] = json!([{
                "type": "PodScheduled",
                "observedGeneration": pod["metadata"]["generation"],
                "status": "False",
                "lastProbeTime": null,
                "lastTransitionTime": at,
                "reason": "Unschedulable",
                "message": message,
            }]);
        });
        if let Some(pod) = reported {
            let said =
                Said { warns: true, reason: "FailedScheduling", message, by: "default-scheduler" };
            self.tell(&pod, &said);
        }
    }
}
