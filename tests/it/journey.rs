//! Whole runs in virtual time: no socket, no child process and no pause, so that there can be many.
pub mod base;
pub mod play;
pub mod program;
pub mod truth;

use dcr_gitops::rehearse::reviewer::{Act, Landing, Manners, State};
use dcr_gitops::rehearse::world::What;
use dcr_gitops::run::Phase;
use jiff::SignedDuration;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use play::{Played, Story, play};

const PHASES: [Phase; 5] =
    [Phase::HistoryUpdate, Phase::FarmUp, Phase::Rebuild, Phase::Propagate, Phase::Teardown];

/// Plays a story and holds everything against it that must hold in any.
async fn holds(story: &Story) -> Played {
    let played = play(story).await;
    let runs = 1..=story.runs;
    let proposed: Vec<_> =
        played.proposed.iter().map(|(_, step)| (step.record.run, step.record.phase)).collect();
    let expected: Vec<_> = runs.clone().flat_map(|run| PHASES.map(|phase| (run, phase))).collect();
    assert_eq!(proposed, expected, "{story:#?}");
    let merged = played.acts().filter_map(|act| match act {
        Act::Ended(request) if matches!(request.state, State::Merged(_)) => {
            Some((request.run, request.step))
        }
        _ => None,
    });
    let steps: Vec<_> = runs.clone().flat_map(|run| (1..=5).map(move |step| (run, step))).collect();
    assert_eq!(merged.collect::<Vec<_>>(), steps, "{story:#?}");

    let ledger = played.world.ledger();
    assert_eq!(ledger.broken(), [""; 0], "{story:#?}");
    let triggers: Vec<_> = runs.map(|run| ((run, 1), 1)).collect();
    assert_eq!(ledger.triggers, triggers, "{story:#?}");
    assert_eq!(ledger.propagations, story.runs as usize, "{story:#?}");
    assert_eq!(truth::left(&played.world, &played.system), [""; 0], "{story:#?}");
    base::holds(&played.folder.remote(), story.runs);
    played
}

impl Played {
    fn acts(&self) -> impl Iterator<Item = &Act> {
        self.events.iter().filter_map(|event| match &event.what {
            What::Review(act) => Some(act),
            _ => None,
        })
    }
}

fn landing(landing: Landing) -> Story {
    Story { manners: Manners { landing, ..Manners::default() }, ..Story::default() }
}

#[tokio::test]
async fn merged() {
    holds(&landing(Landing::Merge)).await;
}

#[tokio::test]
async fn squashed() {
    holds(&landing(Landing::Squash)).await;
}

#[tokio::test]
async fn rebased() {
    holds(&landing(Landing::Rebase)).await;
}

#[tokio::test]
async fn queued() {
    holds(&landing(Landing::Queue)).await;
}

#[tokio::test]
async fn reviewed_days_later() {
    let manners = Manners { after: SignedDuration::from_hours(3 * 24), ..Manners::default() };
    let played = holds(&Story { manners, ..Story::default() }).await;
    // Everything is done only once: an open step isn't proposed again however long it is open.
    assert_eq!(played.acts().filter(|act| matches!(act, Act::Opened(_))).count(), 5);
    assert_eq!(played.acts().filter(|act| matches!(act, Act::Updated(_))).count(), 0);
}

#[tokio::test]
async fn others_land_in_between() {
    let manners = Manners { landing: Landing::Rebase, others: 3, ..Manners::default() };
    let played = holds(&Story { manners, ..Story::default() }).await;
    assert_eq!(played.acts().filter(|act| matches!(act, Act::Other(_))).count(), 15);
}

/// The rebuild ends on a weekend: what fell due meanwhile is proposed on Monday, once.
#[tokio::test]
async fn nobody_watches_on_weekends() {
    let played = holds(&Story { weekends_off: true, ..Story::default() }).await;
    let (propagate, _) = &played.proposed[3];
    assert_eq!(propagate.to_zoned(TimeZone::UTC).weekday(), Weekday::Monday, "{propagate}");
}

#[tokio::test]
async fn one_run_after_the_other_on_branches_that_stay() {
    let manners = Manners { deletes_branches: false, ..Manners::default() };
    holds(&Story { manners, runs: 2, ..Story::default() }).await;
}

/// Where nothing tells that the frontends took the cache, the teardown waits for a person.
#[tokio::test]
async fn a_propagation_that_nothing_proves() {
    let played = holds(&Story { proves_propagation: false, ..Story::default() }).await;
    let teardown = &played.proposed[4].1;
    assert_eq!(teardown.not_proved.len(), 1, "{teardown:#?}");
}

/// The same seed is the same story, down to the ids of its commits.
#[tokio::test]
async fn a_story_is_told_the_same_twice() {
    let story = Story { seed: 7, ..landing(Landing::Squash) };
    let (first, second) = (holds(&story).await, holds(&story).await);
    assert_eq!(first.events, second.events);
    let other = holds(&Story { seed: 8, ..story }).await;
    assert_ne!(first.events, other.events);
}

#[tokio::test]
async fn twelve_ways() {
    const LANDINGS: [Landing; 4] =
        [Landing::Merge, Landing::Squash, Landing::Rebase, Landing::Queue];
    for seed in 0..12_u32 {
        let hours = |hours: u32| SignedDuration::from_hours(hours.into());
        let manners = Manners {
            landing: LANDINGS[(seed % 4) as usize],
            after: hours(seed * 3 % 31),
            jitter: hours(1 + seed % 6),
            others: seed % 3,
            deletes_branches: seed % 5 != 0,
            declines: None,
        };
        let poll = SignedDuration::from_mins((60 + seed * 37 % 300).into());
        let (weekends_off, proves_propagation) = (seed % 7 == 0, seed % 3 != 0);
        holds(&Story {
            manners,
            poll,
            weekends_off,
            proves_propagation,
            runs: 1,
            seed: seed.into(),
        })
        .await;
    }
}
