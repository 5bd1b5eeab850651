//! `dcr-gitops.yaml`: what holds for the whole deployment repo.
use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Duration, Inputs, SystemsPattern};
use crate::run::Phase;

/// The settings of a deployment repo, every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// Always `dcr-gitops/v1`.
    pub api_version: ApiVersion,
    /// Where the inputs of the systems are; the captures name cluster, namespace and system.
    pub systems: SystemsPattern,
    /// The base branch.
    pub branch: String,
    /// The git remote; if there is none of this name, the only one there is.
    pub remote: String,
    /// Where a cluster's kubeconfig context isn't just its name.
    pub clusters: BTreeMap<String, ClusterSettings>,
    /// `builtin`, or a folder of this repo with templates of one's own.
    pub templates: String,
    pub wiring: Wiring,
    /// How many runs may be on in one cluster at a time.
    pub max_runs_per_cluster: u32,
    /// `required` or `auto`, per phase; `default` for the others.
    pub review: ReviewSettings,
    /// How long each gate may take before it is reported once.
    pub attention: Attention,
    pub github: GithubSettings,
    /// Absent: no ticket.
    pub jira: Option<JiraSettings>,
    /// Called at every look of the watcher. Absent: none.
    pub heartbeat: Option<Heartbeat>,
    /// Any key of `dcr.yaml`, for every system.
    #[schemars(with = "Inputs")]
    pub defaults: Map<String, Value>,
}

/// The version of both files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    #[default]
    #[serde(rename = "dcr-gitops/v1")]
    V1,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ClusterSettings {
    /// The kubeconfig context; by default the cluster's name.
    pub context: Option<String>,
    pub argocd: ClusterArgocd,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ClusterArgocd {
    /// The kubeconfig context of the cluster Argo CD runs in; by default the cluster's own.
    pub context: Option<String>,
}

/// How Argo CD sees `dcr/`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wiring {
    /// A directory source that recurses.
    #[default]
    Directory,
    /// One entry in the parent's `kustomization.yaml`.
    Kustomize,
}

/// How a phase's request is merged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewMode {
    /// By a person.
    #[default]
    Required,
    /// As soon as the review platform's rules are met.
    Auto,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ReviewSettings {
    pub default: ReviewMode,
    pub history_update: Option<ReviewMode>,
    pub farm_up: Option<ReviewMode>,
    pub rebuild: Option<ReviewMode>,
    pub propagate: Option<ReviewMode>,
    pub synchronizer: Option<ReviewMode>,
    pub teardown: Option<ReviewMode>,
}

/// How long a gate may take before somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Attention {
    pub review: Duration,
    pub applied: Duration,
    pub nodes: Duration,
    pub history: Duration,
    pub propagated: Duration,
    pub gone: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct GithubSettings {
    pub commits: CommitsVia,
    pub labels: Vec<String>,
    pub reviewers: Vec<String>,
    pub team_reviewers: Vec<String>,
    pub draft: bool,
}

/// Who makes the commits that are proposed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CommitsVia {
    /// Made here, pushed with git.
    #[default]
    Git,
    /// Made by GitHub (`createCommitOnBranch`).
    Api,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JiraSettings {
    pub url: String,
    #[serde(default)]
    pub kind: JiraKind,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JiraKind {
    #[default]
    Datacenter,
    Cloud,
}

/// Its URL often holds a key, so it isn't shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Heartbeat {
    pub url: String,
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heartbeat { url: … }")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            api_version: ApiVersion::V1,
            systems: SystemsPattern::default(),
            branch: "main".to_owned(),
            remote: "origin".to_owned(),
            clusters: BTreeMap::new(),
            templates: "builtin".to_owned(),
            wiring: Wiring::default(),
            max_runs_per_cluster: 3,
            review: ReviewSettings::default(),
            attention: Attention::default(),
            github: GithubSettings::default(),
            jira: None,
            heartbeat: None,
            defaults: Map::new(),
        }
    }
}

impl Default for Attention {
    fn default() -> Self {
        Attention {
            review: Duration::hours(8),
            applied: Duration::minutes(30),
            nodes: Duration::hours(2),
            history: Duration::hours(24),
            propagated: Duration::hours(4),
            gone: Duration::hours(1),
        }
    }
}

impl Default for GithubSettings {
    fn default() -> Self {
        GithubSettings {
            commits: CommitsVia::default(),
            labels: vec!["dcr".to_owned()],
            reviewers: Vec::new(),
            team_reviewers: Vec::new(),
            draft: false,
        }
    }
}

impl ReviewSettings {
    /// How the request of a step into `phase` is merged.
    pub fn of(&self, phase: Phase) -> ReviewMode {
        match phase {
            Phase::HistoryUpdate => self.history_update,
            Phase::FarmUp => self.farm_up,
            Phase::Rebuild => self.rebuild,
            Phase::Propagate => self.propagate,
            Phase::Synchronizer => self.synchronizer,
            Phase::Teardown => self.teardown,
        }
        .unwrap_or(self.default)
    }
}
