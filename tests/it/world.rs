//! Observations made by hand for the tests of the core: a farm in any phase, seen well, until a test
//! spoils it.
use std::collections::BTreeMap;

use dcr_gitops::config::{Attention, Inputs};
use dcr_gitops::run::cluster::{Cluster, ClusterView, JobResult, JobState, Live, LiveRun, Pod};
use dcr_gitops::run::deployment::{
    Action, Base, Deployment, History, Intent, Landed, Policy, StepBranch, StepContent, Wanted,
};
use dcr_gitops::run::express::{
    AaGroup, AaRow, AaState, AaStatus, Admin, Detail, Echo, ProbeAnswer, ProbeState, Readiness,
};
use dcr_gitops::run::journal::Journal;
use dcr_gitops::run::review::{Review, ReviewRequest, ReviewState, Standing};
use dcr_gitops::run::{
    Kind, LastRun, Observation, Outcome, Phase, Record, SystemRef, World, branch,
};
use jiff::{SignedDuration, Timestamp};

pub const HASH: &str = "5f5e38d65f5e38d6";

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When the commit that is on the base landed.
pub fn landed_at() -> Timestamp {
    time("2026-11-22T09:30:00Z")
}

pub fn system() -> SystemRef {
    SystemRef {
        cluster: "den".into(),
        namespace: "tenant-105858-prod".into(),
        system: "system6".into(),
    }
}

pub fn inputs() -> Inputs {
    serde_json::from_value(serde_json::json!({
        "image": "registry.example.com/express:e686.131",
        "synchronizer": {"resources": {"requests": {"cpu": "2", "memory": "16Gi"}}},
        "farmers": {"resources": {"requests": {"cpu": "8", "memory": "64Gi"}}},
    }))
    .unwrap()
}

pub fn record(kind: Kind, step: u32, phase: Phase) -> Record {
    Record {
        system: system(),
        run: 7,
        kind,
        step,
        phase,
        attempt: 1,
        forced: false,
        farmers: if kind == Kind::Rebuild { 4 } else { 0 },
        frontends: (1..=3).map(|n| system().frontend(n)).collect(),
        ticket: None,
        inputs: "sha256:1".into(),
        gate_skipped: None,
    }
}

/// What the teardown of run 7 left.
pub fn last_run(step: u32, kind: Kind, outcome: Outcome) -> LastRun {
    LastRun { run: 7, step, kind, outcome, gate_skipped: None, reason: None }
}

/// The step at which a run of its kind is in `phase`, if nothing was scaled or retried.
pub fn usual_step(phase: Phase) -> u32 {
    match phase {
        Phase::HistoryUpdate | Phase::Synchronizer => 1,
        Phase::FarmUp => 2,
        Phase::Rebuild => 3,
        Phase::Propagate => 4,
        Phase::Teardown => 5,
    }
}

fn wanted(kind: &str, name: String, replicas: Option<u32>) -> Wanted {
    Wanted {
        kind: kind.into(),
        file: format!("clusters/den/tenant-105858-prod/system6/dcr/{name}.yaml"),
        digest: format!("digest of {kind} {name}"),
        name,
        replicas,
        images: if matches!(kind, "StatefulSet" | "Job") { vec!["image:1".into()] } else { vec![] },
        settings: match kind {
            "Job" => [("suspend".to_owned(), "false".to_owned())].into(),
            "StatefulSet" => [("updateStrategy".to_owned(), "OnDelete".to_owned())].into(),
            _ => BTreeMap::new(),
        },
    }
}

fn pod(name: String, component: &str) -> Pod {
    Pod {
        uid: format!("uid of {name}"),
        name,
        component: component.into(),
        run: Some(7),
        terminating: false,
        ready: true,
        started: Some(time("2026-11-20T09:00:00Z")),
        running_since: Some(time("2026-11-20T09:00:05Z")),
        restarts: 0,
        revision: None,
        trouble: None,
    }
}

pub fn synchronized(node: &str, group: AaGroup, hash: &str) -> AaRow {
    AaRow {
        group: Some(group),
        node: node.into(),
        state: Some(AaState::Synchronized),
        visible: Some(true),
        sync: Some(true),
        version: None,
        readiness: Some(Readiness::Ready),
        detail: Some(Detail::Hash(hash.into())),
        unknown: vec![],
    }
}

/// Nothing was ever run, and the cluster is empty.
pub fn untouched() -> Observation {
    let at = landed_at() + SignedDuration::from_hours(24);
    Observation {
        at,
        deployment: Deployment {
            system: system(),
            base: Base {
                name: "origin/main".into(),
                commit: "b".repeat(40),
                fresh: true,
                fetched: None,
            },
            folder: "clusters/den/tenant-105858-prod/system6".into(),
            inputs: inputs(),
            inputs_digest: "sha256:1".into(),
            policy: Policy {
                max_runs_per_cluster: 3,
                ticket_required: false,
                attention: Attention::default(),
            },
            record: None,
            last_run: None,
            wanted: vec![],
            history: History::default(),
            steps: vec![],
            open_first_steps: vec![],
        },
        world: World {
            cluster: ClusterView::Seen(Box::new(Cluster {
                read_at: at,
                runs: vec![],
                objects: vec![],
                pods: vec![],
                claims: vec![],
                limits: vec![],
            })),
            application: None,
            admin: Admin::default(),
            review: Review::default(),
            journal: Journal::default(),
        },
    }
}

/// A run in `phase`, a day after its commit landed, with every gate of the phase met.
pub fn met(phase: Phase) -> Observation {
    let kind = if phase == Phase::Synchronizer { Kind::Synchronizer } else { Kind::Rebuild };
    let mut seen = untouched();
    let step = usual_step(phase);
    let order =
        [Phase::HistoryUpdate, Phase::FarmUp, Phase::Rebuild, Phase::Propagate, Phase::Teardown];
    let phases: &[Phase] =
        if kind == Kind::Synchronizer { &[Phase::Synchronizer] } else { &order[..step as usize] };
    seen.deployment.history.landed =
        phases.iter().rev().map(|phase| landed(*phase, kind)).collect();
    if phase == Phase::Teardown {
        seen.deployment.last_run = Some(last_run(step, kind, Outcome::Complete));
        return seen;
    }
    let record = record(kind, step, phase);
    seen.deployment.record = Some(record.clone());
    live(&mut seen, &record);
    answer(&mut seen, &record);
    seen
}

pub fn landed(phase: Phase, kind: Kind) -> Landed {
    let step = usual_step(phase);
    Landed {
        run: 7,
        step,
        kind,
        phase,
        attempt: 1,
        forced: false,
        farmers: if kind == Kind::Rebuild { 4 } else { 0 },
        ticket: None,
        commit: format!("{step}").repeat(40),
        at: landed_at() - SignedDuration::from_hours(24 * i64::from(5 - step)),
    }
}

/// The cluster as the record on the base wants it.
fn live(seen: &mut Observation, record: &Record) {
    let system = system();
    let farmers = if record.phase == Phase::HistoryUpdate { 1 } else { record.farmers };
    let mut all = vec![
        wanted("ConfigMap", system.run_record(), None),
        wanted("StatefulSet", system.synchronizer_set(), Some(1)),
    ];
    if record.kind == Kind::Rebuild {
        all.push(wanted("StatefulSet", system.farmer_set(), Some(farmers)));
    }
    if matches!(record.phase, Phase::Rebuild | Phase::Propagate) {
        all.push(wanted("Job", system.trigger_job(7, 1), None));
    }
    if record.phase == Phase::Propagate {
        all.push(wanted("Job", system.propagate_job(7, 1), None));
    }
    let ended = landed_at() + SignedDuration::from_mins(2);
    let objects = all
        .iter()
        .map(|wanted| Live {
            kind: wanted.kind.clone(),
            name: wanted.name.clone(),
            uid: format!("uid of {}", wanted.name),
            run: Some(7),
            digest: Some(wanted.digest.clone()),
            created: Some(landed_at() + SignedDuration::from_mins(1)),
            terminating: false,
            generation: Some(3),
            observed_generation: Some(3),
            replicas: wanted.replicas,
            update_revision: None,
            images: wanted.images.clone(),
            settings: wanted.settings.clone(),
            tracked_by: None,
            job: (wanted.kind == "Job").then(|| JobState {
                result: JobResult::Complete,
                ended: Some(ended),
                message: Some("posted".into()),
            }),
            trouble: None,
        })
        .collect();
    let mut pods = vec![pod(system.synchronizer_pod(), "synchronizer")];
    let farmer = |n| pod(format!("{}-{n}", system.farmer_set()), "farmer");
    pods.extend((0..if record.kind == Kind::Rebuild { farmers } else { 0 }).map(farmer));
    seen.deployment.wanted = all;
    let cluster = cluster(seen);
    cluster.objects = objects;
    cluster.pods = pods;
    cluster.runs = vec![LiveRun { system, run: 7, step: record.step }];
}

/// The nodes as they answer when the phase's work is done.
fn answer(seen: &mut Observation, record: &Record) {
    let (system, at) = (system(), seen.at);
    let done = matches!(record.phase, Phase::Rebuild | Phase::Propagate);
    let synchronizer = system.synchronizer_pod();
    let frontends =
        record.frontends.iter().map(|fe| synchronized(fe, AaGroup::ClassicFrontends, HASH));
    let mut rows: Vec<AaRow> = frontends.collect();
    if done {
        rows.push(synchronized(&synchronizer, AaGroup::DynamicSynchronizers, HASH));
    }
    seen.world.admin = Admin {
        aa_status: Some(AaStatus { node: synchronizer.clone(), at, rows, unknown: vec![] }),
        rebuild: record
            .frontends
            .iter()
            .chain([&synchronizer])
            .map(|node| ProbeAnswer {
                node: node.clone(),
                at,
                state: if done { ProbeState::Complete } else { ProbeState::None },
                percent: done.then_some(100.0),
                started_at: done.then_some(landed_at()),
                of: done.then_some(Echo { run: 7, attempt: Some(1) }),
                error: None,
            })
            .collect(),
        ..Admin::default()
    };
}

pub fn cluster(seen: &mut Observation) -> &mut Cluster {
    match &mut seen.world.cluster {
        ClusterView::Seen(cluster) => cluster,
        other => panic!("no cluster was seen: {other:?}"),
    }
}

/// What a step would have to hold to be what the run wants next.
pub fn intent(seen: &Observation, action: Action, phase: Phase) -> Intent {
    let record = seen.deployment.record.as_ref();
    Intent {
        action,
        kind: record.map_or(Kind::Rebuild, |record| record.kind),
        phase,
        attempt: 1,
        forced: record.is_some_and(|record| record.forced),
        farmers: record.map_or(4, |record| record.farmers),
        ticket: None,
        gate_skipped: None,
        reason: None,
    }
}

/// Opens the next step of the run with this content.
pub fn open(seen: &mut Observation, content: StepContent) {
    let (run, step) = match (&seen.deployment.record, &seen.deployment.last_run) {
        (Some(record), _) => (record.run, record.step + 1),
        (None, Some(last)) => (last.run + 1, 1),
        (None, None) => (1, 1),
    };
    let commit = "c".repeat(40);
    seen.deployment.steps.push(StepBranch {
        run,
        step,
        branch: branch::step_branch(&system(), run, step),
        commit: commit.clone(),
        local: Some(commit),
        remote: None,
        content,
        outdated: false,
    });
}

/// A request for the newest open step.
pub fn request(seen: &mut Observation, state: ReviewState) {
    let step = seen.deployment.steps.last().unwrap();
    seen.world.review.requests.push(ReviewRequest {
        number: 12,
        url: "https://git.example.com/org/deployments/pull/12".into(),
        run: step.run,
        step: step.step,
        head: step.commit.clone(),
        state,
        opened: landed_at(),
        intent: None,
        standing: Standing::default(),
    });
}
