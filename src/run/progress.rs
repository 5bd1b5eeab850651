//! How far a run is: the deadline that never moves, and the share that is done.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gate::{began, of_this_attempt};
use super::{Kind, Observation, Phase};

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
    let record = seen.deployment.record.as_ref().filter(|record| record.phase == Phase::Rebuild)?;
    began(seen, record)?.checked_add(seen.deployment.inputs.rebuild.deadline.signed()).ok()
}

/// What can be said of the run on the base; `None` where none is on.
pub fn progress(seen: &Observation) -> Option<Progress> {
    let record = seen.deployment.record.as_ref()?;
    let answers =
        seen.world.admin.rebuild.iter().filter(|answer| of_this_attempt(seen, record, answer));
    let percent = answers.filter_map(|answer| answer.percent).max_by(f64::total_cmp);
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
        percent: percent.filter(|_| record.phase == Phase::Rebuild),
        eta: None,
        farmers_ready: ready.filter(|_| farmers),
        farmers: wanted.and_then(|wanted| wanted.replicas),
    })
}
