//! The loop in virtual time: how often it looks, and what ends it.
use std::cell::Cell;
use std::convert::Infallible;
use std::future::pending;

use dcr_gitops::context::Clock;
use dcr_gitops::wait::{End, Schedule, Seen, wait};
use jiff::{SignedDuration, Timestamp};

/// A clock that follows tokio's.
fn clock(scale: f64) -> (Clock, Timestamp) {
    let start: Timestamp = "2026-11-22T09:30:00Z".parse().unwrap();
    let began = tokio::time::Instant::now();
    let real = Clock::new(move || {
        let passed = SignedDuration::try_from(began.elapsed()).unwrap();
        start + passed
    });
    (real.scaled(start, start, scale), start)
}

fn every(minutes: i64, until: Option<Timestamp>) -> Schedule {
    Schedule { poll: SignedDuration::from_mins(minutes), until }
}

#[tokio::test(start_paused = true)]
async fn looks_until_everything_is_settled() {
    let (clock, start) = clock(1.0);
    let looks = Cell::new(0);
    let end = wait(&clock, every(5, None), pending(), async || {
        looks.set(looks.get() + 1);
        Ok::<_, Infallible>(if looks.get() == 4 { Seen::Settled } else { Seen::Waiting })
    });
    assert_eq!(end.await, Ok(End::Settled));
    assert_eq!(looks.get(), 4);
    assert_eq!(clock.now().duration_since(start).as_mins(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_slice_ends_with_a_last_look() {
    let (clock, start) = clock(1.0);
    let until = start + SignedDuration::from_mins(12);
    let last = Cell::new(start);
    let end = wait(&clock, every(5, Some(until)), pending(), async || {
        last.set(clock.now());
        Ok::<_, Infallible>(Seen::Waiting)
    });
    assert_eq!(end.await, Ok(End::SliceOver));
    assert!(last.get() >= until, "the last look is taken at the end, not before it");
    assert!(last.get() < until + SignedDuration::from_secs(1), "and not after it");
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_a_look_off() {
    let (clock, _) = clock(1.0);
    let stop = tokio::time::sleep(std::time::Duration::from_secs(90));
    let looks = Cell::new(0);
    let end = wait(&clock, every(1, None), stop, async || {
        looks.set(looks.get() + 1);
        if looks.get() == 2 {
            pending::<()>().await;
        }
        Ok::<_, Infallible>(Seen::Waiting)
    });
    assert_eq!(end.await, Ok(End::Stopped));
    assert_eq!(looks.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_scaled_clock_makes_the_pauses_shorter() {
    let (clock, start) = clock(600.0);
    let began = tokio::time::Instant::now();
    let until = start + SignedDuration::from_hours(10);
    let end = wait(&clock, every(60, Some(until)), pending(), async || {
        Ok::<_, Infallible>(Seen::Waiting)
    });
    assert_eq!(end.await, Ok(End::SliceOver));
    let real = began.elapsed().as_secs();
    assert!((60..62).contains(&real), "ten hours pass in a minute, not in {real} s");
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_look_ends_the_wait() {
    let (clock, _) = clock(1.0);
    let end = wait(&clock, every(5, None), pending(), async || Err("broken"));
    assert_eq!(end.await, Err("broken"));
}
