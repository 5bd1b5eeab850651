//! `review: auto`: GitHub merges when its rules are met, and never what needs a person.
use dcr_gitops::rehearse::github::pull::{Method, State};

use super::stage::Stage;

const AUTO: &str = "review: {default: auto}\n";
const SKIP: [&str; 2] = ["--skip-gate", "tried out without a cluster"];

fn is_merged(state: State) -> bool {
    matches!(state, State::Merged(_))
}

#[test]
fn it_is_merged_once_the_rules_are_met_and_not_before() {
    let stage = Stage::with(AUTO);
    assert_eq!(stage.next(&[], 0)["outcome"], "opened");
    let pull = stage.pull();
    assert_eq!(pull.state, State::Open);
    assert_eq!(pull.auto_merge.unwrap().method, Method::Merge);
    // Armed once.
    stage.next(&[], 0);
    assert_eq!(stage.pull().state, State::Open);
    stage.github.approve(1, "ann").unwrap();
    assert!(is_merged(stage.pull().state));
}

#[test]
fn what_is_clean_already_is_merged_at_the_commit_that_was_made() {
    let stage = Stage::with(AUTO);
    stage.github.set_rules(|rules| {
        rules.approvals = 0;
        rules.methods = vec![Method::Squash];
        rules.mergeable_takes_time = false;
    });
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "opened", "{line}");
    let pull = stage.pull();
    assert!(is_merged(pull.state), "{pull:?}");
    assert_eq!(pull.head.to_string(), line["commit"]);
    assert_eq!(stage.next(&[], 10)["step"], 1);
}

#[test]
fn where_the_repo_does_not_allow_it_that_is_said_and_it_stays_open() {
    let stage = Stage::with(AUTO);
    stage.github.set_rules(|rules| rules.allow_auto_merge = false);
    let ran = stage.run(&["next-phase", "system6", "--pr"]).ends(0);
    assert!(ran.out.contains("the repo doesn't allow auto-merge"), "{}", ran.out);
    assert_eq!((stage.pull().state, stage.pull().auto_merge), (State::Open, None));
    // Approved, so that it could be merged at once: that is for a person to do all the same.
    stage.github.approve(1, "ann").unwrap();
    let ran = stage.run(&["next-phase", "system6", "--pr"]).ends(0);
    assert!(ran.out.contains("the repo doesn't allow auto-merge"), "{}", ran.out);
    assert_eq!(stage.pull().state, State::Open);
}

#[test]
fn what_is_in_the_queue_is_open() {
    let stage = Stage::with(AUTO);
    stage.github.set_rules(|rules| {
        rules.approvals = 0;
        rules.merge_queue = Some(Method::Squash);
        rules.mergeable_takes_time = false;
    });
    stage.next(&[], 0);
    let pull = stage.pull();
    assert!(pull.queued.is_some() && pull.state == State::Open, "{pull:?}");
    assert_eq!(stage.next(&[], 0)["outcome"], "adopted");
    assert_eq!(stage.github.pulls().len(), 1);
}

#[test]
fn a_skipped_gate_and_an_abort_wait_for_a_person() {
    let stage = Stage::with(AUTO);
    stage.next(&[], 0);
    stage.github.approve(1, "ann").unwrap();
    assert!(is_merged(stage.pull().state));
    stage.next(&SKIP, 0);
    // At a later look, too, that knows of it from the step alone.
    stage.next(&[], 0);
    let abort = ["abort", "system6", "--pr", "--reason", "no more"];
    let ran = stage.run(&abort).ends(0);
    assert!(ran.out.contains("waits for a person"), "{}", ran.out);
    stage.run(&abort).ends(0);
    for number in [2, 3] {
        assert_eq!(stage.github.pull(number).unwrap().auto_merge, None, "{number}");
    }
    assert_eq!(stage.open(), [3]);
}
