//! What Argo CD says of the application a system's folder belongs to. It explains why a run waits. No gate
//! takes it for proof: what is applied is read from the objects themselves.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much of the Application could be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ApplicationView {
    /// It couldn't be looked at. Nothing follows from it.
    Unseen {
        why: String,
    },
    /// Its API server says that there is none of this name (`<namespace>/<name>`).
    Missing {
        name: String,
        /// The kubeconfig context that was asked.
        context: String,
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
    /// `spec.source`, or all of `spec.sources`.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// `spec.syncPolicy.automated`; `None`: somebody has to start every sync.
    pub automated: Option<Automated>,
    /// `PrunePropagationPolicy=orphan`: what hangs on a pruned object stays.
    #[serde(default)]
    pub orphans: bool,
    /// `spec.ignoreDifferences` of the kinds of ours.
    #[serde(default)]
    pub ignored: Vec<Ignored>,
    /// A comparison was asked for and hasn't begun.
    #[serde(default)]
    pub refreshing: bool,
    /// `status.reconciledAt`: when the last comparison that asked git began.
    #[serde(default)]
    pub compared_at: Option<Timestamp>,
    /// `status.sourceType`: `Directory`, `Kustomize`, `Helm`, `Plugin`.
    #[serde(default)]
    pub source_type: Option<String>,
    /// `status.sync.status`: `Synced`, `OutOfSync`, `Unknown`.
    pub sync: Option<String>,
    /// `status.sync.revision`, or those of all sources. May be branch names, and of an older comparison.
    pub revisions: Vec<String>,
    /// `operation` is set: a sync is about to start, and its state isn't there yet.
    pub starting: bool,
    /// `status.operationState`.
    pub operation: Option<Operation>,
    pub conditions: Vec<Condition>,
    /// The objects of the system's farm among `status.resources`.
    #[serde(default)]
    pub ours: Vec<Managed>,
    /// How many others there are, hooks aside.
    #[serde(default)]
    pub others: u32,
}

/// Where an Application takes its manifests from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// The folder in the repo; `None` for a chart.
    pub path: Option<String>,
    /// A branch, a tag or a commit.
    pub revision: Option<String>,
    /// `directory.recurse`.
    pub recurse: bool,
    /// The keys of `kustomize` that change what the folder says, e.g. `namePrefix`.
    pub transformers: Vec<String>,
}

/// What an automated sync does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Automated {
    pub prune: bool,
    #[serde(default)]
    pub self_heal: bool,
    pub allow_empty: bool,
}

/// A field that is left out of comparisons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ignored {
    pub kind: String,
    /// A JSON Pointer, a jq expression, or the name of a field manager.
    pub what: String,
}

/// An object that the Application looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Managed {
    pub kind: String,
    pub name: String,
    /// It is live and not wanted by what was compared: `requiresPruning`.
    pub surplus: bool,
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
    /// How often it is tried again at the most; `None`: for ever, or it doesn't say.
    #[serde(default)]
    pub retry_limit: Option<u32>,
    /// `syncResult.revision`, or those of all sources; empty without a result.
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
    /// What it says that may be why a run waits, in Argo CD's own words, the weightiest first. What it comes
    /// to is for the gates to say.
    pub fn explanation(&self) -> Vec<String> {
        let application = match self {
            ApplicationView::Unseen { why } => return vec![why.clone()],
            ApplicationView::Missing { name, context } => {
                return vec![format!("there is no Application {name} (context `{context}`)")];
            }
            ApplicationView::Seen(application) => application,
        };
        let errors = application.conditions.iter().filter(|it| it.kind.ends_with("Error"));
        let errors = errors.map(|it| match &it.message {
            Some(message) => format!("{}: {message}", it.kind),
            None => it.kind.clone(),
        });
        let sync = application.operation.iter().filter(|it| it.phase != "Succeeded");
        let sync = sync.flat_map(|operation| {
            let failed = operation.failed.iter().map(FailedObject::told);
            let message = operation.message.iter();
            failed.chain(message.map(|message| format!("sync {}: {message}", operation.phase)))
        });
        errors.chain(sync).collect()
    }
}

impl Application {
    /// Whether `tracked_by` of a live object means this Application.
    pub fn tracks(name: &str, tracked_by: &str) -> bool {
        match name.split_once('/') {
            Some((namespace, name)) => {
                tracked_by == name
                    || tracked_by
                        .strip_prefix(namespace)
                        .and_then(|rest| rest.strip_prefix('_'))
                        .is_some_and(|rest| rest == name)
            }
            None => tracked_by == name,
        }
    }

    /// What is shown may be old: the status had become too large to be stored.
    pub fn is_stale(&self) -> bool {
        self.conditions.iter().any(|condition| {
            let message = condition.message.as_deref().unwrap_or_default().to_ascii_lowercase();
            condition.kind.ends_with("Error")
                && (message.contains("too large") || message.contains("size limit"))
        })
    }
}

impl Source {
    /// Whether the folder is below the source's path, or is it.
    pub fn covers(&self, folder: &str) -> bool {
        let Some(path) = &self.path else { return false };
        let parts = |path: &str| -> Vec<String> {
            let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
            parts.map(str::to_owned).collect()
        };
        parts(folder).starts_with(&parts(path))
    }
}

impl Operation {
    /// Ended, and not well.
    pub fn has_failed(&self) -> bool {
        matches!(self.phase.as_str(), "Failed" | "Error")
    }

    /// It is said to have ended well, but never got a result nor an end: no other sync follows it.
    pub fn is_wedged(&self) -> bool {
        self.phase == "Succeeded" && self.revisions.is_empty() && self.finished_at.is_none()
    }
}

impl FailedObject {
    /// Which object, and why.
    pub fn told(&self) -> String {
        let why = self.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        format!("{} {} could not be applied{why}", self.kind, self.name)
    }
}
