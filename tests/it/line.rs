//! The line of `-o json`, and what hostile text may do where it is printed.
use std::collections::BTreeMap;

use dcr_gitops::render::{Change, FileChange};
use dcr_gitops::report::json::Line;
use dcr_gitops::report::{Style, diff, line, markdown, terminal};
use dcr_gitops::run::cluster::{Claim, LiveRun};
use dcr_gitops::run::deployment::{Action, StepContent};
use dcr_gitops::run::express::ProbeState;
use dcr_gitops::run::review::ReviewState;
use dcr_gitops::run::{Kind, Observation, Phase, Record, Request, SystemRef, decide};
use serde_json::{Value, json};

use crate::world::*;

fn next() -> Request {
    Request::Next { forced: None, ticket: None, skip_gate: None }
}

fn said(seen: &Observation, asked: &Request) -> Value {
    let decision = decide(seen, asked).unwrap();
    serde_json::to_value(Line::new(seen, &decision, None)).unwrap()
}

fn stands(line: &Value) -> [&Value; 3] {
    ["run", "step", "phase"].map(|key| &line[key])
}

#[test]
fn where_a_run_stands_is_read_from_the_base() {
    // Nothing, nothing after the end, and the teardown as long as something is live, whatever is asked.
    assert_eq!(stands(&said(&untouched(), &Request::Observe)), [&Value::Null; 3]);
    assert_eq!(stands(&said(&untouched(), &next())), [&Value::Null; 3]);
    let mut seen = met(Phase::Teardown);
    assert_eq!(stands(&said(&seen, &Request::Observe)), [&Value::Null; 3]);
    let name = "cache-system6-dcr-sync-0".into();
    cluster(&mut seen).claims.push(Claim { name, run: Some(7), terminating: true, trouble: None });
    let teardown = [&json!(7), &json!(5), &json!("teardown")];
    assert_eq!(stands(&said(&seen, &Request::Observe)), teardown);
    assert_eq!(stands(&said(&seen, &next())), teardown);
    let content = StepContent::Ours(Box::new(intent(&seen, Action::Start, Phase::HistoryUpdate)));
    open(&mut seen, content);
    assert_eq!(stands(&said(&seen, &Request::Observe)), teardown);
    // A step that waits for review changes nothing of it.
    let mut seen = met(Phase::FarmUp);
    let content = StepContent::Ours(Box::new(intent(&seen, Action::Advance, Phase::Rebuild)));
    open(&mut seen, content);
    request(&mut seen, ReviewState::Open);
    let line = said(&seen, &Request::Observe);
    assert_eq!(stands(&line), [&json!(7), &json!(2), &json!("farm-up")]);
    assert_eq!((&line["decision"], &line["next"]), (&json!("wait"), &json!("rebuild")));
    assert_eq!(line["pullRequest"], "https://git.example.com/org/deployments/pull/12");
    assert_eq!(line["unmet"][0]["gate"], "review");
    assert_eq!(line["unmet"][0]["since"], "2026-11-22T09:30:00Z");
    // A request that was closed before the step was made again is not the step's.
    seen.world.review.requests[0].state = ReviewState::Closed { by: None };
    seen.world.review.requests[0].head = "d".repeat(40);
    let line = said(&seen, &Request::Observe);
    assert_eq!((&line["pullRequest"], &line["unmet"][0]["since"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_line_has_the_keys_it_is_known_for() {
    let keys =
        |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let mut seen = met(Phase::Rebuild);
    seen.world.admin.rebuild.iter_mut().for_each(|answer| {
        answer.state = ProbeState::Unmapped("ODD".into());
    });
    let line = said(&seen, &Request::Observe);
    assert_eq!(
        keys(&line),
        "system cluster namespace run step phase attempt forced decision next reason unmet branch commit \
         pullRequest outcome deadline progress"
    );
    assert_eq!(keys(&line["unmet"][0]), "gate message since");
    assert_eq!(keys(&line["progress"]), "percent eta farmersReady farmers");
    assert_eq!(
        (&line["progress"]["farmersReady"], &line["progress"]["farmers"]),
        (&json!(4), &json!(4))
    );
    assert_eq!(line["deadline"], "2026-12-04T09:30:00Z");
    // A pod that goes, or that isn't ready, is no farmer; nor is another run's.
    let pods = &mut cluster(&mut seen).pods;
    (pods[1].ready, pods[2].terminating, pods[3].run) = (false, true, Some(6));
    assert_eq!(said(&seen, &Request::Observe)["progress"]["farmersReady"], 1);
    // Only in `rebuild` there is a deadline; without a run there is no progress.
    assert_eq!(said(&met(Phase::Propagate), &Request::Observe)["deadline"], Value::Null);
    assert_eq!(said(&untouched(), &Request::Observe)["progress"], Value::Null);
    assert_eq!(
        said(&met(Phase::Synchronizer), &Request::Observe)["progress"]["farmers"],
        Value::Null
    );
    // Since when the cluster is full, nobody noted.
    let mut seen = met(Phase::Teardown);
    let other = |n| SystemRef { system: format!("other{n}"), ..system() };
    cluster(&mut seen).runs =
        (0..3).map(|n| LiveRun { system: other(n), run: 1, step: 1 }).collect();
    let line = said(&seen, &next());
    assert_eq!(
        (&line["unmet"][0]["gate"], &line["unmet"][0]["since"]),
        (&json!("capacity"), &Value::Null)
    );
}

#[test]
fn hostile_words_stay_words() {
    let hostile = "a\u{1b}]0;x\u{7}\r\nerror: b\u{202e}\u{61c}\u{200b}\u{2028}c\u{9b}31m\u{e0041}";
    let shown = line(hostile);
    let harmful =
        |c: char| c.is_control() || matches!(c, '\u{61c}' | '\u{200b}'..='\u{202e}' | '\u{e0041}');
    assert!(!shown.contains(harmful), "{shown:?}");
    let mut seen = met(Phase::Rebuild);
    for answer in &mut seen.world.admin.rebuild {
        answer.state = ProbeState::Failed;
        answer.error = Some(format!("{hostile} @org/team <img src=x> [k](http://e) #1 ```"));
    }
    let decision = decide(&seen, &Request::Observe).unwrap();
    let said = Line::new(&seen, &decision, None);
    let text = terminal::account(&said, &decision, &[hostile.to_owned()], Style::default());
    assert!(!text.replace('\n', "").contains(harmful), "{text:?}");
    assert_eq!(text.lines().filter(|line| line.starts_with("error:")).count(), 0);
    let text = markdown::section(&said, &decision, &[hostile.to_owned()], &[]);
    assert!(!text.replace('\n', "").contains(harmful), "{text:?}");
    for markup in ["@org", "<img", "[k](", " #1", "```"] {
        assert!(!text.contains(markup), "{markup} in {text}");
    }
}

#[test]
fn a_patch_is_exact_unless_a_terminal_would_act_on_it() {
    let after = Some("name: \u{1b}[2J\n".to_owned());
    let change = Change { files: vec![FileChange { path: "a.yaml".into(), before: None, after }] };
    let with = |colored, on_terminal| diff::unified(&change, Style { colored, on_terminal });
    assert!(with(false, false).contains("+name: \u{1b}[2J\n"));
    assert!(with(false, true).contains("+name: \\u{1b}[2J\n"));
}

#[test]
fn a_record_that_no_run_can_have_is_refused() {
    let read = |record: &Record| {
        let data: BTreeMap<String, String> =
            record.to_data().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Record::from_data(&data)
    };
    for kind in [Kind::Rebuild, Kind::Synchronizer] {
        for phase in Phase::ALL {
            let record = record(kind, 1, phase);
            let possible = phase != Phase::Teardown
                && (kind == Kind::Synchronizer) == (phase == Phase::Synchronizer);
            assert_eq!(read(&record).is_ok(), possible, "{kind} in {phase}");
        }
    }
    let full = Record {
        forced: true,
        ticket: Some("DCR-1".into()),
        gate_skipped: Some("seen by hand".into()),
        ..record(Kind::Rebuild, 3, Phase::Rebuild)
    };
    assert_eq!(read(&full), Ok(full));
}
