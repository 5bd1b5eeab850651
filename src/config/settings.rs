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
    /// How Argo CD sees `dcr/`.
    pub wiring: Wiring,
    /// How many runs may be on in one cluster at a time.
    #[schemars(range(min = 1))]
    pub max_runs_per_cluster: u32,
    /// `required` or `auto`, per phase; `default` for the others.
    pub review: ReviewSettings,
    /// How long each gate may take before it is reported once.
    pub attention: Attention,
    /// What pull requests are made with.
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
    /// Where the Argo CD is that deploys to the cluster.
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
    /// For the phases that say nothing.
    pub default: ReviewMode,
    /// For the phase that starts the farm and its history update.
    pub history_update: Option<ReviewMode>,
    /// For the phase that brings up the rest of the nodes.
    pub farm_up: Option<ReviewMode>,
    /// For the phase that triggers the rebuild.
    pub rebuild: Option<ReviewMode>,
    /// For the phase that propagates the caches.
    pub propagate: Option<ReviewMode>,
    /// For the phase that brings up a synchronizer alone.
    pub synchronizer: Option<ReviewMode>,
    /// For the phase that removes all of it.
    pub teardown: Option<ReviewMode>,
}

/// How long a gate may take before somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Attention {
    /// The step is merged.
    pub review: Duration,
    /// What is merged is live.
    pub applied: Duration,
    /// Enough nodes are ready.
    pub nodes: Duration,
    /// The history update has ended.
    pub history: Duration,
    /// Every frontend has the new cache.
    pub propagated: Duration,
    /// Nothing of the run is left.
    pub gone: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct GithubSettings {
    /// Who makes the commits.
    pub commits: CommitsVia,
    /// Put on every pull request.
    pub labels: Vec<String>,
    /// Users who are asked for a review.
    pub reviewers: Vec<String>,
    /// Teams who are asked for a review, by their slug.
    pub team_reviewers: Vec<String>,
    /// Whether pull requests are opened as drafts.
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
    /// Where it is, without user name and password.
    #[schemars(regex(pattern = "^https?://"))]
    pub url: String,
    /// Which product it is.
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
    /// What is called.
    #[schemars(regex(pattern = "^https?://"))]
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

impl Settings {
    /// The kubeconfig context of a cluster.
    pub fn context<'a>(&'a self, cluster: &'a str) -> &'a str {
        let settings = self.clusters.get(cluster);
        settings.and_then(|settings| settings.context.as_deref()).unwrap_or(cluster)
    }

    /// The kubeconfig context of the cluster its Argo CD runs in.
    pub fn argocd_context<'a>(&'a self, cluster: &'a str) -> &'a str {
        let settings = self.clusters.get(cluster);
        settings
            .and_then(|settings| settings.argocd.context.as_deref())
            .unwrap_or_else(|| self.context(cluster))
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
