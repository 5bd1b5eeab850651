//! What the kubelet reports of a pod: phase, conditions and the states of containers.
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::rehearse::kubernetes::cluster::Cluster;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

/// Whether a pod serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    Ready,
    NotReady,
    /// All its containers have ended for good.
    Completed,
}

impl Cluster {
    /// Writes a pod's status after `edit` changed what is told of its containers.
    pub(super) fn report(
        &mut self,
        key: &Key,
        phase: &str,
        readiness: Readiness,
        edit: impl FnOnce(&mut Value),
    ) {
        let at = object::time(self.at);
        self.store.update(key, |pod| {
            edit(pod);
            let mut names = Vec::new();
            each_container(pod, |container| {
                container["ready"] = json!(readiness == Readiness::Ready);
                container["started"] = json!(!container["state"]["running"].is_null());
                names.push(object::text(container, "/name").to_owned());
            });
            let old = pod["status"].take();
            let generation = &pod["metadata"]["generation"];
            let mut status = json!({
                "observedGeneration": generation,
                "phase": phase,
                "conditions": conditions(&old, generation, &at, readiness, &names.join(" ")),
                "hostIP": old["hostIP"],
                "hostIPs": [{"ip": old["hostIP"]}],
            });
            if let Some(ip) = old.get("podIP") {
                status["podIP"] = ip.clone();
                status["podIPs"] = json!([{"ip": ip}]);
            }
            for key in ["startTime", "containerStatuses", "qosClass"] {
                status[key] = old[key].clone();
            }
            pod["status"] = status;
        });
    }
}

/// Changes what is told of each container of a pod.
pub(super) fn each_container(pod: &mut Value, change: impl FnMut(&mut Value)) {
    let containers = pod.pointer_mut("/status/containerStatuses").and_then(Value::as_array_mut);
    containers.into_iter().flatten().for_each(change);
}

/// The states of containers that are being created.
pub(super) fn created(pod: &Value) -> Value {
    object::list(pod, "/spec/containers")
        .iter()
        .map(|container| {
            json!({
                "name": container["name"],
                "state": {"waiting": {"reason": "ContainerCreating"}},
                "lastState": {},
                "ready": false,
                "restartCount": 0,
                "image": container["image"],
                "imageID": "",
                "started": false,
            })
        })
        .collect()
}

/// Makes a container run, for the first time or again.
pub(super) fn run(container: &mut Value, uid: &str, at: &Value) {
    let mut count = object::number(container, "/restartCount").unwrap_or_default();
    let ended = container["state"].get("terminated").is_some();
    if ended {
        container["lastState"] = container["state"].take();
    }
    if container["lastState"].get("terminated").is_some() {
        count += 1;
    }
    container["state"] = json!({"running": {"startedAt": at}});
    container["restartCount"] = json!(count);
    let image = object::text(container, "/image");
    container["imageID"] = json!(format!("{image}@sha256:{:x}", Sha256::digest(image)));
    let id = uid.replace('-', "");
    container["containerID"] = json!(format!("containerd://{id}{count:032x}"));
}

/// Makes a container end. One that never ran has nothing to tell but that it is over.
pub(super) fn end(container: &mut Value, code: u8, reason: &str, message: &str, at: &Value) {
    let mut terminated = json!({"exitCode": code, "reason": reason});
    if !message.is_empty() {
        terminated["message"] = json!(message);
    }
    terminated["startedAt"] = match container.pointer("/state/running/startedAt") {
        Some(started) => started.clone(),
        None => at.clone(),
    };
    terminated["finishedAt"] = at.clone();
    terminated["containerID"] = container["containerID"].clone();
    container["state"] = json!({"terminated": terminated});
}

fn conditions(
    old: &Value,
    generation: &Value,
    at: &Value,
    readiness: Readiness,
    containers: &str,
) -> Vec<Value> {
    let running = old.get("podIP").is_some();
    let (reason, message) = match readiness {
        Readiness::Ready => (None, None),
        Readiness::NotReady => (
            Some("ContainersNotReady"),
            Some(format!("containers with unready status: [{containers}]")),
        ),
        Readiness::Completed => (Some("PodCompleted"), None),
    };
    let states = [
        ("PodReadyToStartContainers", running),
        ("Initialized", true),
        ("Ready", readiness == Readiness::Ready),
        ("ContainersReady", readiness == Readiness::Ready),
        ("PodScheduled", true),
    ];
    let old = object::list(old, "/conditions");
    states
        .into_iter()
        .map(|(r#type, holds)| {
            let status = if holds { "True" } else { "False" };
            let same = old.iter().find(|old| old["type"] == r#type && old["status"] == status);
            let mut condition = json!({
                "type": r#type,
                "observedGeneration":
                    same.and_then(|old| old.get("observedGeneration")).unwrap_or(generation),
                "status": status,
                "lastProbeTime": null,
                "lastTransitionTime": same.map_or(at, |old| &old["lastTransitionTime"]),
            });
            if !holds && matches!(r#type, "Ready" | "ContainersReady") {
                condition["reason"] = json!(reason);
                if let Some(message) = &message {
                    condition["message"] = json!(message);
                }
            }
            condition
        })
        .collect()
}
