//! What a run must not be talked into: by stale branches, closed requests, doubled steps and lost commits.
use dcr_gitops::run::cluster::JobResult;
use dcr_gitops::run::deployment::{Action, StepContent};
use dcr_gitops::run::express::{ProbeState, Silent};
use dcr_gitops::run::review::ReviewState;
use dcr_gitops::run::{
    Decision, Kind, Observation, Outcome, Phase, Place, Request, Step, course, decide,
};

use crate::world::*;

fn next() -> Request {
    Request::Next { forced: None, ticket: None, skip_gate: None }
}

fn abort() -> Request {
    Request::Abort { reason: "the disks are needed elsewhere".into() }
}

fn closed() -> ReviewState {
    ReviewState::Closed { by: Some("ana".into()) }
}

fn decided(seen: &Observation, asked: &Request) -> Decision {
    decide(seen, asked).unwrap()
}

fn proposed(seen: &Observation, asked: &Request) -> Step {
    match decided(seen, asked) {
        Decision::Propose(step) => *step,
        other => panic!("nothing is proposed: {other:?}"),
    }
}

/// What is waited for, in words.
fn waits(seen: &Observation, asked: &Request) -> String {
    match decided(seen, asked) {
        Decision::Wait(unmet) => {
            unmet.iter().map(|unmet| format!("{}: {}\n", unmet.gate, unmet.message)).collect()
        }
        other => panic!("it isn't waited: {other:?}"),
    }
}

fn halts(seen: &Observation, asked: &Request) -> String {
    match decided(seen, asked) {
        Decision::Halt(halt) => halt.message,
        other => panic!("it isn't halted: {other:?}"),
    }
}

fn opens(seen: &mut Observation, action: Action, phase: Phase) {
    let content = StepContent::Ours(Box::new(intent(seen, action, phase)));
    open(seen, content);
}

fn opens_scale(seen: &mut Observation, farmers: u32) {
    let phase = seen.deployment.record.as_ref().unwrap().phase;
    let mut intent = intent(seen, Action::Scale, phase);
    intent.farmers = farmers;
    open(seen, StepContent::Ours(Box::new(intent)));
}

/// Gives the newest step another number.
fn renumber(seen: &mut Observation, run: u32, step: u32) {
    let branch = seen.deployment.steps.last_mut().unwrap();
    (branch.run, branch.step) = (run, step);
    branch.branch = dcr_gitops::run::branch::step_branch(&system(), run, step);
}

fn outdate(seen: &mut Observation) {
    seen.deployment.steps.iter_mut().for_each(|step| step.outdated = true);
}

/// In `rebuild`; `propagate` (step 4) landed and was reverted.
fn reverted() -> Observation {
    let mut seen = met(Phase::Rebuild);
    seen.deployment.history.landed.insert(0, landed(Phase::Propagate, Kind::Rebuild));
    seen
}

/// The rebuild of the run failed.
fn failed() -> Observation {
    let mut seen = met(Phase::Rebuild);
    seen.world.admin.rebuild.iter_mut().for_each(|answer| answer.state = ProbeState::Failed);
    seen
}

#[test]
fn a_step_opened_before_a_revert_is_not_made_again_over_it() {
    // The teardown was open on top of `propagate`, which then was reverted.
    let mut seen = reverted();
    opens(&mut seen, Action::Advance, Phase::Teardown);
    renumber(&mut seen, 7, 5);
    outdate(&mut seen);
    for asked in [Request::Observe, next(), Request::Scale { farmers: 6 }] {
        assert!(halts(&seen, &asked).contains("step 4 of run 7 was merged and is missing"));
    }
    // What a person may do about it takes the open step's place.
    let step = proposed(&seen, &Request::Retry);
    assert_eq!((step.record.phase, step.record.step), (Phase::Propagate, 5));
    assert!(matches!(step.place, Place::Replace(_)));
    let step = proposed(&seen, &abort());
    assert_eq!((step.action, step.record.step), (Action::Abort, 5));
    assert!(matches!(step.place, Place::Replace(_)));
}

#[test]
fn an_open_scale_does_not_hide_what_is_missing() {
    let mut seen = reverted();
    opens_scale(&mut seen, 6);
    renumber(&mut seen, 7, 5);
    outdate(&mut seen);
    assert!(halts(&seen, &Request::Observe).contains("is missing"));
    // A scale that was reverted and is proposed again isn't superseded: it is what ends the halt.
    let mut seen = met(Phase::Rebuild);
    let lost = landed(Phase::Rebuild, Kind::Rebuild);
    let scaled = dcr_gitops::run::deployment::Landed { step: 4, farmers: 6, ..lost };
    seen.deployment.history.landed.insert(0, scaled);
    let step = proposed(&seen, &Request::Retry);
    assert_eq!((step.record.farmers, step.record.attempt, step.record.step), (6, 1, 5));
    opens_scale(&mut seen, 6);
    renumber(&mut seen, 7, 5);
    assert!(waits(&seen, &Request::Observe).starts_with("review: "));
    assert!(matches!(proposed(&seen, &Request::Retry).place, Place::Adopt(_)));
}

#[test]
fn an_open_step_that_does_not_follow_is_neither_adopted_nor_made_again() {
    for outdated in [false, true] {
        let mut seen = met(Phase::FarmUp);
        opens(&mut seen, Action::Advance, Phase::Propagate);
        seen.deployment.steps[0].outdated = outdated;
        for asked in [Request::Observe, next(), Request::Retry, Request::Scale { farmers: 6 }] {
            assert!(waits(&seen, &asked).contains("it doesn't follow from what is on the base"));
        }
        assert_eq!(course(&seen, &next()).unwrap(), vec![]);
    }
    // A scale beyond what the inputs allow now.
    let mut seen = met(Phase::FarmUp);
    opens_scale(&mut seen, 7);
    seen.deployment.inputs.farmers.max = 6;
    seen.world.cluster = dcr_gitops::run::cluster::ClusterView::NoContext { context: "den".into() };
    outdate(&mut seen);
    assert!(waits(&seen, &Request::Observe).contains("it doesn't follow"));
}

#[test]
fn a_first_step_that_is_made_again_takes_the_inputs_as_they_are_now() {
    let mut seen = untouched();
    opens(&mut seen, Action::Start, Phase::HistoryUpdate);
    assert_eq!(proposed(&seen, &next()).record.farmers, 4);
    seen.deployment.inputs.farmers.count = 6;
    seen.deployment.inputs_digest = "sha256:2".into();
    outdate(&mut seen);
    let step = proposed(&seen, &next());
    assert_eq!((step.record.farmers, step.record.inputs.as_str()), (6, "sha256:2"));
    assert!(matches!(step.place, Place::Replace(_)));
}

#[test]
fn a_side_move_waits_for_another_open_step_even_if_that_is_outdated() {
    let mut seen = met(Phase::FarmUp);
    opens(&mut seen, Action::Advance, Phase::Rebuild);
    outdate(&mut seen);
    assert!(waits(&seen, &Request::Scale { farmers: 6 }).starts_with("review: "));
    assert!(waits(&seen, &Request::Retry).starts_with("review: "));
    assert!(matches!(proposed(&seen, &Request::Observe).place, Place::Replace(_)));
    let mut seen = untouched();
    opens(&mut seen, Action::Start, Phase::HistoryUpdate);
    outdate(&mut seen);
    let up = Request::Synchronizer { up: true, ticket: None };
    assert!(waits(&seen, &up).starts_with("review: "));
    // What can't be asked for is refused, whatever is open.
    let mut seen = met(Phase::FarmUp);
    opens_scale(&mut seen, 6);
    assert!(decide(&seen, &Request::Scale { farmers: 4 }).is_err());
    assert!(decide(&seen, &Request::Scale { farmers: 9 }).is_err());
}

#[test]
fn a_step_is_made_again_only_if_it_might_as_well_be_proposed_now() {
    let mut seen = met(Phase::FarmUp);
    opens(&mut seen, Action::Advance, Phase::Rebuild);
    outdate(&mut seen);
    assert!(matches!(proposed(&seen, &Request::Observe).place, Place::Replace(_)));
    seen.world.cluster = dcr_gitops::run::cluster::ClusterView::NoContext { context: "den".into() };
    for asked in [Request::Observe, next()] {
        let said = waits(&seen, &asked);
        assert!(said.starts_with("review: ") && said.contains("it isn't made again"), "{said}");
        assert!(said.contains("applied: the cluster can't be seen"), "{said}");
    }
    // A person said why the gate needn't hold.
    let StepContent::Ours(meant) = &mut seen.deployment.steps[0].content else { panic!() };
    meant.gate_skipped = Some("the API server moves".into());
    assert!(matches!(proposed(&seen, &Request::Observe).place, Place::Replace(_)));

    // What would fire a second trigger.
    let mut seen = failed();
    let mut retry = intent(&seen, Action::Retry, Phase::Rebuild);
    retry.attempt = 2;
    open(&mut seen, StepContent::Ours(Box::new(retry)));
    outdate(&mut seen);
    assert_eq!(proposed(&seen, &Request::Observe).record.attempt, 2);
    seen.world.admin.rebuild.iter_mut().for_each(|answer| answer.state = ProbeState::Running);
    assert!(waits(&seen, &Request::Observe).contains("says that a rebuild is running"));

    // What failed for good since.
    let mut seen = failed();
    opens(&mut seen, Action::Advance, Phase::Propagate);
    assert!(waits(&seen, &Request::Observe).starts_with("review: "));
    outdate(&mut seen);
    assert!(halts(&seen, &Request::Observe).contains("says that the rebuild failed"));
}

#[test]
fn a_request_declines_what_its_head_names_and_nothing_else() {
    let mut seen = met(Phase::HistoryUpdate);
    opens(&mut seen, Action::Advance, Phase::FarmUp);
    request(&mut seen, closed());
    assert!(halts(&seen, &next()).contains("was closed by ana"));
    // A duplicate was closed, and another request for the same commit is open.
    let mut doubled = seen.clone();
    request(&mut doubled, ReviewState::Open);
    doubled.world.review.requests[1].number = 11;
    assert!(matches!(proposed(&doubled, &next()).place, Place::Adopt(_)));
    // Proposed again after that: the closed request isn't the new commit's.
    let mut again = seen.clone();
    again.deployment.steps[0].commit = "d".repeat(40);
    let said = waits(&again, &Request::Observe);
    assert!(said.contains("step-2 waits for review: farm-up"), "{said}");
    assert!(matches!(proposed(&again, &Request::Retry).place, Place::Adopt(_)));
    // Its branch is gone: still declined, and made anew.
    let mut gone = seen.clone();
    gone.deployment.steps.clear();
    halts(&gone, &next());
    let step = proposed(&gone, &Request::Retry);
    assert_eq!((step.record.step, step.place), (2, Place::New));
    // A closed request for a step that can't be next says nothing about the one that is.
    let mut far = seen;
    far.deployment.steps.clear();
    far.world.review.requests[0].step = 9;
    let step = proposed(&far, &next());
    assert_eq!((step.record.phase, step.record.step), (Phase::FarmUp, 2));
}

#[test]
fn a_declined_side_move_is_dropped() {
    let mut seen = met(Phase::Rebuild);
    opens(&mut seen, Action::Abort, Phase::Teardown);
    request(&mut seen, closed());
    let step = proposed(&seen, &next());
    assert_eq!((step.record.phase, step.record.step), (Phase::Propagate, 4));
    assert!(matches!(step.place, Place::Replace(_)));
    // A declined retry leaves the halt that it was for.
    let mut seen = failed();
    let mut again = intent(&seen, Action::Retry, Phase::Rebuild);
    again.attempt = 2;
    open(&mut seen, StepContent::Ours(Box::new(again)));
    assert!(matches!(proposed(&seen, &Request::Retry).place, Place::Adopt(_)));
    request(&mut seen, closed());
    assert!(halts(&seen, &next()).contains("the rebuild failed"));
    let step = proposed(&seen, &Request::Retry);
    assert_eq!((step.record.attempt, step.record.step), (2, 4));
    // The synchronizer stays up.
    let mut seen = met(Phase::Synchronizer);
    opens(&mut seen, Action::Advance, Phase::Teardown);
    request(&mut seen, closed());
    assert!(matches!(decided(&seen, &Request::Observe), Decision::Idle(_)));
    // A teardown that was due is no side move.
    let mut seen = met(Phase::Propagate);
    opens(&mut seen, Action::Advance, Phase::Teardown);
    request(&mut seen, closed());
    halts(&seen, &next());
}

#[test]
fn an_empty_branch_is_filled_by_whatever_is_asked() {
    let mut seen = met(Phase::FarmUp);
    open(&mut seen, StepContent::Empty);
    let step = proposed(&seen, &Request::Scale { farmers: 6 });
    assert_eq!((step.action, step.record.step), (Action::Scale, 3));
    assert!(matches!(step.place, Place::Replace(_)));
    let mut seen = failed();
    open(&mut seen, StepContent::Empty);
    assert!(matches!(proposed(&seen, &Request::Retry).place, Place::Replace(_)));
    let mut seen = met(Phase::Synchronizer);
    open(&mut seen, StepContent::Empty);
    let down = Request::Synchronizer { up: false, ticket: None };
    assert!(matches!(proposed(&seen, &down).place, Place::Replace(_)));
    // Nobody asked for a first step: the branch alone starts no run.
    let mut seen = untouched();
    open(&mut seen, StepContent::Empty);
    assert!(matches!(decided(&seen, &Request::Observe), Decision::Idle(_)));
    assert!(matches!(proposed(&seen, &next()).place, Place::Replace(_)));
    assert!(matches!(decided(&seen, &abort()), Decision::Withdraw(_)));
}

#[test]
fn an_abort_of_a_run_that_was_taken_back_is_not_taken_back_itself() {
    let mut seen = untouched();
    seen.deployment.history.landed = vec![landed(Phase::HistoryUpdate, Kind::Rebuild)];
    let step = proposed(&seen, &abort());
    assert_eq!((step.record.run, step.record.step, step.outcome), (7, 2, Some(Outcome::Aborted)));
    let content = StepContent::Ours(Box::new(step.intent()));
    open(&mut seen, content);
    renumber(&mut seen, 7, 2);
    assert!(matches!(proposed(&seen, &abort()).place, Place::Adopt(_)));
    outdate(&mut seen);
    assert!(matches!(proposed(&seen, &abort()).place, Place::Replace(_)));
    // A base that is only out of date: `git fetch` first, or files that it doesn't know would stay behind.
    seen.deployment.steps.clear();
    seen.deployment.base.fresh = false;
    assert!(waits(&seen, &abort()).contains("is missing on origin/main"));
}

#[test]
fn what_is_restored_is_what_was_lost() {
    let mut seen = untouched();
    let lost = landed(Phase::HistoryUpdate, Kind::Rebuild);
    let lost =
        dcr_gitops::run::deployment::Landed { forced: true, ticket: Some("DCR-1".into()), ..lost };
    seen.deployment.history.landed = vec![lost];
    let step = proposed(&seen, &Request::Retry);
    assert_eq!((step.record.run, step.record.step, step.record.forced), (7, 2, true));
    assert_eq!(step.record.ticket.as_deref(), Some("DCR-1"));
    // Only the live record tells of it: whether it was forced isn't known.
    seen.deployment.history.landed.clear();
    let run = dcr_gitops::run::cluster::LiveRun { system: system(), run: 7, step: 3 };
    cluster(&mut seen).runs = vec![run.clone()];
    assert!(halts(&seen, &Request::Retry).contains("its run record is live"));
    // The base is at another run than the one that is missing.
    let mut seen = met(Phase::Rebuild);
    cluster(&mut seen).runs = vec![dcr_gitops::run::cluster::LiveRun { run: 9, ..run }];
    assert!(halts(&seen, &Request::Retry).contains("step 3 of run 9"));
}

#[test]
fn the_furthest_live_record_counts() {
    let mut seen = met(Phase::Rebuild);
    let run = |step| dcr_gitops::run::cluster::LiveRun { system: system(), run: 7, step };
    cluster(&mut seen).runs = vec![run(3), run(5)];
    assert!(halts(&seen, &next()).contains("step 5 of run 7"));
}

#[test]
fn a_reverted_step_comes_back_under_a_new_number_and_a_new_attempt() {
    let mut seen = met(Phase::FarmUp);
    seen.deployment.history.landed.insert(0, landed(Phase::Rebuild, Kind::Rebuild));
    // It fired: what is running isn't fired again.
    seen.world.admin.rebuild[0].state = ProbeState::Running;
    assert!(waits(&seen, &Request::Retry).starts_with("rebuild: "));
    seen.world.admin.rebuild[0].state = ProbeState::None;
    let step = proposed(&seen, &Request::Retry);
    assert_eq!((step.record.phase, step.record.attempt, step.record.step), (Phase::Rebuild, 2, 4));
    // A Job of a later attempt is live still.
    let mut live = cluster(&mut seen).objects[0].clone();
    (live.kind, live.name) = ("Job".into(), system().trigger_job(7, 5));
    cluster(&mut seen).objects.push(live);
    let wanted = dcr_gitops::run::deployment::Wanted {
        kind: "Job".into(),
        name: system().trigger_job(7, 5),
        file: "trigger-5.yaml".into(),
        digest: "digest of ConfigMap system6-dcr-run".into(),
        replicas: None,
        images: vec![],
        settings: Default::default(),
    };
    seen.deployment.wanted.push(wanted);
    assert_eq!(proposed(&seen, &Request::Retry).record.attempt, 6);
}

#[test]
fn a_retry_needs_to_see_that_nothing_is_running() {
    let mut seen = failed();
    assert_eq!(proposed(&seen, &Request::Retry).record.attempt, 2);
    seen.world.admin.rebuild[2].state = ProbeState::Unmapped("DOZING".into());
    assert!(waits(&seen, &Request::Retry).starts_with("rebuild: "));
    // The Job failed and nobody answers.
    let mut seen = met(Phase::Rebuild);
    seen.world.admin.rebuild.clear();
    for job in cluster(&mut seen).objects.iter_mut().filter_map(|live| live.job.as_mut()) {
        job.result = JobResult::Failed;
    }
    let nobody_says = "system6-dcr-sync-0 doesn't say whether a rebuild is running";
    assert!(waits(&seen, &Request::Retry).contains(nobody_says));
    // What holds a rebuild is the synchronizer: frontends that know of none prove nothing.
    let mut seen = failed();
    seen.world.admin.rebuild.retain(|answer| answer.node != "system6-dcr-sync-0");
    let (node, asked) = ("system6-dcr-sync-0".to_owned(), "rebuildStatus".to_owned());
    seen.world.admin.silent.push(Silent { node, asked, why: "no answer within 10 s".into() });
    let said = waits(&seen, &Request::Retry);
    assert!(said.contains(nobody_says) && said.contains("no answer within 10 s"), "{said}");
    // And one that knows of none doesn't outweigh a frontend that knows of one.
    let mut seen = failed();
    seen.world.admin.rebuild[0].state = ProbeState::Running;
    seen.world.admin.rebuild[0].of = None;
    seen.world.admin.rebuild[0].started_at = Some(time("2026-11-01T00:00:00Z"));
    assert!(waits(&seen, &Request::Retry).contains("system6-fe1 says that a rebuild is running"));
}

#[test]
fn numbers_are_above_any_ever_seen() {
    // A claim that outlived its run, and branches of a run that nobody remembers otherwise.
    let mut seen = met(Phase::Teardown);
    assert_eq!(proposed(&seen, &next()).record.run, 8);
    seen.world.cluster = dcr_gitops::run::cluster::ClusterView::NoContext { context: "den".into() };
    opens(&mut seen, Action::Advance, Phase::FarmUp);
    renumber(&mut seen, 11, 2);
    assert_eq!(proposed(&seen, &next()).record.run, 12);
    let mut seen = untouched();
    let claim = |run| dcr_gitops::run::cluster::Claim {
        name: "cache-system6-dcr-sync-0".into(),
        run: Some(run),
        terminating: true,
        trouble: None,
    };
    cluster(&mut seen).claims.push(claim(4));
    let skip = |reason: &str| Request::Next {
        forced: None,
        ticket: None,
        skip_gate: Some(reason.to_owned()),
    };
    let step = proposed(&seen, &skip("the claim is an orphan"));
    assert_eq!((step.record.run, step.record.step), (5, 1));
    assert_eq!(step.record.gate_skipped.as_deref(), Some("the claim is an orphan"));
    assert!(step.needs_a_person());
    // After a revert, the number goes past what was lost although the base is behind.
    assert_eq!(proposed(&reverted(), &Request::Retry).record.step, 5);
    // Somebody used the largest there is: nothing follows it.
    cluster(&mut seen).claims[0] = claim(u32::MAX);
    assert!(halts(&seen, &skip("anyway")).contains("the numbers are used up"));
    let mut seen = failed();
    let mut live = cluster(&mut seen).objects[0].clone();
    (live.kind, live.name) = ("Job".into(), system().trigger_job(7, u32::MAX));
    cluster(&mut seen).objects.push(live);
    assert!(halts(&seen, &Request::Retry).contains("the numbers are used up"));
}

#[test]
fn a_skipped_gate_is_neither_a_halt_undone_nor_a_decline_undone() {
    let skip = Request::Next { forced: None, ticket: None, skip_gate: Some("seen".into()) };
    halts(&failed(), &skip);
    halts(&reverted(), &skip);
    let mut seen = met(Phase::HistoryUpdate);
    opens(&mut seen, Action::Advance, Phase::FarmUp);
    request(&mut seen, closed());
    halts(&seen, &skip);
    // Where everything is met, nothing was skipped.
    let step = proposed(&met(Phase::FarmUp), &skip);
    assert_eq!(step.record.gate_skipped, None);
}

#[test]
fn a_run_that_is_over_stays_over() {
    // An old branch of its next step, and of its first, propose nothing.
    let mut seen = met(Phase::Teardown);
    opens(&mut seen, Action::Advance, Phase::Teardown);
    renumber(&mut seen, 7, 5);
    assert!(matches!(decided(&seen, &Request::Observe), Decision::Finished(_)));
    seen.deployment.last_run = Some(last_run(5, Kind::Rebuild, Outcome::Aborted));
    assert!(matches!(decided(&seen, &abort()), Decision::Finished(_)));
}

#[test]
fn a_record_that_came_back_after_its_teardown_goes_no_further() {
    // The files were restored by hand, `last-run` was forgotten.
    let mut seen = met(Phase::Propagate);
    seen.deployment.last_run = met(Phase::Teardown).deployment.last_run;
    assert!(halts(&seen, &next()).contains("step 5 of run 7 was merged and is missing"));
}

#[test]
fn what_is_open_is_adopted_only_by_who_asks_for_the_same() {
    let first = |forced, ticket: Option<&str>| {
        let mut seen = untouched();
        let mut intent = intent(&seen, Action::Start, Phase::HistoryUpdate);
        intent.forced = forced;
        intent.ticket = ticket.map(str::to_owned);
        open(&mut seen, StepContent::Ours(Box::new(intent)));
        seen
    };
    let asks = |forced, ticket: Option<&str>| Request::Next {
        forced,
        ticket: ticket.map(str::to_owned),
        skip_gate: None,
    };
    for asked in [asks(None, None), asks(Some(true), None), asks(None, Some("DCR-1"))] {
        let step = proposed(&first(true, Some("DCR-1")), &asked);
        assert!(matches!(step.place, Place::Adopt(_)));
        assert_eq!((step.record.forced, step.record.ticket.as_deref()), (true, Some("DCR-1")));
    }
    let seen = first(true, Some("DCR-1"));
    assert!(waits(&seen, &asks(Some(false), None)).contains("forced: yes, not no"));
    assert!(waits(&seen, &asks(None, Some("DCR-2"))).contains("ticket: DCR-1, not DCR-2"));
    let up = |ticket: Option<&str>| Request::Synchronizer {
        up: true,
        ticket: ticket.map(str::to_owned),
    };
    assert!(waits(&seen, &up(None)).starts_with("review: "));
    // The same while the run is on.
    let seen = met(Phase::FarmUp);
    assert!(waits(&seen, &asks(Some(true), None)).contains("forced: no, not yes"));
    assert_eq!(proposed(&seen, &asks(Some(false), None)).record.phase, Phase::Rebuild);
}

#[test]
fn a_gate_that_was_skipped_once_is_skipped_for_one_step() {
    let mut seen = met(Phase::FarmUp);
    seen.deployment.record.as_mut().unwrap().gate_skipped = Some("seen by hand".into());
    for asked in [next(), Request::Scale { farmers: 6 }, abort()] {
        assert_eq!(proposed(&seen, &asked).record.gate_skipped, None);
    }
    let mut seen = failed();
    seen.deployment.record.as_mut().unwrap().gate_skipped = Some("seen by hand".into());
    assert_eq!(proposed(&seen, &Request::Retry).record.gate_skipped, None);
}

#[test]
fn a_step_is_restored_only_in_its_order_and_behind_its_gates() {
    // An abort was merged in `rebuild` and reverted: only a person can ask for that again.
    let mut seen = met(Phase::Rebuild);
    let over = landed(Phase::Teardown, Kind::Rebuild);
    let over = dcr_gitops::run::deployment::Landed { step: 4, ..over };
    seen.deployment.history.landed.insert(0, over);
    assert!(halts(&seen, &Request::Retry).contains("step 4 of run 7"));
    assert_eq!(proposed(&seen, &abort()).record.step, 5);
    // What was reverted comes back once its gates are met again.
    let mut seen = reverted();
    seen.world.admin.aa_status = None;
    assert!(waits(&seen, &Request::Retry).starts_with("rebuild: "));
}

#[test]
fn past_the_deadline_a_retry_still_needs_to_see_that_nothing_is_running() {
    let mut seen = met(Phase::Rebuild);
    let state = |seen: &mut Observation, state: ProbeState| {
        seen.world.admin.rebuild.iter_mut().for_each(|answer| answer.state = state.clone());
    };
    let first = dcr_gitops::run::deadline(&seen).unwrap();
    state(&mut seen, ProbeState::Running);
    seen.at = first;
    assert!(waits(&seen, &next()).contains("the rebuild is running"));
    seen.at = first + jiff::SignedDuration::from_secs(1);
    assert!(halts(&seen, &next()).contains("its deadline 2026-12-04T09:30:00Z has passed"));
    assert!(waits(&seen, &Request::Retry).contains("says that a rebuild is running"));
    state(&mut seen, ProbeState::Unmapped("DOZING".into()));
    assert!(waits(&seen, &Request::Retry).contains("says `DOZING`"));
    state(&mut seen, ProbeState::None);
    assert_eq!(proposed(&seen, &Request::Retry).record.attempt, 2);
}

/// The step as its branch holds it: what it means is read from the two trees.
fn as_pushed(seen: &mut Observation, step: &Step) {
    let before = seen.deployment.record.clone();
    let last = step.last_run().unwrap();
    let last = dcr_gitops::run::LastRun::from_text(&last.to_text()).unwrap();
    let intent = dcr_gitops::run::intent_between(before.as_ref(), None, Some(&last));
    open(seen, StepContent::Ours(Box::new(intent.unwrap())));
}

#[test]
fn an_abort_that_is_made_again_keeps_its_reason() {
    let mut seen = met(Phase::Rebuild);
    let reason = "the disks are needed elsewhere:\n outcome: complete".to_owned();
    let step = proposed(&seen, &Request::Abort { reason });
    as_pushed(&mut seen, &step);
    outdate(&mut seen);
    let again = proposed(&seen, &Request::Abort { reason: "I don't remember".into() });
    assert!(matches!(again.place, Place::Replace(_)));
    assert_eq!(again.reason, "the disks are needed elsewhere: outcome: complete");
    assert_eq!(
        again.last_run().map(|last| last.to_text()),
        step.last_run().map(|last| last.to_text())
    );
    // Nobody has to ask for that again.
    assert_eq!(proposed(&seen, &Request::Observe).reason, again.reason);
}

#[test]
fn a_teardown_whose_gate_was_skipped_needs_a_person_at_every_look() {
    let mut seen = met(Phase::Propagate);
    // Otherwise what isn't proved would need one anyway.
    seen.deployment.inputs.admin.propagate.expect = Some("OK".into());
    seen.world.admin.aa_status = None;
    let skip_gate = Some("seen by hand".to_owned());
    let step = proposed(&seen, &Request::Next { forced: None, ticket: None, skip_gate });
    assert!(step.needs_a_person());
    as_pushed(&mut seen, &step);
    let later = proposed(&seen, &next());
    assert!(matches!(later.place, Place::Adopt(_)));
    assert!(later.needs_a_person());
    assert_eq!(later.record.gate_skipped.as_deref(), Some("seen by hand"));
}

#[test]
fn an_abort_between_two_runs_waits_for_what_is_left() {
    let mut seen = met(Phase::Teardown);
    assert!(matches!(decided(&seen, &abort()), Decision::Finished(_)));
    let name = "cache-system6-dcr-sync-0".to_owned();
    let claim =
        dcr_gitops::run::cluster::Claim { name, run: Some(7), terminating: false, trouble: None };
    cluster(&mut seen).claims.push(claim);
    assert!(waits(&seen, &abort()).contains("PersistentVolumeClaim cache-system6-dcr-sync-0"));
    // Where no cluster is at hand there is nothing to wait for: the teardown is what it would do.
    seen.world.cluster = dcr_gitops::run::cluster::ClusterView::NoContext { context: "den".into() };
    assert!(matches!(decided(&seen, &abort()), Decision::Finished(_)));
}

#[test]
fn a_step_that_is_made_again_says_what_still_lets_the_run_go_on() {
    let mut seen = met(Phase::Rebuild);
    opens(&mut seen, Action::Advance, Phase::Propagate);
    outdate(&mut seen);
    let reason = proposed(&seen, &Request::Observe).reason;
    assert!(reason.contains("the rebuild is complete"), "{reason}");
    assert!(reason.ends_with("the step was open, and is made again on a base that has changed"));
}
