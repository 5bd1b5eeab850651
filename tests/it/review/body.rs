//! What a pull request says, and what it never says.
use dcr_gitops::github::Place as OnGithub;
use dcr_gitops::render::{Change, FileChange};
use dcr_gitops::report::pull_request::{Origin, Text};
use dcr_gitops::report::redact;
use dcr_gitops::run::deployment::Action;
use dcr_gitops::run::{Observation, Phase, Place, Step};
use serde_json::{Value, json};

use super::stage::Stage;
use crate::world::{met, usual_step};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn place() -> OnGithub {
    let url = |path: &str| format!("https://github.example.com/api/{path}").parse().unwrap();
    let (rest, graphql) = (url("v3"), url("graphql"));
    let (owner, name) = ("acme".to_owned(), "deployment".to_owned());
    OnGithub { owner, name, rest, graphql, web: "https://github.example.com".to_owned() }
}

fn advance(seen: &Observation, phase: Phase) -> Step {
    let record = seen.deployment.record.clone().unwrap();
    let record =
        dcr_gitops::run::Record { step: usual_step(phase), phase, gate_skipped: None, ..record };
    let outcome = (phase == Phase::Teardown).then_some(dcr_gitops::run::Outcome::Complete);
    Step {
        action: Action::Advance,
        record,
        outcome,
        reason: "4 of 4 farmers are ready".to_owned(),
        not_proved: Vec::new(),
        place: Place::New,
    }
}

fn file(path: &str, before: Option<Value>, after: Option<Value>) -> FileChange {
    let text = |value: Value| value.to_string();
    FileChange { path: path.to_owned(), before: before.map(text), after: after.map(text) }
}

fn set(replicas: u64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "system6-dcr-farmer"},
        "spec": {"replicas": replicas}})
}

fn body(seen: &Observation, step: &Step, files: Vec<FileChange>) -> String {
    let change = Change { files };
    let text = Text::new(seen, step, &change, &place(), &jo()).unwrap();
    text.body(COMMIT).unwrap()
}

fn jo() -> Origin {
    Origin { requested_by: Some("jo".to_owned()), job: None }
}

#[test]
fn it_says_what_changes_and_why_and_what_backing_out_costs() {
    let seen = met(Phase::HistoryUpdate);
    let mut step = advance(&seen, Phase::FarmUp);
    step.not_proved = vec!["that the history update has ended".to_owned()];
    let files = vec![file("dcr/farmers.yaml", Some(set(1)), Some(set(4)))];
    insta::assert_snapshot!(body(&seen, &step, files), @r"
    <!-- dcr-gitops: den/tenant-105858-prod/system6 run-7 step-2 commit-0123456789abcdef0123456789abcdef01234567 -->
    **den/tenant-105858-prod/system6**, run 7, step 2: farm-up

    Once this is merged, Argo CD brings up the rest of the farm, 4 farmers in all. No working node is restarted, and no cache is rebuilt yet.

    ### What changes

    | | object | change |
    | --- | --- | --- |
    | Changed | StatefulSet system6-dcr-farmer | replicas 1 → 4 |

    0 added, 1 changed, 0 removed.

    ### Why now

    Seen at 2026-11-23T09:30:00Z, with origin/main at [bbbbbbbbbb](https://github.example.com/acme/deployment/commit/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb):

    - `applied`: all 3 objects are applied
    - `nodes`: 1 of 1 farmers are ready
    - `capacity`: it is run 1 of at most 3 in den
    - `history`: the end of the history update isn't verified

    ### Not proved

    - that the history update has ended

    ### Diff

    <details><summary>StatefulSet system6-dcr-farmer: changed, +1 −1</summary>

    ```diff
    diff --git a/dcr/farmers.yaml b/dcr/farmers.yaml
    --- a/dcr/farmers.yaml
    +++ b/dcr/farmers.yaml
    @@ -3,4 +3,4 @@
     metadata:
       name: system6-dcr-farmer
     spec:
    -  replicas: 1
    +  replicas: 4
    ```

    </details>

    ### How to verify

    - Before: `dcr-gitops plan den/tenant-105858-prod/system6` with a fresh base shows the step and what it waits for.
    - After: `dcr-gitops status den/tenant-105858-prod/system6` shows node by node how it goes. The next step waits for `applied`, `nodes`.

    ### How to back out

    - Before the merge: close this pull request; the run halts until it is reopened, or until `retry` or `abort`.
    - After the merge: `dcr-gitops abort den/tenant-105858-prod/system6 --reason …` proposes the teardown. Lost by it: the history update and the nodes brought up since.
    - Don't revert the commit: the run would halt.

    ### The run

    | | |
    | --- | --- |
    | system | den/tenant-105858-prod/system6 |
    | run | 7 \(rebuild\) |
    | step | 2 |
    | phase | farm-up |
    | attempt | 1 |
    | forced | no |
    | farmers | 4 |
    | frontends | system6-fe1, system6-fe2, system6-fe3 |
    | requested by | jo |

    Steps of this run on the base branch:

    - 1: `history-update` [1111111111](https://github.example.com/acme/deployment/commit/1111111111111111111111111111111111111111)
    ");
}

#[test]
fn a_teardown_says_first_what_was_not_proved() {
    let seen = met(Phase::Propagate);
    let mut step = advance(&seen, Phase::Teardown);
    step.not_proved = vec!["that the frontends took the new cache".to_owned()];
    let text = body(&seen, &step, vec![file("dcr/farmers.yaml", Some(set(4)), None)]);
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("<!-- dcr-gitops: den/"));
    assert_eq!(lines.next().unwrap(), "**Not proved: that the frontends took the new cache**");
}

#[test]
fn words_of_others_are_no_markup() {
    let seen = met(Phase::HistoryUpdate);
    let mut step = advance(&seen, Phase::FarmUp);
    let hostile = "@acme/sre #1 <!-- x --> | a | `b` </details> ``` [x](http://e) ![y](z)\u{202e}";
    step.reason = hostile.to_owned();
    step.not_proved = vec![hostile.to_owned()];
    step.record.gate_skipped = Some(hostile.to_owned());
    let mut odd = set(4);
    odd["metadata"]["labels"] = json!({"x": "```\n</details>\n@acme/sre"});
    odd["metadata"]["name"] = "a|b<c>@d".into();
    let text = body(&seen, &step, vec![file("dcr/farmers.yaml", None, Some(odd))]);
    assert_eq!(text.matches("<!--").count(), 1, "{text}");
    // What stands in a block of code is no mention.
    let mut code = None;
    for line in text.lines() {
        let fence = line.chars().take_while(|c| *c == '`').count();
        match &code {
            None if fence >= 3 => code = Some(fence),
            Some(open) if fence >= *open && line.len() == fence => code = None,
            Some(_) => {}
            None => {
                assert!(!line.contains("@acme") && !line.contains("#1"), "{line}");
                assert!(!line.contains("@d"), "{line}");
                assert!(!line.contains('\u{202e}'), "{line}");
                assert!(!line.contains("![") && !line.contains("](http://e"), "{line}");
            }
        }
    }
    assert_eq!(code, None, "{text}");
    let rows = text.lines().filter(|line| line.starts_with("| Added |"));
    assert!(rows.clone().all(|row| row.matches(" | ").count() == 2), "{text}");
    assert_eq!(rows.count(), 1);
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count() - 1);
}

#[test]
fn what_cannot_be_told_or_is_nothing_is_an_error() {
    let seen = met(Phase::HistoryUpdate);
    let step = advance(&seen, Phase::FarmUp);
    let broken = FileChange {
        path: "dcr/farmers.yaml".to_owned(),
        before: None,
        after: Some("a: [".to_owned()),
    };
    for files in [vec![broken], vec![]] {
        let change = Change { files };
        Text::new(&seen, &step, &change, &place(), &Origin::default()).unwrap_err();
    }
}

#[test]
fn it_keeps_within_the_limit_and_names_what_was_cut() {
    let seen = met(Phase::HistoryUpdate);
    let step = advance(&seen, Phase::FarmUp);
    let long = |name: &str, lines: usize| {
        let text: String = (0..lines).map(|line| format!("zeile {line} äöü😀\n")).collect();
        json!({"kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": text}})
    };
    for lines in [10, 1_500, 2_500, 3_000, 9_000] {
        let names = ["one", "two", "three"];
        let files: Vec<FileChange> = names
            .iter()
            .map(|name| file(&format!("dcr/{name}.yaml"), None, Some(long(name, lines))))
            .collect();
        let change = Change { files };
        let job = "https://github.example.com/acme/deployment/actions/runs/7".to_owned();
        let origin = Origin { requested_by: None, job: Some(job) };
        let text = Text::new(&seen, &step, &change, &place(), &origin).unwrap();
        let body = text.body(COMMIT).unwrap();
        assert!(body.chars().count() <= 60_000, "{lines}: {}", body.chars().count());
        for name in names {
            assert!(body.contains(&format!("| Added | ConfigMap {name} |")));
        }
        assert!(body.contains("### The run"));
        let opened = body.matches("<details>").count();
        assert_eq!(opened, body.matches("</details>").count());
        let cut = body.lines().find(|line| line.starts_with("Cut for want of room: "));
        assert_eq!(cut.is_some(), lines > 1_000, "{lines}");
        match cut {
            None => assert_eq!(opened, 3),
            Some(cut) => {
                assert!(cut.contains("ConfigMap three"), "{cut}");
                let where_it_is = "[this CI run](https://github.example.com/acme/deployment/actions/runs/7) has all of it";
                assert!(cut.contains(where_it_is) && cut.contains(COMMIT), "{cut}");
            }
        }
    }
}

#[test]
fn what_people_say_at_length_is_cut_and_never_the_table() {
    let seen = met(Phase::Rebuild);
    let mut step = advance(&seen, Phase::Teardown);
    (step.action, step.outcome) = (Action::Abort, Some(dcr_gitops::run::Outcome::Aborted));
    step.reason = "so it is, 😀; ".repeat(20_000);
    step.not_proved = vec!["x".repeat(100_000)];
    let text = body(&seen, &step, vec![file("dcr/farmers.yaml", Some(set(4)), None)]);
    assert!(text.chars().count() <= 60_000, "{}", text.chars().count());
    assert!(text.contains("| Removed | StatefulSet system6-dcr-farmer |"), "{text}");
    assert!(text.contains("- aborted: so it is, 😀; "), "{text}");
    assert!(text.contains("### The run") && text.contains("-  replicas: 4"), "{text}");
}

#[test]
fn what_had_to_be_cut_is_whole_in_the_summary_of_the_ci_run() {
    let stage = Stage::with("");
    let value = "0123456789".repeat(8_000);
    let inputs = crate::cli::INPUTS.to_owned()
        + &format!(
            "synchronizer: {{pod: {{containers: [{{name: express, env: [{{name: LONG, value: '{value}'}}]}}]}}}}\n"
        );
    stage.land(&[(&format!("{}/dcr.yaml", crate::cli::FOLDER), &inputs)]);
    let summary = stage.repo.sandbox.path("summary");
    let mut program = stage.program(&stage.repo.work, &["next-phase", "system6", "--pr"]);
    program.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
    program.env("GITHUB_SERVER_URL", "https://github.example.com").env("GITHUB_RUN_ID", "7");
    crate::env::Ran::from(program.output().unwrap()).ends(0);
    let body = stage.pull().body;
    assert!(body.chars().count() <= 60_000 && !body.contains(&value), "{}", body.len());
    assert!(body.contains("Cut for want of room: StatefulSet system6-dcr-sync"), "{body}");
    assert!(body.contains("(https://github.example.com/acme/deployment/actions/runs/7)"), "{body}");
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.contains(&value), "{}", summary.len());
}

#[test]
fn secrets_are_hidden_and_that_they_changed_is_not() {
    let container = |password: &str, more: &str| {
        json!({"kind": "StatefulSet", "metadata": {"name": "x", "annotations": {"api-key": password}},
        "spec": {"template": {"spec": {
            "imagePullSecrets": [{"name": "pull-secret-name"}],
            "volumes": [{"name": "v", "secret": {"secretName": "volume-secret-name"}}],
            "containers": [{
                "name": "express",
                "args": ["--password", password, format!("--token={password}"), "--verbose"],
                "env": [
                    {"name": "MORE", "value": more},
                    {"name": "DB_PASSWORD", "value": password},
                    {"name": "URL", "value": format!("https://jo:{password}@example.com/?password={password}")},
                    {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "key-ref-name", "key": "k"}}},
                ],
            }],
        }}}})
    };
    let secret = |value: &str| json!({"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": value}, "stringData": {"b": value}});
    let config = |value: &str| {
        let text = format!(
            "user=jo\ndb.password={value}\n\"token\": \"{value}\"\n-----BEGIN RSA PRIVATE KEY-----\n{value}\n-----END RSA PRIVATE KEY-----\n"
        );
        json!({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"text": text}})
    };
    let kustomization = |value: &str| json!({"kind": "Kustomization", "secretGenerator": [{"name": "g", "literals": [format!("x={value}")]}]});
    let pairs = [
        (container("hunter2hunter2", "1"), container("swordfish9", "2")),
        (secret("hunter2hunter2"), secret("swordfish9")),
        (config("hunter2hunter2"), config("swordfish9")),
        (kustomization("hunter2hunter2"), kustomization("swordfish9")),
    ];
    for (before, after) in &pairs {
        for states in [
            redact::states(Some(before), Some(after)),
            redact::states(Some(before), None),
            redact::states(None, Some(after)),
        ] {
            let shown = format!("{:?}", states);
            assert!(!shown.contains("hunter2") && !shown.contains("swordfish"), "{shown}");
        }
        let (old, new) = redact::states(Some(before), Some(after));
        assert_ne!(old, new, "that it changed can be seen");
        let (old, new) = redact::states(Some(before), Some(before));
        assert_eq!(old, new);
    }
    let shown = redact::states(None, Some(&pairs[0].1)).1.unwrap().to_string();
    for kept in ["pull-secret-name", "volume-secret-name", "key-ref-name", "--verbose", "\"2\""] {
        assert!(shown.contains(kept), "{kept}: {shown}");
    }
}

#[test]
fn a_secret_in_the_inputs_is_not_in_the_request() {
    let stage = Stage::with("");
    let inputs = crate::cli::INPUTS.to_owned()
        + "synchronizer: {pod: {containers: [{name: express, env: [{name: DB_PASSWORD, value: swordfish9}]}]}}\n";
    stage.land(&[(&format!("{}/dcr.yaml", crate::cli::FOLDER), &inputs)]);
    stage.next(&[], 0);
    let pull = stage.pull();
    let held = stage.held(1, 1).to_string();
    let text = stage.repo.sandbox.git(&stage.repo.origin(), &["show", &held]);
    assert!(text.contains("swordfish9"), "the test is about something");
    assert!(!pull.body.contains("swordfish9"), "{}", pull.body);
    assert!(pull.body.contains("DB_PASSWORD"), "{}", pull.body);
}
