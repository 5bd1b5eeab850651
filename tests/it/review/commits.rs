//! Where commits come from: made here and pushed, or made by GitHub; the trees are the same.
use std::os::unix::fs::PermissionsExt;

use super::stage::Stage;
use crate::cli::{FOLDER, INPUTS, step};

const API: &str = "github: {commits: api}\n";
const SKIP: [&str; 2] = ["--skip-gate", "tried out without a cluster"];
const CREATE_REF: &str = "/repos/{owner}/{repo}/git/refs";

fn tree(stage: &Stage, number: u32) -> String {
    let name = format!("{}^{{tree}}", step(1, number));
    stage.repo.sandbox.git(&stage.repo.origin(), &["rev-parse", &name])
}

#[test]
fn a_commit_made_by_github_has_the_tree_of_one_made_here_and_is_verified() {
    let (by_github, by_git) = (Stage::with(API), Stage::with("github: {commits: git}\n"));
    let ran = by_github.run(&["next-phase", "system6", "--pr"]).ends(0);
    assert!(ran.out.contains("GitHub signed the commit: verified"), "{}", ran.out);
    by_git.next(&[], 0);
    let dcr = |stage: &Stage| {
        let name = format!("{}:{FOLDER}/dcr", step(1, 1));
        stage.repo.sandbox.git(&stage.repo.origin(), &["rev-parse", &name])
    };
    assert_eq!(dcr(&by_github), dcr(&by_git));
    let held = by_github.held(1, 1).to_string();
    assert_eq!(by_github.repo.git(&["rev-parse", &step(1, 1)]), held);
    let message = by_github.repo.git(&["log", "-1", "--format=%B", &held]);
    let made_here = by_git.repo.git(&["log", "-1", "--format=%B", &step(1, 1)]);
    assert_eq!(message, made_here);
    assert_eq!(by_github.pull().head.to_string(), held);
    by_github.repo.fsck();
}

#[test]
fn only_a_change_of_settings_is_between_the_two() {
    let stage = Stage::with(API);
    stage.next(&[], 0);
    let made_by_github = tree(&stage, 1);
    stage.run(&["abort", "system6", "--pr", "--reason", "once more"]).ends(0);
    stage.repo.git(&["checkout", "--quiet", "-b", "elsewhere"]);
    // The same request on the same base, made here.
    stage.run(&["next-phase", "system6"]).ends(0);
    let made_here = stage.repo.git(&["rev-parse", &format!("{}^{{tree}}", step(1, 1))]);
    assert_eq!(made_by_github, made_here);
}

#[test]
fn a_branch_that_was_only_created_is_resumed() {
    let stage = Stage::with(API);
    stage.repo.git(&["push", "--quiet", "origin", &format!("main:refs/heads/{}", step(1, 1))]);
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "opened", "{line}");
    assert_eq!(stage.count("POST", CREATE_REF), 0);
}

#[test]
fn a_step_that_is_here_alone_is_made_there() {
    let stage = Stage::with(API);
    let here = stage.run(&["next-phase", "system6", "-o", "json"]).ends(0).line();
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "opened", "{line}");
    assert_ne!(line["commit"], here["commit"]);
    assert_eq!(line["commit"], stage.held(1, 1).to_string());
    assert_eq!(stage.repo.git(&["rev-parse", &step(1, 1)]), stage.held(1, 1).to_string());
    assert_eq!(stage.pull().head, stage.held(1, 1));
}

#[test]
fn what_replaces_another_commit_is_moved_there_and_leaves_nothing_behind() {
    let stage = Stage::with(API);
    stage.next(&[], 0);
    let first = stage.held(1, 1);
    stage.land(&[(&format!("{FOLDER}/dcr.yaml"), &INPUTS.replace("e686.131", "e687.1"))]);
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "pushed", "{line}");
    let pull = stage.pull();
    assert_ne!(pull.head, first);
    assert_eq!(pull.head, stage.held(1, 1));
    let branches =
        stage.repo.sandbox.git(&stage.repo.origin(), &["branch", "--format=%(refname:short)"]);
    assert_eq!(branches.lines().collect::<Vec<_>>(), [step(1, 1).as_str(), "main"]);
}

#[test]
fn a_mode_that_github_does_not_make_is_refused_before_anything_is_written() {
    let stage = Stage::with(API);
    stage.next(&[], 0);
    stage.merge(1, dcr_gitops::rehearse::github::pull::Method::Merge);
    stage.repo.git(&["pull", "--quiet"]);
    let file = stage.repo.work.join(FOLDER).join("dcr/farmers.yaml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    stage.repo.git(&["commit", "--quiet", "-a", "-m", "Executable"]);
    stage.repo.git(&["push", "--quiet", "origin", "main"]);
    let mut arguments = vec!["next-phase", "system6", "--pr"];
    arguments.extend(SKIP);
    let ran = stage.run(&arguments).ends(3);
    assert!(ran.err.contains("farmers.yaml has mode 100755"), "{}", ran.err);
    assert_eq!(stage.github.pulls().len(), 1);
    assert!(!stage.repo.sandbox.git(&stage.repo.origin(), &["branch"]).contains("step-2"));
}
