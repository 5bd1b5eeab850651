//! The embedded Express: the nodes of some systems, their answers and how their rebuilds get on.
//!
//! Nothing here sleeps or asks the machine's clock: whenever a node is called, the systems first catch up
//! with the world's clock, from what the farm's pods are now. How far they get doesn't depend on how
//! often they are asked.
mod aa_status;
mod answer;
mod conduct;
mod node;
mod rebuild;
mod system;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

pub use answer::{Cmd, Fault};
pub use conduct::{Conduct, Warning};
pub use node::{Node, Unreachable};
pub use system::Frontends;

use answer::Query;
use system::System;

/// The world's clock.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Which pods exist, and since when they run.
pub trait Farm: Send + Sync {
    /// The pods of a namespace; those of other programs may be among them.
    fn pods(&self, namespace: &str) -> Vec<PodFact>;

    /// Grows with every change of any pod.
    fn version(&self) -> u64;
}

/// What Express can know of one of its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFact {
    pub name: String,
    pub uid: String,
    /// When its container started; `None` while it doesn't run.
    pub started: Option<Timestamp>,
    pub ready: bool,
    /// The label `app.kubernetes.io/component`.
    pub component: String,
}

/// A command that a synchronizer accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub namespace: String,
    pub system: String,
    pub cmd: Cmd,
    /// As the query named them, if it did.
    pub run: Option<u32>,
    pub attempt: Option<u32>,
    pub at: Timestamp,
    /// The node it was sent to.
    pub node: String,
    /// A node still remembered the same command of the same attempt: this one must never have been sent.
    pub violation: bool,
}

/// All systems of the world. Clones are handles on the same world.
#[derive(Clone)]
pub struct Express {
    now: Now,
    farm: Arc<dyn Farm>,
    inner: Arc<Mutex<Inner>>,
}

/// The commands that nodes were sent.
#[derive(Default)]
struct Sent {
    accepted: Vec<Accepted>,
    /// With the reason.
    refused: Vec<(Cmd, String)>,
}

#[derive(Default)]
struct Inner {
    systems: Vec<System>,
    sent: Sent,
    /// Up to when the systems have caught up, and with which version of the farm.
    caught_up: Option<(Timestamp, u64)>,
    /// By namespace and node; `None` as the command stands for all of them.
    faults: BTreeMap<(String, String, Option<Cmd>), Fault>,
}

impl Express {
    pub fn new(now: Now, farm: Arc<dyn Farm>) -> Self {
        Express { now, farm, inner: Arc::default() }
    }

    /// Adds a system: its frontends exist from now on and for ever.
    pub fn add(&self, namespace: &str, system: &str, frontends: Frontends, conduct: Conduct) {
        let system = System::new(namespace, system, frontends, conduct, (self.now)());
        let mut inner = self.lock();
        inner.systems.push(system);
        inner.caught_up = None;
    }

    /// Changes how a system behaves from this moment on. An unknown system has no behaviour to change.
    pub fn conduct(&self, namespace: &str, system: &str, change: impl FnOnce(&mut Conduct)) {
        self.advance();
        let mut inner = self.lock();
        inner.caught_up = None;
        let found = inner.systems.iter_mut().find(|it| it.is(namespace, system));
        if let Some(system) = found {
            change(&mut system.conduct);
        }
    }

    /// Makes a node answer one command (all of them: `None`) in this way; `None` mends it.
    pub fn fault(&self, namespace: &str, node: &str, cmd: Option<Cmd>, fault: Option<Fault>) {
        let key = (namespace.to_owned(), node.to_owned(), cmd);
        let faults = &mut self.lock().faults;
        match fault {
            Some(fault) => faults.insert(key, fault),
            None => faults.remove(&key),
        };
    }

    /// Lets all systems catch up with the clock, and says up to when.
    pub fn advance(&self) -> Timestamp {
        let now = (self.now)();
        // Whatever changes meanwhile is caught up with the next time.
        let here = Some((now, self.farm.version()));
        if std::mem::replace(&mut self.lock().caught_up, here) == here {
            return now;
        }
        let mut namespaces: Vec<String> =
            self.lock().systems.iter().map(|system| system.namespace.clone()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        // The farm is asked without our lock: it may have to look after the cluster first.
        for namespace in namespaces {
            let pods = self.farm.pods(&namespace);
            let mut inner = self.lock();
            let ours = inner.systems.iter_mut().filter(|system| system.namespace == namespace);
            ours.for_each(|system| system.advance(&pods, now));
        }
        now
    }

    /// What a node answers; `None` if it can't be reached, or if it never answers.
    pub fn call(
        &self,
        namespace: &str,
        node: &str,
        port: u16,
        method: &http::Method,
        path_and_query: &str,
        body: &[u8],
    ) -> Option<http::Response<Vec<u8>>> {
        match self.reply(namespace, node, port, method, path_and_query, body) {
            Reply::Answer(response) => Some(response),
            Reply::Unreachable | Reply::Silence => None,
        }
    }

    /// One node as an HTTP service.
    pub fn node(&self, namespace: &str, node: &str, port: u16) -> Node {
        Node::new(self.clone(), namespace, node, port)
    }

    fn reply(
        &self,
        namespace: &str,
        node: &str,
        port: u16,
        method: &http::Method,
        path_and_query: &str,
        body: &[u8],
    ) -> Reply {
        let now = self.advance();
        let inner = &mut *self.lock();
        let mut systems = inner.systems.iter_mut().filter(|it| it.namespace == namespace);
        let Some(system) = systems.find(|it| it.answers(node, now) && it.conduct.port == port)
        else {
            return Reply::Unreachable;
        };
        let query = Query::read(method, path_and_query, body);
        let key = |cmd| (namespace.to_owned(), node.to_owned(), cmd);
        let mut faults = [query.cmd, None].into_iter();
        if let Some(fault) = faults.find_map(|cmd| inner.faults.get(&key(cmd))) {
            return answer::faulty(fault);
        }
        Reply::Answer(answer::answer(system, &mut inner.sent, node, &query, now))
    }

    /// Every command that was accepted, in its order.
    pub fn commands(&self) -> Vec<Accepted> {
        self.lock().sent.accepted.clone()
    }

    /// Why each command of this kind was refused that was.
    pub fn refusals(&self, cmd: Cmd) -> Vec<String> {
        let refused = &self.lock().sent.refused;
        refused.iter().filter(|(it, _)| *it == cmd).map(|(_, why)| why.clone()).collect()
    }

    /// How many triggers of this attempt were accepted, in all systems together.
    pub fn accepted(&self, run: u32, attempt: u32) -> usize {
        let of_attempt = (Cmd::StartRebuild, Some(run), Some(attempt));
        let accepted = &self.lock().sent.accepted;
        accepted.iter().filter(|it| (it.cmd, it.run, it.attempt) == of_attempt).count()
    }

    /// The accepted commands that must never have been sent.
    pub fn violations(&self) -> Vec<Accepted> {
        self.lock().sent.accepted.iter().filter(|accepted| accepted.violation).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes of a call.
enum Reply {
    Answer(http::Response<Vec<u8>>),
    /// Nothing listens there.
    Unreachable,
    /// The connection is open and nothing ever comes.
    Silence,
}
