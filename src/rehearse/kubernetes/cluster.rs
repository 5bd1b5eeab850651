//! The state of the embedded cluster, and the agenda by which its time advances.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::access::{Attempt, User};
use super::controllers;
use super::fault::Fault;
use super::kind::Kind;
use super::refusal::Refusal;
use super::store::{Key, Store};
use crate::rehearse::faults::Faults;

/// How often the controllers may look in one moment before they must have come to rest.
const ROUNDS: usize = 200;

/// How long things take, in the world's time.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From a write to the controllers' notice of it.
    pub notice: SignedDuration,
    /// From a claim to its volume.
    pub bind: SignedDuration,
    /// From a pod to its node.
    pub schedule: SignedDuration,
    /// From the node to running containers.
    pub pull: SignedDuration,
    /// From running to ready; pods of Jobs are ready at once.
    pub boot: SignedDuration,
    /// From a pod's deletion to the end of its containers.
    pub stop: SignedDuration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            notice: SignedDuration::from_secs(1),
            bind: SignedDuration::from_secs(1),
            schedule: SignedDuration::from_secs(1),
            pull: SignedDuration::from_secs(5),
            boot: SignedDuration::from_secs(20),
            stop: SignedDuration::from_secs(2),
        }
    }
}

/// What befalls pods of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The image can't be pulled.
    ImagePull,
    /// The containers end with this exit code and reason whenever they would be ready.
    CrashLoop { code: u8, reason: String },
    /// The scheduler finds no node, for this reason.
    Unschedulable { message: String },
    /// The readiness probe fails.
    NotReady,
    /// The containers don't end when the pod is deleted, as on a node that is lost.
    Stuck,
}

/// What is on the agenda.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Due {
    /// The controllers look at what was written.
    Notice,
    /// A claim gets its volume.
    Bind { claim: Key, uid: String },
    /// An event may have become too old to be kept.
    Forget { event: Key },
    /// Something happens to a pod.
    Pod { pod: Key, uid: String, step: PodStep },
}

/// What happens to a pod in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PodStep {
    Schedule,
    Start,
    /// The pull is given up for a while.
    BackOff,
    Ready,
    Crash,
    Restart,
    Stop,
    Remove,
}

/// Everything in the cluster.
pub(super) struct Cluster {
    pub store: Store,
    /// The time of what happens now.
    pub at: Timestamp,
    pub timing: Timing,
    pub users: Vec<User>,
    pub faults: Faults<Fault>,
    pub requests: BTreeMap<String, u64>,
    pub writes_refused: u64,
    pub boot_delays: HashMap<Key, SignedDuration>,
    pub troubles: HashMap<Key, Trouble>,
    /// What each object was applied as, to tell what an apply no longer gives. By UID.
    pub applied: HashMap<String, Value>,
    /// Containers of Jobs that have started and were not run yet.
    pub started: Vec<Arc<Value>>,
    pub memory: controllers::Memory,
    agenda: BTreeMap<Due, Timestamp>,
}

impl Cluster {
    pub fn new(at: Timestamp, timing: Timing) -> Self {
        Self {
            store: Store::new(0x5ee_d0f_dc2),
            at,
            timing,
            users: Vec::new(),
            faults: Faults::default(),
            requests: BTreeMap::new(),
            writes_refused: 0,
            boot_delays: HashMap::new(),
            troubles: HashMap::new(),
            applied: HashMap::new(),
            started: Vec::new(),
            memory: controllers::Memory::default(),
            agenda: BTreeMap::new(),
        }
    }

    /// Lets everything happen, in its order and at its own time, that is due by `now`, or until containers
    /// start that somebody has to run: those are returned.
    pub fn advance(&mut self, now: Timestamp) -> Vec<Arc<Value>> {
        while self.started.is_empty() && self.happen(now) {}
        if self.started.is_empty() {
            self.at = self.at.max(now);
        }
        std::mem::take(&mut self.started)
    }

    /// Lets everything happen that is due by `now`; containers that start are left for the next
    /// [`Cluster::advance`].
    pub fn advance_to(&mut self, now: Timestamp) {
        while self.happen(now) {}
        self.at = self.at.max(now);
    }

    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.started.is_empty() || self.next_due().is_some_and(|due| due <= now)
    }

    pub fn next_due(&self) -> Option<Timestamp> {
        self.agenda.values().min().copied()
    }

    /// Puts something on the agenda; what is there already happens at the earlier of both times.
    pub fn plan(&mut self, due: Due, after: SignedDuration) {
        let at = self.at.checked_add(after).unwrap_or(Timestamp::MAX);
        let planned = self.agenda.entry(due).or_insert(at);
        *planned = at.min(*planned);
    }

    /// Takes something off the agenda.
    pub fn cancel(&mut self, due: &Due) {
        self.agenda.remove(due);
    }

    pub fn is_planned(&self, due: &Due) -> bool {
        self.agenda.contains_key(due)
    }

    /// The controllers will look, a moment after a write from outside.
    pub fn notice(&mut self) {
        self.plan(Due::Notice, self.timing.notice);
    }

    pub fn trouble(&self, pod: &Key) -> Option<&Trouble> {
        self.troubles.get(pod)
    }

    pub fn count(&mut self, attempt: &Attempt<'_>) {
        *self.requests.entry(format!("{} {}", attempt.verb, attempt.resource())).or_default() += 1;
        if attempt.writes() {
            self.writes_refused += 1;
        }
    }

    /// Whose request this is; `None` where everybody may do everything.
    pub fn authenticate(&self, authorization: Option<&str>) -> Result<Option<User>, Refusal> {
        if self.users.is_empty() {
            return Ok(None);
        }
        let user = authorization.and_then(|sent| self.users.iter().find(|user| user.sends(sent)));
        user.cloned().map(Some).ok_or_else(Refusal::unauthorized)
    }

    /// Lets happen what is next, if it is due by `now`. What is due at one time happens in a fixed order,
    /// and the controllers look when all of it has.
    fn happen(&mut self, now: Timestamp) -> bool {
        let Some(at) = self.next_due().filter(|at| *at <= now) else { return false };
        self.at = self.at.max(at);
        let due: Vec<Due> = self
            .agenda
            .iter()
            .filter(|(_, time)| **time == at)
            .map(|(due, _)| due.clone())
            .collect();
        for due in due {
            self.agenda.remove(&due);
            match due {
                Due::Notice => {}
                Due::Forget { event } => self.forget(&event),
                Due::Bind { claim, uid } => self.bind(&claim, &uid),
                Due::Pod { pod, uid, step } => self.pod_step(&pod, &uid, step),
            }
        }
        self.reconcile();
        true
    }

    /// Lets the controllers look until none of them has anything left to do.
    pub fn reconcile(&mut self) {
        for _ in 0..ROUNDS {
            let before = self.store.version();
            self.stateful_sets();
            self.jobs();
            self.collect_garbage();
            self.claims();
            self.schedule();
            self.kubelet();
            self.disruption_budgets();
            if self.store.version() == before {
                return;
            }
        }
    }

    /// The live objects of a kind and namespace that are controlled by `owner`.
    pub fn controlled(&self, kind: Kind, namespace: &str, owner: &str) -> Vec<Arc<Value>> {
        let all = self.store.list(kind, Some(namespace));
        all.filter(|object| super::object::controller(object) == Some(owner)).cloned().collect()
    }
}
