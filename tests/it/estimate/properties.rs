//! What holds for any series of looks.
use dcr_gitops::run::journal::Journal;
use dcr_gitops::run::{Request, attentions, deadline, decide, estimate, progress, standstill};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::Watched;

/// Minutes to the next look, and what the nodes say at it.
fn looks() -> impl Strategy<Value = Vec<(i64, Option<f64>)>> {
    let pause = prop_oneof![8 => 1..40i64, 2 => 40..300i64, 1 => 300..6_000i64];
    let odd = prop::sample::select(vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -1.0,
        -0.0,
        100.1,
        1e300,
        f64::MIN_POSITIVE,
    ]);
    let said = prop_oneof![
        8 => (0.0..=100.0f64).prop_map(Some),
        4 => (0..=100u32).prop_map(|it| Some(f64::from(it))),
        2 => Just(None),
        1 => odd.prop_map(Some),
    ];
    prop::collection::vec((pause, said), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn nothing_is_negative_endless_or_without_bounds(looks in looks()) {
        let mut watched = Watched::new();
        let began = deadline(&watched.seen);
        let mut minute = 0;
        for (pause, percent) in looks {
            minute += pause;
            watched.look(minute, percent);
            let seen = &watched.seen;
            if let Some(estimate) = estimate(seen) {
                prop_assert!(estimate.complete > seen.at && estimate.as_of <= seen.at);
                prop_assert!(seen.at <= estimate.earliest && estimate.earliest <= estimate.complete);
                prop_assert!(estimate.complete <= estimate.latest);
                let left = estimate.latest.duration_since(estimate.as_of);
                prop_assert!(left <= SignedDuration::from_hours(365 * 24));
                prop_assert!(estimate.rate > 0.0 && estimate.rate.is_finite());
            }
            let percent = progress(seen).unwrap().percent;
            prop_assert!(percent.is_none_or(|it| (0.0..=100.0).contains(&it)));
            if let Some(still) = standstill(seen) {
                prop_assert!(still.watched <= seen.at.duration_since(still.since));
            }
            prop_assert_eq!(deadline(seen), began);
            let decision = decide(seen, &Request::Observe).unwrap();
            let all = attentions(seen, &decision);
            prop_assert!(all.iter().all(|it| it.since.is_none_or(|since| since <= seen.at)));

            let journal = Journal::with(seen);
            let mut again = seen.clone();
            again.world.journal = journal.clone();
            prop_assert_eq!(&Journal::with(&again), &journal, "the same look twice is one");
            prop_assert!(journal.samples.is_sorted_by(|a, b| a.at < b.at));
            let bytes = serde_json::to_vec(&journal).unwrap();
            prop_assert!(bytes.len() < 40_000, "{}", bytes.len());
            prop_assert_eq!(serde_json::from_slice::<Journal>(&bytes).unwrap(), journal);
        }
    }

    /// Whatever pace it has, and however it stutters, the end is found within a third of what is left.
    #[test]
    fn a_pace_is_found_through_noise(
        per_hour in 0.1..3.0f64,
        noise in prop::collection::vec(0.0..0.3f64, 145),
        pause in 0..40usize,
    ) {
        let mut watched = Watched::new();
        let mut worked = 0.0;
        for (at, noise) in noise.iter().enumerate() {
            let rests = (50..50 + pause).contains(&at);
            worked += if rests { 0.0 } else { per_hour / 6.0 };
            watched.look(at as i64 * 10, Some((worked + noise).min(99.0)));
        }
        prop_assume!(worked < 90.0 && standstill(&watched.seen).is_none());
        let left = (100.0 - worked) / per_hour;
        let found = watched.hours_left().unwrap();
        prop_assert!((found / left - 1.0).abs() < 0.5, "{found} instead of {left}");
    }
}
