//! One branch and one pull request for each step, whatever happened before and whoever else is at it.
use dcr_gitops::rehearse::github::pull::{Method, State};
use dcr_gitops::rehearse::wire::Fault;
use serde_json::Value;

use super::stage::{Stage, racers};
use crate::cli::{FOLDER, INPUTS, step};

const PULLS: &str = "/repos/{owner}/{repo}/pulls";
const PULL: &str = "/repos/{owner}/{repo}/pulls/{pull_number}";
const SKIP: [&str; 2] = ["--skip-gate", "tried out without a cluster"];

#[test]
fn the_first_one_opens_it_and_the_second_finds_it() {
    let stage = Stage::new();
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "opened", "{line}");
    assert_eq!(line["pullRequest"], "https://github.example.com/acme/deployment/pull/1");
    let pull = stage.pull();
    let title = "Added/Modified system6 via automation (Starting DCR Farm History Update)";
    assert_eq!(pull.title, title);
    assert_eq!((pull.head_ref.as_str(), pull.head), (step(1, 1).as_str(), stage.held(1, 1)));
    assert_eq!(pull.labels.iter().collect::<Vec<_>>(), ["dcr"]);
    let again = stage.next(&[], 0);
    assert_eq!(again["outcome"], "adopted", "{again}");
    assert_eq!(again["pullRequest"], line["pullRequest"]);
    assert_eq!(again["commit"], line["commit"]);
    let wrote = ["POST", "PATCH", "PUT"].map(|method| {
        let counts = stage.github.wire().counts();
        let of_it = counts.iter().filter(|(route, _)| route.starts_with(method));
        of_it.filter(|(route, _)| !route.contains("graphql")).map(|(_, count)| count).sum::<u64>()
    });
    // The request, its label, its light, and the comment that says where the run stands, which then changed.
    assert_eq!(wrote, [4, 1, 0]);
}

#[test]
fn a_branch_that_was_only_created_is_resumed() {
    let stage = Stage::new();
    stage.repo.git(&["push", "--quiet", "origin", &format!("main:refs/heads/{}", step(1, 1))]);
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "opened", "{line}");
    assert_eq!(stage.pull().head, stage.held(1, 1));
}

#[test]
fn a_branch_that_was_only_pushed_gets_its_request() {
    let stage = Stage::new();
    let pushed = stage.run(&["next-phase", "system6", "--push", "-o", "json"]).ends(0).line();
    assert!(stage.github.pulls().is_empty());
    let line = stage.next(&[], 0);
    assert_eq!((&line["outcome"], &line["commit"]), (&"opened".into(), &pushed["commit"]));
    assert_eq!(stage.pull().head.to_string(), pushed["commit"]);
}

#[test]
fn what_a_person_wrote_stays() {
    let stage = Stage::new();
    stage.run(&["next-phase", "system6", "--push"]).ends(0);
    stage.github.open("ann", &step(1, 1), "Mine", "I say so.").unwrap();
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "adopted", "{line}");
    let pull = stage.pull();
    assert_eq!((pull.title.as_str(), pull.body.as_str()), ("Mine", "I say so."));
    assert_eq!(stage.count("PATCH", PULL), 0);
}

#[test]
fn another_intent_waits_and_names_the_request() {
    let stage = Stage::new();
    stage.next(&[], 0);
    let line = stage.next(&["--forced"], 10);
    assert_eq!(line["decision"], "wait");
    let message = line["unmet"][0]["message"].as_str().unwrap();
    assert!(message.contains("/acme/deployment/pull/1"), "{message}");
    assert!(message.contains("forced: no, not yes"), "{message}");
    assert_eq!(stage.open(), [1]);
}

#[test]
fn an_abort_before_the_first_merge_takes_everything_back() {
    let stage = Stage::new();
    stage.next(&[], 0);
    let abort = ["abort", "system6", "--pr", "-o", "json", "--reason", "wrong @tenant <!-- x -->"];
    let line = stage.run(&abort).ends(0).line();
    assert_eq!(line["decision"], "idle", "{line}");
    assert_eq!(stage.pull().state, State::Closed);
    assert!(!stage.repo.sandbox.git(&stage.repo.origin(), &["branch"]).contains("dcr/"));
    assert!(!stage.repo.git(&["branch"]).contains("dcr/"));
    // Beside the comment that says where the run stands.
    let comments = stage.github.comments(1);
    let said = &comments.iter().find(|it| it.body.contains("Aborted:")).unwrap().body;
    assert!(said.contains("Aborted: wrong") && !said.contains("@tenant"), "{said}");
    assert!(!said.contains("<!--"), "{said}");
    stage.run(&abort).ends(0);
    assert_eq!(stage.github.comments(1).len(), comments.len());
    // The next one is a run of its own right.
    assert_eq!(stage.next(&[], 0)["outcome"], "opened");
    assert_eq!(stage.open(), [2]);
}

#[test]
fn without_github_an_abort_deletes_the_branches() {
    let stage = Stage::new();
    stage.run(&["next-phase", "system6", "--push"]).ends(0);
    stage.run(&["abort", "system6", "--push", "--reason", "no"]).ends(0);
    assert!(!stage.repo.sandbox.git(&stage.repo.origin(), &["branch"]).contains("dcr/"));
    stage.run(&["next-phase", "system6"]).ends(0);
    stage.run(&["abort", "system6", "--reason", "no"]).ends(0);
    assert!(!stage.repo.git(&["branch"]).contains("dcr/"));
}

#[test]
fn an_abort_supersedes_an_open_step() {
    let stage = Stage::new();
    stage.next(&[], 0);
    stage.merge(1, Method::Merge);
    stage.next(&SKIP, 0);
    assert_eq!(stage.open(), [2]);
    let old = stage.held(1, 2);
    let abort = ["abort", "system6", "--pr", "-o", "json", "--reason", "the tenant wants it back"];
    let line = stage.run(&abort).ends(0).line();
    assert_eq!((&line["outcome"], &line["next"]), (&"opened".into(), &"abort".into()), "{line}");
    let pulls = stage.github.pulls();
    assert_eq!(pulls.len(), 3);
    // What was approved was the other step.
    assert_eq!((pulls[1].state, pulls[1].head), (State::Closed, old));
    assert_eq!((pulls[2].state, pulls[2].head), (State::Open, stage.held(1, 2)));
    assert_eq!(pulls[1].head_ref, pulls[2].head_ref);
    assert_ne!(stage.held(1, 2), old);
    let again = stage.run(&abort).ends(0).line();
    assert_eq!(again["outcome"], "adopted", "{again}");
    assert_eq!(stage.open(), [3]);
}

#[test]
fn a_persons_commit_is_respected() {
    let stage = Stage::new();
    stage.next(&[], 0);
    let before = stage.pull();
    let file = format!("{FOLDER}/dcr/run.yaml");
    let edit = vec![(file, "edited: by hand\n".to_owned())];
    let theirs = stage.repo.sandbox.land(&stage.repo.origin(), &step(1, 1), "Mine", &edit);
    let line = stage.next(&[], 10);
    let message = line["unmet"][0]["message"].as_str().unwrap();
    assert!(message.contains(&theirs.to_string()), "{message}");
    assert_eq!(stage.held(1, 1), theirs);
    assert_eq!(stage.pull().body, before.body);
}

#[test]
fn a_step_is_made_again_where_the_base_changed_its_inputs_and_nowhere_else() {
    let stage = Stage::new();
    stage.next(&[], 0);
    let (first, body) = (stage.held(1, 1), stage.pull().body);
    stage.land(&[("README.md", "# Others\n")]);
    assert_eq!(stage.next(&[], 0)["outcome"], "adopted");
    assert_eq!(stage.held(1, 1), first);
    let inputs = INPUTS.replace("e686.131", "e687.1");
    stage.land(&[(&format!("{FOLDER}/dcr.yaml"), &inputs)]);
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "pushed", "{line}");
    let pull = stage.pull();
    assert_ne!(pull.head, first);
    assert_eq!((pull.state, pull.head), (State::Open, stage.held(1, 1)));
    assert_ne!(pull.body, body);
    assert!(pull.body.contains(&format!("commit-{}", pull.head)), "{}", pull.body);
    assert!(pull.body.contains("express:e687.1"));
}

#[test]
fn a_step_that_conflicts_is_made_again_on_the_new_base() {
    let stage = Stage::kustomized();
    stage.github.set_rules(|rules| rules.mergeable_takes_time = false);
    stage.next(&[], 0);
    let first = stage.held(1, 1);
    let file = format!("{FOLDER}/kustomization.yaml");
    let theirs = stage.repo.show("main", &file) + "\n- theirs.yaml\n";
    stage.land(&[(&file, &theirs)]);
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "pushed", "{line}");
    assert_ne!(stage.held(1, 1), first);
    let name = format!("{}:{file}", step(1, 1));
    let merged = stage.repo.sandbox.git(&stage.repo.origin(), &["show", &name]);
    assert!(merged.contains("- theirs.yaml") && merged.contains("- dcr"), "{merged}");
    assert_eq!(stage.open(), [1]);
    assert_eq!(stage.next(&[], 0)["outcome"], "adopted");
}

#[test]
fn who_is_to_review_is_asked_and_whom_github_does_not_know_is_said() {
    let stage = Stage::with(
        "github: {labels: [dcr, farm], reviewers: [ann, nobody], teamReviewers: [sre], draft: true}\n",
    );
    stage.github.add_team("sre");
    let ran = stage.run(&["next-phase", "system6", "--pr"]).ends(0);
    assert!(ran.out.contains("`nobody` wasn't asked for a review"), "{}", ran.out);
    let pull = stage.pull();
    assert!(pull.draft);
    assert_eq!(pull.labels.iter().collect::<Vec<_>>(), ["dcr", "farm"]);
    assert_eq!(pull.reviewers.iter().collect::<Vec<_>>(), ["ann"]);
    assert_eq!(pull.teams.iter().collect::<Vec<_>>(), ["sre"]);
}

#[test]
fn whoever_gave_a_review_is_not_asked_again() {
    const ASK: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers";
    for labels in ["[dcr]", "[]"] {
        let stage = Stage::with(&format!("github: {{labels: {labels}, reviewers: [ann]}}\n"));
        stage.next(&[], 0);
        assert_eq!(stage.pull().reviewers.iter().collect::<Vec<_>>(), ["ann"]);
        stage.github.approve(1, "ann").unwrap();
        stage.github.unlabel(1);
        stage.next(&[], 0);
        // Not even about a new commit: whether an approval outlives that is for GitHub's rules to say.
        let inputs = INPUTS.replace("e686.131", "e687.1");
        stage.land(&[(&format!("{FOLDER}/dcr.yaml"), &inputs)]);
        assert_eq!(stage.next(&[], 0)["outcome"], "pushed");
        stage.next(&[], 0);
        assert_eq!(stage.count("POST", ASK), 1, "{labels}");
        assert!(stage.pull().reviewers.is_empty());
    }
}

#[test]
fn whoever_was_to_be_asked_before_a_crash_is_asked_after_it() {
    for labels in ["[dcr]", "[]"] {
        let stage = Stage::with(&format!("github: {{labels: {labels}, reviewers: [ann]}}\n"));
        stage.github.wire().fail_next("POST", PULLS, 1, Fault::Cut);
        stage.next(&[], 0);
        assert_eq!(stage.pull().reviewers.iter().collect::<Vec<_>>(), ["ann"], "{labels}");
    }
}

#[test]
fn a_merged_step_never_gets_a_second_request() {
    for method in Method::ALL {
        let stage = Stage::new();
        stage.next(&[], 0);
        stage.merge(1, method);
        if method == Method::Squash {
            stage.github.delete_branch(&step(1, 1), "ann").unwrap();
        }
        // Its gate can't be looked at, and the step that is on the base isn't proposed again.
        let line = stage.next(&[], 10);
        assert_eq!((&line["step"], &line["unmet"][0]["gate"]), (&1.into(), &"applied".into()));
        assert_eq!(stage.github.pulls().len(), 1);
        let next = stage.next(&SKIP, 0);
        assert_eq!(next["branch"], step(1, 2), "{method:?}");
        assert_eq!(stage.open(), [2]);
    }
}

#[test]
fn a_duplicate_of_a_merged_step_is_closed() {
    let stage = Stage::new();
    stage.next(&[], 0);
    stage.merge(1, Method::Squash);
    stage.github.open("ann", &step(1, 1), "Once more", "").unwrap();
    assert_eq!(stage.open(), [2]);
    stage.next(&[], 10);
    assert_eq!(stage.open(), Vec::<u64>::new());
    let comments = stage.github.comments(2);
    let of_run = |body: &str| body.starts_with("<!-- dcr-gitops: state of ");
    assert_eq!(comments.iter().filter(|it| !of_run(&it.body)).count(), 1);
}

#[test]
fn a_phase_that_was_turned_down_halts_and_says_by_whom() {
    let stage = Stage::new();
    stage.next(&[], 0);
    stage.merge(1, Method::Merge);
    stage.next(&SKIP, 0);
    stage.github.close(2, "ben");
    for branch_is_there in [true, false] {
        if !branch_is_there {
            stage.github.delete_branch(&step(1, 2), "ben").unwrap();
            stage.repo.git(&["branch", "--quiet", "-D", &step(1, 2)]);
        }
        let line = stage.next(&SKIP, 11);
        assert_eq!(line["decision"], "halt");
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.contains("/pull/2 was closed by ben"), "{reason}");
        assert_eq!(stage.open(), Vec::<u64>::new());
    }
}

#[test]
fn a_declined_step_whose_gate_was_skipped_comes_again_with_a_retry() {
    let stage = Stage::new();
    stage.next(&[], 0);
    stage.merge(1, Method::Merge);
    let declined = stage.next(&SKIP, 0);
    stage.github.close(2, "ben");
    stage.next(&[], 11);
    let retry = ["retry", "system6", "--pr", "-o", "json"];
    let line = stage.run(&retry).ends(0).line();
    assert_eq!((&line["outcome"], &line["branch"]), (&"opened".into(), &declined["branch"]));
    let pull = stage.github.pull(3).unwrap();
    assert!(
        pull.body.contains("**Gate skipped by a person: tried out without a cluster"),
        "{}",
        pull.body
    );
    let again = stage.run(&retry).ends(0).line();
    assert_eq!((&again["outcome"], &again["commit"]), (&"adopted".into(), &line["commit"]));
    assert_eq!(stage.open(), [3]);
}

#[test]
fn a_phase_that_was_turned_down_goes_on_once_it_is_reopened() {
    let stage = Stage::new();
    stage.next(&[], 0);
    stage.merge(1, Method::Merge);
    stage.next(&SKIP, 0);
    stage.github.close(2, "ben");
    stage.next(&SKIP, 11);
    stage.github.reopen(2).unwrap();
    assert_eq!(stage.next(&[], 0)["outcome"], "adopted");
    assert_eq!(stage.open(), [2]);
}

#[test]
fn a_first_step_that_was_turned_down_is_dropped() {
    let stage = Stage::new();
    let declined = stage.next(&[], 0);
    stage.github.close(1, "ben");
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "opened", "{line}");
    assert_ne!(line["commit"], declined["commit"]);
    assert_eq!(stage.open(), [2]);
}

#[test]
fn answers_that_are_lost_leave_one_request() {
    for fault in [Fault::Lost(502), Fault::Cut, Fault::Refused(502), Fault::Reset] {
        let stage = Stage::new();
        stage.github.wire().fail_next("POST", PULLS, 1, fault);
        let line = stage.next(&[], 0);
        let done = matches!(fault, Fault::Lost(_) | Fault::Cut);
        assert_eq!(line["outcome"], if done { "pushed" } else { "opened" }, "{fault:?}");
        assert_eq!(line["pullRequest"], "https://github.example.com/acme/deployment/pull/1");
        assert_eq!(stage.pull().labels.len(), 1);
    }
}

#[test]
fn a_read_that_fails_is_sent_again_and_a_write_is_not() {
    let stage = Stage::new();
    stage.github.wire().fail_next("GET", "*", 2, Fault::Refused(503));
    stage.next(&[], 0);
    stage.github.wire().fail_next(
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/labels",
        9,
        Fault::Refused(502),
    );
    stage.github.close(1, "ann");
    let ran = stage.run(&["next-phase", "system6", "--pr"]).ends(0);
    assert!(ran.out.contains("the labels `dcr` weren't put on"), "{}", ran.out);
    assert_eq!(stage.count("POST", "/repos/{owner}/{repo}/issues/{issue_number}/labels"), 2);
}

#[test]
fn a_list_that_lags_makes_no_second_request() {
    let stage = Stage::new();
    stage.next(&[], 0);
    stage.github.wire().fail_next("GET", PULLS, 3, Fault::Stale(9));
    let line = stage.next(&[], 0);
    assert_ne!(line["outcome"], "opened", "{line}");
    assert_eq!(stage.github.pulls().len(), 1);
}

/// Of twenty at a time, from two clones.
fn race(stage: &Stage) -> Vec<Value> {
    let lines = racers(stage, 20);
    assert_eq!(stage.github.pulls().len(), 1, "{lines:?}");
    let held = stage.held(1, 1).to_string();
    let branches = stage
        .repo
        .sandbox
        .git(&stage.repo.origin(), &["for-each-ref", "--format=%(refname:short)", "refs/heads/"]);
    assert_eq!(branches.lines().collect::<Vec<_>>(), [step(1, 1).as_str(), "main"]);
    let range = format!("main..{held}");
    let count = stage.repo.sandbox.git(&stage.repo.origin(), &["rev-list", "--count", &range]);
    assert_eq!(count, "1");
    let state = |body: &str| body.starts_with("<!-- dcr-gitops: state of ");
    let comments = stage.github.comments(1);
    assert_eq!(comments.iter().filter(|it| state(&it.body)).count(), 1, "{comments:?}");
    assert_eq!(comments.len(), 1, "{comments:?}");
    for line in &lines {
        assert_eq!(line["commit"], held, "{lines:?}");
        assert_eq!(line["pullRequest"], "https://github.example.com/acme/deployment/pull/1");
    }
    lines
}

#[test]
fn twenty_racers_of_whom_every_tenth_gets_no_answer_open_one() {
    let stage = Stage::lossy("", 10);
    let lines = race(&stage);
    let opened = lines.iter().filter(|line| line["outcome"] == "opened").count();
    assert!(opened <= 1, "{lines:?}");
}

#[test]
fn so_they_do_where_github_makes_the_commits() {
    let stage = Stage::lossy("github: {commits: api}\n", 10);
    race(&stage);
}
