//! The Jobs of the embedded world run this program's own commands, on a network that has its limits.
use std::sync::Arc;

use dcr_gitops::admin_job::{AdminJob, Order, StatusQuery, VARIABLE};
use dcr_gitops::config::{Admin, Field, Fields};
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::express::{Conduct, Express, Frontends};
use dcr_gitops::rehearse::jobs::{Crew, Jobs};
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::{Kubernetes, Timing};
use dcr_gitops::rehearse::wiring::Nodes;
use jiff::SignedDuration;
use serde_json::{Value, json};

const NAMESPACE: &str = "tenant-105858-prod";
const SET: &str = "system6-dcr-sync";

struct World {
    clock: WorldClock,
    crew: Crew,
    kubernetes: Kubernetes,
    express: Express,
}

impl World {
    /// A synchronizer that is about to start, and perhaps its service.
    fn new(service: bool) -> Self {
        let clock = WorldClock::standing("2026-11-22T09:00:00Z".parse().unwrap());
        let kubernetes = Kubernetes::new(clock.reader(), clock.pace(), Timing::default());
        let express = Express::new(clock.reader(), Arc::new(kubernetes.clone()));
        let frontends = Frontends {
            names: vec!["system6-fe1".to_owned()],
            hash: "5f5e38d65f5e38d6".to_owned(),
            version: "e686.131".to_owned(),
        };
        express.add(NAMESPACE, "system6", frontends, Conduct::default());
        let crew = Crew::new(clock.now());
        let jobs =
            Jobs { kubernetes: kubernetes.clone(), express: express.clone(), crew: crew.clone() };
        kubernetes.set_nodes(Arc::new(Nodes(express.clone())));
        kubernetes.set_jobs(Arc::new(jobs));
        let labels = json!({"app.kubernetes.io/component": "synchronizer"});
        let metadata = json!({"name": SET, "namespace": NAMESPACE, "labels": labels});
        let container = json!({"name": "express", "image": "express:1"});
        let set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata,
            "spec": {
                "replicas": 1,
                "serviceName": SET,
                "updateStrategy": {"type": "OnDelete"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        });
        kubernetes.apply(&set).unwrap();
        if service {
            let spec = json!({"clusterIP": "None", "ports": [{"port": 9100}]});
            let service =
                json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec});
            kubernetes.apply(&service).unwrap();
        }
        World { clock, crew, kubernetes, express }
    }

    /// A Job that runs these arguments.
    fn start(&self, arguments: &[&str]) {
        let admin = Admin::default();
        let told = AdminJob {
            cluster: "den".to_owned(),
            system: "system6".to_owned(),
            namespace: NAMESPACE.to_owned(),
            run: 7,
            attempt: 1,
            forced: false,
            rebuild_attempt: None,
            synchronizer: format!("{SET}-0.{SET}"),
            frontends: vec!["system6-fe1".to_owned()],
            port: 9100,
            aa_status: admin.aa_status.path,
            rebuild_status: StatusQuery {
                path: admin.rebuild_status.path.unwrap(),
                fields: Fields {
                    run: Some(Field::Pointer("/run".to_owned())),
                    ..Fields::default()
                },
                states: admin.rebuild_status.states,
            },
            command: Order {
                path: admin.trigger.path,
                to: "synchronizer".to_owned(),
                expect: None,
            },
        };
        let told = serde_json::to_string(&told).unwrap();
        let container = json!({
            "name": "admin", "image": "dcr-gitops:1", "args": arguments,
            "env": [{"name": VARIABLE, "value": told}],
        });
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "job", "namespace": NAMESPACE},
            "spec": {
                "backoffLimit": 0,
                "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
            },
        });
        self.kubernetes.apply(&job).unwrap();
    }

    /// How the Job has ended after so many minutes: its exit code and message.
    async fn after(&self, minutes: i64) -> Option<(i64, String)> {
        for _ in 0..minutes * 20 {
            self.clock.forward(SignedDuration::from_secs(3));
            self.crew.pass(self.clock.now()).await;
            self.kubernetes.advance().await;
            self.express.advance();
        }
        let pods = self.kubernetes.list(Kind::Pod, NAMESPACE);
        let pod = pods.iter().find(|pod| pod["metadata"]["name"] != format!("{SET}-0"))?;
        let ended: &Value = pod.pointer("/status/containerStatuses/0/state/terminated")?;
        Some((ended["exitCode"].as_i64()?, ended["message"].as_str()?.to_owned()))
    }
}

#[tokio::test]
async fn a_trigger_waits_for_a_node_that_boots() {
    let world = World::new(true);
    world.start(&["admin", "trigger"]);
    assert_eq!(world.after(2).await, None, "a node needs three minutes");
    let (code, message) = world.after(3).await.unwrap();
    assert!(
        code == 0 && message.contains("accepted the command of attempt 1 of run 7"),
        "{message}"
    );
    assert_eq!(world.express.accepted(7, 1), 1);
}

#[tokio::test]
async fn a_node_without_a_service_has_no_name() {
    let world = World::new(false);
    world.start(&["admin", "trigger"]);
    assert_eq!(world.after(4).await, None, "it is asked for five minutes");
    let (code, message) = world.after(3).await.unwrap();
    assert_eq!(code, 1);
    assert!(message.starts_with("nothing was sent: "), "{message}");
    assert!(message.contains("no such host system6-dcr-sync-0.system6-dcr-sync"), "{message}");
    assert_eq!(world.express.accepted(7, 1), 0);
}

#[tokio::test]
async fn a_job_knows_no_other_commands() {
    let world = World::new(true);
    world.start(&["admin", "rm"]);
    let (code, message) = world.after(1).await.unwrap();
    assert_eq!((code, message.as_str()), (2, "error: unrecognized subcommand 'admin rm'"));
}
