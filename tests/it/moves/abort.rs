//! `abort`: the teardown now, whatever is seen of the world.
use super::*;

const ABORT: [&str; 4] = ["abort", "system6", "--reason", "the disks are needed elsewhere"];

/// What is on the remote's branch.
fn at_origin(repo: &Deployment, branch: &str) -> String {
    repo.sandbox.git(&repo.origin(), &["rev-parse", branch])
}

#[test]
fn a_run_is_torn_down_early() {
    let repo = Deployment::reached(3);
    let before = untouched(&repo.work);
    let line = repo.asks(&[&ABORT[..], &["--push"]].concat(), 0);
    assert_eq!((&line["next"], &line["outcome"]), (&"abort".into(), &"pushed".into()));
    assert_eq!(line["commit"], at_origin(&repo, &step(1, 4)));
    assert!(untouched(&repo.work) == before);
    let expected = ["farmers.yaml", "run.yaml", "synchronizer.yaml", "trigger-1.yaml"];
    let mut expected: Vec<_> = expected.iter().map(|name| format!("D {name}")).collect();
    expected.insert(1, "A last-run".to_owned());
    assert_eq!(repo.changed(&step(1, 4)), expected);
    insta::assert_snapshot!(repo.git(&["log", "-1", "--format=%B", &step(1, 4)]), @r"
    Added/Modified system6 via automation (Tearing down the DCR farm)

    Aborted: the disks are needed elsewhere

    Added:
    - clusters/den/tenant-105858-prod/system6/dcr/last-run

    Removed:
    - StatefulSet system6-dcr-farmer
    - Service system6-dcr-farmer
    - PodDisruptionBudget system6-dcr-farmer
    - ConfigMap system6-dcr-run
    - StatefulSet system6-dcr-sync
    - Service system6-dcr-sync
    - PodDisruptionBudget system6-dcr-sync
    - Job system6-dcr-trigger-1-1

    Dcr-System: den/tenant-105858-prod/system6
    Dcr-Run: 1
    Dcr-Step: 4
    Dcr-Phase: teardown
    Dcr-Attempt: 1
    Dcr-Requested-By: Test Person
    ");

    // The same in another clone finds it made.
    let other = repo.sandbox.clone("other", &[]);
    let again = repo.sandbox.run(&other, &[&ABORT[..], &["--push", "-o", "json"]].concat());
    let again = again.ends(0).line();
    assert_eq!((&again["outcome"], &again["commit"]), (&"adopted".into(), &line["commit"]));

    repo.lands(&step(1, 4));
    let last = repo.show("main", &format!("{FOLDER}/dcr/last-run"));
    assert_eq!(
        last,
        "run: 1\nstep: 4\nkind: rebuild\noutcome: aborted\nreason: the disks are needed elsewhere"
    );
    let over = repo.asks(&ABORT, 0);
    assert_eq!((&over["decision"], &over["outcome"]), (&"finished".into(), &Value::Null));
    repo.fsck();
}

#[test]
fn an_open_step_gives_way() {
    let repo = Deployment::reached(3);
    let open = repo.next(&["--push", "--skip-gate", "it will do"], 0);
    assert_eq!((&open["next"], &open["outcome"]), (&"propagate".into(), &"pushed".into()));
    let line = repo.asks(&[&ABORT[..], &["--push"]].concat(), 0);
    assert_eq!((&line["branch"], &line["outcome"]), (&open["branch"], &"pushed".into()));
    assert_ne!(line["commit"], open["commit"]);
    assert_eq!(line["commit"], at_origin(&repo, &step(1, 4)));
    assert_eq!(repo.git(&["rev-list", "--count", &format!("main..{}", step(1, 4))]), "1");
    // What gave way isn't proposed again over it.
    let waits = repo.next(&["--push"], 0);
    assert_eq!((&waits["next"], &waits["outcome"]), (&"abort".into(), &"adopted".into()));
}

#[test]
fn a_teardown_that_is_open_already_is_adopted() {
    let repo = Deployment::reached(4);
    let open = repo.next(&["--skip-gate", "it will do"], 0);
    assert_eq!(open["next"], "teardown");
    let line = repo.asks(&ABORT, 0);
    assert_eq!((&line["outcome"], &line["commit"]), (&"adopted".into(), &open["commit"]));
}

#[test]
fn without_a_run_there_is_nothing_to_do() {
    let line = Deployment::reached(0).asks(&ABORT, 0);
    assert_eq!(line["decision"], "idle");
    assert_eq!(line["reason"], "no run is on: nothing to abort");
}

#[test]
fn a_reason_is_one_line() {
    let repo = Deployment::reached(0);
    for reason in ["", " ", "two\nlines"] {
        repo.run(&["abort", "system6", "--reason", reason]).ends(2);
    }
    repo.run(&["abort", "system6"]).ends(2);
}
