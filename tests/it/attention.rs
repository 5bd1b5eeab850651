//! What reaches an inbox: every matter once, as long as it lasts, whoever looks and whatever is remembered.
use dcr_gitops::run::deployment::{Action, StepContent};
use dcr_gitops::run::express::ProbeState;
use dcr_gitops::run::review::ReviewState;
use dcr_gitops::run::{
    Attention, AttentionClass, Gate, Observation, Phase, Request, attentions, decide,
};
use jiff::SignedDuration;

use crate::world::*;

fn told(seen: &Observation) -> Vec<Attention> {
    attentions(seen, &decide(seen, &Request::Observe).unwrap())
}

fn classes(seen: &Observation) -> Vec<AttentionClass> {
    told(seen).into_iter().map(|attention| attention.class).collect()
}

/// The run in `phase`, spoilt, and so many minutes after its commit landed.
fn after(phase: Phase, minutes: i64, spoil: impl Fn(&mut Observation)) -> Observation {
    let mut seen = met(phase);
    spoil(&mut seen);
    seen.at = seen.deployment.history.landed[0].at + SignedDuration::from_mins(minutes);
    seen
}

/// Each gate has its time; a minute before it nobody is called.
#[test]
fn a_gate_that_takes_too_long() {
    let unready =
        |seen: &mut Observation| cluster(seen).pods.iter_mut().for_each(|it| it.ready = false);
    let drifted = |seen: &mut Observation| cluster(seen).objects[0].digest = None;
    let begun = |seen: &mut Observation| {
        seen.deployment.inputs.admin.history =
            Some(seen.deployment.inputs.admin.rebuild_status.clone());
    };
    let behind = |seen: &mut Observation| {
        seen.world.admin.aa_status.as_mut().unwrap().rows.remove(0);
    };
    let left = |seen: &mut Observation| {
        let live = cluster(&mut met(Phase::Propagate)).objects.clone();
        cluster(seen).objects = live;
    };
    type Case<'a> = (Phase, Gate, i64, &'a dyn Fn(&mut Observation));
    let cases: [Case<'_>; 5] = [
        (Phase::FarmUp, Gate::Nodes, 2 * 60, &unready),
        (Phase::FarmUp, Gate::Applied, 30, &drifted),
        (Phase::HistoryUpdate, Gate::History, 24 * 60, &begun),
        (Phase::Propagate, Gate::Propagated, 4 * 60, &behind),
        (Phase::Teardown, Gate::Gone, 60, &left),
    ];
    for (phase, gate, minutes, spoil) in cases {
        let class = AttentionClass::Gate(gate);
        let before = classes(&after(phase, minutes - 1, spoil));
        assert!(!before.contains(&class), "{gate}: {before:?}");
        let seen = after(phase, minutes, spoil);
        let now = told(&seen);
        let attention = now.iter().find(|it| it.class == class);
        let attention = attention.unwrap_or_else(|| panic!("{gate}: {now:?}"));
        assert_eq!(attention.since, Some(seen.deployment.history.landed[0].at), "{gate}");
        // A limit of one's own is taken from the base as it is now.
        let mut patient = seen;
        let limits = &mut patient.deployment.policy.attention;
        for limit in [
            &mut limits.nodes,
            &mut limits.applied,
            &mut limits.history,
            &mut limits.propagated,
            &mut limits.gone,
        ] {
            *limit = "7d".parse().unwrap();
        }
        assert!(!classes(&patient).contains(&class), "{gate}");
    }
}

#[test]
fn a_request_that_nobody_reviews() {
    let mut seen = met(Phase::FarmUp);
    let content = intent(&seen, Action::Advance, Phase::Rebuild);
    open(&mut seen, StepContent::Ours(Box::new(content)));
    request(&mut seen, ReviewState::Open);
    seen.at = seen.world.review.requests[0].opened + SignedDuration::from_hours(8);
    assert_eq!(classes(&seen), [AttentionClass::Gate(Gate::Review)]);
    seen.at -= SignedDuration::from_secs(1);
    assert_eq!(classes(&seen), []);
}

/// A word that nobody mapped is told at the first look, wherever it was said.
#[test]
fn a_word_outside_the_map() {
    let mut rebuild = met(Phase::Rebuild);
    rebuild.world.admin.rebuild[1].state = ProbeState::Unmapped("PAUSED".into());
    let said = told(&rebuild);
    assert_eq!(said.len(), 1, "{said:?}");
    insta::assert_snapshot!(
        said[0].message,
        @"system6-fe2 says `PAUSED`, which `admin.rebuildStatus.states` doesn't map"
    );
    let mut history = met(Phase::HistoryUpdate);
    let mut answer = history.world.admin.rebuild[0].clone();
    answer.state = ProbeState::Unmapped("PAUSED".into());
    history.world.admin.history = Some(answer);
    assert_eq!(classes(&history), [AttentionClass::Word]);
}

/// Whoever lost the journal tells it again rather than not at all.
#[test]
fn nothing_that_is_owed_hangs_on_the_journal() {
    let mut seen = met(Phase::Rebuild);
    seen.world.admin.rebuild[1].state = ProbeState::Unmapped("PAUSED".into());
    let owed = told(&seen);
    let fresh = |seen: &Observation| dcr_gitops::run::journal::unreported(seen, &owed).len();
    assert_eq!(fresh(&seen), 1);
    seen.world.journal = dcr_gitops::run::journal::Journal::after(&seen, &owed);
    assert_eq!((told(&seen), fresh(&seen)), (owed.clone(), 0));
    seen.world.journal = Default::default();
    assert_eq!((told(&seen), fresh(&seen)), (owed, 1));
}

#[test]
fn a_run_that_is_over_calls_for_nobody() {
    let mut seen = met(Phase::Teardown);
    seen.world.journal.last_tick = Some(seen.at - SignedDuration::from_hours(99));
    assert_eq!(classes(&seen), []);
    assert_eq!(classes(&untouched()), []);
}
