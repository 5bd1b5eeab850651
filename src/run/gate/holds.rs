//! Whether what let a step be proposed still holds while the step waits for review.
use super::{Verdict, verdict};
use crate::run::deployment::Action;
use crate::run::{Kind, Observation, Step};

/// What became of the gates before an open step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// They are met, and this was seen to show it.
    Yes(String),
    /// One isn't any more.
    No(String),
    /// One couldn't be looked at.
    Unseen(String),
    /// There were none, or a person said why they needn't be met.
    NoGate,
}

/// Looks again at the gates that `step`, which is open, was proposed behind.
pub fn holds(seen: &Observation, step: &Step) -> Holds {
    let record = seen.deployment.record.as_ref();
    // A synchronizer is taken down because somebody wants it.
    let gated = step.action == Action::Advance
        && step.record.kind == Kind::Rebuild
        && step.record.gate_skipped.is_none();
    let Some(record) = record.filter(|_| gated) else { return Holds::NoGate };
    let (mut facts, mut unseen) = (Vec::new(), None);
    for &gate in record.phase.gates() {
        match verdict(seen, gate) {
            Verdict::Met(fact) => facts.push(fact),
            Verdict::Unmet(why) | Verdict::Failed(why) => {
                return Holds::No(format!("{gate}: {}", why.message));
            }
            Verdict::Unknown(why) => unseen = Some(format!("{gate}: {}", why.message)),
        }
    }
    unseen.map_or_else(|| Holds::Yes(facts.join("; ")), Holds::Unseen)
}
