//! `history`: the history update has ended, as far as a signal is configured. `gone`: nothing of a run is left.
use super::super::cluster::Cluster;
use super::super::express::{ProbeAnswer, ProbeState};
use super::super::{Observation, Verdict, Why};
use super::application::{Amiss, Told, told};
use super::applied::verdict;
use super::concern::unmapped_word;
use super::rebuild::belongs;

pub fn history(seen: &Observation) -> Verdict {
    if seen.deployment.inputs.admin.history.is_none() {
        return Verdict::Met("the end of the history update isn't verified".to_owned());
    }
    let answer = seen.world.admin.history.as_ref();
    match signal(seen, answer, "history", "history update") {
        Ok(()) => Verdict::Met("the history update has ended".to_owned()),
        Err(verdict) => verdict,
    }
}

/// Whether an optional signal says that `what` has ended: the one of this very run and attempt, not the
/// last one's. `name` is its key in the inputs.
pub fn signal(
    seen: &Observation,
    answer: Option<&ProbeAnswer>,
    name: &str,
    what: &str,
) -> Result<(), Verdict> {
    let Some(record) = &seen.deployment.record else {
        return Err(Verdict::Unknown("no run is on".into()));
    };
    let Some(answer) = answer else {
        return Err(Verdict::Unknown(Why::new(format!("no node answers `admin.{name}`"))));
    };
    let node = &answer.node;
    if let ProbeState::Unmapped(word) = &answer.state {
        return Err(Verdict::Unknown(unmapped_word(node, word, name)));
    }
    match (&answer.state, belongs(seen, record, answer)) {
        (ProbeState::Complete | ProbeState::NotNeeded, Some(true)) => Ok(()),
        (ProbeState::Failed, Some(true)) => {
            let error = answer.error.as_deref().unwrap_or("no reason given");
            let said = format!("{node} says that the {what} failed: {error}");
            Err(Verdict::Failed(Why::new(said)))
        }
        (ProbeState::Complete | ProbeState::NotNeeded | ProbeState::Failed, None) => {
            let said = format!("{node} doesn't say which {what} it speaks of, nor when that began");
            let fields = format!(
                "read `run` or `startedAt` from the answer: `admin.{name}.fields` in dcr.yaml"
            );
            Err(Verdict::Unknown(Why::new(said).hint(fields)))
        }
        _ => Err(Verdict::Unmet(Why::new(format!("the {what} hasn't ended ({node})")))),
    }
}

pub fn gone(seen: &Observation, cluster: &Cluster) -> Verdict {
    match left(cluster) {
        None => Verdict::Met("nothing of the run is live".to_owned()),
        Some(message) => verdict(message, why_left(seen, cluster)),
    }
}

/// Why what is left of a run isn't gone, as far as the Application can tell.
pub fn why_left(seen: &Observation, cluster: &Cluster) -> Option<Told> {
    let staying = cluster.objects.iter().filter(|live| !live.terminating);
    let objects: Vec<(&str, &str)> =
        staying.map(|live| (live.kind.as_str(), live.name.as_str())).collect();
    let told = told(seen, cluster, Amiss { objects: &objects, surplus: true, drifted: None });
    // What goes already needs nobody's help, and pods and claims go after it, unless they are orphaned.
    told.filter(|told| !objects.is_empty() || matches!(told, Told::Stuck(_)))
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
