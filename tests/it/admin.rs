//! The program inside the Jobs, against a node on loopback that holds state and misbehaves.
mod answers;
mod lost;
mod propagate;
mod trigger;

use std::sync::Mutex;
use std::time::Duration;

use dcr_gitops::admin::{self, Kind, Outcome, Time};
use dcr_gitops::admin_job::{AdminJob, Order, StatusQuery};
use dcr_gitops::config::{Admin, Field, Fields, States};
use dcr_gitops::observe::express::http::{Http, Limits};
use jiff::{SignedDuration, Timestamp};

use crate::node::Node;

/// Time that passes only in pauses, so that five minutes are over at once.
struct Virtual {
    now: Mutex<Timestamp>,
    /// How long each pause lasts at least.
    at_least: Duration,
}

impl Virtual {
    fn new(at_least: Duration) -> Self {
        Virtual { now: Mutex::new("2026-11-22T09:30:00Z".parse().unwrap()), at_least }
    }
}

impl Time for Virtual {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn pause(&self, length: Duration) {
        let length = SignedDuration::try_from(length.max(self.at_least)).unwrap();
        *self.now.lock().unwrap() += length;
    }
}

fn job(node: &Node, attempt: u32) -> AdminJob {
    let admin = Admin::default();
    AdminJob {
        system: "system6".to_owned(),
        cluster: "den".to_owned(),
        namespace: "tenant-105858-prod".to_owned(),
        run: 7,
        attempt,
        forced: true,
        rebuild_attempt: None,
        synchronizer: node.address.ip().to_string(),
        frontends: Vec::new(),
        port: node.address.port(),
        aa_status: admin.aa_status.path,
        rebuild_status: StatusQuery {
            path: admin.rebuild_status.path.unwrap(),
            fields: Fields { run: Some(Field::Pointer("/run".to_owned())), ..Fields::default() },
            states: States { not_needed: vec!["NOTHING".to_owned()], ..States::default() },
        },
        command: Order { path: admin.trigger.path, to: "synchronizer".to_owned(), expect: None },
    }
}

fn without_echo(job: AdminJob) -> AdminJob {
    let mut job = job;
    job.rebuild_status.fields.run = None;
    job
}

async fn run(kind: Kind, job: &AdminJob) -> Outcome {
    let told = serde_json::to_string(job).unwrap();
    let http = Http::new(Limits::default()).unwrap();
    admin::run(kind, Some(&told), &http, &Virtual::new(Duration::ZERO)).await
}

fn says(outcome: &Outcome, exit: u8, part: &str) {
    assert!(
        outcome.exit == exit && outcome.message.contains(part),
        "expected exit {exit} and a message with `{part}`: {outcome:?}"
    );
}
