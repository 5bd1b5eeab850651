//! What a step hands to the steps after it.
use serde_json::{Value, json};

use super::*;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

#[test]
fn every_field_of_the_line_is_an_output() {
    let repo = Deployment::cloned(Wired::Directory);
    let arguments = ["next-phase", "system6", "-o", "json", "--forced"];
    let step = step(&repo, &repo.work, &arguments, &[]);
    let line =
        Ran { code: step.ran.code, out: step.ran.out.clone(), err: String::new() }.ends(0).line();
    for (key, value) in line.as_object().unwrap() {
        let kebab = match key.as_str() {
            "pullRequest" => "pull-request",
            key => key,
        };
        let output = &step.outputs[kebab];
        match value {
            Value::Null => assert_eq!(output, "", "{key}"),
            Value::String(text) => assert_eq!(output, text, "{key}"),
            other => assert_eq!(&parsed(output), other, "{key}"),
        }
    }
    assert_eq!(step.outputs["decision"], "propose");
    assert_eq!(step.outputs["outcome"], "committed");
    assert_eq!(step.outputs["exit-code"], "0");
    assert_eq!(parsed(&step.outputs["systems"]), json!([line]));
    assert_eq!(step.outputs["systems-left-out"], "0");
}

#[test]
fn several_systems_are_an_array_with_the_weightiest_first() {
    let repo = waiting();
    let step = step(&repo, &repo.work, &["status", "systemdcrtest1", "system6"], &[]);
    assert_eq!(step.ran.code, 0, "{}", step.ran.err);
    let systems = parsed(&step.outputs["systems"]);
    let told = |at: usize| (systems[at]["system"].clone(), systems[at]["decision"].clone());
    assert_eq!(told(0), (json!("system6"), json!("wait")));
    assert_eq!(told(1), (json!("systemdcrtest1"), json!("idle")));
    assert_eq!(systems.as_array().unwrap().len(), 2);
    assert_eq!(systems[0].get("observed"), None);
    // Of several there is no such thing as the phase.
    let keys: Vec<&str> = step.outputs.keys().map(String::as_str).collect();
    assert_eq!(keys, ["decision", "exit-code", "systems", "systems-left-out"]);
    assert_eq!(step.outputs["decision"], "wait");
}

#[test]
fn what_fails_is_said_and_the_exit_code_with_it() {
    let repo = waiting();
    let step = step(&repo, &repo.work, &["plan", "system6", "system7"], &[]);
    assert_eq!(step.ran.code, 3);
    assert_eq!(step.outputs["exit-code"], "3");
    assert_eq!(step.outputs["system"], "system6");
    let errors: Vec<_> = step.commands.iter().filter(|command| command.name == "error").collect();
    let [error] = errors[..] else { panic!("{:?}", step.commands) };
    assert!(error.data.contains("there is no system `system7`"), "{error:?}");
    assert!(error.data.contains("\nhint: "), "{error:?}");
    assert!(step.summary.contains("system7"), "{}", step.summary);
}

#[test]
fn text_with_lines_of_its_own_stays_one_output() {
    // What a step says next is not for the runner to guess: a value may hold anything.
    let hostile = "a\nsystem<<EOF\nother\nEOF\n::error::no";
    let repo = waiting();
    let seen = repo.run(&["status", "system6", "-o", "json"]).ends(0).line();
    let mut observed = seen["observed"].clone();
    observed["world"]["cluster"] = json!({"unreachable": {"context": "den", "why": hostile}});
    let file = repo.save("observed.json", &json!({"observed": observed}).to_string());
    let step = step(&repo, &repo.work, &["status", "system6", "--observed", &file], &[]);
    assert!(step.outputs["reason"].ends_with(hostile), "{:?}", step.outputs);
    assert_eq!(step.outputs["system"], "system6");
    // It is told, and nothing of it is a command.
    assert!(step.ran.out.contains("doesn't answer: a\\nsystem<<EOF"), "{}", step.ran.out);
    assert!(step.commands.iter().all(|command| command.data != "no"), "{:?}", step.commands);
    assert!(!step.summary.lines().any(|line| line.starts_with("::")), "{}", step.summary);
}

#[test]
fn commands_that_decide_nothing_leave_nothing() {
    let repo = Deployment::cloned(Wired::Directory);
    let step = step(&repo, &repo.work, &["schema", "settings"], &[]);
    assert_eq!((step.outputs.len(), step.summary.as_str()), (0, ""));
}
