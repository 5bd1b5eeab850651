//! When the phases of the run on the base began and ended, read from the base's own history.
use jiff::Timestamp;
use serde::Serialize;

use super::{Observation, Phase};

/// One phase of a run in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseSpan {
    pub phase: Phase,
    /// When its first commit landed on the base; `None` while it is still to come, or where the history
    /// that is known here doesn't reach back so far.
    pub began: Option<Timestamp>,
    /// When the phase after it landed.
    pub ended: Option<Timestamp>,
    pub state: SpanState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpanState {
    /// Behind the run.
    Done,
    /// Where the base is.
    Now,
    ToCome,
    /// Passed over by an abort.
    LeftOut,
}

/// The phases of the run on the base in their order, or of the last one there was. Nothing where there never
/// was one.
pub fn spans(seen: &Observation) -> Vec<PhaseSpan> {
    let deployment = &seen.deployment;
    let record = deployment.record.as_ref().map(|record| (record.run, record.kind, record.phase));
    let last = deployment.last_run.as_ref().map(|last| (last.run, last.kind, Phase::Teardown));
    let Some((run, kind, now)) = record.or(last) else { return Vec::new() };
    let landed = |phase| {
        let of_phase = deployment.history.landed.iter();
        let of_phase = of_phase.filter(move |landed| landed.run == run && landed.phase == phase);
        of_phase.map(|landed| landed.at).min()
    };
    let phases: Vec<Phase> =
        std::iter::successors(Some(kind.first_phase()), |phase| phase.next()).collect();
    let current = phases.iter().position(|phase| *phase == now);
    let began: Vec<Option<Timestamp>> = phases.iter().map(|phase| landed(*phase)).collect();
    let aborted = now == Phase::Teardown;
    let span = |(place, phase): (usize, &Phase)| {
        let state = match current {
            Some(current) if place == current => SpanState::Now,
            Some(current) if place > current => SpanState::ToCome,
            _ if aborted && began[place].is_none() && !deployment.history.truncated => {
                SpanState::LeftOut
            }
            _ => SpanState::Done,
        };
        let ended = began.iter().skip(place + 1).flatten().next().copied();
        PhaseSpan { phase: *phase, began: began[place], ended, state }
    };
    phases.iter().enumerate().map(span).collect()
}
