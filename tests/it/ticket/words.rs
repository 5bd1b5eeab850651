//! What people read on the ticket.
use dcr_gitops::report::prose::wiki;
use dcr_gitops::run::cluster::ClusterView;
use dcr_gitops::run::review::ReviewState;
use jiff::SignedDuration;

use super::*;

const JOB: &str = "https://git.example.com/acme/deployment/actions/runs/42";

fn told(seen: &Observation) -> Vec<String> {
    let owed = owing_from(seen, Some(JOB));
    owed.into_iter().flat_map(|owed| owed.tidings).map(|tiding| wiki(&tiding.prose)).collect()
}

#[test]
fn a_halt_says_what_what_to_do_and_where_to_look() {
    let mut seen = failed("java.lang.OutOfMemoryError: Java heap space");
    open(&mut seen, dcr_gitops::run::deployment::StepContent::Empty);
    request(&mut seen, ReviewState::Closed { by: None });
    seen.deployment.steps.clear();
    seen.world.review.requests[0].step = 3;
    insta::assert_snapshot!(told(&seen).join("\n=====\n"), @r"
    *den/tenant\-105858\-prod/system6, run 7: halted* in phase rebuild. A person must look.

    system6\-fe1 says that the rebuild failed: java.lang.OutOfMemoryError: Java heap space

    *What to do:* mend the cause, then run `dcr\-gitops retry den/tenant\-105858\-prod/system6`, or `dcr\-gitops abort den/tenant\-105858\-prod/system6 \-\-reason TEXT`

    rebuild status of system6\-fe1, rebuild status of system6\-fe2, rebuild status of system6\-fe3, rebuild status of system6\-dcr\-sync\-0:

    {noformat}
    java.lang.OutOfMemoryError: Java heap space
    {noformat}

    Job system6\-dcr\-trigger\-7\-1:

    {noformat}
    posted
    {noformat}

    Pull request: [\#12|https://git.example.com/org/deployments/pull/12] \(closed\)

    Found by [this CI run|https://git.example.com/acme/deployment/actions/runs/42]

    dcr\-gitops: den/tenant\-105858\-prod/system6, run 7, halt \(57c4bfae1900\)
    ");
}

#[test]
fn what_takes_long_says_since_when() {
    insta::assert_snapshot!(told(&late()).join("\n=====\n"), @r"
    *den/tenant\-105858\-prod/system6, run 7: needs attention* in phase farm\-up, since 2026\-11\-19 09:30 UTC. The run isn't halted.

    the synchronizer system6\-dcr\-sync\-0 isn't ready

    Found by [this CI run|https://git.example.com/acme/deployment/actions/runs/42]

    dcr\-gitops: den/tenant\-105858\-prod/system6, run 7, nodes \(5b79fc0fce8c\)
    ");
}

#[test]
fn the_end_says_how_it_went_for_a_week() {
    let mut seen = ticketed(Phase::Teardown);
    insta::assert_snapshot!(told(&seen).join("\n=====\n"), @r"
    *den/tenant\-105858\-prod/system6*: run 7 is over \(complete\) and nothing of it is live.

    * history\-update from 2026\-11\-18T09:30:00Z to 2026\-11\-19T09:30:00Z
    * farm\-up from 2026\-11\-19T09:30:00Z to 2026\-11\-20T09:30:00Z
    * rebuild from 2026\-11\-20T09:30:00Z to 2026\-11\-21T09:30:00Z
    * propagate from 2026\-11\-21T09:30:00Z to 2026\-11\-22T09:30:00Z

    Found by [this CI run|https://git.example.com/acme/deployment/actions/runs/42]

    dcr\-gitops: den/tenant\-105858\-prod/system6, run 7, end \(8452a965aec6\)
    ");
    seen.at += SignedDuration::from_hours(24 * 7);
    assert_eq!(owing(&seen), None);
    // Nor is it told again because its cluster can't be seen.
    seen.world.cluster = ClusterView::NoContext { context: "den".into() };
    assert_eq!(owing(&seen), None);
    seen.at -= SignedDuration::from_hours(24 * 7);
    assert_eq!(owing(&seen).unwrap().tidings.len(), 1, "its end isn't known");
}

#[test]
fn nothing_is_owed_without_a_ticket_or_news() {
    assert_eq!(owing(&met(Phase::FarmUp)), None);
    assert_eq!(owing(&ticketed(Phase::FarmUp)), None);
    let mut halted = failed("x");
    halted.deployment.record.as_mut().unwrap().ticket = None;
    halted.deployment.history.landed.iter_mut().for_each(|landed| landed.ticket = None);
    assert_eq!(owing(&halted), None);
    assert_eq!(owing(&untouched()), None);
}
