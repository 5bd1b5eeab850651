//! The metadata of an object, as far as anything hangs on it.
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::or_default;
use super::words::words;

/// What is kept of `metadata`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// The label `dcr-gitops/system`; empty without it.
    pub system: String,
    /// The label `app.kubernetes.io/component`; empty without it.
    pub component: String,
    /// The label `dcr-gitops/run`, if it is a number.
    pub run: Option<u32>,
    /// The annotation `dcr-gitops/digest`.
    pub digest: Option<String>,
    pub created: Option<Timestamp>,
    /// Has a `deletionTimestamp`.
    pub terminating: bool,
    pub generation: Option<i64>,
    /// The Application that Argo CD applied it for: in its tracking id, or in the label
    /// `app.kubernetes.io/instance` where it tracks by label.
    pub tracked_by: Option<String>,
    /// `uid` of the owner that controls it.
    pub owner: Option<String>,
}

/// `metadata` as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    uid: String,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Timestamp>,
    deletion_timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) labels: Labels,
    #[serde(default, deserialize_with = "or_default")]
    annotations: Annotations,
    #[serde(default, deserialize_with = "or_default")]
    owner_references: Vec<Owner>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Labels {
    #[serde(rename = "dcr-gitops/system")]
    system: Option<String>,
    #[serde(rename = "dcr-gitops/run")]
    run: Option<String>,
    #[serde(rename = "app.kubernetes.io/component")]
    component: Option<String>,
    #[serde(rename = "app.kubernetes.io/instance")]
    instance: Option<String>,
    #[serde(rename = "controller-revision-hash")]
    pub revision: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Annotations {
    #[serde(rename = "dcr-gitops/digest")]
    digest: Option<String>,
    #[serde(rename = "argocd.argoproj.io/tracking-id")]
    tracking: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Owner {
    uid: String,
    controller: Option<bool>,
}

impl Metadata {
    pub(super) fn is_of(&self, component: &str) -> bool {
        self.labels.component.as_deref() == Some(component)
    }

    /// What the watch needs, and what is kept.
    pub(super) fn split(self) -> (ObjectMeta, Meta) {
        let of_watch = ObjectMeta {
            name: Some(self.name.clone()),
            namespace: Some(self.namespace.clone()),
            resource_version: self.resource_version,
            ..ObjectMeta::default()
        };
        // `<application>:<group>/<kind>:<namespace>/<name>`
        let tracking = self.annotations.tracking.as_deref();
        let tracking = tracking.and_then(|id| Some(id.split_once(':')?.0.to_owned()));
        let mut owners = self.owner_references.into_iter();
        let meta = Meta {
            namespace: self.namespace,
            name: self.name,
            uid: self.uid,
            system: self.labels.system.unwrap_or_default(),
            component: self.labels.component.unwrap_or_default(),
            run: self.labels.run.and_then(|run| run.parse().ok()),
            digest: self.annotations.digest,
            created: self.creation_timestamp,
            terminating: self.deletion_timestamp.is_some(),
            generation: self.generation,
            tracked_by: tracking.or(self.labels.instance).as_deref().and_then(words),
            owner: owners.find(|owner| owner.controller == Some(true)).map(|owner| owner.uid),
        };
        (of_watch, meta)
    }
}
