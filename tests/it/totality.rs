//! The core on observations that make no sense: numbers, times and states that anybody could have written.
//! It never panics, and what was observed can be replayed.
use dcr_gitops::report::{Style, json::Line, terminal};
use dcr_gitops::run::branch::step_branch;
use dcr_gitops::run::cluster::*;
use dcr_gitops::run::deployment::*;
use dcr_gitops::run::express::*;
use dcr_gitops::run::journal::*;
use dcr_gitops::run::review::{ReviewRequest, ReviewState, Standing};
use dcr_gitops::run::*;
use jiff::Timestamp;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{HASH, cluster, system, untouched};

fn number() -> impl Strategy<Value = u32> {
    select(vec![0, 1, 2, 3, 4, 5, 7, 8, 99, u32::MAX - 1, u32::MAX])
}

fn time() -> impl Strategy<Value = Timestamp> {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    select(vec![
        Timestamp::MIN,
        Timestamp::UNIX_EPOCH,
        at("2026-11-20T09:00:00Z"),
        at("2026-11-22T09:30:00.000000001Z"),
        Timestamp::MAX,
    ])
}

fn text() -> impl Strategy<Value = String> {
    select(vec!["", "DCR-1", "a\nb: c\u{1b}[2J\u{202e}", "@all <b>`#1`"]).prop_map(str::to_owned)
}

fn kind() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Rebuild, Kind::Synchronizer])
}

fn phase() -> impl Strategy<Value = Phase> {
    select(Phase::ALL.to_vec())
}

fn action() -> impl Strategy<Value = Action> {
    use Action::*;
    select(vec![Start, Advance, Scale, Retry, Abort])
}

prop_compose! {
    fn intent()(
        action in action(), kind in kind(), phase in phase(), attempt in number(),
        forced: bool, farmers in number(), ticket in of(text()), gate_skipped in of(text()),
        reason in of(text()),
    ) -> Intent {
        Intent { action, kind, phase, attempt, forced, farmers, ticket, gate_skipped, reason }
    }
}

fn content() -> impl Strategy<Value = StepContent> {
    prop_oneof![
        intent().prop_map(|intent| StepContent::Ours(Box::new(intent))),
        Just(StepContent::Empty),
        (text(), text()).prop_map(|(commit, why)| StepContent::Foreign { commit, why }),
    ]
}

prop_compose! {
    fn record()(
        run in number(), kind in kind(), step in number(), phase in phase(), attempt in number(),
        forced: bool, farmers in number(), ticket in of(text()), gate_skipped in of(text()),
    ) -> Record {
        let usual = crate::world::record(kind, step, phase);
        Record { run, attempt, forced, farmers, ticket, gate_skipped, ..usual }
    }
}

prop_compose! {
    fn landed()(
        run in number(), step in number(), kind in kind(), phase in phase(), attempt in number(),
        forced: bool, farmers in number(), ticket in of(text()), at in time(),
    ) -> Landed {
        Landed { run, step, kind, phase, attempt, forced, farmers, ticket, commit: "é".repeat(9), at }
    }
}

prop_compose! {
    fn step()(run in number(), step in number(), content in content(), outdated: bool, head in 0..3u8) -> StepBranch {
        let commit = head.to_string();
        let branch = step_branch(&system(), run, step);
        StepBranch { run, step, branch, local: Some(commit.clone()), remote: None, commit, content, outdated }
    }
}

prop_compose! {
    fn review_request()(
        number in any::<u64>(), run in number(), step in number(), head in 0..3u8, opened in time(),
        state in prop_oneof![
            Just(ReviewState::Open),
            Just(ReviewState::Merged),
            of(text()).prop_map(|by| ReviewState::Closed { by }),
        ],
        intent in of(intent()),
    ) -> ReviewRequest {
        let (url, head) = (format!("https://git.example.com/{number}"), head.to_string());
        ReviewRequest { number, url, run, step, head, state, opened, intent, standing: Standing::default() }
    }
}

fn state() -> impl Strategy<Value = ProbeState> {
    use ProbeState::*;
    prop_oneof![select(vec![None, Running, Complete, Failed, NotNeeded]), text().prop_map(Unmapped),]
}

prop_compose! {
    fn answer()(
        node in select(vec!["system6-fe1", "system6-fe2", "system6-fe3", "system6-dcr-sync-0"]),
        at in time(), state in state(), percent in of(0.0..100.0f64), started_at in of(time()),
        of in of((number(), of(number()))), error in of(text()),
    ) -> ProbeAnswer {
        let of = of.map(|(run, attempt)| Echo { run, attempt });
        ProbeAnswer { node: node.into(), at, state, percent, started_at, of, error }
    }
}

prop_compose! {
    fn row()(
        group in of(select(vec![AaGroup::ClassicFrontends, AaGroup::DynamicSynchronizers, AaGroup::DynamicFarmers])),
        node in select(vec!["system6-fe1", "system6-dcr-sync-0"]),
        state in of(select(vec![AaState::Synchronized, AaState::Booting, AaState::Down])),
        visible: Option<bool>, sync: Option<bool>, version in of(text()),
        readiness in of(select(vec![Readiness::Ready, Readiness::Waiting, Readiness::Hidden, Readiness::Unreachable])),
        detail in of(prop_oneof![
            Just(Detail::Hash(HASH.into())), Just(Detail::Inactive), text().prop_map(Detail::Exception)
        ]),
        unknown in prop::collection::vec(text(), 0..2),
    ) -> AaRow {
        AaRow { group, node: node.into(), state, visible, sync, version, readiness, detail, unknown }
    }
}

prop_compose! {
    fn live()(
        job in select(vec!["trigger", "propagate"]), run in number(), attempt in number(), label in of(number()),
        created in of(time()), terminating: bool, generation: Option<i64>, observed_generation: Option<i64>,
        replicas in of(number()),
        state in of((select(vec![JobResult::Running, JobResult::Complete, JobResult::Failed]), of(time()), of(text()))),
    ) -> Live {
        let job_state = state.map(|(result, ended, message)| JobState { result, ended, message });
        Live {
            kind: "Job".into(), name: format!("system6-dcr-{job}-{run}-{attempt}"), uid: "u".into(), run: label,
            digest: None, created, terminating, generation, observed_generation, replicas, images: vec![],
            job: job_state, update_revision: None, trouble: None, settings: Default::default(),
            tracked_by: Some("system6".into()),
        }
    }
}

fn several<T: std::fmt::Debug>(one: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(one, 0..3)
}

prop_compose! {
    fn deployment()(
        record in of(record()), last in of((number(), number(), kind(), any::<bool>())),
        landed in several(landed()), truncated: bool, steps in several(step()), fresh: bool,
        fetched in of(time()),
    ) -> Deployment {
        let usual = untouched().deployment;
        let outcome = |aborted| if aborted { Outcome::Aborted } else { Outcome::Complete };
        let last_run = last
            .map(|(run, step, kind, aborted)| {
                let last = crate::world::last_run(step, kind, outcome(aborted));
                LastRun { run, ..last }
            });
        let base = Base { fresh, fetched, ..usual.base.clone() };
        let history = History { landed, truncated };
        Deployment { base, record, last_run, history, steps, ..usual }
    }
}

prop_compose! {
    fn cluster_view()(
        view in 0..4u8, runs in several((number(), number())), objects in several(live()),
        pods in several((of(number()), of(time()), any::<bool>())), claims in several(of(number())),
        why in text(),
    ) -> ClusterView {
        let context = "den".to_owned();
        match view {
            0 => return ClusterView::NoContext { context },
            1 => return ClusterView::Unreachable { context, why },
            _ => {}
        }
        let mut seen = untouched();
        let live = cluster(&mut seen);
        live.runs = runs.into_iter().map(|(run, step)| LiveRun { system: system(), run, step }).collect();
        live.objects = objects;
        live.pods = pods
            .into_iter()
            .map(|(run, started, ready)| Pod {
                name: "system6-dcr-sync-0".into(), uid: "u".into(), component: "synchronizer".into(), run,
                terminating: false, ready, started, running_since: started, restarts: 1, revision: None,
                trouble: Some(why.clone()),
            })
            .collect();
        live.claims = claims
            .into_iter()
            .map(|run| Claim { name: "cache".into(), run, terminating: false, trouble: None })
            .collect();
        seen.world.cluster
    }
}

fn percent() -> impl Strategy<Value = f64> {
    select(vec![f64::MIN, -1.0, 0.0, 12.5, 62.5, 100.0, f64::MAX])
}

prop_compose! {
    fn mark()(percent in percent(), since in time()) -> Mark {
        Mark { percent, since }
    }
}

prop_compose! {
    fn attempt()(
        attempt in number(), first_seen in time(), furthest in of(mark()), went_back in of(mark()),
    ) -> AttemptSeen {
        AttemptSeen { run: 7, attempt, first_seen, furthest, went_back }
    }
}

prop_compose! {
    fn journal()(
        last_tick in of(time()), watched in several((time(), time())), answered in several((time(), time())),
        attempts in several(attempt()), samples in several((number(), time(), percent())),
        scales in several((number(), time())), reported in several((of(time()), text())), trouble in of(text()),
    ) -> Journal {
        let stretches = |times: Vec<(Timestamp, Timestamp)>| {
            times.into_iter().map(|(from, to)| Stretch { from, to }).collect()
        };
        Journal {
            last_tick,
            watched: stretches(watched),
            answered: stretches(answered),
            attempts,
            samples: samples
                .into_iter()
                .map(|(run, at, percent)| Sample { run, attempt: 1, at, percent })
                .collect(),
            scales: scales.into_iter().map(|(farmers, at)| ScaleSeen { run: 7, farmers, at }).collect(),
            reported: reported
                .into_iter()
                .map(|(since, message)| Reported {
                    run: 7, class: AttentionClass::Stall, since, message: Some(message), at: Timestamp::MIN,
                })
                .collect(),
            trouble,
        }
    }
}

prop_compose! {
    fn observation()(
        at in time(), deployment in deployment(), cluster in cluster_view(), rebuild in several(answer()),
        history in of(answer()), propagation in of(answer()), rows in several(row()), seen_at in of(time()),
        requests in several(review_request()), journal in journal(), silent in several(text()),
    ) -> Observation {
        let node = "system6-fe1".to_owned();
        let unknown = vec![UnknownWord { line: 1, word: "odd".into() }];
        let aa_status = seen_at.map(|at| AaStatus { node: node.clone(), at, rows, unknown });
        let silent = silent
            .into_iter()
            .map(|why| Silent { node: node.clone(), asked: "history".into(), why })
            .collect();
        let mut seen = Observation { at, deployment, ..untouched() };
        seen.world.cluster = cluster;
        seen.world.admin = Admin { aa_status, rebuild, history, propagation, silent };
        seen.world.review.requests = requests;
        seen.world.journal = journal;
        seen
    }
}

fn requests(farmers: u32) -> [Request; 8] {
    let next = |skip_gate| Request::Next { forced: None, ticket: None, skip_gate };
    [
        Request::Observe,
        next(None),
        next(Some("seen by hand".into())),
        Request::Scale { farmers },
        Request::Retry,
        Request::Abort { reason: "enough".into() },
        Request::Synchronizer { up: true, ticket: None },
        Request::Synchronizer { up: false, ticket: None },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_it_panic_or_count_backwards(seen in observation(), farmers in number()) {
        let base = &seen.deployment;
        for asked in requests(farmers) {
            let Ok(decision) = decide(&seen, &asked) else { continue };
            let style = Style::default();
            let line = Line::new(&seen, &decision, None);
            let said = terminal::account(&line, &decision, &notices(&seen), style) + &terminal::base(&seen, style);
            prop_assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
            prop_assert_eq!(course(&seen, &asked).unwrap().len() < 8, true);
            let told = attentions(&seen, &decision);
            let noted = Journal::after(&seen, &told);
            prop_assert!(noted.samples.iter().all(|it| (0.0..=100.0).contains(&it.percent)));
            let Decision::Propose(step) = &decision else { continue };
            let Step { record, place, .. } = step.as_ref();
            if let Some(on_base) = &base.record {
                prop_assert_eq!(record.run, on_base.run);
                prop_assert!(record.step > on_base.step, "a step comes after the one on the base");
            } else if let Some(last) = &base.last_run {
                prop_assert!((record.run, record.step) > (last.run, last.step));
            }
            match place {
                Place::New => prop_assert!(base.steps.iter().all(|open| open.branch != step.branch())),
                Place::Replace(old) | Place::Adopt(old) => prop_assert_eq!(&old.branch, &step.branch()),
            }
        }
    }

    #[test]
    fn what_was_observed_is_replayed_as_it_was(seen in observation()) {
        let text = serde_json::to_string(&seen).unwrap();
        prop_assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), seen);
    }
}
