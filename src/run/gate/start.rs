//! What a first step needs: room in the cluster (`capacity`) and nothing left over (`leftovers`).
use std::collections::BTreeSet;

use super::super::cluster::Cluster;
use super::super::{Observation, Verdict, Why};
use super::application::Told;
use super::end::{left, why_left};

/// Runs that are live in the cluster and first steps that are open, this system's aside.
pub fn capacity(seen: &Observation, cluster: &Cluster) -> Verdict {
    let ours = &seen.deployment.system;
    let live = cluster.runs.iter().map(|run| &run.system);
    let others: BTreeSet<_> =
        live.chain(&seen.deployment.open_first_steps).filter(|other| *other != ours).collect();
    let max = seen.deployment.policy.max_runs_per_cluster;
    if others.len() < max as usize {
        return Verdict::Met(format!("{} of {max} runs are on in {}", others.len(), ours.cluster));
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
