//! What is seen outside from look to look: clusters as their watches keep them up, and answers until they
//! are too old. Nothing here is waited for: what comes in says so.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

use crate::cli::Common;
use crate::commands::look::{Answers, Senses, world};
use crate::commands::session::Session;
use crate::context::Context;
use crate::observe::kubeconfig::{self, Stamp};
use crate::run::cluster::ClusterView;
use crate::run::deployment::Deployment;
use crate::run::review::Review;
use crate::run::{Phase, SystemRef, World};

/// How old answers become before they are asked for again, while something may follow from them.
const OFTEN: SignedDuration = SignedDuration::from_secs(60);

/// The same while a step waits for review.
const SELDOM: SignedDuration = SignedDuration::from_mins(5);

/// The least that really lies between two questions, however fast the clock runs.
const LEAST: Duration = Duration::from_millis(250);

/// How many runs are asked about at a time.
const AT_A_TIME: usize = 64;

/// What is seen of all systems that are watched.
pub struct Sights {
    senses: Arc<Senses>,
    runtime: Handle,
    changed: Arc<Notify>,
    watching: Option<JoinHandle<()>>,
    turns: Arc<Semaphore>,
    asked: BTreeMap<SystemRef, Asked>,
    tell: Sender<News>,
    news: Receiver<News>,
}

/// What was asked about one run, last.
struct Asked {
    about: About,
    /// When the answers to this become too old.
    due: Timestamp,
    answers: Option<Answers>,
    waiting: bool,
}

/// A step of a run, or none: what the questions depend on.
type About = Option<(u32, u32)>;

enum News {
    Answered { system: SystemRef, about: About, answers: Answers },
    Confirmed { system: SystemRef, cluster: ClusterView, answers: Answers },
}

/// What was seen of one system when it was looked at anew.
pub type Confirmed = (ClusterView, Answers);

/// All clusters of some systems, read anew.
type Anew = futures::future::Shared<BoxFuture<'static, Arc<BTreeMap<SystemRef, ClusterView>>>>;

impl Sights {
    /// The clusters of the kubeconfig as it is now. `before`: what the files held that is seen through already;
    /// `None` where that goes on.
    ///
    /// # Errors
    /// There is nothing to speak HTTP with.
    pub fn open(
        context: &Context,
        common: &Common,
        session: &Session,
        runtime: &Handle,
        changed: &Arc<Notify>,
        before: Option<&Stamp>,
    ) -> anyhow::Result<Option<(Self, Stamp)>> {
        let stamp = kubeconfig::stamp(context, common.kubeconfig.as_deref());
        if before == Some(&stamp) {
            return Ok(None);
        }
        let senses = Senses::new(context, common, session, true)?;
        // A file that is being written can't be read: whatever was known before goes on.
        if senses.clusters.is_err() && before.is_some() {
            return Ok(None);
        }
        Ok(Some((Sights::new(senses, runtime.clone(), Arc::clone(changed)), stamp)))
    }

    fn new(senses: Senses, runtime: Handle, changed: Arc<Notify>) -> Self {
        let senses = Arc::new(senses);
        let watching = senses.clusters.is_ok().then(|| {
            let (senses, changed) = (Arc::clone(&senses), Arc::clone(&changed));
            runtime.spawn(async move {
                if let Ok(clusters) = &senses.clusters {
                    clusters.watch(&changed).await;
                }
            })
        });
        let (tell, news) = channel();
        let turns = Arc::new(Semaphore::new(AT_A_TIME));
        let asked = BTreeMap::new();
        Sights { senses, runtime, changed, watching, turns, asked, tell, news }
    }

    /// From now on these are watched, and only these are asked about.
    pub fn follow(&mut self, systems: &[SystemRef]) {
        if let Ok(clusters) = &self.senses.clusters {
            clusters.follow(systems);
        }
    }

    /// Only these are asked about from now on.
    pub fn keep_asking(&mut self, about: &[SystemRef]) {
        self.asked.retain(|system, _| about.contains(system));
    }

    /// Whether a system's cluster was read, or can't be.
    pub fn is_read(&self, system: &SystemRef) -> bool {
        self.senses.clusters.as_ref().map_or(true, |clusters| clusters.is_read(system))
    }

    /// Whether anything of a system's runs is live, as far as is known.
    pub fn has(&self, system: &SystemRef) -> bool {
        self.senses.clusters.as_ref().is_ok_and(|clusters| clusters.has(system))
    }

    /// What came in since the last look; what was to be confirmed.
    pub fn take_news(&mut self) -> BTreeMap<SystemRef, Confirmed> {
        let mut confirmed = BTreeMap::new();
        for news in self.news.try_iter() {
            match news {
                News::Confirmed { system, cluster, answers } => {
                    if let Some(asked) = self.asked.get_mut(&system) {
                        asked.answers = Some(answers.clone());
                    }
                    confirmed.insert(system, (cluster, answers));
                }
                News::Answered { system, about, answers } => {
                    // Whoever moved on meanwhile is asked anew.
                    let asked = self.asked.get_mut(&system);
                    if let Some(asked) = asked.filter(|asked| asked.about == about) {
                        asked.answers = Some(answers);
                        asked.waiting = false;
                    }
                }
            }
        }
        confirmed
    }

    /// What is seen of one system now; nothing before its cluster was read and everybody was asked for the
    /// first time. Answers that are too old are asked for again.
    pub fn see(&mut self, base: &Deployment, review: &Review) -> Option<World> {
        let system = &base.system;
        let now = self.senses.clock.now();
        let about = base.record.as_ref().map(|record| (record.run, record.step));
        let asked = self.asked.get(system).filter(|asked| asked.about == about);
        let is_due = asked.is_none_or(|asked| !asked.waiting && asked.due <= now);
        if is_due {
            let answers = asked.and_then(|asked| asked.answers.clone());
            let due = now.checked_add(self.every(base)).unwrap_or(Timestamp::MAX);
            self.ask(base, about);
            let asked = Asked { about, due, answers, waiting: true };
            self.asked.insert(system.clone(), asked);
        }
        if !self.is_read(system) {
            return None;
        }
        let answers = self.asked.get(system)?.answers.clone()?;
        Some(world(self.senses.cluster(system, now), answers, review.clone()))
    }

    /// Looks at these systems anew, all of it: what was kept is good enough to wait by, not to act upon.
    pub fn confirm(&mut self, bases: &[Deployment]) {
        let mut clusters: BTreeMap<&str, Vec<SystemRef>> = BTreeMap::new();
        for base in bases {
            clusters.entry(&base.system.cluster).or_default().push(base.system.clone());
        }
        let anew: BTreeMap<&str, Anew> =
            clusters.into_iter().map(|(cluster, of)| (cluster, self.anew(of))).collect();
        for base in bases {
            let Some(anew) = anew.get(base.system.cluster.as_str()).cloned() else { continue };
            let known = self.asked.get(&base.system).and_then(|asked| asked.answers.clone());
            let known = known.filter(|_| !rests_on_answers(base));
            let (senses, base) = (Arc::clone(&self.senses), base.clone());
            let (tell, changed) = (self.tell.clone(), Arc::clone(&self.changed));
            self.runtime.spawn(async move {
                let answers = async {
                    match known {
                        Some(known) => known,
                        None => senses.ask(&base).await,
                    }
                };
                let (clusters, answers) = tokio::join!(anew, answers);
                let system = base.system;
                let cluster = clusters.get(&system).cloned();
                let cluster =
                    cluster.unwrap_or_else(|| senses.cluster(&system, senses.clock.now()));
                // Whoever no longer listens doesn't need it.
                tell.send(News::Confirmed { system, cluster, answers }).ok();
                changed.notify_one();
            });
        }
    }

    /// When the next answers become too old.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.asked.values().filter(|asked| !asked.waiting).map(|asked| asked.due).min()
    }

    /// How often is asked about a run.
    fn every(&self, base: &Deployment) -> SignedDuration {
        let step = base.record.as_ref().map_or(0, |record| record.step);
        let in_review = base.steps.iter().any(|open| open.step > step);
        let every = if in_review { SELDOM } else { OFTEN };
        every.max(self.senses.clock.passes_in(LEAST))
    }

    fn ask(&self, base: &Deployment, about: About) {
        let (senses, base) = (Arc::clone(&self.senses), base.clone());
        let (tell, changed) = (self.tell.clone(), Arc::clone(&self.changed));
        let turns = Arc::clone(&self.turns);
        self.runtime.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire().await;
            let answers = senses.ask(&base).await;
            tell.send(News::Answered { system: base.system, about, answers }).ok();
            changed.notify_one();
        });
    }

    fn anew(&self, systems: Vec<SystemRef>) -> Anew {
        let senses = Arc::clone(&self.senses);
        let reading = async move {
            let views = match &senses.clusters {
                Ok(clusters) => clusters.anew(&systems).await,
                Err(_) => Vec::new(),
            };
            Arc::new(systems.into_iter().zip(views).collect())
        };
        reading.boxed().shared()
    }
}

impl Drop for Sights {
    fn drop(&mut self) {
        if let Some(watching) = &self.watching {
            watching.abort();
        }
    }
}

/// Whether a gate of the phase on the base hangs on what nodes answer.
fn rests_on_answers(base: &Deployment) -> bool {
    match base.record.as_ref().map(|record| record.phase) {
        Some(Phase::Rebuild | Phase::Propagate) => true,
        Some(Phase::HistoryUpdate) => base.inputs.admin.history.is_some(),
        Some(Phase::FarmUp | Phase::Synchronizer | Phase::Teardown) | None => false,
    }
}
