//! The world of one rehearsal: Kubernetes, Argo CD, Express and the reviewer, moved on together from one
//! thing that is due to the next, and everything of note that happens in it.
mod chronicle;
mod troubles;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::argocd::{Application, ArgoCd};
use super::clock::WorldClock;
use super::express::{Cmd, Conduct, Express, Frontends};
use super::github::GitHub;
use super::github::account::{Account, Permissions};
use super::jira::{self, Jira};
use super::jobs::{Crew, Jobs};
use super::kubernetes::access::{UnmarkedToken, User};
use super::kubernetes::{Kubernetes, Timing};
use super::reviewer::{Act, ReviewError, Reviewer};
use super::scenario::Scenario;
use super::wiring::{Nodes, Writer, rules};
use crate::config::Inputs;
use crate::propose::pull_request::CONTEXT;
use crate::rbac::Reach;
use crate::run::{Phase, SystemRef};

use chronicle::Chronicle;
use troubles::{Around, Troubles};

/// The one secret of the world.
pub const TOKEN: &str = "rehearsalTOKEN-of-the-watcher";

/// What the program shows to the embedded GitHub and Jira.
pub const GITHUB_TOKEN: &str = "rehearsalTOKEN-of-the-pull-requests";
pub const JIRA_TOKEN: &str = "rehearsalTOKEN-of-the-ticket";

/// Who the program is on the embedded Jira, and the ticket of its runs.
pub const JIRA_USER: &str = "dcr-gitops@example.com";
pub const TICKET: &str = "DCR-1";

/// Who it is on the embedded GitHub.
const BOT: &str = "dcr-gitops";

/// The deployment repo's name on the embedded GitHub.
const OWNER: &str = "rehearsal";
const REPO: &str = "deployment";

/// The hash that the frontends serve, before and after a rebuild.
const HASH: &str = "5f5e38d65f5e38d6";

/// The longest leap of time: what comes about gradually (how far a rebuild is) is noticed so much later.
const LEAP: SignedDuration = SignedDuration::from_hours(2);

/// The shortest: what was due before and didn't happen doesn't stop the clock.
const MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// Where the world takes place.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The bare deployment repo.
    pub remote: PathBuf,
    /// Its base branch.
    pub base: String,
    pub system: SystemRef,
    /// The folder of the system's `dcr.yaml` in the repo.
    pub folder: String,
    pub inputs: Inputs,
    pub start: Timestamp,
    /// `None`: the program only pushes, and the reviewer opens a pull request for every step branch.
    pub platforms: Option<Platforms>,
}

/// What the program finds besides git, where it opens pull requests itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platforms {
    /// Users and teams whose review the settings ask for.
    pub reviewers: Vec<String>,
    pub teams: Vec<String>,
    /// Runs have a ticket there.
    pub jira: Option<jira::Kind>,
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Review(Act),
    ArgoCd(String),
    Node(String),
    Rebuild(String),
    Job(String),
    Trouble(String),
    /// What the ticket says now.
    Ticket(String),
}

/// What must have held in any rehearsal, whatever happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Requests of the program that wanted to change the cluster.
    pub writes_refused: u64,
    /// Per run and attempt: how many triggers were accepted.
    pub triggers: Vec<((u32, u32), usize)>,
    /// How many times caches were propagated.
    pub propagations: usize,
    /// Commands that were accepted although they must never have been sent.
    pub violations: usize,
    /// Requests for a teardown that nobody asked for, opened before anything was propagated in their run.
    pub early_teardowns: usize,
}

/// The world.
pub struct World {
    pub kubernetes: Kubernetes,
    pub express: Express,
    pub github: GitHub,
    /// None where runs have no ticket.
    pub jira: Option<Jira>,
    clock: WorldClock,
    crew: Crew,
    inner: Mutex<Inner>,
}

struct Inner {
    argocd: ArgoCd,
    reviewer: Reviewer,
    chronicle: Chronicle,
    troubles: Troubles,
    /// The runs that are of a synchronizer on its own, which propagates nothing.
    synchronizers: BTreeSet<u32>,
    early_teardowns: usize,
}

/// Why the world can't be made or go on.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("reviewing in the embedded deployment repo")]
    Git(#[from] git2::Error),
    #[error("reviewing in the embedded deployment repo")]
    Review(#[from] ReviewError),
    #[error(transparent)]
    Token(#[from] UnmarkedToken),
    #[error("putting {0} into the embedded cluster: {1}")]
    Refused(String, String),
}

impl World {
    /// The world at its beginning: the frontends run, and Argo CD has the system's Application.
    ///
    /// # Errors
    /// There is no such repo.
    pub fn new(setting: &Setting, scenario: &Scenario) -> Result<Self, WorldError> {
        let Setting { remote, base, system, folder, inputs, start, platforms } = setting;
        let namespace = system.namespace.as_str();
        let clock = WorldClock::standing(*start);
        let kubernetes = Kubernetes::new(clock.reader(), clock.pace(), Timing::default());
        let express = Express::new(clock.reader(), Arc::new(kubernetes.clone()));
        let frontends = Frontends {
            names: inputs.frontends.resolve(system),
            hash: HASH.to_owned(),
            version: inputs.image.rsplit(':').next().unwrap_or_default().to_owned(),
        };
        for name in &frontends.names {
            let pod = frontend(namespace, name, &inputs.image);
            kubernetes
                .apply(&pod)
                .map_err(|refusal| WorldError::Refused(name.clone(), refusal.message))?;
        }
        let conduct = Conduct { port: inputs.admin.port, ..scenario.conduct.clone() };
        express.add(namespace, &system.system, frontends, conduct);
        let github = GitHub::new(clock.reader(), remote, OWNER, REPO, base)?;
        let jira = match platforms {
            Some(platforms) => people(&github, platforms, &clock)?,
            None => None,
        };
        let crew = Crew::new(*start);
        let mut reach = Reach::default();
        reach.add(system, inputs);
        reach.add_application(system, inputs);
        let rights = rules(&reach.roles(scenario.rights));
        kubernetes.set_users(vec![User::new("watcher", TOKEN)?.limited_to(rights)]);
        kubernetes.set_nodes(Arc::new(Nodes(express.clone())));
        kubernetes.set_jobs(Arc::new(Jobs {
            kubernetes: kubernetes.clone(),
            express: express.clone(),
            crew: crew.clone(),
        }));
        let mut namespaces = vec![namespace.to_owned()];
        let named = inputs.argocd.as_ref();
        let name = named.and_then(|argocd| argocd.application.clone());
        let name = name.unwrap_or_else(|| system.system.clone());
        let mut application = Application::new(&name, remote.clone(), folder, namespace);
        application.target_revision = base.clone();
        // Comparing costs a few milliseconds, which are minutes here.
        application.poll = SignedDuration::from_mins(15);
        application.jitter = SignedDuration::from_mins(5);
        if let Some(argocd) = named {
            application.namespace = argocd.namespace.clone();
        }
        if application.namespace != namespace {
            namespaces.push(application.namespace.clone());
        }
        let writer = Writer::new(kubernetes.clone(), namespaces);
        let mut argocd = ArgoCd::new(Arc::new(writer), scenario.seed);
        argocd.add(application, *start);
        let troubles = Troubles::new(setting, &name, &scenario.troubles);
        troubles.begin(&github);
        let inner = Inner {
            argocd,
            reviewer: Reviewer::new(
                github.clone(),
                scenario.manners,
                platforms.is_none(),
                scenario.seed,
            )?,
            chronicle: Chronicle::new(setting, &name),
            troubles,
            synchronizers: BTreeSet::new(),
            early_teardowns: 0,
        };
        Ok(World { kubernetes, express, github, jira, clock, crew, inner: Mutex::new(inner) })
    }

    /// What time it is in the world.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How far the rebuild is that is running, in percent.
    pub fn percent(&self) -> Option<f64> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).chronicle.percent()
    }

    /// Lets the world go on until `end`, and says what happened.
    ///
    /// # Errors
    /// The deployment repo can't be read or written.
    pub async fn until(&self, end: Timestamp) -> Result<Vec<Event>, WorldError> {
        let mut events = Vec::new();
        // What others changed since the last time is seen before anything else happens.
        self.step(&mut events)?;
        while self.now() < end {
            let next = self.due().map_or(end, |due| due.min(end));
            let left = end.duration_since(self.now());
            self.clock.forward(next.duration_since(self.now()).clamp(MOMENT, LEAP).min(left));
            self.crew.pass(self.now()).await;
            self.kubernetes.advance().await;
            self.express.advance();
            self.step(&mut events)?;
        }
        Ok(events)
    }

    /// When the next thing is due in any part of the world.
    fn due(&self) -> Option<Timestamp> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { argocd, reviewer, troubles, .. } = &*inner;
        let parts = [
            self.crew.due(),
            self.kubernetes.due(),
            argocd.due(),
            reviewer.due(),
            troubles.due(&self.kubernetes),
        ];
        parts.into_iter().flatten().min()
    }

    fn step(&self, events: &mut Vec<Event>) -> Result<(), WorldError> {
        let now = self.now();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { argocd, reviewer, chronicle, troubles, synchronizers, early_teardowns } =
            &mut *inner;
        let mut tell = |what| events.push(Event { at: now, what });
        for act in reviewer.advance()? {
            if let Act::Opened(request) = &act
                && request.begins(Phase::Synchronizer)
            {
                synchronizers.insert(request.run);
            }
            if let Act::Opened(request) = &act
                && request.begins(Phase::Teardown)
                && !request.aborts()
                && !synchronizers.contains(&request.run)
                && !self.propagated(request.run)
            {
                *early_teardowns += 1;
            }
            let opened = troubles.opened(&act, &self.kubernetes, &self.github);
            opened.into_iter().map(What::Trouble).for_each(&mut tell);
            troubles.landed(&act, now, argocd).map(What::Trouble).into_iter().for_each(&mut tell);
            tell(What::Review(act));
        }
        argocd.advance(now);
        let (kubernetes, express) = (&self.kubernetes, &self.express);
        let jira = self.jira.as_ref();
        let mut around = Around { kubernetes, express, argocd, reviewer, jira };
        for what in troubles.befall(now, chronicle.percent(), &mut around)? {
            tell(What::Trouble(what));
        }
        chronicle.look(&self.kubernetes, &self.express).into_iter().for_each(&mut tell);
        if let Some(jira) = &self.jira {
            chronicle.told(jira, TICKET).into_iter().map(What::Ticket).for_each(tell);
        }
        Ok(())
    }

    /// What there is to be said of the program when all is over.
    pub fn ledger(&self) -> Ledger {
        let commands = self.express.commands();
        let mut triggers: BTreeMap<(u32, u32), usize> = BTreeMap::new();
        for accepted in commands.iter().filter(|accepted| accepted.cmd == Cmd::StartRebuild) {
            let key = (accepted.run.unwrap_or_default(), accepted.attempt.unwrap_or_default());
            *triggers.entry(key).or_default() += 1;
        }
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Ledger {
            writes_refused: self.kubernetes.writes_refused(),
            triggers: triggers.into_iter().collect(),
            propagations: commands.iter().filter(|it| it.cmd == Cmd::PropagateCaches).count(),
            violations: self.express.violations().len(),
            early_teardowns: inner.early_teardowns,
        }
    }

    fn propagated(&self, run: u32) -> bool {
        let mut commands = self.express.commands().into_iter();
        commands.any(|it| it.cmd == Cmd::PropagateCaches && it.run == Some(run))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kubernetes.let_go();
    }
}

impl Ledger {
    /// Every promise that was broken.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.writes_refused > 0 {
            broken.push(format!("{} requests wanted to change the cluster", self.writes_refused));
        }
        for ((run, attempt), accepted) in &self.triggers {
            if *accepted != 1 {
                broken
                    .push(format!("attempt {attempt} of run {run} was triggered {accepted} times"));
            }
        }
        if self.violations > 0 {
            broken.push(format!("{} commands must never have been sent", self.violations));
        }
        if self.early_teardowns > 0 {
            broken.push("a teardown was proposed before the caches were propagated".to_owned());
        }
        broken
    }
}

/// Gives the program and everyone it names their accounts; its tickets are in the Jira it gives.
fn people(
    github: &GitHub,
    platforms: &Platforms,
    clock: &WorldClock,
) -> Result<Option<Jira>, UnmarkedToken> {
    let bot = Account::app(BOT, Permissions::WRITE);
    github.set_pusher(&bot.login);
    github.add_token(GITHUB_TOKEN, bot, None)?;
    // Nobody merges what the program says must wait.
    github.set_rules(|rules| rules.required_checks = vec![CONTEXT.to_owned()]);
    for login in &platforms.reviewers {
        github.add_account(Account::person(login, Permissions::WRITE));
    }
    platforms.teams.iter().for_each(|slug| github.add_team(slug));
    let Some(kind) = platforms.jira else { return Ok(None) };
    let jira = Jira::new(clock.reader(), kind);
    jira.add_user(JIRA_USER, JIRA_TOKEN, jira::Access::Comment)?;
    jira.add_ticket(TICKET, "Rebuild the distributed cache");
    Ok(Some(jira))
}

/// A frontend, as somebody else runs it.
fn frontend(namespace: &str, name: &str, image: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "express"}},
        "spec": {"containers": [{"name": "express", "image": image}]},
    })
}
