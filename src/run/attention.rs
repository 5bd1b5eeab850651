//! What a person is told of once although the run isn't halted: derived anew from every observation, so
//! that nothing which is owed depends on somebody having remembered it.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Decision, Gate, Observation, Unmet};

/// Something that should reach an inbox. The same matter keeps its class while it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attention {
    pub class: AttentionClass,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Since when it has been so, where that is known.
    pub since: Option<Timestamp>,
}

/// What an [`Attention`] is about: one comment, edited rather than repeated, for each of them and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionClass {
    /// This gate has been waited for longer than `attention` in the settings allows.
    Gate(Gate),
}

/// All that calls for attention, given what was decided on the same observation.
pub fn attentions(seen: &Observation, decision: &Decision) -> Vec<Attention> {
    match decision {
        Decision::Wait(unmet) => unmet.iter().filter_map(|unmet| overdue(seen, unmet)).collect(),
        _ => Vec::new(),
    }
}

/// A gate that takes longer than it should. What isn't known to have begun isn't overdue; the rebuild has
/// its deadline instead, and room in a cluster comes when it comes.
fn overdue(seen: &Observation, unmet: &Unmet) -> Option<Attention> {
    let limits = &seen.deployment.policy.attention;
    let limit = match unmet.gate {
        Gate::Review => limits.review,
        Gate::Applied => limits.applied,
        Gate::Nodes => limits.nodes,
        Gate::History => limits.history,
        Gate::Propagated => limits.propagated,
        Gate::Gone | Gate::Leftovers => limits.gone,
        Gate::Rebuild | Gate::Capacity => return None,
    };
    let since = unmet.since?;
    (seen.at >= since.checked_add(limit.signed()).ok()?).then(|| Attention {
        class: AttentionClass::Gate(unmet.gate),
        message: unmet.message.clone(),
        hint: unmet.hint.clone(),
        since: Some(since),
    })
}
