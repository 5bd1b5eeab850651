//! Rendering: what each step of a run commits, and what never changes once the run has begun.
use std::collections::BTreeMap;

use dcr_gitops::admin_job::{AdminJob, VARIABLE};
use dcr_gitops::config::{Inputs, Wiring};
use dcr_gitops::manifest::{Object, objects};
use dcr_gitops::render::{BaseFolder, Change, RenderError, Templates, change, message};
use dcr_gitops::run::deployment::Action;
use dcr_gitops::run::{Kind, LastRun, Outcome, Phase, Place, Record, Step, SystemRef};
use proptest::prelude::*;
use serde_json::{Value, json};

mod carried;
mod kustomize;
mod messages;
mod pod;
mod quoting;
mod templates;
mod whole_run;

const DCR: &str = "clusters/den/tenant-105858-prod/system6/dcr";

fn inputs() -> Inputs {
    inputs_from(json!({
        "image": "registry.example.com/express:e686.131",
        "frontends": {"count": 3},
        "synchronizer": {"resources": {"requests": {"cpu": "2", "memory": "16Gi"}}},
        "farmers": {"resources": {"requests": {"cpu": "8", "memory": "64Gi"}}},
    }))
}

fn inputs_from(value: Value) -> Inputs {
    serde_json::from_value(value).expect("the inputs are valid")
}

fn step(action: Action, number: u32, phase: Phase) -> Step {
    let system = SystemRef {
        cluster: "den".to_owned(),
        namespace: "tenant-105858-prod".to_owned(),
        system: "system6".to_owned(),
    };
    Step {
        action,
        record: Record {
            frontends: (1..=3).map(|number| system.frontend(number)).collect(),
            system,
            run: 7,
            kind: if phase == Phase::Synchronizer { Kind::Synchronizer } else { Kind::Rebuild },
            step: number,
            phase,
            attempt: 1,
            forced: false,
            farmers: 4,
            ticket: Some("DCR-42".to_owned()),
            inputs: format!("sha256:{}", "0".repeat(64)),
            gate_skipped: None,
        },
        outcome: (phase == Phase::Teardown).then_some(Outcome::Complete),
        reason: "4 of 4 farmers are ready".to_owned(),
        not_proved: Vec::new(),
        place: Place::New,
    }
}

fn start() -> Step {
    step(Action::Start, 1, Phase::HistoryUpdate)
}

/// The steps of a run without trouble, in their order.
fn whole_run() -> Vec<Step> {
    vec![
        start(),
        step(Action::Advance, 2, Phase::FarmUp),
        step(Action::Advance, 3, Phase::Rebuild),
        step(Action::Advance, 4, Phase::Propagate),
        step(Action::Advance, 5, Phase::Teardown),
    ]
}

fn empty() -> BaseFolder {
    BaseFolder { dcr: DCR.to_owned(), ..BaseFolder::default() }
}

fn builtin() -> Templates {
    Templates::builtin().expect("the built-in templates are valid")
}

fn render(step: &Step, base: &BaseFolder, inputs: &Inputs) -> Result<Change, RenderError> {
    change(step, base, inputs, Wiring::Directory, &builtin())
}

/// The base after these steps were merged.
fn after(steps: &[Step], inputs: &Inputs) -> BaseFolder {
    steps.iter().fold(empty(), |base, step| {
        render(step, &base, inputs).expect("the step renders").apply(&base)
    })
}

fn object(base: &BaseFolder, file: &str, kind: &str) -> Object {
    let objects = objects(&base.files[file]).expect("the file can be read");
    objects.into_iter().find(|object| object.kind() == kind).expect("the object is there")
}

fn failure(inputs: &Inputs) -> String {
    render(&start(), &empty(), inputs).expect_err("nothing is rendered").to_string()
}

/// What the Job's container is told, as Kubernetes hands it over.
fn told(base: &BaseFolder, file: &str) -> AdminJob {
    let job = object(base, file, "Job");
    let variable = &job.0["spec"]["template"]["spec"]["containers"][0]["env"][0];
    assert_eq!(variable["name"], VARIABLE);
    let value = variable["value"].as_str().expect("the variable is a text");
    assert!(!value.contains('$'), "Kubernetes would expand {value}");
    serde_json::from_str(value).expect("the Job is told what it can read")
}
