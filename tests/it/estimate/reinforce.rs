//! One more farmer where the rebuild would take too long: when it is proposed, and when it isn't.
use dcr_gitops::config::Duration;
use dcr_gitops::run::deployment::{Action, StepContent};
use dcr_gitops::run::express::ProbeState;
use dcr_gitops::run::review::ReviewState;
use dcr_gitops::run::{Decision, Phase, Place, Request, Step, decide};

use super::{Watched, after};
use crate::world::*;

/// Eight hours at a pace that takes 200 hours in all, and two days are too long.
fn slow() -> Watched {
    let mut watched = Watched::new();
    watched.seen.deployment.inputs.rebuild.add_farmers_when_eta_exceeds = Some(Duration::days(2));
    watched.steadily(0..=480, 0.5);
    watched
}

fn proposed(watched: &Watched) -> Option<Step> {
    let asked = Request::Next { forced: None, ticket: None, skip_gate: None };
    let both = [Request::Observe, asked].map(|asked| decide(&watched.seen, &asked).unwrap());
    assert_eq!(both[0], both[1], "a plan shows what a watcher does");
    match &both[0] {
        Decision::Propose(step) => Some(Step::clone(step)),
        Decision::Wait(_) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_farmer_more_is_proposed() {
    let step = proposed(&slow()).unwrap();
    assert_eq!((step.action, step.record.farmers), (Action::Scale, 5));
    assert_eq!((step.record.phase, step.record.attempt), (Phase::Rebuild, 1));
    assert_eq!((step.record.step, step.place.clone()), (4, Place::New));
    insta::assert_snapshot!(
        step.reason,
        @"the rebuild would take 8d more, which exceeds 2d: from 4 to 5 farmers"
    );
}

#[test]
fn not_unless_the_inputs_say_so_and_have_room() {
    let mut watched = slow();
    watched.seen.deployment.inputs.rebuild.add_farmers_when_eta_exceeds = Some(Duration::days(9));
    assert_eq!(proposed(&watched), None);
    watched.seen.deployment.inputs.rebuild.add_farmers_when_eta_exceeds = None;
    assert_eq!(proposed(&watched), None);
    let mut full = slow();
    full.seen.deployment.inputs.farmers.max = 4;
    assert_eq!(proposed(&full), None);
}

#[test]
fn not_before_six_hours_of_samples() {
    let mut watched = Watched::new();
    watched.seen.deployment.inputs.rebuild.add_farmers_when_eta_exceeds = Some(Duration::days(2));
    for minute in (0..360).step_by(10) {
        watched.look(minute, Some(minute as f64 / 120.0));
        assert_eq!(proposed(&watched), None, "{minute}");
    }
    assert!(proposed(watched.look(360, Some(3.0))).is_some());
}

#[test]
fn not_on_what_nobody_says_any_more_nor_on_what_isnt_applied() {
    let mut silent = slow();
    silent.glance(610, None);
    assert_eq!(proposed(&silent), None);
    let mut drifted = slow();
    cluster(&mut drifted.seen).objects[1].replicas = Some(7);
    assert_eq!(proposed(&drifted), None);
    let mut standing = slow();
    standing.steadily(490..=860, 0.0);
    assert_eq!(proposed(&standing), None);
}

#[test]
fn a_phase_that_falls_due_comes_first() {
    let mut watched = slow();
    for answer in &mut watched.seen.world.admin.rebuild {
        answer.state = ProbeState::Complete;
    }
    assert_eq!(proposed(&watched).unwrap().record.phase, Phase::Propagate);
}

/// At most one in a day, whatever became of the last one and whoever proposed it.
#[test]
fn a_day_lies_between_two() {
    let mut landed = slow();
    let record = landed.seen.deployment.record.as_mut().unwrap();
    (record.farmers, record.step) = (5, 4);
    let mut scaled = landed.seen.deployment.history.landed[0].clone();
    (scaled.farmers, scaled.step, scaled.at) = (5, 4, after(490));
    landed.seen.deployment.history.landed.insert(0, scaled);
    let wanted = &mut landed.seen.deployment.wanted;
    wanted.iter_mut().find(|it| it.name.ends_with("farmer")).unwrap().replicas = Some(5);
    let live = &mut cluster(&mut landed.seen).objects;
    live.iter_mut().find(|it| it.name.ends_with("farmer")).unwrap().replicas = Some(5);
    landed.steadily(490..=24 * 60 + 480, 0.5);
    assert_eq!(proposed(&landed), None);
    let second = landed.steadily(24 * 60 + 490..=24 * 60 + 500, 0.5);
    assert_eq!(proposed(second).unwrap().record.farmers, 6);
}

#[test]
fn a_declined_one_is_dropped_for_a_day() {
    let mut declined = slow();
    let mut intent = intent(&declined.seen, Action::Scale, Phase::Rebuild);
    intent.farmers = 5;
    open(&mut declined.seen, StepContent::Ours(Box::new(intent.clone())));
    declined.look(490, Some(4.1));
    assert_eq!(proposed(&declined), None, "it is open");
    assert_eq!(declined.seen.world.journal.scales.len(), 1);

    // Where no review platform tells, its branch is gone, and the journal knows.
    let mut gone = Watched { seen: declined.seen.clone() };
    gone.seen.deployment.steps.clear();
    gone.steadily(500..=24 * 60 + 480, 0.5);
    assert_eq!(proposed(&gone), None);
    assert_eq!(proposed(gone.steadily(1930..=1940, 0.5)).unwrap().record.farmers, 5);

    // The request tells when there is no journal; the same step is proposed again in its place.
    request(&mut declined.seen, ReviewState::Closed { by: None });
    let opened = &mut declined.seen.world.review.requests[0];
    (opened.opened, opened.intent) = (after(485), Some(intent));
    declined.steadily(500..=24 * 60 + 480, 0.5).seen.world.journal.scales.clear();
    assert_eq!(proposed(&declined), None);
    declined.steadily(1930..=1940, 0.5);
    declined.seen.world.journal.scales.clear();
    let again = proposed(&declined).unwrap();
    assert!(matches!(again.place, Place::Replace(_)), "{again:?}");
    assert_eq!(again.record.step, 4);
}
