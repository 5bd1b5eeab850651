//! What a first step needs: room in the cluster (`capacity`) and nothing left over (`leftovers`).
use std::collections::BTreeSet;

use super::super::cluster::Cluster;
use super::super::{Observation, SystemRef, Verdict, Why};
use super::application::Told;
use super::end::{left, why_left};

/// Room for this system's run. A first step counts the others that are live in the cluster and the first
/// steps that are open. First steps that were merged at the same time may have taken the same place: before
/// the farm comes up, only those count that take precedence.
pub fn capacity(seen: &Observation, cluster: &Cluster) -> Verdict {
    let ours = &seen.deployment.system;
    let max = seen.deployment.policy.max_runs_per_cluster;
    let (others, met) = match &seen.deployment.record {
        Some(_) => {
            let others = before(ours, cluster);
            let met =
                format!("it is run {} of at most {max} in {}", others.len() + 1, ours.cluster);
            (others, met)
        }
        None => {
            let live = cluster.runs.iter().map(|run| &run.system);
            let all = live.chain(&seen.deployment.open_first_steps);
            let others: BTreeSet<&SystemRef> = all.filter(|other| *other != ours).collect();
            let met = format!("{} of {max} runs are on in {}", others.len(), ours.cluster);
            (others, met)
        }
    };
    if others.len() < max as usize {
        return Verdict::Met(met);
    }
    let names: Vec<String> =
        others.iter().map(|other| format!("{}/{}", other.namespace, other.system)).collect();
    Verdict::Unmet(
        Why::new(format!(
            "{} of {max} runs are on in {}: {}",
            others.len(),
            ours.cluster,
            names.join(", ")
        ))
        .hint("wait for one to end, or raise `maxRunsPerCluster`"),
    )
}

/// The runs whose place this one can't have: those that went on from their first step, then those that came
/// before it. All of it is live in the cluster, so that whoever looks finds the same one to be the next.
fn before<'a>(ours: &SystemRef, cluster: &'a Cluster) -> BTreeSet<&'a SystemRef> {
    let rank = |at: usize| (cluster.runs[at].step == 1, at);
    let own = (0..cluster.runs.len()).find(|&at| cluster.runs[at].system == *ours).map(rank);
    let others = (0..cluster.runs.len()).filter(|&at| cluster.runs[at].system != *ours);
    let ahead = others.filter(|&at| own.is_none_or(|own| rank(at) < own));
    ahead.map(|at| &cluster.runs[at].system).collect()
}

pub fn leftovers(seen: &Observation, cluster: &Cluster) -> Verdict {
    let Some(message) = left(cluster) else {
        return Verdict::Met("nothing of an earlier run is left".to_owned());
    };
    let why = Why::new(format!("{message} from an earlier run"));
    Verdict::Unmet(match why_left(seen, cluster) {
        Some(Told::Stuck(told) | Told::Over(told)) => {
            Why { message: format!("{}: {}", why.message, told.message), ..told }
        }
        _ => why.hint("Argo CD prunes it, unless pruning is off or orphans it"),
    })
}
