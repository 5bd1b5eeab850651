//! One look at one system: what the deployment repo says, and what was seen outside it.
use jiff::Timestamp;

use super::session::Session;
use crate::cli::Common;
use crate::context::Context;
use crate::observe::{kubeconfig, replay::Replay};
use crate::render::{BaseFolder, Change, RenderError, change};
use crate::run::cluster::ClusterView;
use crate::run::deployment::Action;
use crate::run::express::Admin;
use crate::run::journal::Journal;
use crate::run::review::Review;
use crate::run::{Observation, Step, SystemRef, World, after};

/// The observation, and the files that a step would start from.
pub struct Look {
    pub seen: Observation,
    pub folder: BaseFolder,
}

impl Look {
    /// What `step` would change on the base. A run isn't begun if a later step of it couldn't be
    /// rendered: better to know it on the first day than on the tenth.
    pub fn change(&self, session: &Session, step: &Step) -> Result<Change, RenderError> {
        let change = self.change_on(session, &self.folder, step)?;
        if step.action == Action::Start {
            let mut folder = change.apply(&self.folder);
            let later =
                std::iter::successors(after(&self.seen, step), |step| after(&self.seen, step));
            for step in later {
                folder = self.change_on(session, &folder, &step)?.apply(&folder);
            }
        }
        Ok(change)
    }

    /// The same on files that earlier steps have changed already.
    pub fn change_on(
        &self,
        session: &Session,
        folder: &BaseFolder,
        step: &Step,
    ) -> Result<Change, RenderError> {
        let wiring = session.settings.settings.wiring;
        change(step, folder, &self.seen.deployment.inputs, wiring, &session.templates)
    }
}

/// What stands in for the world outside the deployment repo.
pub enum Outside {
    Live,
    Replayed(Replay),
}

impl Outside {
    pub fn new(context: &Context, common: &Common) -> anyhow::Result<Self> {
        Ok(match &common.observed {
            Some(file) => Outside::Replayed(Replay::read(&context.cwd.join(file))?),
            None => Outside::Live,
        })
    }

    /// When, and what is seen of one system.
    pub fn world(
        &self,
        context: &Context,
        common: &Common,
        session: &Session,
        system: &SystemRef,
    ) -> anyhow::Result<(Timestamp, World)> {
        match self {
            Outside::Replayed(replay) => Ok(replay.world(system)?),
            Outside::Live => Ok((context.clock.now(), live(context, common, session, system))),
        }
    }
}

/// Reads one system: the world first, so that the deployment repo is never older than what it is held against.
pub fn look(
    context: &Context,
    common: &Common,
    session: &Session,
    outside: &Outside,
    system: &SystemRef,
) -> anyhow::Result<Look> {
    let world = outside.world(context, common, session, system)?;
    look_with(session, system, world)
}

/// The rest of a look, once the world was seen; in between, the base may have been fetched.
pub fn look_with(
    session: &Session,
    system: &SystemRef,
    (at, world): (Timestamp, World),
) -> anyhow::Result<Look> {
    let (deployment, folder) = session.read(system)?;
    Ok(Look { seen: Observation { at, deployment, world }, folder })
}

fn live(context: &Context, common: &Common, session: &Session, system: &SystemRef) -> World {
    let clusters = &session.settings.settings.clusters;
    let named = clusters.get(&system.cluster).and_then(|cluster| cluster.context.clone());
    let name = named.unwrap_or_else(|| system.cluster.clone());
    let cluster = match kubeconfig::read(context, common.kubeconfig.as_deref()) {
        Ok(config) if !kubeconfig::has_context(&config, &name) => {
            ClusterView::NoContext { context: name }
        }
        Ok(_) => {
            let why = "this version doesn't read clusters".to_owned();
            ClusterView::Unreachable { context: name, why }
        }
        Err(error) => ClusterView::Unreachable { context: name, why: error.to_string() },
    };
    let (admin, review, journal) = (Admin::default(), Review::default(), Journal::default());
    World { cluster, admin, review, journal }
}
