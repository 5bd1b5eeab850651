//! What people do to a run behind its back, and what is said about it.
use super::*;

#[test]
fn a_step_that_was_taken_back_is_missed() {
    let repo = Deployment::cloned(Wired::Directory);
    for number in 1..=2 {
        repo.next(&["--skip-gate", "x", "--push"], 0);
        repo.merge(&step(1, number));
        repo.git(&["push", "--quiet", "origin", "main"]);
    }
    repo.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    repo.git(&["push", "--quiet", "origin", "main"]);

    // What wasn't fetched just now may be out of date.
    let line = repo.next(&[], 10);
    assert_eq!(line["decision"], "wait");
    let unmet = &line["unmet"][0];
    assert!(
        unmet["message"].as_str().unwrap().contains("step 2 of run 1 is missing on origin/main")
    );
    assert!(unmet["message"].as_str().unwrap().contains("git fetch"), "{unmet}");
    let ran = repo.run(&["next-phase", "system6", "--push"]).ends(11);
    assert!(ran.out.contains("halted: step 2 of run 1 was merged and is missing"), "{}", ran.out);
    assert!(ran.out.contains("hint: restore it on the base branch"), "{}", ran.out);
    let line = repo.next(&["--push", "--skip-gate", "no gate can help"], 11);
    assert_eq!(line["decision"], "halt");
    repo.run(&["status", "system6"]).ends(0);

    // Restored, it goes on.
    repo.git(&["revert", "--no-edit", "HEAD"]);
    repo.git(&["push", "--quiet", "origin", "main"]);
    let line = repo.next(&["--push", "--skip-gate", "x"], 0);
    assert_eq!((&line["step"], &line["next"]), (&2.into(), &"rebuild".into()));
}

#[test]
fn without_a_remote_there_is_nothing_to_fetch_and_it_halts_at_once() {
    let repo = Deployment::alone(Wired::Directory);
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    repo.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    assert_eq!(repo.next(&[], 11)["decision"], "halt");
}

#[test]
fn a_persons_commit_on_a_steps_branch_is_left_alone() {
    let repo = Deployment::alone(Wired::Directory);
    repo.next(&[], 0);
    repo.git(&["checkout", "--quiet", &step(1, 1)]);
    let farmers = format!("{FOLDER}/dcr/farmers.yaml");
    let text = repo.show("HEAD", &farmers);
    repo.edit(&[(&farmers, &text.replace("replicas: 1", "replicas: 9"))]);
    repo.git(&["checkout", "--quiet", "main"]);
    let theirs = repo.git(&["rev-parse", &step(1, 1)]);
    for flags in [vec![], vec!["--forced"], vec!["--skip-gate", "x"]] {
        let line = repo.next(&flags, 10);
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.contains(&theirs) && reason.contains("isn't ours"), "{reason}");
    }
    // Nor is it made again when the inputs change.
    repo.edit(&[(&format!("{FOLDER}/dcr.yaml"), &INPUTS.replace("131", "132"))]);
    repo.next(&[], 10);
    assert_eq!(repo.git(&["rev-parse", &step(1, 1)]), theirs);
}

#[test]
fn an_open_step_is_made_again_when_its_inputs_change() {
    let repo = Deployment::alone(Wired::Directory);
    let first = repo.next(&["--ticket", "DCR-1"], 0);
    // What doesn't concern it doesn't move it.
    repo.edit(&[("README.md", "# Other\n")]);
    assert_eq!(repo.next(&[], 0)["outcome"], "adopted");
    repo.edit(&[(&format!("{FOLDER}/dcr.yaml"), &INPUTS.replace("131", "132"))]);
    let line = repo.next(&[], 0);
    assert_eq!(line["outcome"], "committed");
    assert_eq!(line["branch"], step(1, 1));
    assert_ne!(line["commit"], first["commit"]);
    let base = repo.git(&["rev-parse", "main"]);
    assert_eq!(repo.git(&["rev-parse", &format!("{}^", step(1, 1))]), base);
    let farmers = repo.show(&step(1, 1), &format!("{FOLDER}/dcr/farmers.yaml"));
    assert!(farmers.contains("express:e686.132"), "{farmers}");
    let record = repo.show(&step(1, 1), &format!("{FOLDER}/dcr/run.yaml"));
    assert!(record.contains("ticket: DCR-1"), "{record}");
    assert_eq!(repo.next(&[], 0)["outcome"], "adopted");
}

#[test]
fn an_object_edited_on_the_base_stops_the_run_and_is_named() {
    let repo = Deployment::alone(Wired::Directory);
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    let farmers = format!("{FOLDER}/dcr/farmers.yaml");
    let text = repo.show("HEAD", &farmers) + "\n";
    repo.edit(&[(&farmers, &text.replace("storage: 200Gi", "storage: 100Gi"))]);
    let ran = repo.run(&["next-phase", "system6", "--skip-gate", "x"]).ends(3);
    assert_eq!(ran.out, "");
    assert!(
        ran.err.contains("farmers.yaml: StatefulSet system6-dcr-farmer was edited by hand"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("hint: restore the file"), "{}", ran.err);
}
