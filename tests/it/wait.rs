//! The loop in virtual time: what makes it look, how often, and what ends it.
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use dcr_gitops::context::Clock;
use dcr_gitops::wait::{End, Occasion, Schedule, Seen, wait};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

const WAITING: Result<Seen, Infallible> = Ok(Seen::Waiting { at: None, unfinished: false });

fn start() -> Timestamp {
    "2026-11-22T09:30:00Z".parse().unwrap()
}

/// A clock that follows tokio's.
fn clock(scale: f64) -> Clock {
    let began = Instant::now();
    let real = Clock::new(move || start() + SignedDuration::try_from(began.elapsed()).unwrap());
    real.scaled(start(), start(), scale).seeded(7)
}

fn every(minutes: i64, slice: Option<SignedDuration>) -> Schedule {
    Schedule { poll: SignedDuration::from_mins(minutes), slice }
}

#[tokio::test(start_paused = true)]
async fn looks_until_everything_is_settled_and_never_less_often_than_agreed() {
    let (clock, began) = (clock(1.0), Instant::now());
    let looks = RefCell::new(Vec::new());
    let end = wait(&clock, every(5, None), &Notify::new(), pending(), async |occasion| {
        looks.borrow_mut().push((occasion, began.elapsed()));
        if looks.borrow().len() == 40 { Ok(Seen::Settled) } else { WAITING }
    })
    .await;
    assert_eq!(end, Ok(End::Settled));
    let looks = looks.into_inner();
    assert!(looks.iter().all(|(occasion, _)| *occasion == Occasion::Poll));
    let pauses: Vec<u64> =
        looks.windows(2).map(|pair| (pair[1].1 - pair[0].1).as_millis() as u64).collect();
    assert!(pauses.iter().all(|pause| (239_000..=300_001).contains(pause)), "{pauses:?}");
    let mut different = pauses.clone();
    different.sort_unstable();
    different.dedup();
    assert!(different.len() > 30, "chance keeps watchers apart: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn what_changes_is_looked_at_at_once_and_a_burst_of_it_once() {
    let (clock, changed) = (clock(1.0), Notify::new());
    let looks = RefCell::new(Vec::new());
    let began = Instant::now();
    let waiting = wait(&clock, every(60, None), &changed, pending(), async |occasion| {
        looks.borrow_mut().push((occasion, began.elapsed().as_millis()));
        if looks.borrow().len() == 3 { Ok(Seen::Settled) } else { WAITING }
    });
    let story = async {
        sleep(Duration::from_secs(100)).await;
        for _ in 0..50 {
            changed.notify_one();
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_secs(100)).await;
        changed.notify_one();
    };
    let (end, ()) = tokio::join!(waiting, story);
    assert_eq!(end, Ok(End::Settled));
    let looks = looks.into_inner();
    assert_eq!(looks.iter().map(|look| look.0).collect::<Vec<_>>(), {
        [Occasion::Poll, Occasion::Event, Occasion::Event]
    });
    assert!(looks[1].1 < 101_000 && looks[2].1 < 201_000, "{looks:?}");
}

#[tokio::test(start_paused = true)]
async fn a_look_says_when_it_wants_the_next_one() {
    let (clock, began) = (clock(1.0), Instant::now());
    let looks = Cell::new(0);
    let end = wait(&clock, every(60, None), &Notify::new(), pending(), async |occasion| {
        looks.set(looks.get() + 1);
        if looks.get() == 2 {
            assert_eq!(occasion, Occasion::Event);
            return Ok::<_, Infallible>(Seen::Settled);
        }
        let at = Some(start() + SignedDuration::from_secs(70));
        Ok(Seen::Waiting { at, unfinished: false })
    })
    .await;
    assert_eq!(end, Ok(End::Settled));
    assert_eq!(began.elapsed().as_secs(), 70);
}

#[tokio::test(start_paused = true)]
async fn a_slice_ends_with_a_last_look_at_everything() {
    let (clock, began) = (clock(1.0), Instant::now());
    let slice = SignedDuration::from_mins(12);
    let last = Cell::new((Occasion::Event, Duration::ZERO));
    let end = wait(&clock, every(5, Some(slice)), &Notify::new(), pending(), async |occasion| {
        last.set((occasion, began.elapsed()));
        WAITING
    })
    .await;
    assert_eq!(end, Ok(End::SliceOver));
    let (occasion, at) = last.get();
    assert_eq!(occasion, Occasion::Poll);
    assert!((720..721).contains(&at.as_secs()), "at the end, not before it and not after: {at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slice_is_as_long_as_it_should_be_though_the_clock_is_set() {
    let began = Instant::now();
    let set_back = move || match began.elapsed() {
        passed if passed < Duration::from_secs(60) => start(),
        _ => start() - SignedDuration::from_hours(5),
    };
    let slice = Some(SignedDuration::from_mins(10));
    let looks = Cell::new(0);
    let clock = Clock::new(set_back);
    let end = wait(&clock, every(1, slice), &Notify::new(), pending(), async |_| {
        looks.set(looks.get() + 1);
        WAITING
    })
    .await;
    assert_eq!(end, Ok(End::SliceOver));
    assert!((600..602).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert!((11..=14).contains(&looks.get()), "{}", looks.get());
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_look_gets_a_moment_more_than_its_slice_but_not_for_ever() {
    let slice = Some(SignedDuration::from_secs(1));
    for (answers_after, looks_in_the_end) in [(5, true), (3600, false)] {
        let (clock, changed, began) = (clock(1.0), Notify::new(), Instant::now());
        let answered = Cell::new(false);
        let told = Cell::new(false);
        let end = wait(&clock, every(60, slice), &changed, pending(), async |_| {
            told.set(answered.get());
            Ok::<_, Infallible>(Seen::Waiting { at: None, unfinished: !answered.get() })
        });
        let answer = async {
            sleep(Duration::from_secs(answers_after)).await;
            answered.set(true);
            changed.notify_one();
            pending::<()>().await;
        };
        tokio::select! {
            end = end => assert_eq!(end, Ok(End::SliceOver)),
            () = answer => unreachable!(),
        }
        assert_eq!(told.get(), looks_in_the_end);
        assert!(began.elapsed() <= Duration::from_secs(17), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_is_cut_off_when_the_slice_is_long_over() {
    let began = Instant::now();
    let slice = Some(SignedDuration::from_mins(1));
    let end = wait(&clock(1.0), every(5, slice), &Notify::new(), pending(), async |_| {
        pending::<()>().await;
        WAITING
    })
    .await;
    assert_eq!(end, Ok(End::SliceOver));
    assert_eq!(began.elapsed().as_secs(), 75);
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_a_look_off_and_a_pause_short() {
    for (after, hangs) in [(90, true), (90, false)] {
        let stop = sleep(Duration::from_secs(after));
        let (clock, began, looks) = (clock(1.0), Instant::now(), Cell::new(0));
        let end = wait(&clock, every(60, None), &Notify::new(), stop, async |_| {
            looks.set(looks.get() + 1);
            if hangs {
                pending::<()>().await;
            }
            WAITING
        })
        .await;
        assert_eq!(end, Ok(End::Stopped));
        assert_eq!((looks.get(), began.elapsed().as_secs()), (1, after));
    }
}

#[tokio::test(start_paused = true)]
async fn a_scaled_clock_makes_the_pauses_shorter() {
    let (clock, began) = (clock(600.0), Instant::now());
    let slice = Some(SignedDuration::from_hours(10));
    let end = wait(&clock, every(60, slice), &Notify::new(), pending(), async |_| WAITING).await;
    assert_eq!(end, Ok(End::SliceOver));
    let real = began.elapsed().as_secs();
    assert!((60..62).contains(&real), "ten hours pass in a minute, not in {real} s");
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_look_ends_the_wait() {
    let never = Notify::new();
    let end = wait(&clock(1.0), every(5, None), &never, pending(), async |_| Err("broken")).await;
    assert_eq!(end, Err("broken"));
}
