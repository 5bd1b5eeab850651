//! How far a run is: the deadline that never moves, the share that is done, and when the rest may be.
mod estimate;
mod standstill;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gate::began;
use super::journal::{Journal, sample};
use super::{Kind, Observation, Phase, Record};

pub use estimate::{Estimate, estimate};
pub use standstill::{Standstill, standstill};

/// Facts about how far the run on the base is; absent ones are `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Of the rebuild, 0 to 100.
    pub percent: Option<f64>,
    /// When the rebuild is estimated to be complete.
    pub eta: Option<Timestamp>,
    pub farmers_ready: Option<u32>,
    /// How many the base branch asks for now.
    pub farmers: Option<u32>,
}

/// The end of the time this attempt of the rebuild has: `rebuild.deadline` after its earliest known
/// moment. Whoever restarts what, that moment doesn't move later.
pub fn deadline(seen: &Observation) -> Option<Timestamp> {
    let record = rebuilding(seen)?;
    began(seen, record)?.checked_add(seen.deployment.inputs.rebuild.deadline.signed()).ok()
}

/// What can be said of the run on the base; `None` where none is on.
pub fn progress(seen: &Observation) -> Option<Progress> {
    let record = seen.deployment.record.as_ref()?;
    let farmers = record.kind == Kind::Rebuild;
    let set = seen.deployment.system.farmer_set();
    let wanted = seen
        .deployment
        .wanted
        .iter()
        .find(|wanted| wanted.kind == "StatefulSet" && wanted.name == set);
    let ready = seen.world.cluster.seen().map(|cluster| {
        let ours = cluster
            .pods
            .iter()
            .filter(|pod| pod.component == "farmer" && pod.run == Some(record.run));
        ours.filter(|pod| pod.ready && !pod.terminating).count() as u32
    });
    Some(Progress {
        percent: rebuilding(seen).and_then(|record| percent(seen, record)),
        eta: estimate(seen).map(|estimate| estimate.complete),
        farmers_ready: ready.filter(|_| farmers),
        farmers: wanted.and_then(|wanted| wanted.replicas),
    })
}

/// How far the rebuild is, if a node says so now: once reached, a percentage stands until it goes back.
fn percent(seen: &Observation, record: &Record) -> Option<f64> {
    let now = sample(seen, record)?.percent;
    let furthest = Journal::with(seen).attempt(record)?.furthest;
    Some(furthest.map_or(now, |furthest| furthest.percent.max(now)))
}

/// How far the rebuild had been when it went back, and since when; while it hasn't made up for it.
pub fn went_back(seen: &Observation) -> Option<WentBack> {
    let record = rebuilding(seen)?;
    let journal = Journal::with(seen);
    let noted = journal.attempt(record)?;
    let (before, now) = (noted.went_back?, noted.furthest?);
    Some(WentBack { since: before.since, from: before.percent, now: now.percent })
}

/// A rebuild that lost work: it was restarted, or has begun anew by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WentBack {
    pub since: Timestamp,
    /// The furthest it had been (percent).
    pub from: f64,
    /// The furthest it has been since (percent).
    pub now: f64,
}

/// The record of the run on the base, while that is rebuilding.
fn rebuilding(seen: &Observation) -> Option<&Record> {
    seen.deployment.record.as_ref().filter(|record| record.phase == Phase::Rebuild)
}
