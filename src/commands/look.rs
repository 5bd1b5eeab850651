//! One look at one system: what the deployment repo says, and what was seen outside it.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::{Handle, Runtime};

use super::desk::Desk;
use super::session::Session;
use crate::cli::Common;
use crate::context::{Clock, Context};
use crate::git::Oid;
use crate::github::{self, Credentials, Github, Place, Writer};
use crate::observe::argocd::application;
use crate::observe::clusters::Clusters;
use crate::observe::express::http::{Http, Limits};
use crate::observe::kubeconfig::{self, BadKubeconfig};
use crate::observe::nodes::{Commands, Nodes};
use crate::observe::replay::Replay;
use crate::observe::review::Reviews;
use crate::render::{BaseFolder, Change, RenderError, change};
use crate::run::argocd::ApplicationView;
use crate::run::cluster::ClusterView;
use crate::run::deployment::{Action, Deployment};
use crate::run::express::Admin;
use crate::run::journal::Journal;
use crate::run::review::{Review, ReviewRequest, ReviewState};
use crate::run::{Observation, Step, SystemRef, World, after};
use crate::web;

/// How long a command that could do without GitHub waits for it to take requests again.
const SHORT_PATIENCE: SignedDuration = SignedDuration::from_secs(5);

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
    github: Option<Asked>,
}

/// What the world is seen with: clusters, and the nodes in them.
pub struct Senses {
    /// Why there are no clusters, where the kubeconfig can't be used.
    pub clusters: Result<Clusters, BadKubeconfig>,
    http: Http,
    pub clock: Clock,
    commands: Option<Commands>,
}

/// The review platform, if it is asked.
pub struct Asked {
    reviews: Reviews,
    /// Whether what can't be seen there keeps anything from being proposed.
    required: bool,
    /// The requests that labels and reviewers were seen to, so that it is tried once only.
    finished: Arc<Mutex<BTreeSet<u64>>>,
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
        let github = {
            let _runtime = runtime.enter();
            Asked::at_hand(context, session)
        };
        Ok(Outside::Live(Box::new(Live { runtime, senses, github })))
    }

    /// From now on the requests on GitHub must be seen. `patience`: how long it may be waited until GitHub takes
    /// requests again.
    ///
    /// # Errors
    /// It can't be told which repo on GitHub this is, or who asks.
    pub fn require_reviews(
        &mut self,
        context: &Context,
        session: &Session,
        patience: SignedDuration,
    ) -> anyhow::Result<()> {
        let Outside::Live(live) = self else { return Ok(()) };
        let _runtime = live.runtime.enter();
        live.github = Some(Asked::required(context, session, patience)?);
        Ok(())
    }

    /// Where steps are put in review, if that was asked for.
    pub fn desk(&self) -> Option<Desk> {
        let Outside::Live(live) = self else { return None };
        live.github.as_ref()?.desk(live.runtime.handle())
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
        let bases: Vec<Deployment> = bases.into_iter().flatten().collect();
        let asked = self.github.as_ref();
        let mut reviews = match asked.map(|asked| asked.look(self.runtime.handle(), &bases)) {
            Some(Ok(reviews)) => reviews,
            Some(Err(error)) => return systems.iter().map(|_| Err(error.clone().into())).collect(),
            None => BTreeMap::new(),
        };
        let seen = systems.iter().zip(told).map(|(system, answers)| {
            let at = self.senses.clock.now();
            let review = reviews.remove(system).unwrap_or_default();
            Ok((at, world(self.senses.cluster(system, at), answers, review)))
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
        web::authorities(context)?;
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

impl Asked {
    /// For commands that can do without. Only where it is sure that GitHub is.
    pub fn at_hand(context: &Context, session: &Session) -> Option<Self> {
        let place = Place::find_known(context, remote_url(session).as_deref())?;
        let credentials = Credentials::find(context).ok().flatten()?;
        let github = Github::new(context, place, credentials, SHORT_PATIENCE);
        let github = github.inspect_err(|error| tracing::warn!("{error}")).ok()?;
        let reviews = Reviews::new(github, &session.settings.settings.branch);
        Some(Asked { reviews, required: false, finished: Arc::default() })
    }

    /// For commands that put steps in review. `patience`: how long it may be waited until GitHub takes requests
    /// again.
    ///
    /// # Errors
    /// It can't be told which repo on GitHub this is, or who asks.
    pub fn required(
        context: &Context,
        session: &Session,
        patience: SignedDuration,
    ) -> anyhow::Result<Self> {
        let place = Place::find(context, remote_url(session).as_deref())?;
        let credentials = Credentials::find(context)?
            .ok_or_else(|| github::Error::Credentials("no token for GitHub is set".to_owned()))?;
        let github = Github::new(context, place, credentials, patience)?;
        let reviews = Reviews::new(github, &session.settings.settings.branch);
        Ok(Asked { reviews, required: true, finished: Arc::default() })
    }

    /// Where steps are put in review, if that was asked for.
    pub fn desk(&self, runtime: &Handle) -> Option<Desk> {
        let writer = || Writer::new(self.reviews.github().clone());
        self.required.then(|| Desk::new(runtime.clone(), writer(), self.finished.clone()))
    }

    /// The requests of each system's steps. Where they had to be seen and weren't, it says so.
    ///
    /// # Errors
    /// They had to be seen, and won't be before somebody does something about it.
    pub fn look(
        &self,
        runtime: &Handle,
        bases: &[Deployment],
    ) -> Result<BTreeMap<SystemRef, Review>, github::Error> {
        match runtime.block_on(self.reviews.look(bases)) {
            Ok(reviews) => Ok(reviews),
            Err(error) if self.required && !error.is_passing() => Err(error),
            Err(error) if self.required => {
                let unseen = || Review { unseen: Some(error.to_string()), ..Review::default() };
                Ok(bases.iter().map(|it| (it.system.clone(), unseen())).collect())
            }
            Err(error) => {
                tracing::warn!("pull requests weren't looked at: {error}");
                Ok(BTreeMap::new())
            }
        }
    }
}

/// All that was seen of one system outside the deployment repo, put together.
pub fn world(cluster: ClusterView, answers: Answers, review: Review) -> World {
    let Answers { admin, application } = answers;
    World { cluster, admin, application, review, journal: Journal::default() }
}

fn remote_url(session: &Session) -> Option<String> {
    session.repo.remote_url(session.remote.as_deref()?)
}

/// The rest of a look, once the world was seen; in between, the base may have been fetched. In this
/// order the deployment repo is never older than what it is held against.
pub fn look(session: &Session, system: &SystemRef, seen: Sight) -> anyhow::Result<Look> {
    let (at, mut world) = seen?;
    let (deployment, folder) = read(session, system, &mut world.review)?;
    Ok(Look { seen: Observation { at, deployment, world }, folder })
}

/// One system of the deployment repo, and what its requests mean there.
pub fn read(
    session: &Session,
    system: &SystemRef,
    review: &mut Review,
) -> anyhow::Result<(Deployment, BaseFolder)> {
    let (mut deployment, folder) = session.read(system)?;
    mark_conflicts(session, &mut deployment, review);
    read_intents(session, &deployment, review);
    Ok((deployment, folder))
}

/// A step whose request conflicts with the base is out of date, unless it stands on that very base.
fn mark_conflicts(session: &Session, deployment: &mut Deployment, review: &Review) {
    for step in &mut deployment.steps {
        let request = review.open_request(step.run, step.step);
        let request = request.filter(|request| request.head == step.commit);
        if !request.is_some_and(|request| request.standing.conflicts) {
            continue;
        }
        let on = Oid::from_str(&step.commit).ok().and_then(|commit| {
            session.repo.commit(commit).ok()?.parent_id(0).ok().map(|parent| parent.to_string())
        });
        step.outdated |= on.is_some_and(|on| on != deployment.base.commit);
    }
}

/// What the next step meant to do, if its request was closed and its branch is gone: it makes a difference
/// whether a phase was turned down or a side move.
fn read_intents(session: &Session, deployment: &Deployment, review: &mut Review) {
    let Some(record) = &deployment.record else { return };
    let next = (record.run, record.step.saturating_add(1));
    if deployment.steps.iter().any(|step| (step.run, step.step) == next) {
        return;
    }
    let gone = |request: &&mut ReviewRequest| {
        let closed = matches!(request.state, ReviewState::Closed { .. });
        closed && request.intent.is_none() && (request.run, request.step) == next
    };
    for request in review.requests.iter_mut().filter(gone) {
        let Ok(head) = Oid::from_str(&request.head) else { continue };
        let source = session.source(session.pattern());
        // A command that asks nothing of the remote goes without.
        if let (Some(remote), true) = (&session.remote, deployment.base.fresh)
            && let Err(error) = session.repo.fetch_commit(remote, head)
        {
            tracing::debug!("{} can't be fetched: {error}", request.head);
        }
        let at = (request.run, request.step);
        request.intent = source.intent_of(&deployment.system, at, head).ok().flatten();
    }
}
