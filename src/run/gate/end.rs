//! `history`: the history update has ended, as far as a signal is configured. `gone`: nothing of a run is left.
use super::super::cluster::Cluster;
use super::super::express::ProbeState;
use super::super::{Observation, Verdict, Why};

pub fn history(seen: &Observation) -> Verdict {
    if seen.deployment.inputs.admin.history.is_none() {
        return Verdict::Met("the end of the history update isn't verified".to_owned());
    }
    let Some(answer) = &seen.world.admin.history else {
        return Verdict::Unknown("no node answers `admin.history`".into());
    };
    match &answer.state {
        ProbeState::Complete | ProbeState::NotNeeded => {
            Verdict::Met("the history update has ended".to_owned())
        }
        ProbeState::None | ProbeState::Running => {
            Verdict::Unmet(Why::new(format!("the history update hasn't ended ({})", answer.node)))
        }
        ProbeState::Failed => {
            let error = answer.error.as_deref().unwrap_or("no reason given");
            Verdict::Failed(Why::new(format!(
                "{} says that the history update failed: {error}",
                answer.node
            )))
        }
        ProbeState::Unmapped(word) => Verdict::Unknown(Why::new(format!(
            "{} says `{word}`, which `admin.history.states` doesn't map",
            answer.node
        ))),
    }
}

pub fn gone(_seen: &Observation, cluster: &Cluster) -> Verdict {
    match left(cluster) {
        None => Verdict::Met("nothing of the run is live".to_owned()),
        Some(message) => Verdict::Unmet(message.into()),
    }
}

/// What is still there of any run of this system, in words.
pub fn left(cluster: &Cluster) -> Option<String> {
    let objects = cluster.objects.iter().map(|live| format!("{} {}", live.kind, live.name));
    let pods = cluster.pods.iter().map(|pod| format!("Pod {}", pod.name));
    let claims = cluster.claims.iter().map(|claim| format!("PersistentVolumeClaim {}", claim.name));
    let left: Vec<String> = objects.chain(pods).chain(claims).collect();
    match left.as_slice() {
        [] => None,
        [one] => Some(format!("{one} is still live")),
        [first, rest @ ..] => Some(format!("{first} and {} more are still live", rest.len())),
    }
}
