//! `nodes`: the synchronizer is ready, and so are enough farmers. Kubernetes decides here: the notes show
//! working farmers as `unreachable` in the A/A status.
use super::super::cluster::{Cluster, Pod};
use super::super::{Kind, Observation, Phase, Verdict, Why};

pub fn nodes(seen: &Observation, cluster: &Cluster) -> Verdict {
    let Some(record) = &seen.deployment.record else {
        return Verdict::Unknown("no run is on".into());
    };
    let system = &seen.deployment.system;
    let ours = |component: &str| {
        let run = Some(record.run);
        cluster
            .pods
            .iter()
            .filter(move |pod| pod.component == component && pod.run == run)
            .collect::<Vec<_>>()
    };
    let synchronizer = ours("synchronizer");
    let Some(node) = synchronizer.iter().find(|pod| is_up(pod)) else {
        return Verdict::Unmet(Why::new(format!(
            "the synchronizer {} isn't ready{}",
            system.synchronizer_pod(),
            trouble(&synchronizer, cluster, &system.synchronizer_set())
        )));
    };
    if record.kind == Kind::Synchronizer {
        return Verdict::Met(format!("the synchronizer {} is ready", node.name));
    }
    let set = system.farmer_set();
    // While the history updates, the manifest says how many the run began with.
    let replicas = if record.phase == Phase::HistoryUpdate {
        let mut wanted = seen.deployment.wanted.iter();
        let wanted = wanted.find(|wanted| wanted.kind == "StatefulSet" && wanted.name == set);
        let Some(replicas) = wanted.and_then(|wanted| wanted.replicas) else {
            return Verdict::Unknown(Why::new(format!("the base branch has no StatefulSet {set}")));
        };
        replicas
    } else {
        record.farmers
    };
    // At least one has to farm, whatever may be missing.
    let needed = replicas.saturating_sub(seen.deployment.inputs.farmers.tolerate).max(1);
    let farmers = ours("farmer");
    let ready = farmers.iter().filter(|pod| is_up(pod)).count();
    if ready >= needed as usize {
        return Verdict::Met(format!("{ready} of {replicas} farmers are ready"));
    }
    Verdict::Unmet(Why::new(format!(
        "{ready} of {replicas} farmers are ready, at least {needed} are needed{}",
        trouble(&farmers, cluster, &set)
    )))
}

fn is_up(pod: &Pod) -> bool {
    pod.ready && !pod.terminating
}

/// The first reason that any of these pods gives, or why their set can't create those that are missing.
fn trouble(pods: &[&Pod], cluster: &Cluster, set: &str) -> String {
    let troubled = pods.iter().filter(|pod| !is_up(pod));
    let mut reasons =
        troubled.filter_map(|pod| Some(format!(" ({}: {})", pod.name, pod.trouble.as_ref()?)));
    let of_set = || Some(format!(" ({})", cluster.object("StatefulSet", set)?.trouble.as_ref()?));
    reasons.next().or_else(of_set).unwrap_or_default()
}
