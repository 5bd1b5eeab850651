//! What Argo CD writes into an Application: its spec, the operation asked for and the status.
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::comparison::Resource;
use super::health::Health;
use super::{Application, Propagation};

/// `status`, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_state: Option<OperationState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciled_at: Option<String>,
    /// How each object compares. Without health: that is kept elsewhere by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncStatus>,
}

/// `ComparisonError` or `SyncError`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub message: String,
    pub last_transition_time: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthStatus {
    pub status: &'static str,
    pub last_transition_time: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncStatus {
    pub compared_to: Value,
    /// Absent where the commit couldn't be rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// `Synced`, `OutOfSync` or `Unknown`.
    pub status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationState {
    pub operation: Value,
    /// `Running`, `Succeeded` or `Failed`.
    pub phase: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    pub started_at: String,
    /// Also set while a failed attempt waits to be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_result: Option<SyncResult>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncResult {
    pub revision: String,
    pub source: Value,
    /// Here empty groups are printed, unlike in `status.resources`.
    pub resources: Vec<Value>,
}

impl Status {
    /// Says how healthy the application is; the time only moves with the word.
    pub fn set_health(&mut self, health: Health, at: Timestamp) {
        let status = health.name();
        if self.health.as_ref().is_none_or(|old| old.status != status) {
            self.health = Some(HealthStatus { status, last_transition_time: seconds(at) });
        }
    }

    /// Replaces the conditions that a comparison decides about.
    pub fn set_conditions(&mut self, found: Vec<(&'static str, String)>, at: Timestamp) {
        let old = std::mem::take(&mut self.conditions);
        let condition = |(kind, message): (&'static str, String)| {
            let same = old.iter().find(|old| old.kind == kind && old.message == message);
            let since = same.map(|old| old.last_transition_time.clone());
            let last_transition_time = since.unwrap_or_else(|| seconds(at));
            Condition { kind, message, last_transition_time }
        };
        self.conditions = found.into_iter().map(condition).collect();
    }
}

/// The whole object.
pub fn object(settings: &Application, operation: Option<&Value>, status: &Status) -> Value {
    let mut object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": settings.name, "namespace": settings.namespace},
        "spec": spec(settings),
    });
    if let Some(operation) = operation {
        object["operation"] = operation.clone();
    }
    if *status != Status::default() {
        object["status"] = serde_json::to_value(status).unwrap_or_default();
    }
    object
}

fn spec(settings: &Application) -> Value {
    let mut spec = json!({
        "project": "default",
        "source": source(settings),
        "destination": destination(settings),
    });
    if let Some(automated) = settings.automated {
        let flags = [
            ("prune", automated.prune),
            ("selfHeal", automated.self_heal),
            ("allowEmpty", automated.allow_empty),
        ];
        spec["syncPolicy"]["automated"] = flags.into_iter().filter(|(_, on)| *on).collect();
    }
    let options = sync_options(settings);
    if !options.is_empty() {
        spec["syncPolicy"]["syncOptions"] = json!(options);
    }
    let ignored = settings.ignore.iter();
    let ignored: Vec<Value> = ignored
        .map(|it| {
            let group = match it.kind.as_str() {
                "StatefulSet" => "apps",
                "Job" => "batch",
                "PodDisruptionBudget" => "policy",
                _ => "",
            };
            json!({"group": group, "kind": it.kind, "jsonPointers": it.pointers})
        })
        .collect();
    if !ignored.is_empty() {
        spec["ignoreDifferences"] = json!(ignored);
    }
    spec
}

pub fn source(settings: &Application) -> Value {
    let mut source = json!({
        "repoURL": settings.repository.display().to_string(),
        "path": settings.path,
        "targetRevision": settings.target_revision,
    });
    if settings.recurse {
        source["directory"] = json!({"recurse": true});
    }
    source
}

pub fn destination(settings: &Application) -> Value {
    json!({"namespace": settings.destination, "server": "https://kubernetes.default.svc"})
}

pub fn sync_options(settings: &Application) -> Vec<&'static str> {
    let propagation = match settings.prune_propagation {
        Propagation::Foreground => None,
        Propagation::Background => Some("PrunePropagationPolicy=background"),
        Propagation::Orphan => Some("PrunePropagationPolicy=orphan"),
    };
    let respect = settings.respect_ignored.then_some("RespectIgnoreDifferences=true");
    respect.into_iter().chain(propagation).collect()
}

/// A time as Kubernetes writes it: UTC, in whole seconds.
pub fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
