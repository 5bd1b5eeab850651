//! A farm in the embedded Kubernetes, for tests of what is seen of it.
use std::collections::BTreeMap;

use dcr_gitops::config::Settings;
use dcr_gitops::context::Clock;
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::kubernetes::{Kubernetes, Timing};
use dcr_gitops::run::SystemRef;
use dcr_gitops::run::cluster::{Cluster, ClusterView};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde_json::{Value, json};

pub struct Farm {
    pub clock: WorldClock,
    pub kubernetes: Kubernetes,
}

pub fn system(namespace: &str, system: &str) -> SystemRef {
    SystemRef { cluster: "den".into(), namespace: namespace.into(), system: system.into() }
}

impl Farm {
    pub fn new() -> Self {
        let start: Timestamp = "2026-11-22T17:07:02Z".parse().unwrap();
        let clock = WorldClock::standing(start);
        let kubernetes = Kubernetes::new(clock.reader(), clock.pace(), Timing::default());
        Farm { clock, kubernetes }
    }

    pub fn clock(&self) -> Clock {
        let clock = self.clock.clone();
        Clock::new(move || clock.now())
    }

    /// The clusters of a program that reaches this one by the context `den`, without a socket.
    pub fn clusters(&self) -> Clusters {
        let client = Client::new(self.kubernetes.clone(), "default");
        let clients = BTreeMap::from([("den".to_owned(), client)]);
        Clusters::over(clients, &Settings::default(), self.clock())
    }

    pub async fn pass(&self, seconds: i64) {
        self.clock.forward(SignedDuration::from_secs(seconds));
        self.kubernetes.settle().await;
    }

    /// What is seen of `system` by now.
    pub fn view(&self, clusters: &Clusters, system: &SystemRef) -> ClusterView {
        clusters.cluster(system, self.clock.now())
    }

    pub async fn read(&self, clusters: &Clusters, system: &SystemRef) -> Cluster {
        clusters.once(std::slice::from_ref(system)).await;
        match self.view(clusters, system) {
            ClusterView::Seen(cluster) => *cluster,
            other => panic!("{other:?}"),
        }
    }

    /// Why nothing is seen.
    pub async fn why(&self, clusters: &Clusters, system: &SystemRef) -> String {
        clusters.once(std::slice::from_ref(system)).await;
        match self.view(clusters, system) {
            ClusterView::Unreachable { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    pub fn apply(&self, object: &Value) {
        self.kubernetes.apply(object).unwrap();
    }

    /// Applies a set of a farm; its digest is `farmers of 1` and so on.
    pub fn set(&self, of: &SystemRef, component: &str, replicas: u32) {
        let name = match component {
            "farmer" => of.farmer_set(),
            _ => of.synchronizer_set(),
        };
        let labels = labels(of, component);
        self.apply(&json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": name, "namespace": of.namespace, "labels": labels,
                "annotations": {"dcr-gitops/digest": format!("{component}s of {replicas}")}},
            "spec": {
                "replicas": replicas, "serviceName": name, "podManagementPolicy": "Parallel",
                "updateStrategy": {"type": "OnDelete"},
                "selector": {"matchLabels": {"dcr-gitops/system": of.system,
                    "app.kubernetes.io/component": component}},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                    {"name": "express", "image": "express:1",
                        "ports": [{"name": "admin", "containerPort": 9100}]}]}},
            },
        }));
    }

    /// A pod that is nobody's: a classic frontend.
    pub fn frontend(&self, of: &SystemRef, name: &str) {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": of.namespace},
            "spec": {"containers": [{"name": "express", "image": "express:1",
                "ports": [{"name": "admin", "containerPort": 9100}]}]},
        }));
    }

    pub fn record(&self, of: &SystemRef, step: u32) {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": of.run_record(), "namespace": of.namespace,
                "labels": labels(of, "run")},
            "data": {"run": "7", "kind": "rebuild", "step": step.to_string(), "phase": "farm-up",
                "attempt": "1", "forced": "false", "farmers": "4", "frontends": "",
                "cluster": of.cluster, "namespace": of.namespace, "system": of.system,
                "inputs": "sha256:1"},
        }));
    }
}

fn labels(of: &SystemRef, component: &str) -> Value {
    json!({"app.kubernetes.io/managed-by": "dcr-gitops", "dcr-gitops/system": of.system,
        "dcr-gitops/run": "7", "app.kubernetes.io/component": component})
}
