//! What earlier looks noted: it helps estimates and bounds a deadline from before, and decides nothing else.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The memory of a system's watcher. Losing it loses an estimate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Journal {
    /// When an attempt of the rebuild was first seen on the base or in the cluster.
    pub attempts: Vec<AttemptSeen>,
    /// Progress of the rebuild, the oldest first.
    pub samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttemptSeen {
    pub run: u32,
    pub attempt: u32,
    pub first_seen: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sample {
    pub run: u32,
    pub attempt: u32,
    pub at: Timestamp,
    /// 0 to 100.
    pub percent: f64,
}
