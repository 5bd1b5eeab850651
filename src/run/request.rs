//! What is asked of a run, by a person or by the watcher.
use serde::{Deserialize, Serialize};

/// One request. A flag that wasn't given is `None`: "as it is".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// Say where the run stands and what falls due. Never starts a run.
    Observe,
    /// Propose the next phase; without a run, start one.
    Next { forced: Option<bool>, ticket: Option<String>, skip_gate: Option<String> },
    /// Have this many farmers.
    Scale { farmers: u32 },
    /// A new attempt of a halted phase, or its declined or lost step again.
    Retry,
    /// The teardown now.
    Abort { reason: String },
    /// A dynamic synchronizer on its own: up, or down again.
    Synchronizer { up: bool, ticket: Option<String> },
}
