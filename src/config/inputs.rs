//! `dcr.yaml`: what a tenant says about one system.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApiVersion, Duration, Quantity};
use crate::run::SystemRef;

/// The inputs of one system: its `dcr.yaml` over the repo's `defaults`, every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Frontends {
    pub count: Option<u32>,
    pub names: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Synchronizer {
    pub resources: Resources,
    #[serde(default = "storage")]
    pub storage: Quantity,
    /// Merged into the PodSpec: nodeSelector, env, volumes, …
    #[serde(default)]
    pub pod: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Resources {
    pub requests: BTreeMap<String, Quantity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Quantity>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Rebuild {
    /// From the beginning of an attempt to its completion.
    pub deadline: Duration,
    /// How long without progress is reported.
    pub stall: Duration,
    /// Propose one more farmer when the estimate exceeds this.
    pub add_farmers_when_eta_exceeds: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Argocd {
    /// The Application's name; by default the system's.
    pub application: Option<String>,
    pub namespace: String,
}

/// How the nodes are asked, and what their answers mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Admin {
    pub port: u16,
    pub via: Via,
    pub aa_status: Query,
    pub rebuild_status: Probe,
    /// The signal that the history update has ended.
    pub history: Option<Probe>,
    /// The signal that the caches were propagated.
    pub propagation: Option<Probe>,
    pub trigger: Command,
    pub propagate: Command,
    /// This program, for the Jobs.
    pub client_image: String,
}

/// The way to a node's admin port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// The API server's pod proxy.
    #[default]
    Proxy,
    PortForward,
    /// A URL reachable from here.
    Url,
    /// A command run here.
    Command,
}

/// How one answer is asked for. `{system}`, `{namespace}`, `{cluster}`, `{node}` and `{port}` are replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Query {
    /// Instead of `admin.via`.
    pub via: Option<Via>,
    pub path: Option<String>,
    /// With `via: url`: what stands before the path, e.g. `http://{node}.example.com:{port}`.
    pub url: Option<String>,
    /// With `via: command`.
    pub command: Option<Vec<String>>,
}

/// How an answer with a state is asked for and read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Probe {
    pub via: Option<Via>,
    pub path: Option<String>,
    pub url: Option<String>,
    pub command: Option<Vec<String>>,
    pub fields: Fields,
    pub states: States,
}

/// Where each field of an answer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Fields {
    pub state: Option<Field>,
    /// 0 to 100.
    pub percent: Option<Field>,
    /// RFC 3339, or seconds or milliseconds since 1970.
    pub started_at: Option<Field>,
    /// The run the answer is about: `7`, or `7-2` with its attempt.
    pub run: Option<Field>,
    pub error: Option<Field>,
}

/// A JSON Pointer (RFC 6901) into the answer, or a regular expression with one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", untagged)]
pub enum Field {
    Pointer(String),
    Regex { regex: String },
}

/// The state words, each in the list of what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct States {
    pub running: Vec<String>,
    pub complete: Vec<String>,
    pub failed: Vec<String>,
    pub not_needed: Vec<String>,
}

/// A command that changes something: run by a Job, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Command {
    /// `{forced}`, `{run}`, `{attempt}`, `{system}` are replaced.
    pub path: String,
    /// `synchronizer`, or the host name of a node.
    #[serde(default = "to_synchronizer")]
    pub to: String,
    /// What the answer must contain.
    #[serde(default)]
    pub expect: Option<String>,
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
fn to_synchronizer() -> String {
    "synchronizer".to_owned()
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

impl Default for Fields {
    fn default() -> Self {
        let pointer = |name: &str| Some(Field::Pointer(format!("/{name}")));
        Fields {
            state: pointer("state"),
            percent: pointer("percent"),
            started_at: pointer("startedAt"),
            run: None,
            error: pointer("error"),
        }
    }
}

impl Default for States {
    fn default() -> Self {
        let word = |word: &str| vec![word.to_owned()];
        States {
            running: word("RUNNING"),
            complete: word("COMPLETE"),
            failed: word("FAILED"),
            not_needed: Vec::new(),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        let path = |path: &str| Some(path.to_owned());
        let command =
            |path: &str| Command { path: path.to_owned(), to: to_synchronizer(), expect: None };
        Admin {
            port: 9100,
            via: Via::default(),
            aa_status: Query { path: path("/.admin?cmd=aaStatus"), ..Query::default() },
            rebuild_status: Probe {
                path: path(
                    "/.admin?cmd=rebuildStatus&CMD_CENTER_CSRF_TOKEN=&format=JSON&template=",
                ),
                ..Probe::default()
            },
            history: None,
            propagation: None,
            trigger: command("/.admin?cmd=startRebuild&force={forced}&run={run}&attempt={attempt}"),
            propagate: command("/.admin?cmd=propagateCaches&run={run}&attempt={attempt}"),
            client_image: concat!("ghcr.io/dcr-gitops/dcr-gitops:", env!("CARGO_PKG_VERSION"))
                .to_owned(),
        }
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
