//! Every commit that runs of a system would make, as if each were merged and each gate met.
use jiff::Timestamp;

use crate::config::Wiring;
use crate::render::{BaseFolder, Change, RenderError, Templates, change};
use crate::run::cluster::ClusterView;
use crate::run::deployment::Deployment;
use crate::run::express::Admin;
use crate::run::journal::Journal;
use crate::run::review::Review;
use crate::run::{self, Decision, Kind, Observation, Request, Step, World, decide};

/// The steps still to come of the run that is on, or else of one that would start, each with its change on
/// what the ones before it leave; and of a synchronizer on its own its first step, or its last.
///
/// # Errors
/// The first step that can't be rendered.
pub fn course(
    deployment: Deployment,
    folder: &BaseFolder,
    wiring: Wiring,
    templates: &Templates,
) -> Result<Vec<(Step, Change)>, RenderError> {
    let seen = unseen(deployment);
    let inputs = &seen.deployment.inputs;
    let on = seen.deployment.record.as_ref().map(|record| record.kind);
    let asked = match on {
        None => Some(Request::Next { forced: None, ticket: None, skip_gate: None }),
        Some(Kind::Rebuild) => Some(Request::Observe),
        Some(Kind::Synchronizer) => None,
    };
    let mut steps = Vec::new();
    let mut after = folder.clone();
    // What a request makes no sense for has no steps.
    for step in asked.and_then(|asked| run::course(&seen, &asked).ok()).unwrap_or_default() {
        let change = change(&step, &after, inputs, wiring, templates)?;
        after = change.apply(&after);
        steps.push((step, change));
    }
    let alone = match on {
        None => Some(Request::Synchronizer { up: true, ticket: None }),
        Some(Kind::Synchronizer) => Some(Request::Synchronizer { up: false, ticket: None }),
        Some(Kind::Rebuild) => None,
    };
    if let Some(Ok(Decision::Propose(step))) = alone.map(|alone| decide(&seen, &alone)) {
        let change = change(&step, folder, inputs, wiring, templates)?;
        steps.push((*step, change));
    }
    Ok(steps)
}

/// The deployment repo alone: no cluster, no node, no review, and no time that would matter.
fn unseen(deployment: Deployment) -> Observation {
    let context = deployment.system.cluster.clone();
    Observation {
        at: Timestamp::UNIX_EPOCH,
        deployment,
        world: World {
            cluster: ClusterView::NoContext { context },
            admin: Admin::default(),
            application: None,
            review: Review::default(),
            journal: Journal::default(),
        },
    }
}
