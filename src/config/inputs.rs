//! `dcr.yaml`: what a tenant says about one system.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Admin, ApiVersion, Duration, Quantity};
use crate::run::SystemRef;

/// The inputs of one system: its `dcr.yaml` over the repo's `defaults`, every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    #[serde(default)]
    pub api_version: ApiVersion,
    /// The container image of all nodes of the farm.
    pub image: String,
    #[serde(default)]
    pub frontends: Frontends,
    pub synchronizer: Synchronizer,
    pub farmers: Farmers,
    #[serde(default)]
    pub rebuild: Rebuild,
    /// `null`: no Application is looked at.
    #[serde(default = "some_default")]
    pub argocd: Option<Argocd>,
    #[serde(default)]
    pub admin: Admin,
}

/// The classic frontends: how many, named `<system>-fe1…`, or their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Frontends {
    pub count: Option<u32>,
    pub names: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Synchronizer {
    pub resources: Resources,
    #[serde(default = "storage")]
    pub storage: Quantity,
    /// Merged into the PodSpec: nodeSelector, env, volumes, …
    #[serde(default)]
    pub pod: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Farmers {
    /// How many run while the history updates.
    #[serde(default = "one")]
    pub initial: u32,
    /// How many rebuild.
    #[serde(default = "four")]
    pub count: u32,
    /// How many there may ever be.
    #[serde(default = "eight")]
    pub max: u32,
    /// How many may be missing.
    #[serde(default = "one")]
    pub tolerate: u32,
    pub resources: Resources,
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
    pub requests: BTreeMap<String, Quantity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Quantity>,
}

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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Argocd {
    /// The Application's name; by default the system's.
    pub application: Option<String>,
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
