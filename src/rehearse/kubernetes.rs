//! An embedded Kubernetes: an API server to read from and the controllers that make pods of what is applied.
pub mod access;
mod api;
mod apply;
mod cluster;
mod controllers;
pub mod fault;
pub mod kind;
pub mod node;
pub mod object;
pub mod refusal;
mod selector;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::FutureExt;
use http::{Request, Response};
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use self::access::User;
pub use self::api::Body;
pub use self::apply::Propagation;
use self::cluster::Cluster;
pub use self::cluster::{Timing, Trouble};
use self::fault::Fault;
use self::kind::Kind;
use self::node::{Exit, JobRunner, NodeHttp, Unreachable};
use self::refusal::Refusal;
use self::store::Key;
use super::clock::Now;
pub use super::loopback::Loopback;

/// One cluster. Clones are the same cluster. It is a `tower::Service`, so `kube::Client::new` takes it as
/// it is; [`Kubernetes::listen`] puts it on a port.
#[derive(Clone)]
pub struct Kubernetes(Arc<Inner>);

struct Inner {
    now: Now,
    pace: f64,
    cluster: Mutex<Cluster>,
    pulse: tokio::sync::watch::Sender<Pulse>,
    nodes: RwLock<Option<Arc<dyn NodeHttp>>>,
    jobs: RwLock<Option<Arc<dyn JobRunner>>>,
}

/// What open watches wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pulse {
    version: u64,
    cuts: u64,
    running: usize,
}

impl Kubernetes {
    /// An empty cluster. `pace` is how fast `now` runs against tokio's clock (see
    /// [`super::clock::WorldClock::pace`]): it tells open watches when to look again.
    pub fn new(now: Now, pace: f64, timing: Timing) -> Self {
        let cluster = Cluster::new(now(), timing);
        let pulse = Pulse { version: cluster.store.version(), cuts: 0, running: 0 };
        Self(Arc::new(Inner {
            now,
            pace,
            cluster: Mutex::new(cluster),
            pulse: tokio::sync::watch::Sender::new(pulse),
            nodes: RwLock::default(),
            jobs: RwLock::default(),
        }))
    }

    /// Puts it on a port of the loopback interface.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn listen(&self) -> std::io::Result<Loopback> {
        Loopback::serve(self.clone()).await
    }

    /// From now on `nodes` answers for the pods.
    pub fn set_nodes(&self, nodes: Arc<dyn NodeHttp>) {
        *self.0.nodes.write().unwrap_or_else(PoisonError::into_inner) = Some(nodes);
    }

    /// From now on `jobs` runs the containers of Jobs; without one they end well at once.
    pub fn set_jobs(&self, jobs: Arc<dyn JobRunner>) {
        *self.0.jobs.write().unwrap_or_else(PoisonError::into_inner) = Some(jobs);
    }

    /// From now on nobody answers for the pods, nor runs containers: whoever did may hold this very cluster,
    /// and the two would keep each other for ever.
    pub fn let_go(&self) {
        *self.0.nodes.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.0.jobs.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// From now on only these users get an answer. Without users anybody may do everything.
    pub fn set_users(&self, users: Vec<User>) {
        self.write(|cluster| cluster.users = users);
    }

    /// Lets happen what is due by now. Every request does so first.
    pub async fn advance(&self) {
        loop {
            let now = self.now();
            let started = self.write(|cluster| cluster.advance(now));
            if started.is_empty() {
                return;
            }
            for pod in started {
                self.run(pod);
            }
        }
    }

    /// [`Kubernetes::advance`], and waits for the containers of Jobs that are running.
    pub async fn settle(&self) {
        let mut pulse = self.pulse();
        loop {
            self.advance().await;
            // The sender lives as long as `self`, so this waits for nothing but the last container.
            let _ = pulse.wait_for(|pulse| pulse.running == 0).await;
            let idle = self.read(|cluster| !cluster.is_due(self.now()));
            if idle {
                return;
            }
        }
    }

    fn run(&self, pod: Arc<Value>) {
        let jobs = self.0.jobs.read().unwrap_or_else(PoisonError::into_inner).clone();
        let key = Key::of(Kind::Pod, &pod);
        let uid = object::uid(&pod).to_owned();
        let Some(jobs) = jobs else {
            let exit = Exit { code: 0, message: String::new() };
            return self.write(|cluster| cluster.exited(&key, &uid, &exit));
        };
        let mut run = jobs.run(&pod);
        if let Some(exit) = (&mut run).now_or_never() {
            return self.write(|cluster| cluster.exited(&key, &uid, &exit));
        }
        let kubernetes = self.clone();
        let running = Running::begin(self);
        tokio::spawn(async move {
            let _running = running;
            tokio::select! {
                biased;
                exit = run => {
                    let now = kubernetes.now();
                    kubernetes.write(|cluster| {
                        cluster.advance_to(now);
                        cluster.exited(&key, &uid, &exit);
                    });
                }
                () = kubernetes.killed(&pod) => {}
            }
        });
    }

    /// Ends when the containers of this very pod run no more.
    async fn killed(&self, pod: &Value) {
        let mut pulse = self.pulse();
        while self.runs(pod) && pulse.changed().await.is_ok() {}
    }

    /// An object as it is now, without letting the world go on.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.read(|cluster| cluster.store.get(&Key::new(kind, namespace, name)).cloned())
    }

    /// All objects of a kind in a namespace as they are now, without letting the world go on.
    pub fn list(&self, kind: Kind, namespace: &str) -> Vec<Arc<Value>> {
        self.read(|cluster| cluster.store.list(kind, Some(namespace)).cloned().collect())
    }

    /// Changes an object the way a controller or another client would; the generation follows. `edit` must
    /// not use the cluster itself.
    pub fn edit(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        edit: impl FnOnce(&mut Value),
    ) -> Option<Arc<Value>> {
        let now = self.now();
        self.write(|cluster| {
            cluster.advance_to(now);
            let before = cluster.store.version();
            let edited = cluster.store.update(&Key::new(kind, namespace, name), edit);
            // What changes nothing is no news, and no controller in here cares for Applications.
            if cluster.store.version() != before && kind != Kind::Application {
                cluster.notice();
            }
            edited
        })
    }

    /// Creates or changes an object as a server-side apply of one manager does: what is given is set, what
    /// this manager gave before and no longer gives is taken away, and what others set stays.
    pub fn apply(&self, object: &Value) -> Result<Arc<Value>, Refusal> {
        self.change(|cluster| cluster.apply(object))
    }

    /// Deletes an object; `false` where there is none.
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str, how: Propagation) -> bool {
        self.change(|cluster| cluster.delete(&Key::new(kind, namespace, name), how))
    }

    /// Ends the containers of a pod, as if killed (`137`, `OOMKilled`); the kubelet restarts them.
    pub fn crash(&self, namespace: &str, pod: &str, code: u8, reason: &str) {
        self.change(|cluster| cluster.crash(&Key::new(Kind::Pod, namespace, pod), code, reason));
    }

    /// What befalls a pod of this name, now or whenever there is one, until it is lifted (`None`).
    pub fn trouble(&self, namespace: &str, pod: &str, trouble: Option<Trouble>) {
        self.change(|cluster| {
            cluster.set_trouble(&Key::new(Kind::Pod, namespace, pod), trouble);
        });
    }

    /// A pod of this name boots so much longer than [`Timing::boot`].
    pub fn delay_boot(&self, namespace: &str, pod: &str, by: SignedDuration) {
        self.write(|cluster| {
            cluster.boot_delays.insert(Key::new(Kind::Pod, namespace, pod), by);
        });
    }

    /// The next `count` requests with this verb and resource (`pods/proxy`; `*`: any) go wrong.
    pub fn fail_next(&self, verb: &str, resource: &str, count: u32, fault: Fault) {
        self.write(|cluster| cluster.faults.add(verb, resource, count, fault));
    }

    /// Breaks the connections of all open watches.
    pub fn cut_watches(&self) {
        self.0.pulse.send_modify(|pulse| pulse.cuts += 1);
    }

    /// Forgets the history: versions from before are `Expired`.
    pub fn compact(&self) {
        self.write(|cluster| cluster.store.compact());
    }

    /// How many requests were made, by verb and resource (`list pods`, `get pods/proxy`).
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.read(|cluster| cluster.requests.clone())
    }

    /// How many requests wanted to change something. None of them did.
    pub fn writes_refused(&self) -> u64 {
        self.read(|cluster| cluster.writes_refused)
    }

    /// When the next thing happens by itself.
    pub fn due(&self) -> Option<Timestamp> {
        self.read(Cluster::next_due)
    }

    /// Grows with every change of any object.
    pub fn version(&self) -> u64 {
        self.read(|cluster| cluster.store.version())
    }

    /// What time it is in this cluster.
    pub fn now(&self) -> Timestamp {
        (self.0.now)()
    }

    async fn call_node(
        &self,
        pod: &Value,
        port: u16,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Unreachable> {
        let nodes = self.0.nodes.read().unwrap_or_else(PoisonError::into_inner).clone();
        match nodes {
            Some(nodes) if self.runs(pod) => {
                nodes.call(object::namespace(pod), object::name(pod), port, request).await
            }
            _ => Err(Unreachable::refused()),
        }
    }

    /// Whether the containers of this very pod run now.
    fn runs(&self, pod: &Value) -> bool {
        let now = self.get(Kind::Pod, object::namespace(pod), object::name(pod));
        now.is_some_and(|now| object::uid(&now) == object::uid(pod) && object::is_running(&now))
    }

    fn pulse(&self) -> tokio::sync::watch::Receiver<Pulse> {
        self.0.pulse.subscribe()
    }

    /// How long, by tokio's clock, until something is due.
    fn next_due(&self) -> Option<Duration> {
        let due = self.due()?;
        let seconds = due.duration_since(self.now()).as_secs_f64().max(0.001) / self.0.pace;
        Duration::try_from_secs_f64(seconds).ok()
    }

    fn read<T>(&self, read: impl FnOnce(&Cluster) -> T) -> T {
        read(&self.0.cluster.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Cluster) -> T) -> T {
        let mut cluster = self.0.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = write(&mut cluster);
        let version = cluster.store.version();
        drop(cluster);
        self.0.pulse.send_if_modified(|pulse| {
            let news = pulse.version < version;
            pulse.version = pulse.version.max(version);
            news
        });
        answer
    }

    /// A write from outside: the controllers notice it a moment later.
    fn change<T>(&self, change: impl FnOnce(&mut Cluster) -> T) -> T {
        let now = self.now();
        self.write(|cluster| {
            cluster.advance_to(now);
            let answer = change(cluster);
            cluster.notice();
            answer
        })
    }
}

/// Counts a container of a Job that runs, until it is dropped.
struct Running(Kubernetes);

impl Running {
    fn begin(kubernetes: &Kubernetes) -> Self {
        kubernetes.0.pulse.send_modify(|pulse| pulse.running += 1);
        Self(kubernetes.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.pulse.send_modify(|pulse| pulse.running -= 1);
    }
}
