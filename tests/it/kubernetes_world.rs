//! The embedded Kubernetes against the real client, and against what a real cluster was recorded doing.
mod api;
mod clock;
mod faults;
mod nodes;
mod recorded;
mod troubles;

use std::sync::Arc;

use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::{Kubernetes, Timing};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde_json::{Value, json};

pub const NAMESPACE: &str = "tenant-105858-prod";

/// A cluster with a clock that stands still unless moved.
pub struct Lab {
    pub clock: WorldClock,
    pub kubernetes: Kubernetes,
}

impl Lab {
    pub fn new() -> Self {
        let start: Timestamp = "2026-11-22T17:07:02Z".parse().unwrap();
        let clock = WorldClock::standing(start);
        let kubernetes = Kubernetes::new(clock.reader(), clock.pace(), Timing::default());
        Self { clock, kubernetes }
    }

    pub fn client(&self) -> Client {
        Client::new(self.kubernetes.clone(), NAMESPACE)
    }

    /// Lets so many seconds pass.
    pub async fn pass(&self, seconds: i64) {
        self.clock.forward(SignedDuration::from_secs(seconds));
        self.kubernetes.advance().await;
    }

    pub fn apply(&self, object: &Value) -> Arc<Value> {
        self.kubernetes.apply(object).unwrap()
    }

    pub fn get(&self, kind: Kind, name: &str) -> Arc<Value> {
        self.kubernetes.get(kind, NAMESPACE, name).unwrap()
    }

    pub fn names(&self, kind: Kind) -> Vec<String> {
        let all = self.kubernetes.list(kind, NAMESPACE);
        all.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The messages of all events with this reason.
    pub fn said(&self, reason: &str) -> Vec<String> {
        let events = self.kubernetes.list(Kind::Event, NAMESPACE);
        let said = events.iter().filter(|event| event["reason"] == reason);
        said.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }
}

pub fn config_map(name: &str, labels: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "data": {"a": "1"},
    })
}

/// The farmers' set of the recorded story.
pub fn farmers(replicas: u32) -> Value {
    let labels = json!({"app.kubernetes.io/managed-by": "dcr-gitops", "dcr-gitops/run": "1", "dcr-gitops/system": "system6"});
    let mut pod_labels = labels.clone();
    pod_labels["role"] = json!("farmer");
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": "system6-dcr-farmer",
            "namespace": NAMESPACE,
            "labels": labels,
            "annotations": {"dcr-gitops/digest": "def"},
        },
        "spec": {
            "replicas": replicas,
            "serviceName": "system6-dcr-farmer",
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
            "selector": {"matchLabels": {
                "app.kubernetes.io/managed-by": "dcr-gitops",
                "dcr-gitops/system": "system6",
                "role": "farmer",
            }},
            "template": {
                "metadata": {"labels": pod_labels},
                "spec": {"containers": [{
                    "name": "express",
                    "image": "registry.example.com/express:e686.131",
                    "ports": [{"name": "admin", "containerPort": 9100}],
                    "readinessProbe": {"tcpSocket": {"port": "admin"}},
                    "resources": {"requests": {"cpu": "8", "memory": "64Gi"}},
                    "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                }]},
            },
            "volumeClaimTemplates": [{
                "metadata": {"name": "cache", "labels": labels},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "200Gi"}},
                },
            }],
        },
    })
}

/// A Job as the trigger's: one attempt, never restarted.
pub fn job(name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": name, "image": "x:1"}],
            }},
        },
    })
}
