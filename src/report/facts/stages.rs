//! The way of a run so far, phase by phase, as the base branch's history tells it.
use jiff::Timestamp;
use serde::Serialize;

use super::super::terminal::moment;
use super::Account;
use crate::run::Phase;

/// One phase (or one attempt of it), from the commit it began with to the next one's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    pub phase: Phase,
    pub attempt: u32,
    pub farmers: u32,
    /// To the second, UTC, without a zone: what Mermaid reads.
    pub from: String,
    pub to: String,
    /// The run is in it.
    pub going: bool,
}

/// The stages of the run, the oldest first. A step that only adds farmers begins none. The last one ends
/// with the look, unless the run is over.
pub fn stages(account: &Account<'_>) -> Vec<Stage> {
    let Some(run) = account.run() else { return Vec::new() };
    let mut landed: Vec<_> = account.landed(run).collect();
    landed.sort_by_key(|landed| (landed.step, landed.at));
    landed.dedup_by_key(|landed| (landed.phase, landed.attempt));
    let over = matches!(account.decision, crate::run::Decision::Finished(_));
    let ends = landed.iter().skip(1).map(|next| next.at);
    let ends = ends.chain([account.seen.at]);
    let last = landed.len();
    let stages = landed.iter().zip(ends).enumerate();
    let stages = stages.filter(|(at, _)| !(over && at + 1 == last));
    let stages = stages.map(|(at, (landed, to))| Stage {
        phase: landed.phase,
        attempt: landed.attempt,
        farmers: landed.farmers,
        from: bare(landed.at),
        // A commit's date is whatever its maker's clock said.
        to: bare(to.max(landed.at)),
        going: at + 1 == last,
    });
    stages.collect()
}

fn bare(at: Timestamp) -> String {
    moment(at).trim_end_matches('Z').to_owned()
}
