//! What a person is told of once although the run isn't halted: derived anew from every observation, so
//! that nothing which is owed depends on somebody having remembered it.
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::express::ProbeState;
use super::gate::{About, Concern, concerns, unmapped_word};
use super::progress::{standstill, went_back};
use super::{Decision, Gate, Observation, Unmet, Why};

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
    /// No progress of the rebuild over `rebuild.stall` of watched time.
    Stall,
    /// The rebuild went back: work is lost.
    Restart,
    /// The node that holds the rebuild isn't the one that it began on.
    Synchronizer,
    /// Argo CD doesn't apply what is committed, and won't by itself.
    Application,
    /// A node says a word that the inputs don't map.
    Word,
}

impl fmt::Display for AttentionClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            AttentionClass::Gate(gate) => gate.as_str(),
            AttentionClass::Stall => "stall",
            AttentionClass::Restart => "restart",
            AttentionClass::Synchronizer => "synchronizer",
            AttentionClass::Application => "application",
            AttentionClass::Word => "word",
        })
    }
}

/// All that calls for attention, given what was decided on the same observation, the weightiest first.
pub fn attentions(seen: &Observation, decision: &Decision) -> Vec<Attention> {
    if seen.deployment.record.is_none() && !matches!(decision, Decision::Wait(_)) {
        return Vec::new();
    }
    let mut all = Vec::new();
    all.extend(unmapped(seen));
    all.extend(concerns(seen).into_iter().map(of_concern));
    all.extend(restarted(seen));
    all.extend(stalled(seen));
    if let Decision::Wait(unmet) = decision {
        all.extend(unmet.iter().filter_map(|unmet| overdue(seen, unmet)));
    }
    all
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

/// A word outside the map, from any node that was asked: nobody knows what it means for the run.
fn unmapped(seen: &Observation) -> Option<Attention> {
    seen.deployment.record.as_ref()?;
    let admin = &seen.world.admin;
    let all = admin.rebuild.iter().map(|answer| (answer, "rebuildStatus"));
    let all = all.chain(admin.history.iter().map(|answer| (answer, "history")));
    let mut all = all.chain(admin.propagation.iter().map(|answer| (answer, "propagation")));
    let why = all.find_map(|(answer, name)| match &answer.state {
        ProbeState::Unmapped(word) => Some(unmapped_word(&answer.node, word, name)),
        _ => None,
    })?;
    Some(at_once(AttentionClass::Word, why))
}

/// What nothing mends by itself.
fn of_concern(Concern { about, why }: Concern) -> Attention {
    let class = match about {
        About::Application => AttentionClass::Application,
        About::Synchronizer => AttentionClass::Synchronizer,
    };
    at_once(class, why)
}

fn at_once(class: AttentionClass, why: Why) -> Attention {
    Attention { class, message: why.message, hint: why.hint, since: None }
}

fn restarted(seen: &Observation) -> Option<Attention> {
    let back = went_back(seen)?;
    Some(Attention {
        class: AttentionClass::Restart,
        // Word for word the same while it lasts.
        message: format!("the rebuild went back from {:.1} %: work is lost", back.from),
        hint: Some(
            "its synchronizer or its farmers may have lost what they had; the deadline stays as it is"
                .to_owned(),
        ),
        since: Some(back.since),
    })
}

fn stalled(seen: &Observation) -> Option<Attention> {
    let still = standstill(seen)?;
    let stall = seen.deployment.inputs.rebuild.stall;
    Some(Attention {
        class: AttentionClass::Stall,
        message: format!(
            "the rebuild stands still at {:.1} %: no progress over {stall} in which it was watched",
            still.percent
        ),
        hint: Some(format!(
            "look at the farm's logs; if it won't go on, run {} and start anew",
            seen.deployment.system.abort()
        )),
        since: Some(still.since),
    })
}
