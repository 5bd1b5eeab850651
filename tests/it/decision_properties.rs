//! What holds for every decision, whatever was seen: random trouble on random states.
use std::collections::BTreeSet;

use dcr_gitops::run::cluster::{ClusterView, JobResult};
use dcr_gitops::run::deployment::{Action, StepContent};
use dcr_gitops::run::express::ProbeState;
use dcr_gitops::run::review::ReviewState;
use dcr_gitops::run::{
    Decision, Kind, Observation, Phase, Place, Request, Verdict, decide, verdict,
};
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::world::*;

/// One thing that goes differently from what a run hopes for.
#[derive(Debug, Clone)]
enum Trouble {
    ClusterSilent,
    NoContext,
    PodsGone,
    ObjectsOld,
    Drift,
    JobsFailed,
    Says(ProbeState),
    NodesSilent,
    NoAaStatus,
    OpenStep(Action, Phase),
    OpenScale(u32),
    OpenForeign,
    OpenEmpty,
    Outdated,
    Declined,
    RequestOpen,
    TakenBack(Phase),
    OldBase,
    LiveRecordAhead,
    LongAgo,
    OtherRuns,
}

fn state() -> impl Strategy<Value = ProbeState> {
    prop_oneof![
        Just(ProbeState::None),
        Just(ProbeState::Running),
        Just(ProbeState::Complete),
        Just(ProbeState::Failed),
        Just(ProbeState::NotNeeded),
        Just(ProbeState::Unmapped("ODD".into())),
    ]
}

fn phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(Phase::ALL.to_vec())
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let action = prop::sample::select(vec![
        Action::Start,
        Action::Advance,
        Action::Scale,
        Action::Retry,
        Action::Abort,
    ]);
    prop_oneof![
        Just(Trouble::ClusterSilent),
        Just(Trouble::NoContext),
        Just(Trouble::PodsGone),
        Just(Trouble::ObjectsOld),
        Just(Trouble::Drift),
        Just(Trouble::JobsFailed),
        state().prop_map(Trouble::Says),
        Just(Trouble::NodesSilent),
        Just(Trouble::NoAaStatus),
        (action, phase()).prop_map(|(action, phase)| Trouble::OpenStep(action, phase)),
        (1..9u32).prop_map(Trouble::OpenScale),
        Just(Trouble::OpenForeign),
        Just(Trouble::OpenEmpty),
        Just(Trouble::Outdated),
        Just(Trouble::Declined),
        Just(Trouble::RequestOpen),
        phase().prop_map(Trouble::TakenBack),
        Just(Trouble::OldBase),
        Just(Trouble::LiveRecordAhead),
        Just(Trouble::LongAgo),
        Just(Trouble::OtherRuns),
    ]
}

fn request_strategy() -> impl Strategy<Value = Request> {
    let maybe = |text: &'static str| prop::option::of(Just(text.to_owned()));
    prop_oneof![
        2 => Just(Request::Observe),
        4 => (prop::option::of(any::<bool>()), maybe("DCR-1"), maybe("seen by hand"))
            .prop_map(|(forced, ticket, skip_gate)| Request::Next { forced, ticket, skip_gate }),
        1 => (0..10u32).prop_map(|farmers| Request::Scale { farmers }),
        2 => Just(Request::Retry),
        1 => Just(Request::Abort { reason: "enough".into() }),
        1 => any::<bool>().prop_map(|up| Request::Synchronizer { up, ticket: None }),
    ]
}

fn spoil(seen: &mut Observation, trouble: &Trouble) {
    let with_cluster = matches!(seen.world.cluster, ClusterView::Seen(_));
    match trouble {
        Trouble::ClusterSilent => {
            let context = "den".into();
            seen.world.cluster = ClusterView::Unreachable { context, why: "timed out".into() };
        }
        Trouble::NoContext => seen.world.cluster = ClusterView::NoContext { context: "den".into() },
        Trouble::PodsGone if with_cluster => cluster(seen).pods.clear(),
        Trouble::ObjectsOld if with_cluster => {
            cluster(seen).objects.iter_mut().for_each(|live| live.digest = Some("older".into()));
        }
        Trouble::Drift if with_cluster => {
            cluster(seen).objects.iter_mut().for_each(|live| live.replicas = Some(99));
        }
        Trouble::JobsFailed if with_cluster => {
            let jobs = cluster(seen).objects.iter_mut().filter_map(|live| live.job.as_mut());
            jobs.for_each(|job| job.result = JobResult::Failed);
        }
        Trouble::LiveRecordAhead if with_cluster => {
            cluster(seen).runs.iter_mut().for_each(|run| run.step += 1);
        }
        Trouble::OtherRuns if with_cluster => {
            let others = (0..4).map(|n| dcr_gitops::run::cluster::LiveRun {
                system: dcr_gitops::run::SystemRef { system: format!("other{n}"), ..system() },
                run: 1,
                step: 1,
            });
            cluster(seen).runs.extend(others);
        }
        Trouble::Says(state) => {
            seen.world.admin.rebuild.iter_mut().for_each(|answer| answer.state = state.clone());
        }
        Trouble::NodesSilent => seen.world.admin.rebuild.clear(),
        Trouble::NoAaStatus => seen.world.admin.aa_status = None,
        Trouble::OpenStep(action, phase) => {
            let intent = intent(seen, *action, *phase);
            open(seen, StepContent::Ours(Box::new(intent)));
        }
        Trouble::OpenScale(farmers) => {
            let phase =
                seen.deployment.record.as_ref().map_or(Phase::FarmUp, |record| record.phase);
            let mut intent = intent(seen, Action::Scale, phase);
            intent.farmers = *farmers;
            open(seen, StepContent::Ours(Box::new(intent)));
        }
        Trouble::OpenForeign => {
            open(seen, StepContent::Foreign { commit: "f".repeat(40), why: "two commits".into() });
        }
        Trouble::OpenEmpty => open(seen, StepContent::Empty),
        Trouble::Outdated => seen.deployment.steps.iter_mut().for_each(|step| step.outdated = true),
        Trouble::Declined if !seen.deployment.steps.is_empty() => {
            request(seen, ReviewState::Closed { by: None });
        }
        Trouble::RequestOpen if !seen.deployment.steps.is_empty() => {
            request(seen, ReviewState::Open)
        }
        Trouble::TakenBack(phase) => {
            let kind = seen.deployment.record.as_ref().map_or(Kind::Rebuild, |record| record.kind);
            seen.deployment.history.landed.insert(0, landed(*phase, kind));
        }
        Trouble::OldBase => seen.deployment.base.fresh = false,
        Trouble::LongAgo => seen.at += SignedDuration::from_hours(24 * 30),
        _ => {}
    }
}

fn observation() -> impl Strategy<Value = Observation> {
    let state = prop_oneof![1 => Just(None), 8 => phase().prop_map(Some)];
    (state, prop::collection::vec(trouble(), 0..5)).prop_map(|(phase, troubles)| {
        let mut seen = phase.map_or_else(untouched, met);
        troubles.iter().for_each(|trouble| spoil(&mut seen, trouble));
        // One open step at a time is what the branches can hold.
        let mut taken = BTreeSet::new();
        seen.deployment.steps.retain(|step| taken.insert((step.run, step.step)));
        seen
    })
}

/// Which phases may follow, without asking the code under test.
fn may_follow(phase: Phase) -> &'static [Phase] {
    match phase {
        Phase::HistoryUpdate => &[Phase::FarmUp],
        Phase::FarmUp => &[Phase::Rebuild],
        Phase::Rebuild => &[Phase::Propagate],
        Phase::Propagate | Phase::Synchronizer => &[Phase::Teardown],
        Phase::Teardown => &[],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_seen(seen in observation(), asked in request_strategy()) {
        let decision = decide(&seen, &asked);
        prop_assert_eq!(&decision, &decide(&seen, &asked), "the same look gives the same decision");
        let Ok(Decision::Propose(step)) = decision else { return Ok(()) };
        let base = seen.deployment.record.as_ref();
        let record = &step.record;

        match &step.place {
            Place::New => {
                let taken = seen.deployment.steps.iter().any(|open| open.branch == step.branch());
                prop_assert!(!taken, "a new branch isn't one that is there");
            }
            Place::Replace(old) | Place::Adopt(old) => {
                prop_assert_eq!(&old.branch, &step.branch());
                let foreign = matches!(old.content, StepContent::Foreign { .. });
                prop_assert!(!foreign, "a branch that isn't ours is left alone");
            }
        }
        if let Some(base) = base {
            prop_assert_eq!(record.run, base.run);
            prop_assert!(record.step > base.step, "a step comes after the one on the base");
        }
        // What is open already was judged when it was proposed. Made again it keeps its intent, and is judged again.
        if matches!(&step.place, Place::Adopt(_)) {
            return Ok(());
        }
        let remade = matches!(&step.place, Place::Replace(old) if old.outdated
            && matches!(&old.content, StepContent::Ours(intent) if intent.same(&step.intent())));

        let Some(base) = base else {
            let first = [Phase::HistoryUpdate, Phase::Synchronizer].contains(&record.phase);
            prop_assert!(first || step.action == Action::Abort, "a run begins at its beginning");
            return Ok(());
        };
        let verdicts: Vec<_> = base.phase.gates().iter().map(|gate| verdict(&seen, *gate)).collect();
        let failed = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Failed(_)));
        let all_met = verdicts.iter().all(|verdict| matches!(verdict, Verdict::Met(_)));
        let by_a_person = step.action == Action::Abort
            || (remade && base.kind == Kind::Synchronizer)
            || (asked == Request::Synchronizer { up: false, ticket: None } && base.kind == Kind::Synchronizer);
        if by_a_person {
            prop_assert_eq!(record.phase, Phase::Teardown);
        } else if record.phase == base.phase {
            match step.action {
                Action::Scale => {
                    prop_assert!(record.farmers > base.farmers && record.farmers <= seen.deployment.inputs.farmers.max);
                    prop_assert_eq!(record.attempt, base.attempt);
                    prop_assert!(remade || !failed, "a halted world proposes nothing");
                }
                Action::Retry => {
                    prop_assert!(remade || asked == Request::Retry, "nobody asked for it");
                    let busy = seen.world.admin.rebuild.iter().any(|answer| answer.state == ProbeState::Running);
                    prop_assert!(record.attempt == base.attempt || !busy, "nothing is triggered twice");
                }
                other => prop_assert!(false, "{:?} stays in {}", other, base.phase),
            }
        } else {
            prop_assert!(may_follow(base.phase).contains(&record.phase), "no phase is skipped");
            prop_assert!(all_met || record.gate_skipped.is_some(), "its gate holds, or a person skipped it");
            prop_assert!(!failed, "a halted world proposes nothing");
        }
    }
}
