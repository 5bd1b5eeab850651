//! The world's clock.
use dcr_gitops::rehearse::clock::WorldClock;
use jiff::{SignedDuration, Timestamp};

fn start() -> Timestamp {
    "2026-11-22T17:07:02Z".parse().unwrap()
}

#[test]
fn a_standing_clock_moves_by_hand_and_only_forward() {
    let clock = WorldClock::standing(start());
    let (other, read) = (clock.clone(), clock.reader());
    assert_eq!(clock.now(), start());
    other.forward(SignedDuration::from_hours(24 * 14));
    assert_eq!(clock.now(), "2026-12-06T17:07:02Z".parse().unwrap());
    other.forward(SignedDuration::from_secs(-5));
    assert_eq!(read(), clock.now());
}

#[test]
fn a_running_clock_runs_by_itself() {
    let clock = WorldClock::running(start(), 1e6);
    let before = clock.now();
    while clock.now() == before {
        std::hint::spin_loop();
    }
    clock.forward(SignedDuration::from_hours(24 * 365));
    assert!(clock.now() > before + SignedDuration::from_hours(24 * 365));
}
