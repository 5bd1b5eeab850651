//! The phases of a run, their order, their gates and the words people read for them.
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A distributed cache rebuild, from the history update to the teardown.
    Rebuild,
    /// A dynamic synchronizer on its own, until somebody takes it down.
    Synchronizer,
}

/// One phase of a run; each begins with one reviewed commit and ends when its gates are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    HistoryUpdate,
    FarmUp,
    Rebuild,
    Propagate,
    Synchronizer,
    Teardown,
}

/// What has to hold before the next step: of a phase, of a first step, or of an open one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The open step is merged.
    Review,
    /// What the base branch says is what is live, and nothing else of the run is.
    Applied,
    /// Enough nodes of the farm are ready.
    Nodes,
    /// The history update has ended, where a signal for it is configured.
    History,
    /// This attempt of the rebuild is complete and the synchronizer holds its result.
    Rebuild,
    /// Every frontend has the synchronizer's cache.
    Propagated,
    /// Nothing of the run is live, pods and volume claims included.
    Gone,
    /// The cluster has room for the run (`maxRunsPerCluster`): before its first step, and again before the
    /// rest of its farm comes up.
    Capacity,
    /// Nothing of an earlier run of this system is live.
    Leftovers,
}

impl Kind {
    /// The phase a run of this kind begins with.
    pub fn first_phase(self) -> Phase {
        match self {
            Kind::Rebuild => Phase::HistoryUpdate,
            Kind::Synchronizer => Phase::Synchronizer,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Rebuild => "rebuild",
            Kind::Synchronizer => "synchronizer",
        }
    }
}

impl Phase {
    pub const ALL: [Phase; 6] = [
        Phase::HistoryUpdate,
        Phase::FarmUp,
        Phase::Rebuild,
        Phase::Propagate,
        Phase::Synchronizer,
        Phase::Teardown,
    ];

    /// The phase that follows once this one's gates are met; none after the teardown.
    pub fn next(self) -> Option<Phase> {
        match self {
            Phase::HistoryUpdate => Some(Phase::FarmUp),
            Phase::FarmUp => Some(Phase::Rebuild),
            Phase::Rebuild => Some(Phase::Propagate),
            Phase::Propagate | Phase::Synchronizer => Some(Phase::Teardown),
            Phase::Teardown => None,
        }
    }

    /// The gates that end this phase, in the order a person wants to read them.
    pub fn gates(self) -> &'static [Gate] {
        match self {
            Phase::HistoryUpdate => &[Gate::Applied, Gate::Nodes, Gate::Capacity, Gate::History],
            Phase::FarmUp | Phase::Synchronizer => &[Gate::Applied, Gate::Nodes],
            Phase::Rebuild => &[Gate::Applied, Gate::Rebuild],
            Phase::Propagate => &[Gate::Applied, Gate::Propagated],
            Phase::Teardown => &[Gate::Gone],
        }
    }

    /// Whether a person may ask for another attempt of this phase.
    pub fn has_attempts(self) -> bool {
        matches!(self, Phase::Rebuild | Phase::Propagate)
    }

    /// Whether farmers may be added while the run is in this phase.
    pub fn may_scale(self) -> bool {
        matches!(self, Phase::FarmUp | Phase::Rebuild)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Phase::HistoryUpdate => "history-update",
            Phase::FarmUp => "farm-up",
            Phase::Rebuild => "rebuild",
            Phase::Propagate => "propagate",
            Phase::Synchronizer => "synchronizer",
            Phase::Teardown => "teardown",
        }
    }

    /// What the phase's commit does, as it stands in the commit's title.
    pub fn title(self) -> &'static str {
        match self {
            Phase::HistoryUpdate => "Starting DCR Farm History Update",
            Phase::FarmUp => "Bringing up the rest of the nodes",
            Phase::Rebuild => "Triggering the distributed cache rebuild",
            Phase::Propagate => "Propagating caches",
            Phase::Synchronizer => "Bringing up a dynamic synchronizer",
            Phase::Teardown => "Tearing down the DCR farm",
        }
    }
}

impl Gate {
    pub fn as_str(self) -> &'static str {
        match self {
            Gate::Review => "review",
            Gate::Applied => "applied",
            Gate::Nodes => "nodes",
            Gate::History => "history",
            Gate::Rebuild => "rebuild",
            Gate::Propagated => "propagated",
            Gate::Gone => "gone",
            Gate::Capacity => "capacity",
            Gate::Leftovers => "leftovers",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
