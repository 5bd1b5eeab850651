//! What is decided: a table that walks every state with every request, and the cases behind it.
use dcr_gitops::run::deployment::{Action, StepContent};
use dcr_gitops::run::review::ReviewState;
use dcr_gitops::run::{Decision, Kind, Observation, Phase, Place, Request, decide};

use crate::world::*;

fn next() -> Request {
    Request::Next { forced: None, ticket: None, skip_gate: None }
}

fn abort() -> Request {
    Request::Abort { reason: "the disks are needed elsewhere".into() }
}

fn synchronizer(up: bool) -> Request {
    Request::Synchronizer { up, ticket: None }
}

/// The decision in a few words: what a person would say it is.
fn said(seen: &Observation, asked: &Request) -> String {
    match decide(seen, asked) {
        Err(_) => "refused".into(),
        Ok(Decision::Propose(step)) => {
            let place = match step.place {
                Place::New => "",
                Place::Adopt(_) => "adopt ",
                Place::Replace(_) => "replace by ",
            };
            let what = match step.action {
                Action::Scale => format!("scale {}", step.record.farmers),
                Action::Abort => "abort".into(),
                Action::Retry => format!("retry {} {}", step.record.phase, step.record.attempt),
                Action::Start | Action::Advance => step.record.phase.to_string(),
            };
            format!("{place}{what} as {}/{}", step.record.run, step.record.step)
        }
        Ok(Decision::Withdraw(branch)) => format!("withdraw {}/{}", branch.run, branch.step),
        Ok(Decision::Wait(unmet)) => {
            let gates: Vec<&str> = unmet.iter().map(|unmet| unmet.gate.as_str()).collect();
            format!("wait {}", gates.join("+"))
        }
        Ok(Decision::Halt(_)) => "halt".into(),
        Ok(Decision::Finished(_)) => "finished".into(),
        Ok(Decision::Idle(_)) => "idle".into(),
    }
}

fn with(mut seen: Observation, spoil: impl FnOnce(&mut Observation)) -> Observation {
    spoil(&mut seen);
    seen
}

fn opened(seen: Observation, action: Action, phase: Phase) -> Observation {
    with(seen, |seen| {
        let content = StepContent::Ours(Box::new(intent(seen, action, phase)));
        open(seen, content);
    })
}

fn declined(seen: Observation) -> Observation {
    with(seen, |seen| request(seen, ReviewState::Closed { by: Some("ana".into()) }))
}

fn scaling(seen: Observation) -> Observation {
    with(opened(seen, Action::Scale, Phase::Rebuild), |seen| {
        if let StepContent::Ours(intent) = &mut seen.deployment.steps[0].content {
            intent.farmers = 6;
        }
    })
}

/// The rebuild still runs.
fn running() -> Observation {
    with(met(Phase::Rebuild), |seen| {
        for answer in &mut seen.world.admin.rebuild {
            answer.state = dcr_gitops::run::express::ProbeState::Running;
        }
    })
}

fn failed() -> Observation {
    with(met(Phase::Rebuild), |seen| {
        for answer in &mut seen.world.admin.rebuild {
            answer.state = dcr_gitops::run::express::ProbeState::Failed;
        }
    })
}

/// Step 4 (`propagate`) landed and isn't on the base any more.
fn reverted(fresh: bool) -> Observation {
    with(met(Phase::Rebuild), |seen| {
        seen.deployment.history.landed.insert(0, landed(Phase::Propagate, Kind::Rebuild));
        seen.deployment.base.fresh = fresh;
    })
}

#[test]
fn every_state_with_every_request() {
    let foreign = || StepContent::Foreign { commit: "f".repeat(40), why: "two commits".into() };
    let states: Vec<(&str, Observation)> = vec![
        ("never a run", untouched()),
        ("first step open", opened(untouched(), Action::Start, Phase::HistoryUpdate)),
        ("first step declined", declined(opened(untouched(), Action::Start, Phase::HistoryUpdate))),
        (
            "history-update, unmet",
            with(met(Phase::HistoryUpdate), |seen| cluster(seen).pods.clear()),
        ),
        ("history-update, met", met(Phase::HistoryUpdate)),
        ("farm-up open", opened(met(Phase::HistoryUpdate), Action::Advance, Phase::FarmUp)),
        (
            "farm-up declined",
            declined(opened(met(Phase::HistoryUpdate), Action::Advance, Phase::FarmUp)),
        ),
        ("farm-up, met", met(Phase::FarmUp)),
        ("farm-up, foreign branch", with(met(Phase::FarmUp), |seen| open(seen, foreign()))),
        ("farm-up, empty branch", with(met(Phase::FarmUp), |seen| open(seen, StepContent::Empty))),
        ("rebuild, running", running()),
        ("rebuild, scale open", scaling(running())),
        ("rebuild, scale declined", declined(scaling(running()))),
        ("rebuild, met, scale open", scaling(met(Phase::Rebuild))),
        ("rebuild, failed", failed()),
        ("rebuild, propagate reverted", reverted(true)),
        ("rebuild, base is old", reverted(false)),
        (
            "rebuild, abort declined",
            declined(opened(met(Phase::Rebuild), Action::Abort, Phase::Teardown)),
        ),
        ("propagate, met", met(Phase::Propagate)),
        ("teardown open", opened(met(Phase::Propagate), Action::Advance, Phase::Teardown)),
        (
            "torn down, not yet gone",
            with(met(Phase::Teardown), |seen| {
                let pods = std::mem::take(&mut cluster(&mut met(Phase::FarmUp)).pods);
                cluster(seen).pods = pods;
            }),
        ),
        ("torn down and gone", met(Phase::Teardown)),
        ("synchronizer is up", met(Phase::Synchronizer)),
        (
            "synchronizer, down open",
            opened(met(Phase::Synchronizer), Action::Advance, Phase::Teardown),
        ),
    ];
    let requests: [(&str, Request); 8] = [
        ("observe", Request::Observe),
        ("next", next()),
        ("scale 6", Request::Scale { farmers: 6 }),
        ("scale 4", Request::Scale { farmers: 4 }),
        ("retry", Request::Retry),
        ("abort", abort()),
        ("up", synchronizer(true)),
        ("down", synchronizer(false)),
    ];
    let mut table = String::new();
    for (name, seen) in &states {
        table.push_str(&format!("{name}\n"));
        for (asked, request) in &requests {
            table.push_str(&format!("    {asked:<8} {}\n", said(seen, request)));
        }
    }
    insta::assert_snapshot!(table);
}
