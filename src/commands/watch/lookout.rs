//! One look after the other at all systems that are watched: the deployment repo as it was last fetched, the
//! world as it is kept up. What a look comes to is acted upon only after everything was looked at anew.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::sights::{Confirmed, Sights};
use super::teller::{Told, Watched};
use crate::cli::{Common, Watch};
use crate::commands::desk::{Desk, is_passing};
use crate::commands::emit::{make, needs_github, was_outrun};
use crate::commands::look::{Asked, Look, read, world};
use crate::commands::memory::Memory;
use crate::commands::session::{Mark, Session};
use crate::config::Settings;
use crate::context::Context;
use crate::exit;
use crate::observe::deployment::HasRun;
use crate::observe::kubeconfig::Stamp;
use crate::observe::replay::Replay;
use crate::render::BaseFolder;
use crate::report::error;
use crate::report::json::StepOutcome;
use crate::run::cluster::ClusterView;
use crate::run::deployment::Deployment;
use crate::run::review::Review;
use crate::run::{
    Attention, Decision, Observation, Place, Request, Step, SystemRef, attentions, decide,
    in_review,
};
use crate::wait::{Occasion, Seen};

/// How long after its teardown landed a run is still thought of where nobody names its system.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

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
    github: Option<Asked>,
    systems: Vec<Named>,
    /// The systems that were looked at last.
    about: BTreeSet<SystemRef>,
    /// Their requests, as they were before the deployment repo was fetched.
    reviews: BTreeMap<SystemRef, Review>,
    bases: BTreeMap<SystemRef, Arc<Base>>,
    /// This look began with a fetch.
    fetched: bool,
    /// Decisions that were acted upon, and what went wrong with it.
    done: BTreeMap<SystemRef, (Decision, Option<Arc<anyhow::Error>>)>,
    /// Decisions that are acted upon once everything was looked at anew.
    confirming: BTreeMap<SystemRef, Decision>,
    /// Decisions that didn't hold when everything was looked at anew.
    lapsed: BTreeMap<SystemRef, Decision>,
    /// Those that could be read at some time in this watch.
    was_fine: BTreeSet<SystemRef>,
    /// The journals of the systems.
    memory: Memory,
    /// What is to be noted of this look, and what people are told at it.
    noted: Vec<(Observation, Vec<Attention>)>,
}

/// What the deployment repo and its review platform say of a system.
#[derive(Clone)]
struct Base {
    deployment: Deployment,
    folder: BaseFolder,
    review: Review,
}

/// A system that is watched.
struct Named {
    /// As it was named, or its whole name.
    name: String,
    system: Result<SystemRef, Arc<anyhow::Error>>,
    /// Nobody named it, and its run is no longer on the base.
    over: bool,
    /// Its last run was torn down not long ago: something of it may still be owed.
    recent: bool,
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
    /// The settings of the deployment repo.
    pub settings: Option<Settings>,
    /// Where steps are put in review, if they are.
    pub desk: Option<Desk>,
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
            memory: Memory::new(&common, asked.emit),
            noted: Vec::new(),
            context,
            common,
            asked,
            runtime,
            changed,
            session: None,
            stale: false,
            trouble: None,
            outside: None,
            github: None,
            systems: Vec::new(),
            about: BTreeSet::new(),
            reviews: BTreeMap::new(),
            bases: BTreeMap::new(),
            fetched: false,
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
        self.fetched = false;
        if occasion == Occasion::Poll || wanted && self.trouble.is_none() {
            match self.refresh() {
                Ok(()) => {
                    self.stale = false;
                    self.trouble = None;
                    self.fetched = true;
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

    /// Everything that is read from the remote, anew: first its requests, then the branches, the base last.
    /// In this order what was merged is on the base, and what a step was made on is known.
    fn refresh(&mut self) -> anyhow::Result<()> {
        let (context, common) = (&self.context, &self.common);
        let mut session = Session::open(context, common)?;
        if self.session.is_none() {
            // Which runs are on isn't known from whatever was fetched last.
            session = session.refresh(context, common, &[])?;
            self.systems = self.names(&session)?;
            let named = self.systems.iter().filter(|named| !named.over || named.recent);
            self.about = named.filter_map(|named| named.system.as_ref().ok()).cloned().collect();
            self.github = self.review_platform(&session)?;
        }
        let reviews = match &self.github {
            Some(asked) => asked.look(&self.runtime, &self.bases_of(&session))?,
            None => BTreeMap::new(),
        };
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
                self.bases.retain(|system, _| reviews.get(system) == self.reviews.get(system));
                for base in self.bases.values_mut() {
                    Arc::make_mut(base).deployment.base = session.base.clone();
                }
            }
            _ => self.bases.clear(),
        }
        self.reviews = reviews;
        self.open_eyes(&session)?;
        self.session = Some((session, mark));
        Ok(())
    }

    /// The systems that were looked at last, as the base had them then.
    fn bases_of(&self, session: &Session) -> Vec<Deployment> {
        let bases = self.about.iter().filter_map(|system| match self.bases.get(system) {
            Some(base) => Some(base.deployment.clone()),
            None => Some(session.read(system).ok()?.0),
        });
        bases.collect()
    }

    /// Where requests are looked at, if anywhere.
    fn review_platform(&self, session: &Session) -> anyhow::Result<Option<Asked>> {
        if self.common.observed.is_some() {
            return Ok(None);
        }
        let _runtime = self.runtime.enter();
        if needs_github(session, self.asked.emit) {
            // Nothing waits here: what can't be asked now is asked at the next look.
            return Asked::required(&self.context, session, SignedDuration::ZERO).map(Some);
        }
        Ok(Asked::at_hand(&self.context, session))
    }

    /// The clusters of the kubeconfig as it is now.
    fn open_eyes(&mut self, session: &Session) -> anyhow::Result<()> {
        if let Some(file) = &self.common.observed {
            let replay = Replay::read(&self.context.cwd.join(file))?;
            self.outside = Some(Outside::Replayed(replay));
            return Ok(());
        }
        let before = match &self.outside {
            Some(Outside::Kept(_, stamp)) => Some(stamp),
            Some(Outside::Replayed(_)) | None => None,
        };
        let Lookout { context, common, runtime, changed, .. } = &*self;
        let opened = Sights::open(context, common, session, runtime, changed, before)?;
        if let Some((sights, stamp)) = opened {
            self.confirming.clear();
            self.outside = Some(Outside::Kept(Box::new(sights), stamp));
        }
        Ok(())
    }

    /// The systems by name, each once; without names every one whose run is on, or was and may not be gone.
    fn names(&self, session: &Session) -> anyhow::Result<Vec<Named>> {
        if self.asked.systems.is_empty() {
            let since = self.context.clock.now().checked_sub(RECENT).unwrap_or(Timestamp::MIN);
            let (runs, before) = (session.runs()?, session.base_at(since)?);
            let runs = runs.into_iter().filter_map(|run| match run {
                Ok((_, HasRun::Never)) => None,
                Ok((system, run)) => {
                    let over = run == HasRun::Over;
                    let recent = over && session.changed_since(before, &system).unwrap_or(true);
                    Some(Named { name: system.to_string(), system: Ok(system), over, recent })
                }
                Err(orphan) => {
                    let (name, system) = (orphan.to_string(), Err(Arc::new(orphan)));
                    Some(Named { name, system, over: false, recent: false })
                }
            });
            return Ok(runs.collect());
        }
        let mut seen = BTreeSet::new();
        let each = self.asked.systems.iter().map(|name| Named {
            name: name.clone(),
            system: session.system(name).map_err(Arc::new),
            over: false,
            recent: false,
        });
        let is_new = |named: &Named| match &named.system {
            Ok(system) => seen.insert(system.clone()),
            Err(_) => true,
        };
        Ok(each.filter(is_new).collect())
    }

    fn look_at(
        &mut self,
        session: &Session,
        mut confirmed: BTreeMap<SystemRef, Confirmed>,
    ) -> Tidings {
        let systems = std::mem::take(&mut self.systems);
        self.memory.recall(session, &known(&systems), self.context.clock.now());
        if let Some(Outside::Kept(sights, _)) = &mut self.outside {
            sights.follow(&known(&systems));
        }
        let (mut each, mut watched) = (Vec::new(), Vec::new());
        let (mut to_confirm, mut about) = (Vec::new(), Vec::new());
        let (mut settled, mut unfinished) = (self.trouble.is_none(), false);
        let desk = self.github.as_ref().and_then(|asked| asked.desk(&self.runtime));
        for named @ Named { name, system, .. } in &systems {
            watched.push(name.clone());
            let mut tell = |what| each.push(Told { name: name.clone(), what, aside: false });
            let system = match system {
                Ok(system) => system,
                Err(error) => {
                    tell(Err(Arc::clone(error)));
                    continue;
                }
            };
            // What was looked at anew is acted upon only with the base that was fetched after it.
            let confirmed = confirmed.remove(system).filter(|_| self.trouble.is_none());
            let one = self.look_at_one(session, system, named, confirmed, desk.as_ref());
            if !matches!(one, One::Nothing) {
                about.push(system.clone());
            }
            match one {
                One::Nothing => {
                    watched.pop();
                }
                One::Over(one) => {
                    watched.pop();
                    each.push(Told { name: name.clone(), what: Ok(one), aside: true });
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
        self.memory.note(session, std::mem::take(&mut self.noted));
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
        self.about = about.into_iter().collect();
        let (trouble, settings) = (self.trouble.clone(), session.settings.settings.clone());
        Tidings { seen, watched, each, trouble, settings: Some(settings), desk }
    }

    /// What the base says of a system, as long as it says the same.
    fn base(&mut self, session: &Session, system: &SystemRef) -> anyhow::Result<Arc<Base>> {
        if let Some(base) = self.bases.get(system) {
            return Ok(Arc::clone(base));
        }
        let mut review = self.reviews.get(system).cloned().unwrap_or_default();
        let (deployment, folder) = read(session, system, &mut review)?;
        let base = Arc::new(Base { deployment, folder, review });
        self.bases.insert(system.clone(), Arc::clone(&base));
        self.was_fine.insert(system.clone());
        Ok(base)
    }

    /// Decides on what is seen of one system, and acts upon it if that was `confirmed`.
    fn look_at_one(
        &mut self,
        session: &Session,
        system: &SystemRef,
        named: &Named,
        confirmed: Option<Confirmed>,
        desk: Option<&Desk>,
    ) -> One {
        if let Some(Outside::Kept(sights, _)) = &self.outside
            && named.over
        {
            // A run that was torn down is watched until it is gone, as far as that can be seen.
            if !sights.is_read(system) {
                return One::NotYet;
            }
            if !sights.has(system) && !named.recent {
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
            (Some(Outside::Kept(..)), Some((cluster, answers))) => {
                (now, world(cluster, answers, base.review.clone()), true)
            }
            (Some(Outside::Kept(sights, _)), None) => {
                match sights.see(&base.deployment, &base.review) {
                    Some(world) => (now, world, false),
                    None => return One::NotYet,
                }
            }
            (Some(Outside::Replayed(replay)), _) => match replay.world(system) {
                Ok((at, world)) => (at, world, true),
                Err(error) => return One::failed(error.into(), true),
            },
            (None, _) => return One::NotYet,
        };
        let mut seen = Observation { at, deployment: base.deployment.clone(), world };
        self.memory.put_into(&mut seen);
        let decision = match decide(&seen, &Request::Observe) {
            Ok(decision) => decision,
            Err(refused) => return One::failed(refused.into(), true),
        };
        if named.over && is_over(&seen, &decision) {
            // Its closing words may still be owed.
            return One::Over(Watched::new(seen, decision, None, Vec::new()));
        }
        self.noted.push((seen.clone(), attentions(&seen, &decision)));
        let look = Look { seen, folder: base.folder.clone() };
        let (mut notes, mut made) = (Vec::new(), None);
        if let Some(desk) = desk.filter(|_| self.asked.emit.pr && self.fetched)
            && let Err(error) = desk.close_duplicates(&look)
        {
            notes.push(error.to_string());
        }
        match &decision {
            Decision::Wait(_) | Decision::Idle(_) | Decision::Withdraw(_) => {
                self.done.remove(system);
                // What waits for review is looked after.
                let open = in_review(&look.seen).filter(|step| self.looks_after(&look, step));
                if let Some(step) = open {
                    match make(&self.context, session, &look, &step, self.asked.emit, desk) {
                        Ok(made) if made.done.outcome == StepOutcome::Adopted => {
                            notes.extend(made.notes);
                        }
                        // It wasn't all there: whoever was to put it in review was interrupted.
                        Ok(done) => {
                            self.look_again(system);
                            made = Some((step, done));
                        }
                        Err(error) if was_outrun(&error) => {}
                        Err(error) if is_passing(&error) => notes.push(error.to_string()),
                        Err(error) => return One::failed(error, false),
                    }
                }
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
                        return self.act(session, look, decision, desk, notes);
                    }
                    _ if self.confirming.contains_key(system) => return One::NotYet,
                    // What is kept up lags behind what there is, or it goes to and fro: time will tell.
                    _ if self.lapsed.get(system) == Some(&decision) => return One::AsBefore,
                    // As long as nothing can be fetched, nothing is done.
                    _ if self.trouble.is_some() => return One::AsBefore,
                    _ => {
                        self.confirming.insert(system.clone(), decision);
                        return One::ToConfirm(look.seen.deployment);
                    }
                }
            }
        }
        One::Seen(Watched::new(look.seen, decision, made, notes))
    }

    /// Whether a step that waits for review is seen to at this look: its request, or that it is on the remote.
    fn looks_after(&self, look: &Look, step: &Step) -> bool {
        let emit = self.asked.emit;
        let seen = look.seen.world.review.unseen.is_none();
        let is_here_alone = matches!(&step.place, Place::Adopt(branch) if branch.remote.is_none());
        let wanted = emit.pr || emit.pushes() && is_here_alone;
        wanted && !self.asked.no_emit && self.fetched && seen
    }

    /// The branch of this system is another one now, here and there.
    fn look_again(&mut self, system: &SystemRef) {
        self.bases.remove(system);
        self.stale = true;
        self.changed.notify_one();
    }

    /// Emits what is due.
    fn act(
        &mut self,
        session: &Session,
        look: Look,
        decision: Decision,
        desk: Option<&Desk>,
        mut notes: Vec<String>,
    ) -> One {
        let system = look.seen.deployment.system.clone();
        let mut made = None;
        let mut failed = None;
        if let Decision::Propose(step) = &decision
            && !self.asked.no_emit
        {
            self.look_again(&system);
            match make(&self.context, session, &look, step, self.asked.emit, desk) {
                Ok(done) => made = Some((Step::clone(step), done)),
                // Somebody else was faster: the next look sees what with.
                Err(error) if was_outrun(&error) => {}
                // GitHub wasn't there, or wants to be left alone: it is asked again later.
                Err(error) if is_passing(&error) => notes.push(error.to_string()),
                Err(error) => failed = Some(Arc::new(error)),
            }
        }
        self.done.insert(system, (decision.clone(), failed.clone()));
        match failed {
            Some(error) => One::Failed { for_good: is_for_good(&error), error },
            None => One::Seen(Watched::new(look.seen, decision, made, notes)),
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
    /// The same, but it isn't long ago.
    Over(Watched),
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
        Tidings { seen, watched: vec![], each: vec![], trouble: None, settings: None, desk: None }
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
