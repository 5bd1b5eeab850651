//! Whether a rebuild stands still: no progress over `rebuild.stall` of time that somebody watched it. What
//! happened while nobody looked, or nobody answered, isn't held against it.
use jiff::{SignedDuration, Timestamp};

use super::rebuilding;
use crate::run::Observation;
use crate::run::journal::{Journal, Stretch};

/// A rebuild that makes no progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standstill {
    /// When it was first seen to be as far as it is.
    pub since: Timestamp,
    /// 0 to 100.
    pub percent: f64,
    /// How much of the time since then was watched.
    pub watched: SignedDuration,
}

/// The standstill, once it has lasted for `rebuild.stall`.
pub fn standstill(seen: &Observation) -> Option<Standstill> {
    let record = rebuilding(seen)?;
    let journal = Journal::with(seen);
    let furthest = journal.attempt(record)?.furthest?;
    let watched = watched(&journal.answered, furthest.since);
    let lasts =
        furthest.percent < 100.0 && watched >= seen.deployment.inputs.rebuild.stall.signed();
    lasts.then_some(Standstill { since: furthest.since, percent: furthest.percent, watched })
}

/// How long these stretches are from `since` on.
fn watched(stretches: &[Stretch], since: Timestamp) -> SignedDuration {
    let lengths = stretches.iter().map(|stretch| {
        stretch.to.duration_since(stretch.from.max(since)).max(SignedDuration::ZERO)
    });
    lengths.fold(SignedDuration::ZERO, SignedDuration::saturating_add)
}
