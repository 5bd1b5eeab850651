//! `rebuild`: this very attempt is complete, and the synchronizer holds its result.
//!
//! Yesterday's "complete" passes nothing: an answer counts only if it echoes our run and attempt, or says
//! a start no earlier than this attempt's commit landed. A completion counts however late it is seen;
//! only what isn't complete can miss its deadline.
use jiff::{SignedDuration, Timestamp};

use super::super::cluster::{Cluster, JobResult, Pod};
use super::super::express::{ProbeAnswer, ProbeState};
use super::super::progress::deadline;
use super::super::{Observation, Phase, Record, Verdict, Why, journal};
use super::concern::unmapped_word;

/// How much earlier than its commit a rebuild may claim to have begun: clocks differ (assumed).
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How long after the trigger and the last node's start "none knows of it" means that it is lost.
const LOST_AFTER: SignedDuration = SignedDuration::from_mins(30);

pub fn rebuild(seen: &Observation, cluster: &Cluster) -> Verdict {
    let Some(record) = &seen.deployment.record else {
        return Verdict::Unknown("no run is on".into());
    };
    let verdict = stands(seen, cluster, record);
    match (&verdict, deadline(seen)) {
        (Verdict::Unmet(why) | Verdict::Unknown(why), Some(deadline)) if seen.at > deadline => {
            let what = match is_complete(seen, record) {
                true => "the synchronizer doesn't serve the rebuild",
                false => "the rebuild isn't complete",
            };
            Verdict::Failed(
                Why::new(format!(
                    "{what}, and its deadline {deadline} has passed: {}",
                    why.message
                ))
                .hint(format!(
                    "extend `rebuild.deadline` in dcr.yaml, or run {} or {}",
                    seen.deployment.system.retry(),
                    seen.deployment.system.abort()
                )),
            )
        }
        _ => verdict,
    }
}

/// Whether a node says that this attempt is complete, be its result to be had or not.
fn is_complete(seen: &Observation, record: &Record) -> bool {
    let complete = |answer: &&ProbeAnswer| {
        matches!(answer.state, ProbeState::Complete | ProbeState::NotNeeded)
    };
    let mut answers = seen.world.admin.rebuild.iter().filter(complete);
    answers.any(|answer| of_this_attempt(seen, record, answer))
}

/// How the rebuild stands, whatever the time is.
fn stands(seen: &Observation, cluster: &Cluster, record: &Record) -> Verdict {
    let answers = &seen.world.admin.rebuild;
    if let Some((node, word)) = answers.iter().find_map(|answer| match &answer.state {
        ProbeState::Unmapped(word) => Some((&answer.node, word)),
        _ => None,
    }) {
        return Verdict::Unknown(unmapped_word(node, word, "rebuildStatus"));
    }
    let ours: Vec<&ProbeAnswer> =
        answers.iter().filter(|answer| of_this_attempt(seen, record, answer)).collect();
    let says =
        |states: &[ProbeState]| ours.iter().copied().find(|answer| states.contains(&answer.state));
    let complete = says(&[ProbeState::Complete, ProbeState::NotNeeded]);
    let failed = says(&[ProbeState::Failed]);
    let running = says(&[ProbeState::Running]);
    match (complete, failed, running) {
        (Some(complete), None, None) => return synchronized(seen, record, complete),
        (None, Some(failed), None) => {
            let error = failed.error.as_deref().unwrap_or("no reason given");
            return Verdict::Failed(
                Why::new(format!("{} says that the rebuild failed: {error}", failed.node))
                    .hint(mend(seen, "mend the cause")),
            );
        }
        (None, None, Some(running)) => {
            let percent =
                running.percent.map_or(String::new(), |percent| format!(", {percent:.0} %"));
            return Verdict::Unmet(Why::new(format!(
                "the rebuild is running{percent} ({})",
                running.node
            )));
        }
        (None, None, None) => {}
        _ => return Verdict::Unknown("the nodes disagree about how the rebuild stands".into()),
    }
    if let Some(vague) = answers.iter().find(|answer| belongs(seen, record, answer).is_none()) {
        return Verdict::Unknown(match vague.started_at {
            Some(at) if landed(seen, record).is_some() => Why::new(format!(
                "{} may still speak of the attempt before: what it knows of began at {at}",
                vague.node
            )),
            _ => Why::new(format!("{} doesn't say which rebuild it speaks of, nor when that began", vague.node))
                .hint("read `run` or `startedAt` from the answer: `admin.rebuildStatus.fields` in dcr.yaml"),
        });
    }
    triggered(seen, cluster, record)
}

/// Complete: then the synchronizer has to serve the result.
fn synchronized(seen: &Observation, record: &Record, complete: &ProbeAnswer) -> Verdict {
    if record.forced && complete.state == ProbeState::NotNeeded {
        return Verdict::Failed(
            Why::new(format!(
                "{} says that no rebuild was needed, though this one is forced",
                complete.node
            ))
            .hint(mend(seen, "see that `{forced}` in `admin.trigger` reaches the node")),
        );
    }
    let node = seen.deployment.system.synchronizer_pod();
    let Some(status) = &seen.world.admin.aa_status else {
        return Verdict::Unknown(
            "the rebuild is complete, but no node answers with an A/A status".into(),
        );
    };
    let Some(row) = status.row(&node) else {
        return Verdict::Unknown(Why::new(format!(
            "the rebuild is complete, but {node} isn't in the A/A status"
        )));
    };
    match row.synchronized_hash() {
        Some(hash) => Verdict::Met(format!(
            "the rebuild is complete ({}), {node} is SYNCHRONIZED {hash}",
            complete.node
        )),
        None => Verdict::Unmet(Why::new(format!(
            "the rebuild is complete, but {node} isn't `SYNCHRONIZED visible sync ready` with a hash yet"
        ))),
    }
}

/// No answer about this attempt: how far its trigger came, and whether it was lost since.
fn triggered(seen: &Observation, cluster: &Cluster, record: &Record) -> Verdict {
    let name = seen.deployment.system.trigger_job(record.run, record.attempt);
    let Some(job) = cluster.job(&name) else {
        return Verdict::Unmet(Why::new(format!("the Job {name} isn't live yet")));
    };
    let said = job.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
    match job.result {
        JobResult::Running => Verdict::Unmet(Why::new(cluster.running_job(&name))),
        JobResult::Failed => Verdict::Failed(
            Why::new(format!("the Job {name} failed{said}")).hint(mend(seen, "mend the cause")),
        ),
        JobResult::Complete if lost(seen, cluster, record, job.ended) => Verdict::Failed(
            Why::new(format!(
                "the rebuild is lost: {name} triggered it, and no node knows of it any more"
            ))
            .hint(format!(
                "run {} or {}",
                seen.deployment.system.retry(),
                seen.deployment.system.abort()
            )),
        ),
        JobResult::Complete => match seen.world.admin.silent.first() {
            Some(silent) => Verdict::Unknown(Why::new(format!(
                "no node says how attempt {} stands ({}: {})",
                record.attempt, silent.node, silent.why
            ))),
            None => {
                Verdict::Unmet(Why::new(format!("no node knows of attempt {} yet", record.attempt)))
            }
        },
    }
}

/// What to do about a failure: first this, then another attempt; or the end.
pub fn mend(seen: &Observation, first: &str) -> String {
    let system = &seen.deployment.system;
    format!("{first}, then run {}, or {}", system.retry(), system.abort())
}

/// All nodes answer, none knows of it, and each said so that long after the trigger ended and the last node
/// started, be it a new pod or a container once more. A pod that never started is no node yet.
fn lost(seen: &Observation, cluster: &Cluster, record: &Record, ended: Option<Timestamp>) -> bool {
    let Some(ended) = ended else { return false };
    let is_node = |pod: &&Pod| matches!(pod.component.as_str(), "synchronizer" | "farmer");
    let pods = cluster.pods.iter().filter(|pod| is_node(pod) && !pod.terminating);
    let begin = pods.filter_map(Pod::last_start).fold(ended, Timestamp::max);
    let synchronizer = seen.deployment.system.synchronizer_pod();
    let mut nodes = record.frontends.iter().chain([&synchronizer]);
    nodes.all(|node| {
        let answers = seen.world.admin.rebuild.iter();
        let newest = answers.filter(|answer| answer.node == *node).map(|answer| answer.at).max();
        newest.is_some_and(|at| at.duration_since(begin) >= LOST_AFTER)
    })
}

/// Whether an answer is about the attempt on the base.
pub fn of_this_attempt(seen: &Observation, record: &Record, answer: &ProbeAnswer) -> bool {
    belongs(seen, record, answer) == Some(true)
}

/// The same, and `None` where the answer says neither which attempt it is about nor when it began, or
/// when that may as well have been the attempt before.
pub fn belongs(seen: &Observation, record: &Record, answer: &ProbeAnswer) -> Option<bool> {
    if answer.state == ProbeState::None {
        return Some(false);
    }
    if let Some(of) = answer.of {
        if of.run != record.run || of.attempt.is_some_and(|attempt| attempt != record.attempt) {
            return Some(false);
        }
        if of.attempt.is_some() || record.attempt == 1 {
            return Some(true);
        }
    }
    let early = landed(seen, record)?.duration_since(answer.started_at?);
    if early > SKEW {
        return Some(false);
    }
    // An attempt that failed at once may have begun within the skew before the next one landed. It is
    // past doubt when the Job of this one ended so long ago that all nodes tell of what it did.
    if early.is_positive() && record.attempt > 1 {
        let settled = ended(seen, record)?.checked_add(SKEW).ok()?;
        return (answer.at >= settled).then_some(true);
    }
    Some(true)
}

/// When the Job of the attempt on the base was done.
fn ended(seen: &Observation, record: &Record) -> Option<Timestamp> {
    let system = &seen.deployment.system;
    let name = match record.phase {
        Phase::Propagate => system.propagate_job(record.run, record.attempt),
        _ => system.trigger_job(record.run, record.attempt),
    };
    let job = seen.world.cluster.seen()?.job(&name)?;
    job.ended.filter(|_| job.result == JobResult::Complete)
}

/// When the attempt on the base landed there.
fn landed(seen: &Observation, record: &Record) -> Option<Timestamp> {
    let at = (record.run, record.phase, record.attempt);
    let landed = seen.deployment.history.landed.iter();
    let landed = landed.filter(|landed| (landed.run, landed.phase, landed.attempt) == at);
    landed.map(|landed| landed.at).min()
}

/// The earliest known moment of this attempt: its commit on the base, its Job, or what the journal says.
pub fn began(seen: &Observation, record: &Record) -> Option<Timestamp> {
    let job = seen.deployment.system.trigger_job(record.run, record.attempt);
    let job = seen.world.cluster.seen().and_then(|cluster| cluster.object("Job", &job)?.created);
    landed(seen, record).into_iter().chain(job).chain(journal::first_seen(seen, record)).min()
}
