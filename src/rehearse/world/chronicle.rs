//! Notices what changed in the cluster and its nodes since the last look, in words.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{Setting, What};
use crate::rehearse::express::Express;
use crate::rehearse::jira::{Jira, plain};
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::{Kubernetes, object};
use crate::run::SystemRef;

/// What was there at the last look.
pub struct Chronicle {
    system: SystemRef,
    port: u16,
    /// Namespace and name of the Application.
    application: (String, String),
    /// The farm's pods: whether they were ready, by UID.
    pods: BTreeMap<String, Pod>,
    /// UIDs of Jobs that have ended.
    ended: BTreeSet<String>,
    /// Phase and revision of the last sync.
    synced: (String, String),
    rebuild: Option<Rebuild>,
    /// The ticket's comments, and when they were written last.
    comments: BTreeMap<u64, Timestamp>,
    /// The version of the cluster at the last look.
    version: u64,
}

struct Pod {
    name: String,
    ready: bool,
}

#[derive(Clone, PartialEq)]
struct Rebuild {
    state: String,
    percent: f64,
}

impl Chronicle {
    pub fn new(setting: &Setting, application: &str) -> Self {
        let argocd = setting.inputs.argocd.clone().unwrap_or_default();
        Chronicle {
            system: setting.system.clone(),
            port: setting.inputs.admin.port,
            application: (argocd.namespace, application.to_owned()),
            pods: BTreeMap::new(),
            ended: BTreeSet::new(),
            synced: (String::new(), String::new()),
            rebuild: None,
            comments: BTreeMap::new(),
            version: 0,
        }
    }

    /// How far the synchronizer says the rebuild is, while it runs.
    pub fn percent(&self) -> Option<f64> {
        self.rebuild.as_ref().filter(|it| it.state == "RUNNING").map(|it| it.percent)
    }

    /// What is new.
    pub fn look(&mut self, kubernetes: &Kubernetes, express: &Express) -> Vec<What> {
        let mut news = Vec::new();
        let version = kubernetes.version();
        if std::mem::replace(&mut self.version, version) != version {
            news.extend(self.sync(kubernetes).map(What::ArgoCd));
            news.extend(self.farm(kubernetes).into_iter().map(What::Node));
            news.extend(self.jobs(kubernetes).into_iter().map(What::Job));
        }
        news.extend(self.progress(express).map(What::Rebuild));
        news
    }

    /// What is new in a ticket: the first two lines of each comment that was written since, what it is about
    /// and why.
    pub fn told(&mut self, jira: &Jira, ticket: &str) -> Vec<String> {
        let Some(ticket) = jira.ticket(ticket) else { return Vec::new() };
        let mut news = Vec::new();
        for comment in &ticket.comments {
            if self.comments.insert(comment.id, comment.updated) == Some(comment.updated) {
                continue;
            }
            let text = plain(&comment.body);
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(2);
            news.push(format!("{}: {}", ticket.key, lines.collect::<Vec<_>>().join(" ")));
        }
        news
    }

    fn sync(&mut self, kubernetes: &Kubernetes) -> Option<String> {
        let (namespace, name) = &self.application;
        let application = kubernetes.get(Kind::Application, namespace, name)?;
        let state = application.pointer("/status/operationState")?;
        let phase = object::text(state, "/phase");
        let revision = object::text(state, "/syncResult/revision");
        let now = (phase.to_owned(), revision.to_owned());
        if now == self.synced || !matches!(phase, "Succeeded" | "Failed") {
            return None;
        }
        self.synced = now;
        let short = revision.get(..7).unwrap_or(revision);
        Some(match phase {
            "Succeeded" => format!("synced {short}"),
            _ => format!("couldn't sync {short}: {}", object::text(state, "/message")),
        })
    }

    fn farm(&mut self, kubernetes: &Kubernetes) -> Vec<String> {
        let mut ready_now = Vec::new();
        let pods = kubernetes.list(Kind::Pod, &self.system.namespace);
        let ours = pods.iter().filter(|pod| {
            let component = object::text(pod, "/metadata/labels/app.kubernetes.io~1component");
            matches!(component, "synchronizer" | "farmer")
        });
        let mut now = BTreeMap::new();
        for pod in ours {
            let ready = object::is_ready(pod) && !object::is_terminating(pod);
            let (uid, name) = (object::uid(pod).to_owned(), object::name(pod).to_owned());
            let was_ready = self.pods.get(&uid).is_some_and(|pod| pod.ready);
            if ready && !was_ready {
                ready_now.push(format!("{name} is ready"));
            }
            now.insert(uid, Pod { name, ready: ready || was_ready });
        }
        let gone = self.pods.iter().filter(|(uid, _)| !now.contains_key(*uid));
        let mut news: Vec<String> = gone.map(|(_, pod)| format!("{} is gone", pod.name)).collect();
        news.sort_unstable();
        news.extend(ready_now);
        self.pods = now;
        news
    }

    fn jobs(&mut self, kubernetes: &Kubernetes) -> Vec<String> {
        let mut news = Vec::new();
        for job in kubernetes.list(Kind::Job, &self.system.namespace) {
            let Some(end) = end(&job) else { continue };
            if self.ended.insert(object::uid(&job).to_owned()) {
                let name = object::name(&job);
                let said = said(kubernetes, &self.system.namespace, object::uid(&job));
                news.push(format!("{name} {end}: {said}"));
            }
        }
        news
    }

    /// Every tenth of the rebuild, and each change of its state.
    fn progress(&mut self, express: &Express) -> Option<String> {
        let (namespace, node) = (&self.system.namespace, self.system.synchronizer_pod());
        let path = "/.admin?cmd=rebuildStatus&format=JSON";
        let asked = express.call(namespace, &node, self.port, &http::Method::GET, path, b"");
        let answer: Value = serde_json::from_slice(asked?.body()).ok()?;
        let state = answer["state"].as_str()?.to_owned();
        let percent = answer["percent"].as_f64().unwrap_or_default();
        let tenth = |percent: f64| (percent / 10.0).floor();
        let now = Rebuild { state, percent };
        let told = self.rebuild.as_ref().is_some_and(|before| {
            before.state == now.state && tenth(before.percent) == tenth(now.percent)
        });
        let words = match now.state.as_str() {
            "RUNNING" => format!("{:.0} %", percent.floor()),
            "COMPLETE" => "complete".to_owned(),
            "FAILED" => {
                let errors = answer["error"].to_string();
                format!("failed at {:.0} %: {errors}", percent.floor())
            }
            other => format!("says {other}"),
        };
        self.rebuild = Some(now);
        (!told).then_some(words)
    }
}

/// How a Job ended, if it did.
fn end(job: &Value) -> Option<&'static str> {
    object::list(job, "/status/conditions").iter().find_map(|condition| {
        match (condition["type"].as_str()?, condition["status"].as_str()?) {
            ("Complete", "True") => Some("complete"),
            ("Failed", "True") => Some("failed"),
            _ => None,
        }
    })
}

/// The termination message of a Job's pod.
fn said(kubernetes: &Kubernetes, namespace: &str, job: &str) -> String {
    let pods = kubernetes.list(Kind::Pod, namespace);
    let pod = pods.iter().find(|pod| object::controller(pod) == Some(job));
    let message = "/status/containerStatuses/0/state/terminated/message";
    pod.map(|pod| object::text(pod, message).to_owned()).unwrap_or_default()
}
