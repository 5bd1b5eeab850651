//! `decide`: from one observation and one request to the one thing to do.
//!
//! What holds for every answer, whatever was seen (the tests in `tests/it/decision.rs` walk it):
//!
//! - At most one step is proposed, and it is the next phase of the run on the base, another attempt of
//!   its phase, more farmers in its phase, or its teardown: no phase is ever skipped.
//! - A step is proposed, or made again on a base that changed under it, only when every gate before it is
//!   met, or a person said why it needn't be.
//!   What couldn't be seen counts as not met. Only a first step (no run to harm), a person's abort, a
//!   synchronizer taken down again, and more farmers in the same phase need no gate.
//! - A halt outlives everything but `retry`, `abort` and its own cause.
//! - While a step waits for review no other is proposed, unless it supersedes it: an abort does, and a
//!   phase that falls due does over a `scale`.
//! - A branch that isn't ours is never replaced.
//! - Where requests should have been seen and weren't, nothing is proposed but a person's abort.
//! - The same observation and request give the same decision. The time is `Observation::at`.
mod lost;
mod moves;
mod phases;
mod reinforce;
mod review;

use serde::Serialize;
use thiserror::Error;

use super::deployment::{Action, Intent, StepBranch, StepContent};
use super::express::ProbeState;
use super::gate::{self, Checked};
use super::position::{Declined, Missing, Open, Position, next_attempt};
use super::review::ReviewState;
use super::{
    Gate, Kind, Observation, Outcome, Phase, Place, Record, Request, Step, Unmet, Verdict,
};

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Make this commit, or find it made.
    Propose(Box<Step>),
    /// Take an unmerged first step back: close its request, delete its branch. No commit.
    Withdraw(StepBranch),
    /// Look again later.
    Wait(Vec<Unmet>),
    /// A person must look.
    Halt(Halt),
    /// The last run is over and nothing of it is live, or nothing is left to do.
    Finished(String),
    /// No run is on that would go on by itself.
    Idle(String),
}

/// Why a run doesn't go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Halt {
    /// The gate that failed, if it was one.
    pub gate: Option<Gate>,
    pub message: String,
    pub hint: Option<String>,
}

/// A request that makes no sense where the run stands.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refused {
    pub message: String,
    pub hint: Option<String>,
}

/// Decides. Total and pure.
pub fn decide(seen: &Observation, asked: &Request) -> Result<Decision, Refused> {
    let decision = with_what_was_seen(seen, asked)?;
    // A request that couldn't be read may say that the step was turned down. A person's abort goes on.
    match (&decision, &seen.world.review.unseen) {
        (Decision::Propose(_), Some(why)) if !matches!(asked, Request::Abort { .. }) => {
            let message = format!("whether the step is in review can't be seen: {why}");
            Ok(wait(Gate::Review, &message, None))
        }
        _ => Ok(decision),
    }
}

fn with_what_was_seen(seen: &Observation, asked: &Request) -> Result<Decision, Refused> {
    let at = Position::of(seen);
    let empty = at.open.filter(|open| open.branch.content == StepContent::Empty);
    // An abort replaces the branch, or takes it back.
    let Some(empty) = empty.filter(|_| !matches!(asked, Request::Abort { .. })) else {
        return Look { seen, at }.answer(asked);
    };
    // A branch that was created, but doesn't hold its step yet: as if it weren't there, and then in its
    // place.
    let at = Position { open: None, declined: None, ..at };
    Ok(match (Look { seen, at }).answer(asked)? {
        Decision::Propose(step) => {
            let place = Place::Replace(empty.branch.clone());
            Decision::Propose(Box::new(Step { place, ..*step }))
        }
        other => other,
    })
}

/// Every step still to come if all goes well: the open or proposed one first, then each phase after it as
/// if every gate were met in turn. Nothing where the run doesn't go on by itself.
pub fn course(seen: &Observation, asked: &Request) -> Result<Vec<Step>, Refused> {
    let look = Look { seen, at: Position::of(seen) };
    let first = match decide(seen, asked)? {
        Decision::Propose(step) => Some(*step),
        Decision::Wait(_) => match (&look.at.open, look.record()) {
            (Some(open), _) if open.branch.content != StepContent::Empty => {
                match look.adopt(open) {
                    Decision::Propose(step) => Some(*step),
                    _ => None,
                }
            }
            (_, Some(record)) if look.at.missing.is_none() => look.following(record, look.at.step),
            _ => None,
        },
        _ => None,
    };
    Ok(std::iter::successors(first, |step| after(seen, step)).collect())
}

/// The step that comes after `step` if all goes well; none after a teardown, or where only a person goes on.
pub fn after(seen: &Observation, step: &Step) -> Option<Step> {
    let look = Look { seen, at: Position::of(seen) };
    look.following(&step.record, step.record.step.checked_add(1)?)
}

/// The step of ours that waits for review, as it would be proposed now; none where it doesn't follow from what
/// is on the base.
pub fn in_review(seen: &Observation) -> Option<Step> {
    let look = Look { seen, at: Position::of(seen) };
    match look.adopt(look.at.open.as_ref()?) {
        Decision::Propose(step) => Some(*step),
        _ => None,
    }
}

/// One look, with the position read from it.
struct Look<'a> {
    seen: &'a Observation,
    at: Position<'a>,
}

impl Look<'_> {
    fn answer(&self, asked: &Request) -> Result<Decision, Refused> {
        match asked {
            Request::Observe => Ok(self.observe(None)),
            Request::Next { forced, ticket, skip_gate } => {
                Ok(self.next(*forced, ticket.as_deref(), skip_gate.as_deref()))
            }
            Request::Scale { farmers } => self.scale(*farmers),
            Request::Retry => Ok(self.retry()),
            Request::Abort { reason } => Ok(self.abort(reason)),
            Request::Synchronizer { up: true, ticket } => self.synchronizer_up(ticket.as_deref()),
            Request::Synchronizer { up: false, .. } => self.synchronizer_down(),
        }
    }

    fn record(&self) -> Option<&Record> {
        self.seen.deployment.record.as_ref()
    }

    /// The phase on the base.
    fn phase(&self) -> Option<Phase> {
        self.record().map(|record| record.phase)
    }
}

fn wait(gate: Gate, message: &str, hint: Option<&str>) -> Decision {
    let hint = hint.map(str::to_owned);
    Decision::Wait(vec![Unmet { gate, message: message.to_owned(), hint, since: None }])
}
