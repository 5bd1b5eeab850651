//! The controllers of the embedded cluster: one file for each.
mod admission;
mod claims;
pub(super) mod defaults;
mod disruption_budget;
mod events;
mod garbage;
mod job;
mod kubelet;
mod scheduler;
mod stateful_set;

use std::collections::HashMap;

use jiff::Timestamp;

pub(super) use self::garbage::FOREGROUND;
use super::store::Key;

/// What controllers know that stands in no object.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Events already written, by what they say: the next one like it is counted.
    events: HashMap<String, Key>,
    /// Owners whose pods couldn't be created: how often, and when it is tried again. By UID.
    creation: HashMap<String, Backoff>,
    /// What a budget was last worked out from. By UID.
    budgets: HashMap<String, String>,
    /// Nodes and addresses given out.
    pods_placed: u32,
    addresses: u32,
}

#[derive(Debug, Clone, Copy)]
struct Backoff {
    failures: u32,
    until: Timestamp,
}
