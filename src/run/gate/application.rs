//! Why something isn't as committed, as far as the Argo CD Application can tell: whether it goes on by
//! itself, needs somebody, or is over. It is asked only where the objects themselves show that something is
//! amiss, and its health never counts: a lost farmer makes it `Progressing` for days.
mod stuck;
mod waits;

use jiff::SignedDuration;

use super::super::argocd::{Application, ApplicationView, FailedObject, Operation};
use super::super::cluster::Cluster;
use super::super::deployment::Landed;
use super::super::{Observation, Why};

/// How long Argo CD may take to notice a commit: it polls every two minutes, up to one later, and may
/// believe for three what it was told of the branch (assumed).
const NOTICED: SignedDuration = SignedDuration::from_mins(6);

/// What isn't as committed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Amiss<'a> {
    /// Kind and name of the wanted objects that differ or are missing.
    pub objects: &'a [(&'a str, &'a str)],
    /// Something is live that isn't wanted.
    pub surplus: bool,
    /// Something was applied as committed and changed afterwards: its kind, and what of it, e.g. `replicas`.
    pub drifted: Option<(&'a str, &'a str)>,
}

/// What the Application says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It goes on by itself.
    Waits(Why),
    /// It doesn't, though nothing is lost: somebody has to act, and is told at once.
    Stuck(Why),
    /// Nothing comes of it any more.
    Over(Why),
    /// It couldn't be looked at.
    Unseen(Why),
}

/// The weightiest reason there is.
pub fn told(seen: &Observation, cluster: &Cluster, amiss: Amiss<'_>) -> Option<Told> {
    match seen.world.application.as_ref()? {
        ApplicationView::Unseen { why } => Some(Told::Unseen(why.as_str().into())),
        ApplicationView::Missing { name, context } => Some(missing(seen, cluster, name, context)),
        ApplicationView::Seen(application) => {
            let look = Look { seen, cluster, application, amiss };
            let over = look.over().map(Told::Over);
            over.or_else(|| look.stuck().map(Told::Stuck)).or_else(|| look.waits().map(Told::Waits))
        }
    }
}

/// The Application was deleted, is being deleted, or has nothing to do with us any more, although the
/// objects may still be as committed: what is merged next will never be applied.
pub fn lost(seen: &Observation, cluster: &Cluster) -> Option<Why> {
    match seen.world.application.as_ref()? {
        ApplicationView::Unseen { .. } => None,
        ApplicationView::Missing { name, context } => match missing(seen, cluster, name, context) {
            Told::Over(why) => Some(why),
            _ => None,
        },
        ApplicationView::Seen(application) => {
            let look = Look { seen, cluster, application, amiss: Amiss::default() };
            look.deleted().or_else(|| look.moved())
        }
    }
}

/// An API server's word that there is none is only then a loss if it was there before: its name is on live
/// objects, or the run has come further than it could have without one.
fn missing(seen: &Observation, cluster: &Cluster, name: &str, context: &str) -> Told {
    let further = seen.deployment.record.as_ref().is_some_and(|record| {
        record.phase != record.kind.first_phase() && record.gate_skipped.is_none()
    });
    let abort = seen.deployment.system.abort();
    let hint = format!("restore the Application, or run {abort} and remove what is left by hand");
    if tracks(cluster, name) {
        let message =
            format!("the Application {name} was deleted: live objects still bear its name");
        return Told::Over(Why::new(message).hint(hint));
    }
    if further && cluster.objects.is_empty() {
        let message =
            format!("the Application {name} was deleted, and nothing of the run is live any more");
        return Told::Over(Why::new(message).hint(hint));
    }
    let message = format!("there is no Application {name} (context `{context}`)");
    Told::Stuck(Why::new(message).hint(
        "name it in `argocd` of dcr.yaml and its cluster in `clusters` of dcr-gitops.yaml; `argocd: null` looks at none",
    ))
}

fn tracks(cluster: &Cluster, name: &str) -> bool {
    let mut marks = cluster.objects.iter().filter_map(|live| live.tracked_by.as_deref());
    marks.any(|mark| Application::tracks(name, mark))
}

struct Look<'a> {
    seen: &'a Observation,
    cluster: &'a Cluster,
    application: &'a Application,
    amiss: Amiss<'a>,
}

impl Look<'_> {
    /// What makes waiting pointless.
    fn over(&self) -> Option<Why> {
        self.deleted().or_else(|| self.moved()).or_else(|| self.given_up())
    }

    fn name(&self) -> &str {
        &self.application.name
    }

    /// The newest commit that changed what is wanted.
    fn landed(&self) -> Option<&Landed> {
        self.seen.deployment.history.landed.first()
    }

    fn knew_us(&self) -> bool {
        !self.application.ours.is_empty() || tracks(self.cluster, self.name())
    }

    fn deleted(&self) -> Option<Why> {
        (self.application.terminating && self.knew_us()).then(|| {
            Why::new(format!("the Application {} is being deleted", self.name()))
                .hint("find out who deletes it: what it applied may go with it")
        })
    }

    /// Our objects were applied by it, and its sources have nothing of us any more.
    fn moved(&self) -> Option<Why> {
        let (application, folder) = (self.application, &self.seen.deployment.folder);
        let wanted = |kind: &str, name: &str| {
            let mut wanted = self.seen.deployment.wanted.iter();
            wanted.any(|it| it.kind == kind && it.name == name)
        };
        let compared = matches!(application.sync.as_deref(), Some("Synced" | "OutOfSync"));
        // After a teardown there is nothing of us to be found in any source.
        let goes_elsewhere = compared
            && !self.seen.deployment.wanted.is_empty()
            && !application.is_stale()
            && tracks(self.cluster, self.name())
            && !application.sources.iter().any(|source| source.covers(folder))
            && !application.ours.iter().any(|it| !it.surplus && wanted(&it.kind, &it.name));
        goes_elsewhere.then(|| {
            let message = format!(
                "the Application {} takes its manifests from {} now, not from {folder}",
                self.name(),
                self.paths()
            );
            Why::new(message).hint("point it at the folder again: it may prune what it applied")
        })
    }

    fn paths(&self) -> String {
        let paths = self.application.sources.iter().filter_map(|source| source.path.as_deref());
        let paths: Vec<&str> = paths.collect();
        if paths.is_empty() { "elsewhere".to_owned() } else { paths.join(", ") }
    }

    /// One of our objects can't be applied, and its sync isn't tried again.
    fn given_up(&self) -> Option<Why> {
        let operation = self.ended_badly()?;
        let ours = |failed: &&FailedObject| {
            failed.namespace == self.seen.deployment.system.namespace
                && self.amiss.objects.contains(&(&*failed.kind, &*failed.name))
        };
        let failed = operation.failed.iter().find(ours)?;
        Some(Why::new(format!("Argo CD has given up: {}", failed.told())).hint(format!(
            "mend what it says in a new commit on the base branch, or run {}",
            self.seen.deployment.system.abort()
        )))
    }

    /// The last sync, if it failed for good at what the base holds now. Argo CD doesn't sync a commit
    /// again that it failed at; what it failed at before says nothing of what is there now.
    fn ended_badly(&self) -> Option<&Operation> {
        let application = self.application;
        let operation = application.operation.as_ref().filter(|it| it.has_failed())?;
        let (of, compared) = (&operation.revisions, &application.revisions);
        let followed = application.starting || !compared.is_empty() && compared != of;
        if followed || application.is_stale() {
            return None;
        }
        let names = |commit: &str| of.iter().any(|revision| revision == commit);
        let mut landed = self.seen.deployment.history.landed.iter();
        let newest = landed.next();
        if names(&self.seen.deployment.base.commit) || newest.is_some_and(|it| names(&it.commit)) {
            return Some(operation);
        }
        // Another team's commit: it holds ours if it was found after ours was sure to be noticed.
        let older = landed.any(|landed| names(&landed.commit));
        let found_since = match (newest, application.compared_at) {
            (Some(newest), Some(at)) => at.duration_since(newest.at) >= NOTICED,
            (None, _) => true,
            (Some(_), None) => false,
        };
        (!older && found_since).then_some(operation)
    }

    /// Argo CD has asked git since our commit was sure to be found there.
    fn has_noticed(&self) -> bool {
        match (self.landed(), self.application.compared_at) {
            (Some(landed), Some(at)) => at.duration_since(landed.at) >= NOTICED,
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }

    fn is_running(&self) -> bool {
        let operation = self.application.operation.as_ref();
        operation.is_some_and(|it| matches!(it.phase.as_str(), "Running" | "Terminating"))
    }
}

fn colon(message: Option<&String>) -> String {
    message.map(|message| format!(": {message}")).unwrap_or_default()
}
