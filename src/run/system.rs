//! Which Express instance is meant: cluster, namespace and system, and the names derived from them.
use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest a system's name may be, in bytes: the longest name derived from it (a pod of a Job,
/// `<system>-dcr-propagate-<run>-<attempt>`) has to stay a DNS-1123 label of at most 63.
pub const MAX_SYSTEM_NAME: usize = 41;

/// One system, by its three parts. Displayed, and accepted on the command line, as
/// `cluster/namespace/system`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemRef {
    pub cluster: String,
    pub namespace: String,
    pub system: String,
}

impl fmt::Display for SystemRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster, self.namespace, self.system)
    }
}

impl SystemRef {
    /// What a person types to have what is halted tried again, as it stands in a hint.
    pub fn retry(&self) -> String {
        format!("`dcr-gitops retry {}`", self.as_argument())
    }

    /// What a person types to end the run.
    pub fn abort(&self) -> String {
        format!("`dcr-gitops abort {} --reason TEXT`", self.as_argument())
    }

    /// The name as a shell takes it: a cluster's is whatever its folder is called.
    fn as_argument(&self) -> String {
        let name = self.to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        match name.chars().all(plain) && !name.starts_with('-') {
            true => name,
            false => format!("'{}'", name.replace('\'', r"'\''")),
        }
    }

    /// The StatefulSet, headless Service and PodDisruptionBudget of the synchronizer.
    pub fn synchronizer_set(&self) -> String {
        format!("{}-dcr-sync", self.system)
    }

    /// The synchronizer's only pod.
    pub fn synchronizer_pod(&self) -> String {
        format!("{}-0", self.synchronizer_set())
    }

    /// The StatefulSet, headless Service and PodDisruptionBudget of the farmers.
    pub fn farmer_set(&self) -> String {
        format!("{}-dcr-farmer", self.system)
    }

    /// The Job that triggers attempt `attempt` of the rebuild of run `run`.
    pub fn trigger_job(&self, run: u32, attempt: u32) -> String {
        format!("{}-dcr-trigger-{run}-{attempt}", self.system)
    }

    /// The Job that propagates the caches in run `run`, attempt `attempt`.
    pub fn propagate_job(&self, run: u32, attempt: u32) -> String {
        format!("{}-dcr-propagate-{run}-{attempt}", self.system)
    }

    /// The ConfigMap that holds the run record.
    pub fn run_record(&self) -> String {
        format!("{}-dcr-run", self.system)
    }

    /// The classic frontends of a system that only says how many it has.
    pub fn frontend(&self, number: u32) -> String {
        format!("{}-fe{number}", self.system)
    }
}
