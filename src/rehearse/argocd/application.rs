//! One Application in time: when it is compared, when a sync starts, and what is written in which order.
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::automation::{Automation, automation};
use super::comparison::{Id, Resource, compare, managed, target};
use super::operation::{Operation, Stage};
use super::source::{Git, Rendered};
use super::status::{OperationState, Status, SyncStatus, destination, object, seconds, source};
use super::{Application, ClusterWriter, health};

/// Between two writes of the status.
const STEP: SignedDuration = SignedDuration::from_secs(1);
/// How many syncs the history keeps.
const HISTORY: usize = 10;

/// What the branch was found to hold when it was asked last.
struct Desired {
    /// The commit, also if it can't be rendered; `None` if not even the branch could be resolved.
    revision: Option<git2::Oid>,
    /// The objects are ready to be applied.
    rendered: Result<Rendered, String>,
}

/// A comparison that isn't written yet.
struct Compared {
    sync: SyncStatus,
    resources: Vec<Resource>,
    conditions: Vec<(&'static str, String)>,
    source_type: Option<&'static str>,
    /// The time before it, if git was asked for it.
    reconciled: Option<Timestamp>,
}

/// What falls due, in the order in which it is done at one moment.
#[derive(Clone, Copy)]
enum Due {
    Operation,
    Show,
    Health,
    Refresh,
    Poll,
}

pub struct App {
    pub settings: Application,
    git: Git,
    status: Status,
    operation: Option<Operation>,
    desired: Option<Desired>,
    applied: BTreeMap<Id, Value>,
    compared: Option<(Timestamp, Compared)>,
    health: Option<Timestamp>,
    refresh: Option<Timestamp>,
    poll: Timestamp,
    /// The version of the cluster that was looked at last, our own writes included.
    seen: u64,
    random: u64,
}

impl App {
    pub fn new(settings: Application, seed: u64, now: Timestamp) -> Self {
        App {
            git: Git::new(&settings),
            settings,
            status: Status::default(),
            operation: None,
            desired: None,
            applied: BTreeMap::new(),
            compared: None,
            health: None,
            refresh: None,
            poll: now,
            seen: 0,
            random: seed,
        }
    }

    /// Changes the spec. Git is read anew at the next comparison: it may be another folder.
    pub fn edit(&mut self, edit: impl FnOnce(&mut Application)) {
        edit(&mut self.settings);
        self.git = Git::new(&self.settings);
        self.desired = None;
    }

    pub fn write(&mut self, cluster: &dyn ClusterWriter) {
        let operation = self.operation.as_ref().map(|operation| &operation.asked);
        let before = cluster.version();
        cluster.replace(&object(&self.settings, operation, &self.status));
        if self.seen == before {
            self.seen = cluster.version();
        }
    }

    /// When the next thing happens that isn't only a poll without news.
    pub fn due(&self, cluster: &dyn ClusterWriter) -> Option<Timestamp> {
        // What is to go away first goes by an event of the cluster's own.
        let waits = |it: &&Operation| it.stage == Stage::Applied && it.lingering(cluster).is_some();
        let operation = self.operation.as_ref().filter(|operation| !waits(operation));
        let shown = self.compared.as_ref().map(|(at, _)| *at);
        let synced = self.status.sync.as_ref().is_some_and(|sync| sync.status == "Synced");
        let poll = (!synced || self.has_moved()).then_some(self.poll);
        let due = [operation.map(|it| it.due), shown, self.health, self.refresh, poll];
        due.into_iter().flatten().min()
    }

    /// Whether the branch is at another commit than when git was asked.
    fn has_moved(&self) -> bool {
        let known = self.desired.as_ref().and_then(|desired| desired.revision);
        self.git.head(&self.settings).ok() != known
    }

    /// Does what falls due until `now`; then looks whether the cluster has changed by itself.
    pub fn advance(&mut self, now: Timestamp, cluster: &dyn ClusterWriter) {
        while let Some((at, due)) = self.next_due(now) {
            match due {
                Due::Operation => self.operate(at, now, cluster),
                Due::Show => self.show(at, cluster),
                Due::Health => {
                    self.health = None;
                    self.look_at_health(at, cluster);
                }
                Due::Refresh => {
                    self.refresh = None;
                    self.compare(at, true, cluster);
                }
                Due::Poll => {
                    let period = (self.settings.poll + self.jitter()).max(STEP);
                    let last = now.checked_sub(period).unwrap_or(at);
                    if at < last {
                        // After a leap of the clock one poll sees what all of them would have seen.
                        self.poll = last;
                    } else {
                        self.poll = after(at, period);
                        self.compare(at, true, cluster);
                    }
                }
            }
        }
        self.watch(now, cluster);
    }

    fn next_due(&self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let due = [
            (self.operation.as_ref().map(|operation| operation.due), Due::Operation),
            (self.compared.as_ref().map(|(at, _)| *at), Due::Show),
            (self.health, Due::Health),
            (self.refresh, Due::Refresh),
            (Some(self.poll), Due::Poll),
        ];
        let due = due.into_iter().filter_map(|(at, due)| Some((at?, due)));
        due.filter(|(at, _)| *at <= now).min_by_key(|(at, _)| *at)
    }

    /// Up to the jitter of the settings; the same for the same seed.
    fn jitter(&mut self) -> SignedDuration {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let millis = u64::try_from(self.settings.jitter.as_millis()).unwrap_or_default();
        let jitter = (self.random >> 33) % millis.max(1);
        SignedDuration::from_millis(i64::try_from(jitter).unwrap_or_default())
    }

    /// Compares what git wants (asked again, if `resolve`) with the cluster, and starts a sync if that is due.
    fn compare(&mut self, at: Timestamp, resolve: bool, cluster: &dyn ClusterWriter) {
        if resolve {
            self.ask_git();
        }
        let Some(mut compared) = self.comparison(cluster) else { return };
        compared.reconciled = resolve.then_some(at);
        let automation = match self.operation {
            Some(_) => Automation::Rests,
            None => {
                let last = self.status.operation_state.as_ref();
                automation(&self.settings, last, &compared.sync, &compared.resources, at)
            }
        };
        match automation {
            Automation::Rests => {}
            Automation::Refuses(why) => compared.conditions.push(("SyncError", why)),
            Automation::Later(then) => self.refresh = Some(then),
            Automation::Syncs { heals } => {
                let revision = compared.sync.revision.as_deref().unwrap_or_default();
                // The status of this comparison is written first, then the sync begins.
                let due = after(at, STEP * 2);
                let rendered = self.desired.as_ref().and_then(|it| it.rendered.as_ref().ok());
                let targets = rendered.map(|it| it.objects.clone()).unwrap_or_default();
                let resources = &compared.resources;
                let operation =
                    Operation::new(&self.settings, revision, targets, resources, heals, due);
                self.operation = Some(operation);
                self.status.operation_state = None;
                self.write(cluster);
            }
        }
        self.compared = Some((after(at, STEP), compared));
    }

    fn ask_git(&mut self) {
        let revision = self.git.head(&self.settings);
        let known = self.desired.as_ref().and_then(|desired| desired.revision);
        if known.is_some() && revision.as_ref().ok() == known.as_ref() {
            return;
        }
        let rendered = revision.clone().and_then(|oid| self.git.render(&self.settings, oid));
        let rendered = rendered.map(|mut rendered| {
            let objects = rendered.objects.into_iter();
            rendered.objects = objects.map(|object| target(&self.settings, object)).collect();
            rendered
        });
        self.desired = Some(Desired { revision: revision.ok(), rendered });
    }

    /// How the cluster compares with what is known of git.
    fn comparison(&self, cluster: &dyn ClusterWriter) -> Option<Compared> {
        let desired = self.desired.as_ref()?;
        let compared_to =
            json!({"destination": destination(&self.settings), "source": source(&self.settings)});
        Some(match &desired.rendered {
            Err(why) => {
                let message = format!(
                    "Failed to load target state: failed to generate manifest for source 1 of 1: {why}"
                );
                Compared {
                    sync: SyncStatus { compared_to, revision: None, status: "Unknown" },
                    resources: Vec::new(),
                    conditions: vec![("ComparisonError", message)],
                    source_type: None,
                    reconciled: None,
                }
            }
            Ok(rendered) => {
                let resources = compare(&self.settings, &rendered.objects, &self.applied, cluster);
                let synced = resources.iter().all(Resource::is_synced);
                Compared {
                    sync: SyncStatus {
                        compared_to,
                        revision: desired.revision.map(|oid| oid.to_string()),
                        status: if synced { "Synced" } else { "OutOfSync" },
                    },
                    resources,
                    conditions: Vec::new(),
                    source_type: Some(rendered.source_type),
                    reconciled: None,
                }
            }
        })
    }

    /// Writes a comparison. The health comes a moment later.
    fn show(&mut self, at: Timestamp, cluster: &dyn ClusterWriter) {
        let Some((_, compared)) = self.compared.take() else { return };
        self.status.sync = Some(compared.sync);
        self.status.resources = compared.resources;
        self.status.set_conditions(compared.conditions, at);
        self.status.source_type = compared.source_type.or(self.status.source_type);
        if let Some(reconciled) = compared.reconciled {
            self.status.reconciled_at = Some(seconds(reconciled));
        }
        self.health = Some(after(at, STEP));
        self.write(cluster);
    }

    fn look_at_health(&mut self, at: Timestamp, cluster: &dyn ClusterWriter) {
        let before = self.status.health.clone();
        let live = managed(&self.settings, cluster);
        self.status.set_health(health::of_all(live.iter().map(|object| &**object)), at);
        if self.status.health != before {
            self.write(cluster);
        }
    }

    /// Changes of the cluster are noticed at once; git isn't asked for them.
    fn watch(&mut self, now: Timestamp, cluster: &dyn ClusterWriter) {
        let busy = self.operation.is_some()
            || self.compared.is_some()
            || self.health.is_some()
            || self.refresh.is_some()
            || self.status.sync.is_none();
        if busy || self.seen == cluster.version() {
            return;
        }
        self.seen = cluster.version();
        let changed = self
            .comparison(cluster)
            .is_some_and(|compared| compared.resources != self.status.resources);
        if changed {
            self.compare(now, false, cluster);
        } else {
            self.look_at_health(now, cluster);
        }
    }

    /// The next thing a sync does.
    fn operate(&mut self, at: Timestamp, now: Timestamp, cluster: &dyn ClusterWriter) {
        let Some(mut operation) = self.operation.take() else { return };
        operation.due = after(at, STEP);
        match operation.stage {
            Stage::Requested => {
                operation.stage = Stage::Started;
                self.status.operation_state = Some(OperationState {
                    operation: operation.asked.clone(),
                    phase: "Running",
                    message: String::new(),
                    started_at: seconds(at),
                    finished_at: None,
                    retry_count: 0,
                    sync_result: None,
                });
                self.operation = Some(operation);
            }
            Stage::Waiting => {
                operation.stage = Stage::Started;
                self.set_state(|state| state.finished_at = None);
                self.operation = Some(operation);
            }
            Stage::Started if self.settings.wedged => {
                self.set_state(|state| state.phase = "Succeeded");
            }
            Stage::Started => self.attempt(operation, at, cluster),
            Stage::Applied => {
                let lingering = operation.lingering(cluster).map(waits_for);
                if lingering.is_some() {
                    // Nothing goes away while the clock leaps.
                    operation.due = operation.due.max(now);
                } else {
                    operation.stage = Stage::Recorded;
                    // A sync of a part isn't one of the commit.
                    if operation.only.is_none() {
                        self.record(&operation, at);
                    }
                }
                self.set_state(|state| state.message = lingering.unwrap_or_default());
                self.operation = Some(operation);
            }
            Stage::Recorded => {
                self.set_state(|state| {
                    state.phase = "Succeeded";
                    state.message = "successfully synced (all tasks run)".to_owned();
                    state.finished_at = Some(seconds(at));
                });
                self.refresh = Some(after(at, STEP));
            }
        }
        self.write(cluster);
    }

    fn attempt(&mut self, mut operation: Operation, at: Timestamp, cluster: &dyn ClusterWriter) {
        let attempt = operation.attempt(&self.settings, &mut self.applied, cluster);
        self.set_state(|state| state.sync_result = Some(attempt.result));
        let Some(why) = attempt.failed else {
            operation.stage = Stage::Applied;
            self.operation = Some(operation);
            return;
        };
        self.set_state(|state| state.finished_at = Some(seconds(at)));
        let retries = operation.retries;
        match operation.retry(&why, self.settings.retry_limit, at) {
            Some(message) => {
                self.set_state(|state| {
                    state.message = message;
                    state.retry_count = retries + 1;
                });
                self.operation = Some(operation);
            }
            None => {
                self.set_state(|state| {
                    state.phase = "Failed";
                    state.message = match retries {
                        0 => why,
                        retries => format!("{why} (retried {retries} times)."),
                    };
                });
                self.refresh = Some(after(at, STEP));
            }
        }
    }

    fn set_state(&mut self, edit: impl FnOnce(&mut OperationState)) {
        if let Some(state) = &mut self.status.operation_state {
            edit(state);
        }
    }

    fn record(&mut self, operation: &Operation, at: Timestamp) {
        let history = &mut self.status.history;
        let id = history.last().and_then(|last| last["id"].as_u64()).map_or(0, |id| id + 1);
        let started = self.status.operation_state.as_ref().map(|state| state.started_at.as_str());
        history.push(json!({
            "id": id,
            "revision": operation.revision,
            "deployStartedAt": started,
            "deployedAt": seconds(at),
            "initiatedBy": {"automated": true},
            "source": source(&self.settings),
        }));
        if history.len() > HISTORY {
            history.remove(0);
        }
    }
}

fn waits_for(id: &Id) -> String {
    format!("waiting for deletion of {}/{}/{}", id.group, id.kind, id.name)
}

fn after(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}
