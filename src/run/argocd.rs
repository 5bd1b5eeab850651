//! What Argo CD says of the application a system's folder belongs to. It explains why a run waits. No gate
//! takes it for proof: what is applied is read from the objects themselves.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much of the Application could be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ApplicationView {
    /// No Application was found, or none could be read. Nothing follows from it.
    Unseen {
        why: String,
    },
    Seen(Box<Application>),
}

/// An Application, slim, and nothing judged yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// `<namespace>/<name>`.
    pub name: String,
    /// Has a `metadata.deletionTimestamp`.
    pub terminating: bool,
    /// `spec.syncPolicy.automated`; `None`: somebody has to start every sync.
    pub automated: Option<Automated>,
    /// `status.sync.status`: `Synced`, `OutOfSync`, `Unknown`.
    pub sync: Option<String>,
    /// `status.sync.revision`, or those of all sources. May be branch names, and of an older comparison.
    pub revisions: Vec<String>,
    /// `operation` is set: a sync is about to start, and its state isn't there yet.
    pub starting: bool,
    /// `status.operationState`.
    pub operation: Option<Operation>,
    pub conditions: Vec<Condition>,
}

/// What an automated sync does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Automated {
    pub prune: bool,
    pub allow_empty: bool,
}

/// The last sync, or the one going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// `Running`, `Succeeded`, `Failed`, `Error`, `Terminating`. During a retry it is `Running` and yet has
    /// a `finished_at`.
    pub phase: String,
    pub message: Option<String>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub retries: u32,
    /// `syncResult.revision`, or those of all sources.
    pub revisions: Vec<String>,
    /// The objects that could not be applied, and the hooks that failed.
    pub failed: Vec<FailedObject>,
}

/// An object that a sync could not bring about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailedObject {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub message: Option<String>,
}

/// A condition, e.g. `ComparisonError`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    pub kind: String,
    pub message: Option<String>,
}

impl ApplicationView {
    /// What may be why a run waits, the weightiest first; empty where nothing stands out.
    pub fn explanation(&self) -> Vec<String> {
        match self {
            ApplicationView::Unseen { why } => vec![why.clone()],
            ApplicationView::Seen(application) => application.explanation(),
        }
    }

    /// Why an object could not be applied and won't be by itself: its sync has ended, and failed at it.
    pub fn failed_for_good(&self, kind: &str, namespace: &str, name: &str) -> Option<String> {
        let ApplicationView::Seen(application) = self else { return None };
        let operation = application.operation.as_ref().filter(|_| !application.starting)?;
        if !operation.has_failed() {
            return None;
        }
        let is_it = |failed: &&FailedObject| {
            (&*failed.kind, &*failed.namespace, &*failed.name) == (kind, namespace, name)
        };
        operation.failed.iter().find(is_it).map(FailedObject::told)
    }
}

impl Application {
    fn explanation(&self) -> Vec<String> {
        let mut told = Vec::new();
        let name = &self.name;
        if self.terminating {
            told.push(format!("the Application {name} is being deleted"));
        }
        let errors = self.conditions.iter().filter(|condition| condition.kind.ends_with("Error"));
        told.extend(errors.map(|condition| {
            format!(
                "the Application {name}: {}{}",
                condition.kind,
                colon(condition.message.as_ref())
            )
        }));
        match &self.operation {
            _ if self.starting => told.push(format!("a sync of {name} is about to start")),
            Some(operation) => told.extend(operation.explanation(name)),
            None => {}
        }
        match self.automated {
            None => told.push(format!("{name} isn't synced automatically")),
            Some(Automated { prune: false, .. }) => {
                told.push(format!("{name} doesn't prune: what a teardown removes stays live"));
            }
            Some(Automated { prune: true, .. }) => {}
        }
        if self.sync.as_deref() == Some("OutOfSync") {
            told.push(format!("{name} is OutOfSync"));
        }
        told
    }
}

impl Operation {
    /// Ended, and not well.
    fn has_failed(&self) -> bool {
        matches!(self.phase.as_str(), "Failed" | "Error")
    }

    fn explanation(&self, name: &str) -> Vec<String> {
        let said = colon(self.message.as_ref());
        let mut told = match self.phase.as_str() {
            "Running" if self.retries > 0 => {
                vec![format!(
                    "the sync of {name} failed and is tried again ({}){said}",
                    self.retries
                )]
            }
            "Running" => vec![format!("{name} is syncing{said}")],
            "Terminating" => vec![format!("the sync of {name} is being stopped{said}")],
            "Succeeded" if self.finished_at.is_none() => {
                vec![format!("the sync of {name} is said to have succeeded, and never ended")]
            }
            _ if self.has_failed() => vec![format!("the last sync of {name} failed{said}")],
            _ => Vec::new(),
        };
        if self.phase != "Succeeded" {
            told.extend(self.failed.iter().map(FailedObject::told));
        }
        told
    }
}

impl FailedObject {
    fn told(&self) -> String {
        format!("{} {} could not be applied{}", self.kind, self.name, colon(self.message.as_ref()))
    }
}

fn colon(message: Option<&String>) -> String {
    message.map(|message| format!(": {message}")).unwrap_or_default()
}
