//! What somebody should be told of at once, however long its gate may still take: nothing of it mends
//! itself, or it can't be undone.
use serde::{Deserialize, Serialize};

use super::super::cluster::Cluster;
use super::super::{Observation, Why};
use super::application::{self, Told};
use super::{applied, end, synchronizer};

/// One such matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    pub about: About,
    /// It stays the same, word for word, while nothing changes.
    pub why: Why,
}

/// What a [`Concern`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Argo CD doesn't apply what is committed, and won't by itself.
    Application,
    /// The node that holds the rebuild isn't the one that it began on.
    Synchronizer,
}

/// All there is in one observation, the weightiest first. Nothing of it halts a run.
pub fn concerns(seen: &Observation) -> Vec<Concern> {
    let cluster = seen.world.cluster.seen();
    let on_cluster = |look: fn(&Observation, &Cluster) -> Option<Why>| {
        cluster.and_then(|cluster| look(seen, cluster))
    };
    let concern = |about: About| move |why: Why| Concern { about, why };
    let synchronizer = on_cluster(synchronizer::changed).map(concern(About::Synchronizer));
    let application = on_cluster(of_application).map(concern(About::Application));
    synchronizer.into_iter().chain(application).collect()
}

/// What keeps the Application from applying what is amiss; or that there is none any more, where nothing is
/// amiss yet.
fn of_application(seen: &Observation, cluster: &Cluster) -> Option<Why> {
    let told = match (&seen.deployment.record, &seen.deployment.last_run) {
        (Some(_), _) => match applied::amiss(seen, cluster) {
            Some(amiss) => amiss.told,
            None => return application::lost(seen, cluster),
        },
        (None, Some(_)) if end::left(cluster).is_some() => end::why_left(seen, cluster),
        (None, _) => None,
    };
    match told? {
        Told::Stuck(why) => Some(why),
        // A halt tells of what is over, and what can't be seen may be seen the next time.
        Told::Over(_) | Told::Waits(_) | Told::Unseen(_) => None,
    }
}

/// A word that `admin.<name>.states` doesn't have: never guessed.
pub fn unmapped_word(node: &str, word: &str, name: &str) -> Why {
    Why::new(format!("{node} says `{word}`, which `admin.{name}.states` doesn't map"))
        .hint("map the word to running, complete, failed or notNeeded in dcr.yaml")
}
