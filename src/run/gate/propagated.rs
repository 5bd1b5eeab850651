//! `propagated`: the propagate Job is done, and every frontend of the run serves the synchronizer's cache.
//!
//! Frontends may show the same hash before and after, so their rows prove nothing before the Job ended,
//! nor right after it.
use jiff::SignedDuration;

use super::super::cluster::{Cluster, JobResult};
use super::super::{Observation, Verdict, Why};
use super::end::signal;
use super::rebuild::mend;

/// How long after the Job ended the frontends' rows begin to count (assumed).
const SETTLE: SignedDuration = SignedDuration::from_mins(10);

pub fn propagated(seen: &Observation, cluster: &Cluster) -> Verdict {
    let Some(record) = &seen.deployment.record else {
        return Verdict::Unknown("no run is on".into());
    };
    let name = seen.deployment.system.propagate_job(record.run, record.attempt);
    let Some(job) = cluster.job(&name) else {
        return Verdict::Unmet(Why::new(format!("the Job {name} isn't live yet")));
    };
    let said = job.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
    let ended = match (job.result, job.ended) {
        (JobResult::Running, _) => {
            return Verdict::Unmet(Why::new(cluster.running_job(&name)));
        }
        (JobResult::Failed, _) => {
            return Verdict::Failed(
                Why::new(format!("the Job {name} failed{said}")).hint(mend(seen, "mend the cause")),
            );
        }
        (JobResult::Complete, None) => {
            return Verdict::Unknown(Why::new(format!("the Job {name} doesn't say when it ended")));
        }
        (JobResult::Complete, Some(ended)) => ended,
    };
    if seen.deployment.inputs.admin.propagation.is_some()
        && let Err(not_yet) =
            signal(seen, seen.world.admin.propagation.as_ref(), "propagation", "propagation")
    {
        return not_yet;
    }
    let Some(status) = &seen.world.admin.aa_status else {
        return Verdict::Unknown("no node answers with an A/A status".into());
    };
    if status.at.duration_since(ended) < SETTLE {
        return Verdict::Unmet(Why::new(format!(
            "the Job {name} ended at {ended}: the frontends are judged 10 minutes later"
        )));
    }
    let synchronizer = seen.deployment.system.synchronizer_pod();
    let Some(hash) = status.row(&synchronizer).and_then(|row| row.synchronized_hash()) else {
        return Verdict::Unmet(Why::new(format!(
            "{synchronizer} isn't `SYNCHRONIZED visible sync ready` with a hash"
        )));
    };
    if record.frontends.is_empty() {
        return Verdict::Unknown("the run record names no frontend".into());
    }
    let behind = record.frontends.iter().find_map(|frontend| match status.row(frontend) {
        None => Some(format!("{frontend} isn't in the A/A status")),
        Some(row) => match row.synchronized_hash() {
            Some(theirs) if theirs == hash => None,
            Some(theirs) => Some(format!("{frontend} has {theirs}, not {hash}")),
            None => Some(format!("{frontend} isn't `SYNCHRONIZED visible sync ready` with a hash")),
        },
    });
    match behind {
        Some(message) => Verdict::Unmet(message.into()),
        None => Verdict::Met(format!(
            "{name} is complete and all {} frontends have {hash}",
            record.frontends.len()
        )),
    }
}
