//! What goes to which stream, in which form.
use super::*;

/// The keys of a line, in their order.
const KEYS: [&str; 19] = [
    "system",
    "cluster",
    "namespace",
    "run",
    "step",
    "phase",
    "attempt",
    "forced",
    "decision",
    "next",
    "reason",
    "unmet",
    "branch",
    "commit",
    "pullRequest",
    "outcome",
    "deadline",
    "progress",
    "observed",
];

fn keys(line: &Value) -> Vec<&str> {
    line.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn json_is_one_line_with_the_same_keys_whatever_is_decided() {
    let repo = Deployment::alone(Wired::Directory);
    let plain = &KEYS[..18];
    for (flags, code) in [(vec![], 0), (vec!["-v"], 0), (vec!["--forced"], 10)] {
        assert_eq!(keys(&repo.next(&flags, code)), plain);
    }
    let status = repo.run(&["status", "system6", "--output", "json", "-v"]).ends(0).line();
    assert_eq!(keys(&status), KEYS);
    assert_eq!(status["decision"], "wait");
    assert_eq!(status["unmet"][0]["gate"], "review");
    let plan = repo.run(&["plan", "system6", "-o", "json"]).ends(0).line();
    assert_eq!(keys(&plan), plain);
    assert_eq!(plan["decision"], "wait", "an open step is waited for");
    assert_eq!(plan["next"], "history-update");
    assert_eq!(plan["branch"], step(1, 1));
    assert_eq!(plan["outcome"], Value::Null);

    let idle = repo.run(&["status", "systemdcrtest1", "-o", "json"]).ends(0).line();
    assert_eq!(idle["decision"], "idle");
    let planned = repo.run(&["plan", "systemdcrtest1", "-o", "json"]).ends(0).line();
    assert_eq!((&planned["decision"], &planned["outcome"]), (&"propose".into(), &"none".into()));
}

#[test]
fn without_names_status_shows_all_that_was_begun() {
    let repo = Deployment::cloned(Wired::Directory);
    assert_eq!(repo.run(&["status", "-o", "json"]).ends(0).out, "");
    let nothing = repo.run(&["status"]).ends(0).out;
    assert_eq!(nothing, "no system has a run yet: `dcr-gitops next-phase SYSTEM` starts one\n");
    repo.next(&["--push"], 0);
    assert_eq!(repo.run(&["status", "-o", "json"]).ends(0).line()["branch"], step(1, 1));
    let other = repo.sandbox.clone("other", &[]);
    let line = repo.sandbox.run(&other, &["status", "-o", "json"]).ends(0).line();
    assert_eq!(line["branch"], step(1, 1), "fetched, but not here as a branch");
    repo.merge(&step(1, 1));
    repo.git(&["push", "--quiet", "origin", "main"]);
    let line = repo.run(&["status", "-o", "json"]).ends(0).line();
    assert_eq!((&line["run"], &line["phase"]), (&1.into(), &"history-update".into()));
}

#[test]
fn several_systems_are_a_line_each_and_a_broken_one_stops_no_other() {
    let repo = Deployment::alone(Wired::Directory);
    repo.edit(&[("clusters/den/tenant-105858-prod/systemdcrtest1/dcr.yaml", "image: 7\n")]);
    let ran = repo.run(&["status", "systemdcrtest1", "nosuch", "system6", "-o", "json"]).ends(3);
    assert_eq!(ran.line()["system"], "system6");
    assert!(ran.err.contains("systemdcrtest1/dcr.yaml:1:8"), "{}", ran.err);
    assert!(ran.err.contains("there is no system `nosuch`"), "{}", ran.err);
    let ran = repo.run(&["plan", "systemdcrtest1", "system6", "-q"]).ends(3);
    assert_eq!(ran.out, "");
}

#[test]
fn flags_go_before_or_after_the_command() {
    let repo = Deployment::alone(Wired::Directory);
    let outside = repo.sandbox.path("home");
    let work = repo.work.display().to_string();
    let lines: Vec<Value> = [
        vec!["--repo", &work, "-o", "json", "plan", "system6"],
        vec!["plan", "--repo", &work, "system6", "-o", "json"],
        vec!["-o=json", "plan", "system6", "--repo", &work, "--base", "main"],
    ]
    .iter()
    .map(|arguments| repo.sandbox.run(&outside, arguments).ends(0).line())
    .collect();
    assert!(lines.iter().all(|line| *line == lines[0] && line["decision"] == "propose"));
    let relative = repo.sandbox.run(repo.sandbox.dir.path(), &["status", "--repo", "work"]);
    relative.ends(0);
}

#[test]
fn quiet_leaves_only_json() {
    let repo = Deployment::alone(Wired::Directory);
    assert_eq!(repo.run(&["plan", "system6", "-q"]).ends(0).out, "");
    assert_eq!(repo.run(&["-q", "next-phase", "system6"]).ends(0).out, "");
    assert_eq!(repo.run(&["status", "system6", "--quiet"]).ends(0).out, "");
    assert_eq!(repo.next(&["-q"], 0)["outcome"], "adopted");
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let mut repo = Deployment::alone(Wired::Directory);
    let plain = repo.run(&["plan", "system6"]).ends(0).out;
    assert!(!plain.contains('\u{1b}'));
    let colored = repo.run(&["plan", "system6", "--color", "always"]).ends(0).out;
    assert!(colored.contains('\u{1b}'));
    assert_eq!(without_colours(&colored), plain, "colours change no character");
    let error = repo.run(&["--color=always", "plan", "nosuch"]).ends(3);
    assert!(error.err.contains('\u{1b}'), "{}", error.err);
    assert!(!repo.run(&["plan", "nosuch", "--color=never"]).ends(3).err.contains('\u{1b}'));
    repo.sandbox.env.insert("NO_COLOR".into(), "1".into());
    repo.sandbox.env.insert("TERM".into(), "xterm-256color".into());
    assert_eq!(repo.run(&["plan", "system6"]).ends(0).out, plain);
}

fn without_colours(text: &str) -> String {
    regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(text, "").into_owned()
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let repo = Deployment::alone(Wired::Directory);
    for command in [vec!["next-phase", "system6"], vec!["schema"], vec!["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran: Ran =
            repo.sandbox.program(&repo.work, &command).stdout(writer).output().unwrap().into();
        assert_eq!(ran.ends(0).err, "");
    }
    assert_eq!(repo.next(&[], 0)["outcome"], "adopted", "it was committed all the same");
}

#[test]
fn what_people_read_first() {
    let repo = Deployment::alone(Wired::Directory);
    let ran = repo.run(&["next-phase", "system6"]).ends(0);
    let (account, diff) = ran.out.split_once("\n\n").unwrap();
    let commit = repo.git(&["rev-parse", &step(1, 1)]);
    insta::assert_snapshot!(account.replace(&commit[..10], "COMMIT"), @r#"
    den/tenant-105858-prod/system6
      next: history-update (step 1)
      committed COMMIT on dcr/den/tenant-105858-prod/system6/run-1/step-1
      because a run was asked for
      note: no kubeconfig context `den`: leftovers of an earlier run and the cluster's capacity were not looked at
    "#);
    // The diff is git's own, but for the ids that git knows of its blobs.
    let git = repo.git(&["diff", "--no-ext-diff", "main", &step(1, 1)]);
    let git: Vec<&str> = git.lines().filter(|line| !line.starts_with("index ")).collect();
    assert_eq!(diff.lines().collect::<Vec<_>>(), git);

    let base = repo.git(&["rev-parse", "main"]);
    let status = |system: &str| {
        let ran = repo.run(&["status", system]).ends(0);
        ran.out.replace(&base[..10], "BASE")
    };
    insta::assert_snapshot!(status("system6"), @r#"
    den/tenant-105858-prod/system6
      waiting, next is history-update:
        review: dcr/den/tenant-105858-prod/system6/run-1/step-1 waits for review: history-update
      note: no kubeconfig context `den`: leftovers of an earlier run and the cluster's capacity were not looked at
      base main at BASE
    "#);
    insta::assert_snapshot!(status("systemdcrtest1"), @r#"
    den/tenant-105858-prod/systemdcrtest1
      idle: no run was ever started
      note: no kubeconfig context `den`: leftovers of an earlier run and the cluster's capacity were not looked at
      base main at BASE
    "#);
}

#[test]
fn the_schemas_are_valid_json_schema() {
    let repo = Deployment::alone(Wired::Directory);
    for arguments in [vec!["schema"], vec!["schema", "settings"], vec!["schema", "inputs"]] {
        let ran = repo.run(&arguments).ends(0);
        let schema: Value = serde_json::from_str(&ran.out).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{arguments:?}");
    }
}
