//! Reads the Argo CD Application of a system, wherever its Argo CD runs. Whatever goes wrong here is only
//! told: the cluster is read without it.
use std::fmt::Display;

use jiff::Timestamp;
use kube::api::GetParams;
use kube::core::Request;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::clusters::{Clusters, LIMIT};
use super::nodes::ENCODED;
use super::objects::or_default;
use super::objects::words::words;
use super::rights::Read;
use super::unanswered::{Cause, Unanswered};
use crate::config::Argocd;
use crate::run::SystemRef;
use crate::run::argocd::{
    Application, ApplicationView, Automated, Condition, FailedObject, Operation,
};

/// The Application that `argocd` names, by default the one named as the system.
pub async fn application(
    clusters: &Clusters,
    system: &SystemRef,
    argocd: &Argocd,
) -> ApplicationView {
    let name = argocd.application.as_deref().unwrap_or(&system.system);
    let called = format!("{}/{name}", argocd.namespace);
    let context = clusters.argocd_context(&system.cluster);
    let unseen = |why: &dyn Display| ApplicationView::Unseen {
        why: format!("the Application {called} can't be seen (context `{context}`): {why}"),
    };
    let client = match clusters.client(context).await {
        None => return unseen(&"there is no such context"),
        Some(Err(error)) => return unseen(&error),
        Some(Ok(client)) => client,
    };
    let namespace = utf8_percent_encode(&argocd.namespace, ENCODED);
    let url = format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications");
    let name = utf8_percent_encode(name, ENCODED).to_string();
    let request = match Request::new(url).get(&name, &GetParams::default()) {
        Ok(request) => request,
        Err(error) => return unseen(&error),
    };
    let asked = Read::Application.asked("get", Some(&argocd.namespace));
    let answer = tokio::time::timeout(LIMIT, client.request_text(request)).await;
    let read = match answer {
        Err(_) => Err(Unanswered::late(LIMIT, &asked)),
        Ok(answer) => answer
            .and_then(|text| serde_json::from_str(&text).map_err(kube::Error::SerdeError))
            .map_err(|error| Unanswered::new(error, &asked)),
    };
    match read {
        Ok(wire) => ApplicationView::Seen(Box::new(slim(wire, called))),
        Err(error) if error.cause == Cause::NotFound => unseen(&"there is none of this name"),
        Err(error) => unseen(&error),
    }
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
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    sync_policy: Option<SyncPolicy>,
}

#[derive(Deserialize)]
struct SyncPolicy {
    automated: Option<AutomatedWire>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AutomatedWire {
    prune: bool,
    allow_empty: bool,
    /// Since Argo CD 3.1 it can be there and off.
    enabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    #[serde(deserialize_with = "or_default")]
    sync: Compared,
    operation_state: Option<State>,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<ConditionWire>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Compared {
    status: Option<String>,
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
    sync_result: SyncResult,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SyncResult {
    revision: String,
    #[serde(deserialize_with = "or_default")]
    revisions: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    resources: Vec<Resource>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Resource {
    kind: String,
    namespace: String,
    name: String,
    status: String,
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

fn slim(wire: Wire, name: String) -> Application {
    let Status { sync, operation_state, conditions } = wire.status;
    let automated = wire.spec.sync_policy.and_then(|policy| policy.automated);
    // While it runs, a sync is also still asked for.
    let running = operation_state.as_ref().is_some_and(|state| state.phase == "Running");
    Application {
        name,
        terminating: wire.metadata.deletion_timestamp.is_some(),
        automated: automated
            .filter(|automated| automated.enabled != Some(false))
            .map(|on| Automated { prune: on.prune, allow_empty: on.allow_empty }),
        sync: sync.status.as_deref().and_then(words),
        revisions: revisions(&sync.revision, &sync.revisions),
        starting: wire.operation.is_some() && !running,
        operation: operation_state.map(operation),
        conditions: conditions
            .into_iter()
            .filter_map(|condition| {
                Some(Condition {
                    kind: words(&condition.r#type)?,
                    message: told(&condition.message),
                })
            })
            .collect(),
    }
}

fn operation(state: State) -> Operation {
    let result = state.sync_result;
    Operation {
        phase: words(&state.phase).unwrap_or_default(),
        message: told(&state.message),
        started_at: state.started_at,
        finished_at: state.finished_at,
        retries: state.retry_count,
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
