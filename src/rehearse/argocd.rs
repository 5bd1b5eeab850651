//! The embedded Argo CD: it polls a deployment repo, compares, syncs and writes how that goes into the
//! Application, state by state as the real one does.
//!
//! Every write of a status is a second apart from the next, so that whoever reads in between sees what
//! can be seen in between.
mod application;
mod automation;
mod comparison;
mod health;
mod kustomize;
mod operation;
mod source;
mod status;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use application::App;

/// The annotation by which Argo CD knows its objects: `<application>:<group>/<kind>:<namespace>/<name>`.
pub const TRACKING: &str = "argocd.argoproj.io/tracking-id";

/// The cluster as Argo CD sees and changes it.
pub trait ClusterWriter: Send + Sync {
    /// Sets what the object gives and keeps the rest, or says why the API server won't have it.
    fn apply(&self, object: &Value) -> Result<(), String>;
    /// Deletes an object; one that isn't there is no error.
    fn delete(&self, kind: &str, namespace: &str, name: &str, propagation: Propagation);
    fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>>;
    /// Grows with every change of any object.
    fn version(&self) -> u64;
    /// All objects that carry [`TRACKING`].
    fn list_managed(&self) -> Vec<Arc<Value>>;
    /// Stores an Application as it is: `spec`, `operation` and `status`, which is no subresource, so
    /// that each change of it raises the generation. Only the API server's metadata stay.
    fn replace(&self, application: &Value);
}

/// What becomes of an object's dependents when it is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Propagation {
    #[default]
    Foreground,
    Background,
    Orphan,
}

/// An Application's spec, and the trouble it is told to make.
#[derive(Debug, Clone)]
pub struct Application {
    pub name: String,
    /// Where the Application itself is.
    pub namespace: String,
    /// A bare git repo.
    pub repository: PathBuf,
    /// A branch, or a full commit id.
    pub target_revision: String,
    /// The folder in the repo; one with a `kustomization.yaml` is built by kustomize.
    pub path: String,
    /// A plain folder is read with all folders below it.
    pub recurse: bool,
    /// The namespace of objects that name none.
    pub destination: String,
    /// `None`: nothing is synced by itself.
    pub automated: Option<Automated>,
    pub ignore: Vec<IgnoreDifference>,
    /// The sync option `RespectIgnoreDifferences`: ignored fields aren't written either. Without it they
    /// are, whenever anything else of the application has to be synced.
    pub respect_ignored: bool,
    pub prune_propagation: Propagation,
    /// How often a failed sync is tried again.
    pub retry_limit: u32,
    /// Times in which nothing is synced by itself.
    pub deny_windows: Vec<(Timestamp, Timestamp)>,
    /// How often git is asked for the branch's head, and up to how much later than that.
    pub poll: SignedDuration,
    pub jitter: SignedDuration,
    /// Objects the API server refuses.
    pub rejects: Vec<Rejection>,
    /// Syncs end without having done anything, and none follows.
    pub wedged: bool,
}

/// `syncPolicy.automated`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Automated {
    pub prune: bool,
    pub self_heal: bool,
    pub allow_empty: bool,
}

/// Fields of a kind that are left out of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreDifference {
    pub kind: String,
    /// JSON Pointers.
    pub pointers: Vec<String>,
}

/// An object that a dry run finds invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub kind: String,
    pub name: String,
    /// The API server's words.
    pub message: String,
}

impl Application {
    /// With Argo CD's usual pace, everything automated, and a recursing folder.
    pub fn new(name: &str, repository: PathBuf, path: &str, destination: &str) -> Self {
        Application {
            name: name.to_owned(),
            namespace: "argocd".to_owned(),
            repository,
            target_revision: "main".to_owned(),
            path: path.to_owned(),
            recurse: true,
            destination: destination.to_owned(),
            automated: Some(Automated { prune: true, self_heal: true, allow_empty: false }),
            ignore: Vec::new(),
            respect_ignored: false,
            prune_propagation: Propagation::default(),
            retry_limit: 5,
            deny_windows: Vec::new(),
            poll: SignedDuration::from_secs(120),
            jitter: SignedDuration::from_secs(60),
            rejects: Vec::new(),
            wedged: false,
        }
    }
}

/// All Applications of the world.
pub struct ArgoCd {
    cluster: Arc<dyn ClusterWriter>,
    seed: u64,
    applications: Vec<App>,
}

impl ArgoCd {
    /// All that is random (the jitter of the polls) follows from `seed`.
    pub fn new(cluster: Arc<dyn ClusterWriter>, seed: u64) -> Self {
        ArgoCd { cluster, seed, applications: Vec::new() }
    }

    /// Adds an Application; it is compared for the first time at `now`.
    pub fn add(&mut self, application: Application, now: Timestamp) {
        self.seed = self.seed.wrapping_add(1);
        let mut app = App::new(application, self.seed, now);
        app.write(&*self.cluster);
        self.applications.push(app);
    }

    /// Edits the Application of this name, if there is one. It takes effect at its next comparison.
    pub fn change(&mut self, name: &str, edit: impl FnOnce(&mut Application)) {
        if let Some(app) = self.applications.iter_mut().find(|app| app.settings.name == name) {
            app.edit(edit);
            app.write(&*self.cluster);
        }
    }

    /// When the next thing happens by itself. A poll that would find nothing new isn't waited for.
    pub fn due(&self) -> Option<Timestamp> {
        self.applications.iter().filter_map(|app| app.due(&*self.cluster)).min()
    }

    /// Does what falls due until `now`, in its order.
    pub fn advance(&mut self, now: Timestamp) {
        for app in &mut self.applications {
            app.advance(now, &*self.cluster);
        }
    }
}
