//! An Application as its API server sends it, and what is kept of it.
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::observe::objects::or_default;
use crate::observe::objects::words::words;
use crate::run::SystemRef;
use crate::run::argocd::{
    Application, Automated, Condition, FailedObject, Ignored, Managed, Operation, Source,
};

/// What of `spec.source.kustomize` changes what a folder says.
const TRANSFORMERS: [&str; 9] = [
    "namePrefix",
    "nameSuffix",
    "namespace",
    "replicas",
    "images",
    "patches",
    "commonLabels",
    "commonAnnotations",
    "components",
];

/// The kinds that a farm is made of.
const KINDS: [&str; 6] = ["*", "StatefulSet", "Service", "PodDisruptionBudget", "Job", "ConfigMap"];

/// Reads the Application `name` as far as it concerns `system`.
pub fn read(
    text: &str,
    name: String,
    system: &SystemRef,
) -> Result<Application, serde_json::Error> {
    Ok(slim(serde_json::from_str(text)?, name, system))
}

#[derive(Deserialize)]
struct Wire {
    metadata: Metadata,
    #[serde(default, deserialize_with = "or_default")]
    spec: Spec,
    #[serde(default, deserialize_with = "or_default")]
    status: Status,
    operation: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    deletion_timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: Annotations,
}

#[derive(Default, Deserialize)]
struct Annotations {
    #[serde(rename = "argocd.argoproj.io/refresh")]
    refresh: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    source: Option<SourceWire>,
    #[serde(deserialize_with = "or_default")]
    sources: Vec<SourceWire>,
    source_hydrator: Option<Hydrator>,
    #[serde(deserialize_with = "or_default")]
    sync_policy: SyncPolicy,
    #[serde(deserialize_with = "or_default")]
    ignore_differences: Vec<IgnoredWire>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SourceWire {
    path: Option<String>,
    target_revision: Option<String>,
    #[serde(deserialize_with = "or_default")]
    directory: Directory,
    #[serde(deserialize_with = "or_default")]
    kustomize: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Directory {
    #[serde(deserialize_with = "or_default")]
    recurse: bool,
}

/// What people write is in the dry source; what is applied is rendered from it elsewhere.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Hydrator {
    #[serde(deserialize_with = "or_default")]
    dry_source: SourceWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SyncPolicy {
    automated: Option<AutomatedWire>,
    #[serde(deserialize_with = "or_default")]
    sync_options: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AutomatedWire {
    prune: bool,
    self_heal: bool,
    allow_empty: bool,
    /// Since Argo CD 3.1 it can be there and off.
    enabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct IgnoredWire {
    kind: String,
    #[serde(deserialize_with = "or_default")]
    json_pointers: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    jq_path_expressions: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    managed_fields_managers: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    #[serde(deserialize_with = "or_default")]
    sync: Compared,
    reconciled_at: Option<Timestamp>,
    source_type: Option<String>,
    operation_state: Option<State>,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<ConditionWire>,
    #[serde(deserialize_with = "or_default")]
    resources: Vec<Resource>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Compared {
    status: Option<String>,
    #[serde(deserialize_with = "or_default")]
    revision: String,
    #[serde(deserialize_with = "or_default")]
    revisions: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct State {
    phase: String,
    message: String,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    retry_count: u32,
    #[serde(deserialize_with = "or_default")]
    operation: Asked,
    #[serde(deserialize_with = "or_default")]
    sync_result: SyncResult,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    #[serde(deserialize_with = "or_default")]
    retry: Retry,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Retry {
    /// Negative: without end.
    limit: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SyncResult {
    #[serde(deserialize_with = "or_default")]
    revision: String,
    #[serde(deserialize_with = "or_default")]
    revisions: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    resources: Vec<Resource>,
}

/// In `status.resources`, or in the result of a sync: with other fields in each.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Resource {
    kind: String,
    namespace: String,
    name: String,
    status: String,
    hook: bool,
    requires_pruning: bool,
    hook_phase: String,
    hook_type: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConditionWire {
    r#type: String,
    message: String,
}

fn slim(wire: Wire, name: String, system: &SystemRef) -> Application {
    let Status { sync, reconciled_at, source_type, operation_state, conditions, resources } =
        wire.status;
    let Spec { source, sources, source_hydrator, sync_policy, ignore_differences } = wire.spec;
    let hydrated = source_hydrator.map(|hydrator| hydrator.dry_source);
    let automated = sync_policy.automated.filter(|automated| automated.enabled != Some(false));
    let options = sync_policy.sync_options.iter();
    let mut policies = options.filter_map(|option| option.strip_prefix("PrunePropagationPolicy="));
    // While it runs, a sync is also still asked for.
    let running = operation_state.as_ref().is_some_and(|state| state.phase == "Running");
    let prefix = format!("{}-dcr-", system.system);
    let is_ours = |resource: &Resource| {
        resource.namespace == system.namespace && resource.name.starts_with(&prefix)
    };
    let (ours, others): (Vec<_>, Vec<_>) =
        resources.into_iter().filter(|resource| !resource.hook).partition(is_ours);
    Application {
        name,
        terminating: wire.metadata.deletion_timestamp.is_some(),
        sources: source.into_iter().chain(sources).chain(hydrated).map(slim_source).collect(),
        automated: automated.map(|on| Automated {
            prune: on.prune,
            self_heal: on.self_heal,
            allow_empty: on.allow_empty,
        }),
        orphans: policies.next_back() == Some("orphan"),
        ignored: ignore_differences.into_iter().flat_map(ignored).collect(),
        refreshing: wire.metadata.annotations.refresh.is_some(),
        compared_at: reconciled_at,
        source_type: source_type.as_deref().and_then(words),
        sync: sync.status.as_deref().and_then(words),
        revisions: revisions(&sync.revision, &sync.revisions),
        starting: wire.operation.is_some() && !running,
        operation: operation_state.map(operation),
        conditions: conditions.into_iter().filter_map(condition).collect(),
        ours: ours
            .into_iter()
            .map(|resource| Managed {
                kind: resource.kind,
                name: resource.name,
                surplus: resource.requires_pruning,
            })
            .collect(),
        others: u32::try_from(others.len()).unwrap_or(u32::MAX),
    }
}

fn slim_source(source: SourceWire) -> Source {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Number(_) => true,
    };
    let used = TRANSFORMERS.into_iter().filter(|key| source.kustomize.get(*key).is_some_and(says));
    Source {
        transformers: used.map(str::to_owned).collect(),
        path: source.path.as_deref().and_then(words),
        revision: source.target_revision.as_deref().and_then(words),
        recurse: source.directory.recurse,
    }
}

fn ignored(wire: IgnoredWire) -> Vec<Ignored> {
    if !KINDS.contains(&wire.kind.as_str()) {
        return Vec::new();
    }
    let IgnoredWire { kind, json_pointers, jq_path_expressions, managed_fields_managers } = wire;
    let fields = [json_pointers, jq_path_expressions, managed_fields_managers].concat();
    let fields = fields.iter().filter_map(|field| words(field));
    fields.map(|what| Ignored { kind: kind.clone(), what }).collect()
}

fn condition(wire: ConditionWire) -> Option<Condition> {
    Some(Condition { kind: words(&wire.r#type)?, message: told(&wire.message) })
}

fn operation(state: State) -> Operation {
    let result = state.sync_result;
    let limit = state.operation.retry.limit;
    Operation {
        phase: words(&state.phase).unwrap_or_default(),
        message: told(&state.message),
        started_at: state.started_at,
        finished_at: state.finished_at,
        retries: state.retry_count,
        retry_limit: limit.and_then(|limit| u32::try_from(limit).ok()),
        revisions: revisions(&result.revision, &result.revisions),
        failed: result.resources.into_iter().filter(Resource::has_failed).map(failed).collect(),
    }
}

impl Resource {
    /// Of what is no hook, `hookPhase` can say `Running` long after the end.
    fn has_failed(&self) -> bool {
        let hook = !self.hook_type.is_empty();
        self.status == "SyncFailed"
            || hook && matches!(self.hook_phase.as_str(), "Failed" | "Error")
    }
}

fn failed(resource: Resource) -> FailedObject {
    FailedObject {
        kind: words(&resource.kind).unwrap_or_default(),
        namespace: words(&resource.namespace).unwrap_or_default(),
        name: words(&resource.name).unwrap_or_default(),
        message: told(&resource.message),
    }
}

/// Those of all sources, or that of the only one.
fn revisions(one: &str, all: &[String]) -> Vec<String> {
    let one = std::iter::once(one).filter(|_| all.is_empty());
    one.chain(all.iter().map(String::as_str)).filter_map(words).collect()
}

/// A message of Argo CD. It quotes manifests that can't be applied, Secrets with their values too.
fn told(message: &str) -> Option<String> {
    if message.to_ascii_lowercase().contains("secret") {
        return Some("(not shown, for it speaks of a Secret)".to_owned());
    }
    words(message)
}
