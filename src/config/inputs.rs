//! `dcr.yaml`: what a tenant says about one system.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Admin, ApiVersion, Duration, Quantity};
use crate::run::SystemRef;

/// What a `dcr.yaml` says about one system. What it leaves out is taken from the `defaults` of the repo's
/// settings, then from the program: a value of this type has it all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Always `dcr-gitops/v1`.
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The container image of all nodes of the farm.
    #[schemars(length(min = 1))]
    pub image: String,
    /// The nodes that serve users.
    #[serde(default)]
    pub frontends: Frontends,
    /// The node that holds the result.
    pub synchronizer: Synchronizer,
    /// The nodes that rebuild.
    pub farmers: Farmers,
    /// How long a rebuild may take.
    #[serde(default)]
    pub rebuild: Rebuild,
    /// `null`: no Application is looked at.
    #[serde(default = "some_default")]
    pub argocd: Option<Argocd>,
    /// How the nodes are asked, and what their answers mean.
    #[serde(default)]
    pub admin: Admin,
}

/// The classic frontends: how many, named `<system>-fe1…`, or their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Frontends {
    /// How many there are: `<system>-fe1`, `<system>-fe2`, …
    #[schemars(range(min = 1))]
    pub count: Option<u32>,
    /// Or what they are called.
    pub names: Option<Vec<String>>,
}

/// The farm's one synchronizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Synchronizer {
    /// Of its container.
    pub resources: Resources,
    /// The size of a node's volume.
    #[serde(default = "storage")]
    pub storage: Quantity,
    /// Merged into the PodSpec: nodeSelector, env, volumes, …
    #[serde(default)]
    pub pod: Map<String, Value>,
}

/// The farm's farmers: `initial` ≤ `count` ≤ `max`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Farmers {
    /// How many run while the history updates.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub initial: u32,
    /// How many rebuild.
    #[serde(default = "four")]
    #[schemars(range(min = 1))]
    pub count: u32,
    /// How many there may ever be.
    #[serde(default = "eight")]
    #[schemars(range(min = 1))]
    pub max: u32,
    /// How many may be missing.
    #[serde(default = "one")]
    pub tolerate: u32,
    /// Of each one's container.
    pub resources: Resources,
    /// The size of a node's volume.
    #[serde(default = "storage")]
    pub storage: Quantity,
    /// Merged into the PodSpec: nodeSelector, env, volumes, …
    #[serde(default)]
    pub pod: Map<String, Value>,
}

/// A container's `resources`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Resources {
    /// What the scheduler reserves: `cpu`, `memory`, …
    pub requests: BTreeMap<String, Quantity>,
    /// What a node may use at most.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Quantity>,
}

/// How long a rebuild may take, and when somebody is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Rebuild {
    /// From the beginning of an attempt to its completion.
    pub deadline: Duration,
    /// How long without progress is reported.
    pub stall: Duration,
    /// Propose one more farmer when the estimate exceeds this.
    pub add_farmers_when_eta_exceeds: Option<Duration>,
}

/// The Argo CD Application that applies the system's folder: looked at to say why a wait lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Argocd {
    /// The Application's name; by default the system's.
    pub application: Option<String>,
    /// The namespace it is in.
    pub namespace: String,
}

fn some_default() -> Option<Argocd> {
    Some(Argocd::default())
}
fn storage() -> Quantity {
    Quantity("200Gi".to_owned())
}
fn one() -> u32 {
    1
}
fn four() -> u32 {
    4
}
fn eight() -> u32 {
    8
}
impl Default for Rebuild {
    fn default() -> Self {
        Rebuild {
            deadline: Duration::days(14),
            stall: Duration::hours(6),
            add_farmers_when_eta_exceeds: None,
        }
    }
}

impl Default for Argocd {
    fn default() -> Self {
        Argocd { application: None, namespace: "argocd".to_owned() }
    }
}

impl Frontends {
    /// The frontends by name; three where nothing is said.
    pub fn resolve(&self, system: &SystemRef) -> Vec<String> {
        match &self.names {
            Some(names) => names.clone(),
            None => (1..=self.count.unwrap_or(3)).map(|number| system.frontend(number)).collect(),
        }
    }
}
