//! One look after the other at all systems that are watched: the deployment repo as it was last fetched, the
//! world as it is kept up. What a look comes to is acted upon only after everything was looked at anew.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::sights::Sights;
use super::teller::{Told, Watched};
use crate::cli::{Common, Watch};
use crate::commands::emit::{make, was_outrun};
use crate::commands::exit;
use crate::commands::look::{Look, Senses};
use crate::commands::session::{Mark, Session};
use crate::config::Heartbeat;
use crate::context::Context;
use crate::observe::deployment::HasRun;
use crate::observe::kubeconfig::{self, Stamp};
use crate::observe::replay::Replay;
use crate::render::BaseFolder;
use crate::report::error;
use crate::run::cluster::ClusterView;
use crate::run::deployment::Deployment;
use crate::run::{Decision, Observation, Request, SystemRef, World, decide};
use crate::wait::{Occasion, Seen};

/// What goes on from one look to the next: nothing that couldn't be found out again.
pub struct Lookout {
    /// Its output streams lead nowhere.
    context: Context,
    common: Common,
    asked: Watch,
    runtime: Handle,
    changed: Arc<Notify>,
    /// The deployment repo as last fetched.
    session: Option<(Session, Mark)>,
    /// The base is known to be out of date: it holds what this watch emitted itself.
    stale: bool,
    /// Why it couldn't be fetched, the last time.
    trouble: Option<Arc<anyhow::Error>>,
    outside: Option<Outside>,
    systems: Vec<Named>,
    bases: BTreeMap<SystemRef, Arc<(Deployment, BaseFolder)>>,
    /// Decisions that were acted upon, and what went wrong with it.
    done: BTreeMap<SystemRef, (Decision, Option<Arc<anyhow::Error>>)>,
    /// Decisions that are acted upon once everything was looked at anew.
    confirming: BTreeMap<SystemRef, Decision>,
    /// Decisions that didn't hold when everything was looked at anew.
    lapsed: BTreeMap<SystemRef, Decision>,
    /// Those that could be read at some time in this watch.
    was_fine: BTreeSet<SystemRef>,
}

/// A system that is watched.
struct Named {
    /// As it was named, or its whole name.
    name: String,
    system: Result<SystemRef, Arc<anyhow::Error>>,
    /// Nobody named it, and its run is no longer on the base.
    over: bool,
}

enum Outside {
    Kept(Box<Sights>, Stamp),
    Replayed(Replay),
}

/// What one look came to.
pub struct Tidings {
    pub seen: Seen,
    /// The names of all systems that are watched, in their order.
    pub watched: Vec<String>,
    /// What there is to be said of them.
    pub each: Vec<Told>,
    /// Why the deployment repo couldn't be fetched.
    pub trouble: Option<Arc<anyhow::Error>>,
    pub heartbeat: Option<Heartbeat>,
}

impl Lookout {
    pub fn new(
        context: Context,
        common: Common,
        asked: Watch,
        runtime: Handle,
        changed: Arc<Notify>,
    ) -> Self {
        Lookout {
            context,
            common,
            asked,
            runtime,
            changed,
            session: None,
            stale: false,
            trouble: None,
            outside: None,
            systems: Vec::new(),
            bases: BTreeMap::new(),
            done: BTreeMap::new(),
            confirming: BTreeMap::new(),
            lapsed: BTreeMap::new(),
            was_fine: BTreeSet::new(),
        }
    }

    /// One look at all systems; what falls due is emitted.
    ///
    /// # Errors
    /// The deployment repo can't be read at the first look. Later that is trouble that may pass.
    pub fn look(&mut self, occasion: Occasion) -> anyhow::Result<Tidings> {
        let confirmed = match &mut self.outside {
            Some(Outside::Kept(sights, _)) => sights.take_news(),
            Some(Outside::Replayed(_)) | None => BTreeMap::new(),
        };
        let wanted = self.stale || !confirmed.is_empty();
        if occasion == Occasion::Poll || wanted && self.trouble.is_none() {
            match self.refresh() {
                Ok(()) => {
                    self.stale = false;
                    self.trouble = None;
                }
                Err(error) if self.session.is_none() => return Err(error),
                Err(error) => self.trouble = Some(Arc::new(error)),
            }
        }
        if occasion == Occasion::Poll {
            // What went wrong may go right by now.
            self.done.retain(|_, (decision, _)| !matches!(decision, Decision::Propose(_)));
            self.lapsed.clear();
        }
        for system in confirmed.keys() {
            if let Some(decision) = self.confirming.remove(system) {
                self.lapsed.insert(system.clone(), decision);
            }
        }
        match self.session.take() {
            Some((session, mark)) => {
                let tidings = self.look_at(&session, confirmed);
                self.session = Some((session, mark));
                Ok(tidings)
            }
            None => Ok(Tidings::none()),
        }
    }

    /// The base fetched anew, and with it everything that is read from the deployment repo.
    fn refresh(&mut self) -> anyhow::Result<()> {
        let (context, common) = (&self.context, &self.common);
        let mut session = Session::open(context, common)?;
        if self.session.is_none() {
            // Which runs are on isn't known from whatever was fetched last.
            session = session.refresh(context, common, &[])?;
            self.systems = self.names(&session)?;
        }
        let mut known = known(&self.systems);
        loop {
            session = session.refresh(&self.context, &self.common, &known)?;
            self.systems = self.names(&session)?;
            let now = self::known(&self.systems);
            // Of a system that came to be with this fetch the branches are still to be asked for.
            if now.iter().all(|system| known.contains(system)) {
                break;
            }
            known = now;
        }
        let mark = session.mark()?;
        match &self.session {
            Some((_, before)) if *before == mark => {
                for base in self.bases.values_mut() {
                    Arc::make_mut(base).0.base = session.base.clone();
                }
            }
            _ => self.bases.clear(),
        }
        self.open_eyes(&session)?;
        self.session = Some((session, mark));
        Ok(())
    }

    /// The clusters of the kubeconfig as it is now.
    fn open_eyes(&mut self, session: &Session) -> anyhow::Result<()> {
        if let Some(file) = &self.common.observed {
            let replay = Replay::read(&self.context.cwd.join(file))?;
            self.outside = Some(Outside::Replayed(replay));
            return Ok(());
        }
        let stamp = kubeconfig::stamp(&self.context, self.common.kubeconfig.as_deref());
        if matches!(&self.outside, Some(Outside::Kept(_, before)) if *before == stamp) {
            return Ok(());
        }
        let senses = Senses::new(&self.context, &self.common, session, true)?;
        // A file that is being written can't be read: whatever was known before goes on.
        if senses.clusters.is_err() && matches!(&self.outside, Some(Outside::Kept(..))) {
            return Ok(());
        }
        let (runtime, changed) = (self.runtime.clone(), Arc::clone(&self.changed));
        let sights = Sights::new(senses, runtime, changed);
        self.confirming.clear();
        self.outside = Some(Outside::Kept(Box::new(sights), stamp));
        Ok(())
    }

    /// The systems by name, each once; without names every one whose run is on, or was and may not be gone.
    fn names(&self, session: &Session) -> anyhow::Result<Vec<Named>> {
        if self.asked.systems.is_empty() {
            let runs = session.runs()?.into_iter().filter_map(|run| match run {
                Ok((_, HasRun::Never)) => None,
                Ok((system, run)) => {
                    let over = run == HasRun::Over;
                    Some(Named { name: system.to_string(), system: Ok(system), over })
                }
                Err(orphan) => {
                    let name = orphan.to_string();
                    Some(Named { name, system: Err(Arc::new(orphan)), over: false })
                }
            });
            return Ok(runs.collect());
        }
        let mut seen = BTreeSet::new();
        let each = self.asked.systems.iter().map(|name| Named {
            name: name.clone(),
            system: session.system(name).map_err(Arc::new),
            over: false,
        });
        let is_new = |named: &Named| match &named.system {
            Ok(system) => seen.insert(system.clone()),
            Err(_) => true,
        };
        Ok(each.filter(is_new).collect())
    }

    fn look_at(&mut self, session: &Session, mut confirmed: BTreeMap<SystemRef, World>) -> Tidings {
        let systems = std::mem::take(&mut self.systems);
        if let Some(Outside::Kept(sights, _)) = &mut self.outside {
            sights.follow(&known(&systems));
        }
        let (mut each, mut watched) = (Vec::new(), Vec::new());
        let (mut to_confirm, mut about) = (Vec::new(), Vec::new());
        let (mut settled, mut unfinished) = (self.trouble.is_none(), false);
        for Named { name, system, over } in &systems {
            watched.push(name.clone());
            let mut tell = |what| each.push(Told { name: name.clone(), what });
            let system = match system {
                Ok(system) => system,
                Err(error) => {
                    tell(Err(Arc::clone(error)));
                    continue;
                }
            };
            // What was looked at anew is acted upon only with the base that was fetched after it.
            let confirmed = confirmed.remove(system).filter(|_| self.trouble.is_none());
            let one = self.look_at_one(session, system, *over, confirmed);
            if !matches!(one, One::Nothing) {
                about.push(system.clone());
            }
            match one {
                One::Nothing => {
                    watched.pop();
                }
                One::NotYet => unfinished = true,
                One::AsBefore => settled = false,
                One::ToConfirm(base) => {
                    unfinished = true;
                    to_confirm.push(base);
                }
                One::Seen(one) => {
                    settled &= one.code != exit::WAITING;
                    tell(Ok(one));
                }
                One::Failed { error, for_good } => {
                    settled &= for_good;
                    tell(Err(error));
                }
            }
        }
        self.systems = systems;
        let mut at = None;
        if let Some(Outside::Kept(sights, _)) = &mut self.outside {
            sights.keep_asking(&about);
            sights.confirm(&to_confirm);
            at = sights.next_due();
        }
        let stale = self.stale && self.trouble.is_none();
        let seen = match settled && !unfinished && !stale {
            true => Seen::Settled,
            false => Seen::Waiting { at, unfinished: unfinished || stale },
        };
        let heartbeat = session.settings.settings.heartbeat.clone();
        Tidings { seen, watched, each, trouble: self.trouble.clone(), heartbeat }
    }

    /// What the base says of a system, as long as it says the same.
    fn base(
        &mut self,
        session: &Session,
        system: &SystemRef,
    ) -> anyhow::Result<Arc<(Deployment, BaseFolder)>> {
        if let Some(base) = self.bases.get(system) {
            return Ok(Arc::clone(base));
        }
        let base = Arc::new(session.read(system)?);
        self.bases.insert(system.clone(), Arc::clone(&base));
        self.was_fine.insert(system.clone());
        Ok(base)
    }

    /// Decides on what is seen of one system, and acts upon it if that was `confirmed`.
    fn look_at_one(
        &mut self,
        session: &Session,
        system: &SystemRef,
        over: bool,
        confirmed: Option<World>,
    ) -> One {
        if let Some(Outside::Kept(sights, _)) = &self.outside
            && over
        {
            // A run that was torn down is watched until it is gone, as far as that can be seen.
            if !sights.is_read(system) {
                return One::NotYet;
            }
            if !sights.has(system) && confirmed.is_none() {
                return One::Nothing;
            }
        }
        let base = match self.base(session, system) {
            Ok(base) => base,
            // What was right before can be put right again.
            Err(error) => return One::failed(error, !self.was_fine.contains(system)),
        };
        let now = self.context.clock.now();
        let (at, world, is_final) = match (&mut self.outside, confirmed) {
            (Some(Outside::Kept(..)), Some(world)) => (now, world, true),
            (Some(Outside::Kept(sights, _)), None) => match sights.see(&base.0) {
                Some(world) => (now, world, false),
                None => return One::NotYet,
            },
            (Some(Outside::Replayed(replay)), _) => match replay.world(system) {
                Ok((at, world)) => (at, world, true),
                Err(error) => return One::failed(error.into(), true),
            },
            (None, _) => return One::NotYet,
        };
        let seen = Observation { at, deployment: base.0.clone(), world };
        let decision = match decide(&seen, &Request::Observe) {
            Ok(decision) => decision,
            Err(refused) => return One::failed(refused.into(), true),
        };
        if over && is_over(&seen, &decision) {
            return One::Nothing;
        }
        match &decision {
            Decision::Wait(_) | Decision::Idle(_) | Decision::Withdraw(_) => {
                self.done.remove(system);
            }
            Decision::Propose(_) | Decision::Halt(_) | Decision::Finished(_) => {
                match self.done.get(system) {
                    Some((done, Some(error))) if *done == decision => {
                        return One::Failed {
                            error: Arc::clone(error),
                            for_good: is_for_good(error),
                        };
                    }
                    Some((done, None)) if *done == decision => {}
                    _ if is_final => {
                        self.lapsed.remove(system);
                        let folder = base.1.clone();
                        return self.act(session, Look { seen, folder }, decision);
                    }
                    _ if self.confirming.contains_key(system) => return One::NotYet,
                    // What is kept up lags behind what there is, or it goes to and fro: time will tell.
                    _ if self.lapsed.get(system) == Some(&decision) => return One::AsBefore,
                    // As long as nothing can be fetched, nothing is done.
                    _ if self.trouble.is_some() => return One::AsBefore,
                    _ => {
                        self.confirming.insert(system.clone(), decision);
                        return One::ToConfirm(seen.deployment);
                    }
                }
            }
        }
        One::Seen(Watched::new(seen, decision, None))
    }

    /// Emits what is due.
    fn act(&mut self, session: &Session, look: Look, decision: Decision) -> One {
        let system = look.seen.deployment.system.clone();
        let mut made = None;
        let mut failed = None;
        if let Decision::Propose(step) = &decision
            && !self.asked.no_emit
        {
            // The branch is another one now, here and there.
            self.bases.remove(&system);
            self.stale = true;
            self.changed.notify_one();
            match make(&self.context, session, &look, step, self.asked.emit) {
                Ok(done) => made = Some(done.done),
                // Somebody else was faster: the next look sees what with.
                Err(error) if was_outrun(&error) => {}
                Err(error) => failed = Some(Arc::new(error)),
            }
        }
        self.done.insert(system, (decision.clone(), failed.clone()));
        match failed {
            Some(error) => One::Failed { for_good: is_for_good(&error), error },
            None => One::Seen(Watched::new(look.seen, decision, made)),
        }
    }
}

/// What a look at one system comes to.
enum One {
    Seen(Watched),
    /// There is something to do, once all of it was looked at anew.
    ToConfirm(Deployment),
    /// Something that was asked wasn't answered yet.
    NotYet,
    /// What was said of it last still holds, as far as is known.
    AsBefore,
    /// Nobody asked for it.
    Nothing,
    Failed {
        error: Arc<anyhow::Error>,
        for_good: bool,
    },
}

impl One {
    fn failed(error: anyhow::Error, for_good: bool) -> Self {
        One::Failed { error: Arc::new(error), for_good }
    }
}

impl Tidings {
    fn none() -> Self {
        let seen = Seen::Waiting { at: None, unfinished: false };
        Tidings { seen, watched: vec![], each: vec![], trouble: None, heartbeat: None }
    }
}

/// Its last run is over, and it isn't known that anything of it is live.
fn is_over(seen: &Observation, decision: &Decision) -> bool {
    let unseen = !matches!(seen.world.cluster, ClusterView::Seen(_));
    let over = matches!(decision, Decision::Finished(_) | Decision::Idle(_)) || unseen;
    seen.deployment.record.is_none() && over
}

/// Whether a step that wasn't emitted won't be by trying again: somebody has to put something right.
fn is_for_good(error: &anyhow::Error) -> bool {
    matches!(error::code(error), exit::INVALID | exit::USAGE)
}

fn known(systems: &[Named]) -> Vec<SystemRef> {
    systems.iter().filter_map(|named| named.system.as_ref().ok()).cloned().collect()
}
