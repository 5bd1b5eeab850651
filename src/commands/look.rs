//! One look at one system: what the deployment repo says, and what was seen outside it.
use anyhow::Context as _;
use futures::future::join_all;
use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::session::Session;
use crate::cli::Common;
use crate::context::{Clock, Context};
use crate::observe::argocd::application;
use crate::observe::clusters::Clusters;
use crate::observe::express::http::{Http, Limits};
use crate::observe::kubeconfig::{self, BadKubeconfig};
use crate::observe::nodes::{Commands, Nodes};
use crate::observe::replay::Replay;
use crate::render::{BaseFolder, Change, RenderError, change};
use crate::run::argocd::ApplicationView;
use crate::run::cluster::ClusterView;
use crate::run::deployment::{Action, Deployment};
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

/// Where the world outside the deployment repo is seen.
pub enum Outside {
    Live(Box<Live>),
    Replayed(Replay),
}

/// The real thing, seen once.
pub struct Live {
    runtime: Runtime,
    senses: Senses,
}

/// What the world is seen with: clusters, and the nodes in them.
pub struct Senses {
    /// Why there are no clusters, where the kubeconfig can't be used.
    pub clusters: Result<Clusters, BadKubeconfig>,
    http: Http,
    pub clock: Clock,
    commands: Option<Commands>,
}

/// What was answered to whoever asked about one run.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    pub admin: Admin,
    /// What Argo CD says of it. `None`: it isn't asked.
    pub application: Option<ApplicationView>,
}

/// What was seen of one system, and when.
pub type Sight = anyhow::Result<(Timestamp, World)>;

impl Outside {
    /// Nothing is connected before it is looked at. `run_commands`: whether inputs may have commands run here.
    pub fn new(
        context: &Context,
        common: &Common,
        session: &Session,
        run_commands: bool,
    ) -> anyhow::Result<Self> {
        if let Some(file) = &common.observed {
            return Ok(Outside::Replayed(Replay::read(&context.cwd.join(file))?));
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let senses = Senses::new(context, common, session, run_commands)?;
        Ok(Outside::Live(Box::new(Live { runtime, senses })))
    }

    /// What is seen of each of these systems, in their order. Each cluster is read once for all of them.
    pub fn see(&self, session: &Session, systems: &[SystemRef]) -> Vec<Sight> {
        match self {
            Outside::Replayed(replay) => {
                systems.iter().map(|system| Ok(replay.world(system)?)).collect()
            }
            Outside::Live(live) => live.see(session, systems),
        }
    }
}

/// What is seen of each system that has a name, and what is wrong with the others.
pub fn see_all(
    outside: &Outside,
    session: &Session,
    systems: Vec<anyhow::Result<SystemRef>>,
) -> Vec<anyhow::Result<(SystemRef, Sight)>> {
    let known: Vec<SystemRef> = systems.iter().flatten().cloned().collect();
    let mut seen = outside.see(session, &known).into_iter();
    let each = systems.into_iter().filter_map(|system| match system {
        Ok(system) => Some(Ok((system, seen.next()?))),
        Err(error) => Some(Err(error)),
    });
    each.collect()
}

impl Live {
    fn see(&self, session: &Session, systems: &[SystemRef]) -> Vec<Sight> {
        if let Ok(clusters) = &self.senses.clusters {
            self.runtime.block_on(clusters.once(systems));
        }
        // The base says which nodes and which Application there are; what is wrong with it is told where
        // it is read.
        let bases: Vec<Option<Deployment>> = systems
            .iter()
            .map(|system| session.read(system).ok().map(|(deployment, _)| deployment))
            .collect();
        let told = self.runtime.block_on(join_all(bases.iter().map(async |base| match base {
            Some(base) => self.senses.ask(base).await,
            None => Answers::default(),
        })));
        let seen = systems.iter().zip(told).map(|(system, answers)| {
            let at = self.senses.clock.now();
            Ok((at, world(self.senses.cluster(system, at), answers)))
        });
        seen.collect()
    }
}

impl Senses {
    /// Nothing is connected yet.
    pub fn new(
        context: &Context,
        common: &Common,
        session: &Session,
        run_commands: bool,
    ) -> anyhow::Result<Self> {
        let clock = context.clock.clone();
        let clusters = kubeconfig::read(context, common.kubeconfig.as_deref())
            .map(|config| Clusters::new(config, &session.settings.settings, clock.clone()));
        let http = Http::new(Limits::default()).context("setting up HTTP")?;
        let commands = run_commands.then(|| Commands::new(context, context.cwd.clone()));
        Ok(Senses { clusters, http, clock, commands })
    }

    /// What is known by now of a system's cluster.
    pub fn cluster(&self, system: &SystemRef, at: Timestamp) -> ClusterView {
        match &self.clusters {
            Ok(clusters) => clusters.cluster(system, at),
            Err(error) => {
                ClusterView::Unreachable { context: system.cluster.clone(), why: error.to_string() }
            }
        }
    }

    /// What the nodes of the run say, and what Argo CD says of it.
    pub async fn ask(&self, base: &Deployment) -> Answers {
        let Ok(clusters) = &self.clusters else { return Answers::default() };
        let commands = self.commands.as_ref();
        let nodes = Nodes { clusters, http: &self.http, clock: &self.clock, commands };
        let inputs = &base.inputs;
        let admin = async {
            match &base.record {
                Some(record) => nodes.ask(record, &inputs.admin).await,
                None => Admin::default(),
            }
        };
        let application = async {
            match &inputs.argocd {
                Some(argocd) => Some(application(clusters, &base.system, argocd).await),
                None => None,
            }
        };
        let (admin, application) = tokio::join!(admin, application);
        Answers { admin, application }
    }
}

/// All that was seen of one system outside the deployment repo, put together.
pub fn world(cluster: ClusterView, answers: Answers) -> World {
    let Answers { admin, application } = answers;
    World { cluster, admin, application, review: Review::default(), journal: Journal::default() }
}

/// The rest of a look, once the world was seen; in between, the base may have been fetched. In this
/// order the deployment repo is never older than what it is held against.
pub fn look(session: &Session, system: &SystemRef, seen: Sight) -> anyhow::Result<Look> {
    let (at, world) = seen?;
    let (deployment, folder) = session.read(system)?;
    Ok(Look { seen: Observation { at, deployment, world }, folder })
}
