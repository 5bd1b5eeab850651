//! `applied`: what is live is what the base branch says, object by object, and nothing else of the run is.
//!
//! It believes content, not claims: neither Argo CD's "Synced" nor a revision says what was applied. The
//! digest proves that an apply of this content happened; replicas and images are compared besides, for
//! an ignored field, a kustomize transformer, a webhook or `kubectl scale` leave the digest right.
use super::super::cluster::{Cluster, Live};
use super::super::deployment::Wanted;
use super::super::{Observation, Verdict, Why};

pub fn applied(seen: &Observation, cluster: &Cluster) -> Verdict {
    let wanted = &seen.deployment.wanted;
    if wanted.is_empty() {
        return Verdict::Unknown("the base branch wants nothing in the cluster".into());
    }
    let application = seen.world.application.as_ref();
    let namespace = &seen.deployment.system.namespace;
    let mut wrong = Vec::new();
    for object in wanted {
        let live = cluster.object(&object.kind, &object.name);
        let Some(difference) = difference(object, live) else { continue };
        let failed = application
            .and_then(|told| told.failed_for_good(&object.kind, namespace, &object.name));
        if let Some(failed) = failed {
            return Verdict::Failed(
                Why::new(format!("{difference}, and Argo CD has given up on it: {failed}"))
                    .hint("mend what it says in a new commit on the base branch, or run `abort`"),
            );
        }
        wrong.push(difference);
    }
    let extra = cluster
        .objects
        .iter()
        .filter(|live| !wanted.iter().any(|w| w.kind == live.kind && w.name == live.name));
    wrong
        .extend(extra.map(|live| {
            format!("{} {} is live, but not on the base branch", live.kind, live.name)
        }));
    let message = match wrong.as_slice() {
        [] => return Verdict::Met(format!("all {} objects are applied", wanted.len())),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first}; and {} more", rest.len()),
    };
    // The Application explains; it proves nothing.
    let hint = application.and_then(|told| told.explanation().into_iter().next());
    Verdict::Unmet(Why { message, hint })
}

fn difference(wanted: &Wanted, live: Option<&Live>) -> Option<String> {
    let name = format!("{} {}", wanted.kind, wanted.name);
    let Some(live) = live else { return Some(format!("{name} isn't live yet")) };
    if live.terminating {
        return Some(format!("{name} is being deleted"));
    }
    if live.digest.as_deref() != Some(&wanted.digest) {
        return Some(format!("{name} isn't applied as committed yet"));
    }
    // Only a set's status surely counts generations: there, none means that it was never looked at.
    let counts = wanted.kind == "StatefulSet" || live.observed_generation.is_some();
    if counts && live.observed_generation < live.generation {
        return Some(format!("{name} wasn't seen by its controller yet"));
    }
    if let Some(want) = wanted.replicas
        && live.replicas != Some(want)
    {
        let have = live.replicas.map_or("unknown".to_owned(), |have| have.to_string());
        return Some(format!("{name} has drifted: {have} replicas, not {want}"));
    }
    if wanted.images != live.images {
        return Some(format!(
            "{name} has drifted: image {}, not {}",
            live.images.join(", "),
            wanted.images.join(", ")
        ));
    }
    None
}
