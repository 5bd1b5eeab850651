//! Whether the synchronizer is still the one that the rebuild was triggered on. A farmer may be lost, the
//! synchronizer not; whether the rebuild survived is for its own gate to say.
use jiff::Timestamp;

use super::super::cluster::{Cluster, JobResult};
use super::super::{Kind, Observation, Phase, Record, Why};
use super::rebuild::of_this_attempt;

/// What became of it since the trigger: it is gone, another pod, or started once more.
pub fn changed(seen: &Observation, cluster: &Cluster) -> Option<Why> {
    let record = seen.deployment.record.as_ref()?;
    let on =
        record.kind == Kind::Rebuild && matches!(record.phase, Phase::Rebuild | Phase::Propagate);
    let since = triggered(seen, cluster, record).filter(|_| on)?;
    let name = seen.deployment.system.synchronizer_pod();
    let pod = cluster.pods.iter().find(|pod| pod.name == name && pod.run == Some(record.run));
    let what = match pod {
        None => "is gone".to_owned(),
        Some(pod) if pod.terminating => "is being deleted".to_owned(),
        Some(pod) => match (pod.started, pod.running_since) {
            (None, _) => "is a new pod, which hasn't started yet".to_owned(),
            (Some(at), _) if at > since => format!("is a new pod, started at {at}"),
            (_, Some(at)) if at > since => format!("was restarted at {at}"),
            (_, None) if pod.restarts > 0 && !pod.ready => {
                let why = pod.trouble.as_deref().unwrap_or("no reason given");
                format!("doesn't run any more ({why})")
            }
            _ => return None,
        },
    };
    let message = format!("the synchronizer {name} {what}; the rebuild was triggered at {since}");
    Some(
        Why::new(message).hint("if no node knows of the rebuild any more, the run halts by itself"),
    )
}

/// When the last attempt of the rebuild was triggered: by the word of a node, or when its Job was done. A Job
/// that was created again later is done later, so the earlier one counts.
fn triggered(seen: &Observation, cluster: &Cluster, record: &Record) -> Option<Timestamp> {
    let prefix = seen.deployment.system.trigger_job(record.run, 0);
    let prefix = prefix.strip_suffix('0')?;
    let attempt = |name: &str| name.strip_prefix(prefix)?.parse::<u32>().ok();
    let jobs =
        cluster.objects.iter().filter_map(|live| Some((attempt(&live.name)?, live.job.as_ref()?)));
    let (_, last) = jobs.max_by_key(|(attempt, _)| *attempt)?;
    let ended = last.ended.filter(|_| last.result == JobResult::Complete);
    let answers = seen.world.admin.rebuild.iter();
    let ours = answers.filter(|answer| match record.phase {
        Phase::Rebuild => of_this_attempt(seen, record, answer),
        _ => answer.of.is_some_and(|of| of.run == record.run),
    });
    ours.filter_map(|answer| answer.started_at).chain(ended).min()
}
