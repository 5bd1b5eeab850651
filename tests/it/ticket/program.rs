//! The built program and a ticket: who writes, and who doesn't.
use dcr_gitops::rehearse::wire::Fault;

use super::*;
use crate::cli::{Deployment, Wired};
use crate::env::Ran;

/// A clone whose settings name the Jira, with a run that has lost its first step again.
fn taken_back(world: &World) -> Deployment {
    let repo = Deployment::cloned(Wired::Directory);
    let settings = repo.show("main", "dcr-gitops.yaml");
    let settings = format!("{settings}\njira: {{url: {}}}\n", world.settings().url);
    repo.edit(&[("dcr-gitops.yaml", &settings)]);
    repo.next(&["--ticket", KEY], 0);
    repo.merge("dcr/den/tenant-105858-prod/system6/run-1/step-1");
    repo.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    repo.git(&["push", "--quiet", "origin", "main"]);
    repo
}

fn run(repo: &Deployment, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut program = repo.sandbox.program(&repo.work, arguments);
    program.envs(variables.iter().copied()).output().unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_commands_that_may_write_tell_it() {
    let world = World::new(Kind::DataCenter).await;
    let repo = taken_back(&world);
    let token = [("JIRA_TOKEN", TOKEN)];
    for arguments in [&["status", "system6"][..], &["plan", "system6"], &["next-phase", "system6"]]
    {
        run(&repo, &token, arguments);
    }
    assert_eq!(world.jira.wire().log(), []);
    let halted = run(&repo, &token, &["next-phase", "system6", "--push"]).ends(11);
    assert!(!format!("{}{}", halted.out, halted.err).contains(TOKEN));
    let [comment] = &world.comments()[..] else { panic!("{:?}", world.comments()) };
    assert!(
        comment.contains("run 1: halted* in phase") || comment.contains("run 1: halted*"),
        "{comment}"
    );
    run(&repo, &token, &["watch", "system6", "--push"]).ends(11);
    assert_eq!((world.comments().len(), world.asked("PUT", "{commentId}")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jira_that_is_down_is_a_warning_and_changes_nothing() {
    let world = World::new(Kind::DataCenter).await;
    let repo = taken_back(&world);
    let ran = run(&repo, &[], &["next-phase", "system6", "--push"]).ends(11);
    assert!(
        ran.err.contains("warning: JIRA_TOKEN isn't set: the ticket isn't told"),
        "{}",
        ran.err
    );
    world.jira.wire().fail_next("*", "*", 100, Fault::Refused(503));
    let token = [("JIRA_TOKEN", TOKEN)];
    let ran = run(&repo, &token, &["next-phase", "system6", "--push", "-o", "json"]).ends(11);
    assert_eq!(ran.line()["decision"], "halt");
    assert_eq!(ran.err.matches("warning: ").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("Jira isn't available: it answered 503"), "{}", ran.err);
    assert!(!ran.err.contains(TOKEN), "{}", ran.err);
    world.jira.wire().mend();
    run(&repo, &token, &["next-phase", "system6", "--push"]).ends(11);
    assert_eq!(world.comments().len(), 1);
}
