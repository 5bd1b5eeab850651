//! Kubernetes, Argo CD and Express in one world: a run played by commits alone.
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use dcr_gitops::rehearse::argocd::{Application, ArgoCd};
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::express::{Conduct, Express, Frontends};
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::node::{Exit, JobRunner};
use dcr_gitops::rehearse::kubernetes::{Kubernetes, Timing};
use dcr_gitops::rehearse::wiring::{Nodes, Writer};
use futures::future::BoxFuture;
use git2::Oid;
use http::{Method, Request};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::argocd_world::{bare, commit};

const NAMESPACE: &str = "tenant-105858-prod";
const FOLDER: &str = "clusters/den/tenant-105858-prod/system6";
const SYNCHRONIZER: &str = "system6-dcr-sync-0";

/// The program in the trigger Job: it posts and tells what it was answered.
struct Trigger(Express);

impl JobRunner for Trigger {
    fn run(&self, _: &Value) -> BoxFuture<'static, Exit> {
        let path = "/.admin?cmd=startRebuild&force=false&run=1&attempt=1";
        let answer = self.0.call(NAMESPACE, SYNCHRONIZER, 9100, &Method::POST, path, b"");
        let exit = match answer {
            Some(answer) => Exit {
                code: u8::from(answer.status() != 200),
                message: String::from_utf8(answer.into_body()).unwrap(),
            },
            None => Exit { code: 1, message: "unreachable".into() },
        };
        Box::pin(std::future::ready(exit))
    }
}

struct World {
    _dir: tempfile::TempDir,
    repository: PathBuf,
    head: Mutex<Option<Oid>>,
    clock: WorldClock,
    kubernetes: Kubernetes,
    argocd: Mutex<ArgoCd>,
    express: Express,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = dir.path().join("deployment.git");
        bare(&repository);
        let clock = WorldClock::standing("2026-11-22T09:00:00Z".parse().unwrap());
        let kubernetes = Kubernetes::new(clock.reader(), clock.pace(), Timing::default());
        let express = Express::new(clock.reader(), Arc::new(kubernetes.clone()));
        let conduct = Conduct {
            history: SignedDuration::from_hours(1),
            work: SignedDuration::from_hours(6),
            ..Conduct::default()
        };
        let frontends = Frontends {
            names: (1..=3).map(|n| format!("system6-fe{n}")).collect(),
            hash: "5f5e38d65f5e38d6".into(),
            version: "e686.131".into(),
        };
        express.add(NAMESPACE, "system6", frontends, conduct);
        kubernetes.set_nodes(Arc::new(Nodes(express.clone())));
        kubernetes.set_jobs(Arc::new(Trigger(express.clone())));
        let writer =
            Writer { kubernetes: kubernetes.clone(), namespaces: vec![NAMESPACE.to_owned()] };
        let mut argocd = ArgoCd::new(Arc::new(writer), 1);
        let application = Application::new("system6", repository.clone(), FOLDER, NAMESPACE);
        argocd.add(application, clock.now());
        let argocd = Mutex::new(argocd);
        World { _dir: dir, repository, head: Mutex::default(), clock, kubernetes, argocd, express }
    }

    fn commit(&self, files: &[(&str, &str)]) {
        let mut head = self.head.lock().unwrap();
        *head = Some(commit(&self.repository, FOLDER, files, *head, self.clock.now()));
    }

    async fn pass(&self, minutes: u32) {
        for _ in 0..minutes * 12 {
            self.clock.forward(SignedDuration::from_secs(5));
            self.kubernetes.settle().await;
            self.argocd.lock().unwrap().advance(self.clock.now());
        }
        self.express.advance();
    }

    fn pods(&self) -> Vec<String> {
        let pods = self.kubernetes.list(Kind::Pod, NAMESPACE);
        let name = |pod: &Arc<Value>| pod["metadata"]["name"].as_str().unwrap().to_owned();
        pods.iter().map(name).filter(|name| !name.contains("trigger")).collect()
    }

    fn app(&self) -> (String, String) {
        let app = self.kubernetes.get(Kind::Application, "argocd", "system6").unwrap();
        let text = |pointer| app.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
        (text("/status/sync/status"), text("/status/health/status"))
    }

    /// The rebuild status by way of the API server's pod proxy.
    async fn rebuild(&self) -> Value {
        let client = kube::Client::new(self.kubernetes.clone(), NAMESPACE);
        let path = format!(
            "/api/v1/namespaces/{NAMESPACE}/pods/{SYNCHRONIZER}:9100/proxy/.admin?cmd=rebuildStatus&format=JSON"
        );
        let answer = client.request_text(Request::get(path).body(Vec::new()).unwrap()).await;
        serde_json::from_str(&answer.unwrap()).unwrap()
    }
}

fn set(name: &str, component: &str, replicas: u32) -> String {
    let labels = json!({"app.kubernetes.io/component": component, "dcr-gitops/system": "system6"});
    let set = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "express", "image": "express:1"}]},
            },
        },
    });
    set.to_string()
}

fn job() -> String {
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "system6-dcr-trigger-1-1"},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "admin", "image": "dcr-gitops:1"}],
            }},
        },
    });
    job.to_string()
}

#[tokio::test]
async fn a_run_is_played_by_commits() {
    let world = World::new();
    let record = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: system6-dcr-run}\n";
    let (synchronizer, trigger) = (set("system6-dcr-sync", "synchronizer", 1), job());
    let farmers = |n| set("system6-dcr-farmer", "farmer", n);
    let synced = |health: &str| ("Synced".to_owned(), health.to_owned());
    let (one, three) = (farmers(1), farmers(3));
    let mut files = vec![
        ("others.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: others}\n"),
        ("dcr/run.yaml", record),
        ("dcr/synchronizer.yaml", &synchronizer),
        ("dcr/farmers.yaml", &one),
    ];
    world.commit(&files);
    world.pass(70).await;
    assert_eq!(world.pods(), ["system6-dcr-farmer-0", SYNCHRONIZER]);
    assert_eq!(world.app(), synced("Healthy"));
    assert_eq!(world.rebuild().await, json!({}));

    files[3] = ("dcr/farmers.yaml", &three);
    world.commit(&files);
    world.pass(10).await;
    assert_eq!(world.pods().len(), 4);
    let before: Vec<_> = world.kubernetes.list(Kind::Pod, NAMESPACE);

    files.push(("dcr/trigger-1.yaml", &trigger));
    world.commit(&files);
    world.pass(65).await;
    assert_eq!(world.app(), synced("Healthy"));
    let rebuild = world.rebuild().await;
    assert_eq!((&rebuild["state"], &rebuild["run"]), (&json!("RUNNING"), &json!("1-1")));
    let percent = rebuild["percent"].as_f64().unwrap();
    assert!((50.0..54.0).contains(&percent), "{percent}");
    // No commit touched a working node.
    for pod in before {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let now = world.kubernetes.get(Kind::Pod, NAMESPACE, name).unwrap();
        assert_eq!(now["metadata"]["uid"], pod["metadata"]["uid"]);
    }

    // The Job comes back when it is deleted, and is refused.
    let background = dcr_gitops::rehearse::kubernetes::Propagation::Background;
    let before = world.kubernetes.get(Kind::Job, NAMESPACE, "system6-dcr-trigger-1-1").unwrap();
    world.kubernetes.delete(Kind::Job, NAMESPACE, "system6-dcr-trigger-1-1", background);
    world.pass(5).await;
    let again = world.kubernetes.get(Kind::Job, NAMESPACE, "system6-dcr-trigger-1-1").unwrap();
    assert_ne!(again["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(again["status"]["failed"], 1);
    assert_eq!(world.app(), synced("Degraded"));
    assert_eq!((world.express.accepted(1, 1), world.express.violations().len()), (1, 0));

    world.pass(60).await;
    assert_eq!(world.rebuild().await["state"], "COMPLETE");

    world.commit(&files[..1]);
    world.pass(10).await;
    assert_eq!(world.pods(), [""; 0]);
    assert_eq!(world.app(), synced("Healthy"));
    assert_eq!(world.kubernetes.writes_refused(), 0);
}
