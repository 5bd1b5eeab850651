//! Every trap that others fell into on the way from a commit to a farm that runs it: what an API server
//! answers there, and the exact verdict on it. The list is in `traps/list.rs`.
mod farm;
mod list;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::Path;

use dcr_gitops::config::{Argocd, Settings};
use dcr_gitops::context::Clock;
use dcr_gitops::observe::argocd::application;
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::run::argocd::ApplicationView;
use dcr_gitops::run::cluster::Claim;
use dcr_gitops::run::{About, Gate, Observation, Phase, Verdict, concerns, verdict};
use http::Response;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use crate::world::{cluster, landed_at, met, system, time};
use list::{Case, Scene, TRAPS, Trap};

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/responses/");
    std::fs::read_to_string(format!("{folder}{name}.json")).unwrap()
}

/// What the reader makes of an Application, or of a refusal, that its API server answers with.
async fn read(answer: String) -> ApplicationView {
    let status: Value = serde_json::from_str(&answer).unwrap();
    let code = if status["kind"] == "Status" { status["code"].as_u64().unwrap() } else { 200 };
    let service = tower::service_fn(move |_: http::Request<Body>| {
        let response =
            Response::builder().status(code as u16).body(Body::from(answer.clone().into_bytes()));
        async move { Ok::<_, Infallible>(response.unwrap()) }
    });
    let clients = BTreeMap::from([("den".to_owned(), Client::new(service, "default"))]);
    let clock = Clock::new(|| time("2026-11-22T09:45:00Z"));
    let clusters = Clusters::over(clients, &Settings::default(), clock);
    application(&clusters, &system(), &Argocd::default()).await
}

/// A quarter of an hour after the commit landed, with that much of it in the cluster.
fn scene(scene: Scene) -> (Observation, Gate) {
    let phase = match scene {
        Scene::NothingYet => Phase::HistoryUpdate,
        Scene::Left | Scene::Orphans => Phase::Teardown,
        _ => Phase::Rebuild,
    };
    let mut seen = met(phase);
    seen.at = time("2026-11-22T09:45:00Z");
    seen.deployment.history.landed[0].at = landed_at();
    let trigger = system().trigger_job(7, 1);
    match scene {
        Scene::AsCommitted => {}
        Scene::Marked | Scene::JobMissing => {
            let objects = &mut cluster(&mut seen).objects;
            if scene == Scene::JobMissing {
                objects.retain(|live| live.name != trigger);
            }
            objects.iter_mut().for_each(|live| live.tracked_by = Some("system6".into()));
        }
        Scene::Unmarked => cluster(&mut seen).objects.retain(|live| live.name != trigger),
        Scene::NothingYet | Scene::AllGone => cluster(&mut seen).objects.clear(),
        Scene::Drifted => {
            let objects = &mut cluster(&mut seen).objects;
            let set = objects.iter_mut().find(|live| live.name == system().farmer_set());
            set.unwrap().replicas = Some(3);
        }
        Scene::Left => {
            let objects = cluster(&mut met(Phase::Propagate)).objects.clone();
            cluster(&mut seen).objects = objects;
        }
        Scene::Orphans => {
            cluster(&mut seen).claims = vec![Claim {
                name: "cache-system6-dcr-farmer-0".into(),
                run: Some(7),
                terminating: false,
                trouble: None,
            }]
        }
    }
    (seen, if phase == Phase::Teardown { Gate::Gone } else { Gate::Applied })
}

/// The verdict, and whether people are told at once.
fn says(seen: &Observation, gate: Gate) -> String {
    let said = match verdict(seen, gate) {
        Verdict::Met(fact) => format!("met: {fact}"),
        Verdict::Unmet(why) => format!("unmet: {}", why.message),
        Verdict::Failed(why) => format!("failed: {}", why.message),
        Verdict::Unknown(why) => format!("unknown: {}", why.message),
    };
    let told = concerns(seen);
    match told.first() {
        None => said,
        // What the verdict says already needn't be said twice.
        Some(told) if told.about == About::Application && said.ends_with(&told.why.message) => {
            format!("{said} (told at once)")
        }
        Some(told) => format!("{said} (told at once: {})", told.why.message),
    }
}

async fn judged(case: &Case) -> String {
    match *case {
        Case::Application { fixture: name, scene: at, .. } => {
            let (mut seen, gate) = scene(at);
            seen.world.application = Some(read(fixture(&format!("applications/{name}"))).await);
            says(&seen, gate)
        }
        Case::Farm { fixture: name, phase, gate, .. } => {
            let seen = farm::with(phase, &fixture(&format!("farm/{name}")));
            says(&seen, gate)
        }
    }
}

impl Case {
    fn fixture(&self) -> String {
        match self {
            Case::Application { fixture, .. } => format!("applications/{fixture}"),
            Case::Farm { fixture, .. } => format!("farm/{fixture}"),
        }
    }

    fn expected(&self) -> &'static str {
        match self {
            Case::Application { says, .. } | Case::Farm { says, .. } => says,
        }
    }
}

#[tokio::test]
async fn every_trap_has_its_verdict() {
    let mut wrong = Vec::new();
    for Trap { number, what, cases, .. } in TRAPS {
        for case in *cases {
            let said = judged(case).await;
            if said != case.expected() {
                wrong.push(format!("{number}. {what}: {}\n  {said}\n", case.fixture()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn every_trap_is_listed_once_and_every_answer_is_used() {
    let numbers: Vec<u32> = TRAPS.iter().map(|trap| trap.number).collect();
    assert_eq!(numbers, (1..=TRAPS.len() as u32).collect::<Vec<_>>());
    for trap in TRAPS {
        let elsewhere = trap.elsewhere.is_empty();
        assert!(
            trap.cases.is_empty() != elsewhere,
            "{}: a case, or why there is none",
            trap.number
        );
        // Where another test is named, it is there.
        let named = trap.elsewhere.split_whitespace().filter(|word| word.starts_with("tests/"));
        for file in named.map(|word| word.trim_end_matches([',', '.', ';', ')'])) {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "{file}");
        }
    }
    let used: BTreeSet<String> =
        TRAPS.iter().flat_map(|trap| trap.cases).map(Case::fixture).collect();
    let mut there = BTreeSet::new();
    for folder in ["applications", "farm"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/responses").join(folder);
        for entry in std::fs::read_dir(path).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            there.insert(format!("{folder}/{}", name.strip_suffix(".json").unwrap()));
        }
    }
    assert_eq!(used, there);
}

/// What it says of a wait is worth little without what to do about it.
#[tokio::test]
async fn whoever_is_told_at_once_is_told_what_to_do() {
    for case in TRAPS.iter().flat_map(|trap| trap.cases) {
        let Case::Application { fixture: name, scene: at, .. } = *case else { continue };
        let (mut seen, gate) = scene(at);
        seen.world.application = Some(read(fixture(&format!("applications/{name}"))).await);
        for concern in concerns(&seen) {
            assert!(concern.why.hint.is_some(), "{name}: {concern:?}");
        }
        if let Verdict::Failed(why) = verdict(&seen, gate) {
            assert!(why.hint.is_some(), "{name}: {why:?}");
        }
        let shown = format!("{seen:?}");
        assert!(!shown.contains("rehearsalTOKEN"), "{name} shows a Secret");
    }
}
