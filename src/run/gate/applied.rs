//! `applied`: what is live is what the base branch says, object by object, and nothing else of the run is.
//!
//! It believes content, not claims: neither Argo CD's "Synced" nor a revision says what was applied. The
//! digest proves that an apply of this content happened; replicas, images and what else has to stay are
//! compared besides, for an ignored field, a kustomize transformer, a webhook or `kubectl scale` leave the
//! digest right.
use super::super::cluster::{Cluster, Live};
use super::super::deployment::Wanted;
use super::super::{Observation, Verdict, Why};
use super::application::{Amiss, Told, told};

pub fn applied(seen: &Observation, cluster: &Cluster) -> Verdict {
    let wanted = seen.deployment.wanted.len();
    if wanted == 0 {
        return Verdict::Unknown("the base branch wants nothing in the cluster".into());
    }
    match amiss(seen, cluster) {
        None => Verdict::Met(format!("all {wanted} objects are applied")),
        Some(NotApplied { message, told }) => verdict(message, told),
    }
}

/// What isn't as committed, and what the Application says of it.
pub struct NotApplied {
    message: String,
    pub told: Option<Told>,
}

/// The first thing that isn't as committed, and how many more there are. `None`: all is.
pub fn amiss(seen: &Observation, cluster: &Cluster) -> Option<NotApplied> {
    let wanted = &seen.deployment.wanted;
    let differing = wanted.iter().filter_map(|wanted| {
        let live = cluster.object(&wanted.kind, &wanted.name);
        difference(wanted, live).map(|difference| (wanted, difference))
    });
    let differing: Vec<_> = differing.collect();
    let is_wanted = |live: &Live| {
        wanted.iter().any(|wanted| wanted.kind == live.kind && wanted.name == live.name)
    };
    let surplus: Vec<&Live> = cluster.objects.iter().filter(|live| !is_wanted(live)).collect();
    let mut wrong = differing.iter().map(|(wanted, difference)| difference.told(wanted));
    let first = wrong.next().or_else(|| surplus.first().map(|live| not_wanted(live)))?;
    let message = match differing.len() + surplus.len() {
        1 => first,
        count => format!("{first}; and {} more", count - 1),
    };
    let objects: Vec<(&str, &str)> =
        differing.iter().map(|(wanted, _)| (&*wanted.kind, &*wanted.name)).collect();
    let mut drifts = differing.iter().filter_map(|(wanted, difference)| match difference {
        Difference::Drift { what, .. } => Some((&*wanted.kind, &**what)),
        _ => None,
    });
    let amiss = Amiss { objects: &objects, surplus: !surplus.is_empty(), drifted: drifts.next() };
    Some(NotApplied { message, told: told(seen, cluster, amiss) })
}

/// What is amiss, with what the Application says of it. It explains; it proves nothing.
pub fn verdict(message: String, told: Option<Told>) -> Verdict {
    let with = |why: Why| Why { message: format!("{message}: {}", why.message), ..why };
    match told {
        None => Verdict::Unmet(message.into()),
        Some(Told::Waits(why) | Told::Stuck(why)) => Verdict::Unmet(with(why)),
        Some(Told::Over(why)) => Verdict::Failed(with(why)),
        Some(Told::Unseen(why)) => Verdict::Unknown(with(why)),
    }
}

fn not_wanted(live: &Live) -> String {
    format!("{} {} is live, but not on the base branch", live.kind, live.name)
}

/// How a live object isn't what was committed.
enum Difference {
    Missing,
    Terminating,
    /// Something else was applied last.
    Other,
    Unobserved,
    /// It was applied, and isn't so any more.
    Drift {
        what: String,
        live: String,
        wanted: String,
    },
}

impl Difference {
    fn told(&self, object: &Wanted) -> String {
        let name = format!("{} {}", object.kind, object.name);
        match self {
            Difference::Missing => format!("{name} isn't live yet"),
            Difference::Terminating => format!("{name} is being deleted"),
            Difference::Other => format!("{name} isn't applied as committed yet"),
            Difference::Unobserved => format!("{name} wasn't seen by its controller yet"),
            Difference::Drift { what, live, wanted } if what == "replicas" => {
                format!("{name} has drifted: {live} replicas, not {wanted}")
            }
            Difference::Drift { what, live, wanted } => {
                format!("{name} has drifted: {what} {live}, not {wanted}")
            }
        }
    }
}

fn difference(wanted: &Wanted, live: Option<&Live>) -> Option<Difference> {
    let Some(live) = live else { return Some(Difference::Missing) };
    if live.terminating {
        return Some(Difference::Terminating);
    }
    if live.digest.as_deref() != Some(&wanted.digest) {
        return Some(Difference::Other);
    }
    // Only a set's status surely counts generations: there, none means that it was never looked at.
    let counts = wanted.kind == "StatefulSet" || live.observed_generation.is_some();
    if counts && live.observed_generation < live.generation {
        return Some(Difference::Unobserved);
    }
    let drift = |what: &str, live: String, wanted: String| {
        Some(Difference::Drift { what: what.to_owned(), live, wanted })
    };
    if let Some(want) = wanted.replicas
        && live.replicas != Some(want)
    {
        let have = live.replicas.map_or("unknown".to_owned(), |have| have.to_string());
        return drift("replicas", have, want.to_string());
    }
    if wanted.images != live.images {
        return drift("image", live.images.join(", "), wanted.images.join(", "));
    }
    // What somebody adds to it is none of ours.
    wanted.settings.iter().find_map(|(what, wanted)| {
        let live = live.settings.get(what).map_or("nothing", String::as_str);
        (live != wanted).then(|| drift(what, live.to_owned(), wanted.clone()))?
    })
}
