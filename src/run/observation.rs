//! All that a decision is made from, as plain values: what `status -o json` writes as `observed` and
//! `--observed FILE` replays.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::argocd::ApplicationView;
use super::cluster::ClusterView;
use super::deployment::Deployment;
use super::express::Admin;
use super::journal::Journal;
use super::review::Review;

/// One look at one system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observation {
    /// When the look was taken. The only "now" a decision knows.
    pub at: Timestamp,
    pub deployment: Deployment,
    pub world: World,
}

/// What was seen outside the deployment repo: the part `--observed FILE` replaces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct World {
    pub cluster: ClusterView,
    /// `None`: no Application is looked at.
    #[serde(default)]
    pub application: Option<ApplicationView>,
    #[serde(default)]
    pub admin: Admin,
    #[serde(default)]
    pub review: Review,
    #[serde(default)]
    pub journal: Journal,
}
