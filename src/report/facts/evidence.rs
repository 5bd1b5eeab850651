//! What the nodes, the Jobs and Argo CD said themselves, word for word, for whoever has to find out what is wrong.
use serde::Serialize;

use crate::run::Observation;
use crate::run::cluster::{Cluster, JobResult};
use crate::run::express::ProbeState;

/// Somebody's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Whose: `Job system6-dcr-trigger-7-1`.
    pub source: String,
    pub words: String,
}

/// All there is, what broke first. Nothing of it is judged here.
pub fn evidence(seen: &Observation) -> Vec<Evidence> {
    let mut found = Vec::new();
    let mut say = |source: String, words: &str| {
        if words.trim().is_empty() {
            return;
        }
        match found.iter_mut().find(|said: &&mut Evidence| said.words == words) {
            Some(said) => said.source += &format!(", {source}"),
            None => found.push(Evidence { source, words: words.to_owned() }),
        }
    };
    let admin = &seen.world.admin;
    for answer in &admin.rebuild {
        if let Some(error) = &answer.error {
            say(format!("rebuild status of {}", answer.node), error);
        }
        if let ProbeState::Unmapped(word) = &answer.state {
            say(format!("rebuild status of {}", answer.node), &format!("state: {word}"));
        }
    }
    let cluster = seen.world.cluster.seen();
    cluster.into_iter().for_each(|cluster| of_cluster(cluster, &mut say));
    if let Some(application) = &seen.world.application {
        application.explanation().iter().for_each(|words| say("Argo CD".to_owned(), words));
    }
    for silent in &admin.silent {
        say(format!("{} asked for `{}`", silent.node, silent.asked), &silent.why);
    }
    found
}

fn of_cluster(cluster: &Cluster, say: &mut impl FnMut(String, &str)) {
    for live in &cluster.objects {
        let source = format!("{} {}", live.kind, live.name);
        if let Some(job) = &live.job
            && job.result != JobResult::Running
            && let Some(message) = &job.message
        {
            say(source.clone(), message);
        }
        if let Some(trouble) = &live.trouble {
            say(source, trouble);
        }
    }
    for pod in &cluster.pods {
        if let Some(trouble) = &pod.trouble {
            say(format!("Pod {}", pod.name), trouble);
        }
    }
    for claim in &cluster.claims {
        if let Some(trouble) = &claim.trouble {
            say(format!("PersistentVolumeClaim {}", claim.name), trouble);
        }
    }
}
