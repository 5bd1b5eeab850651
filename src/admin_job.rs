//! What a Job that runs `dcr-gitops admin trigger|propagate` is told: the one environment variable of its container.
use serde::{Deserialize, Serialize};

use crate::config::{Fields, States};

/// The environment variable that holds an [`AdminJob`] as compact JSON.
pub const VARIABLE: &str = "DCR_ADMIN_JOB";

/// One admin command of one attempt, and how to find out whether it may be sent.
///
/// It is fixed when the Job is rendered, so that a Job which is created again by hand, by self-heal or
/// from a backup asks the same questions about the same attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdminJob {
    pub cluster: String,
    pub system: String,
    pub namespace: String,
    pub run: u32,
    /// The attempt of the phase this Job belongs to, from 1.
    pub attempt: u32,
    pub forced: bool,
    /// For `propagate`: the attempt of the rebuild that must be complete. `None` for `trigger`.
    pub rebuild_attempt: Option<u32>,
    /// Host name of the synchronizer within the namespace, `<pod>.<headless service>`.
    pub synchronizer: String,
    /// For `trigger`: host names of the frontends, which may remember an attempt that a new synchronizer
    /// can't know of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frontends: Vec<String>,
    /// Admin port of every node.
    pub port: u16,
    /// Path of the A/A status. Absent where it isn't read over HTTP; `propagate` always has it.
    pub aa_status: Option<String>,
    pub rebuild_status: StatusQuery,
    pub command: Order,
}

/// How the progress of the rebuild is asked for and read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusQuery {
    /// As configured; `{system}`, `{namespace}`, `{cluster}`, `{node}` and `{port}` are not replaced yet.
    pub path: String,
    pub fields: Fields,
    pub states: States,
}

/// The command that changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// As configured; `{forced}`, `{run}`, `{attempt}` and `{system}` are not replaced yet.
    pub path: String,
    /// `synchronizer`, or the host name of a node.
    pub to: String,
    /// What the answer must contain.
    pub expect: Option<String>,
}
