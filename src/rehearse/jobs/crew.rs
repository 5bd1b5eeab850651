//! The Jobs that are running: what time they know, and which of them wait for it to pass.
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch::Sender;

/// All Jobs of a world. Clones are the same crew.
#[derive(Clone)]
pub struct Crew(Arc<Sender<Watch>>);

/// The time, and who does what.
struct Watch {
    now: Timestamp,
    /// How many Jobs run and don't pause.
    awake: usize,
    /// When the pauses of the others end.
    pauses: Vec<Timestamp>,
}

impl Crew {
    /// Nobody yet, at this time.
    pub fn new(now: Timestamp) -> Self {
        Crew(Arc::new(Sender::new(Watch { now, awake: 0, pauses: Vec::new() })))
    }

    pub fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    /// Moves the time on, and waits until every Job that this wakes has ended or pauses again.
    pub async fn pass(&self, now: Timestamp) {
        self.0.send_modify(|watch| watch.now = now);
        let at_rest = |watch: &Watch| watch.awake == 0 && watch.pauses.iter().all(|end| *end > now);
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(at_rest).await;
    }

    /// When the first of the pauses ends.
    pub fn due(&self) -> Option<Timestamp> {
        self.0.borrow().pauses.iter().min().copied()
    }

    /// Lasts until the world's time has passed.
    pub async fn pause(&self, length: Duration) {
        let end = self.now() + SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        let _pause = Pause::begin(self, end);
        let _ = self.0.subscribe().wait_for(|watch| watch.now >= end).await;
    }

    /// Counts a Job that runs, until what this returns is dropped.
    pub fn begin(&self) -> Awake {
        self.0.send_modify(|watch| watch.awake += 1);
        Awake(self.clone())
    }
}

/// A Job that runs.
pub struct Awake(Crew);

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.0.send_modify(|watch| watch.awake -= 1);
    }
}

/// A Job that pauses; it may be killed before its pause ends.
struct Pause<'a> {
    crew: &'a Crew,
    end: Timestamp,
}

impl<'a> Pause<'a> {
    fn begin(crew: &'a Crew, end: Timestamp) -> Self {
        crew.0.send_modify(|watch| {
            watch.awake -= 1;
            watch.pauses.push(end);
        });
        Pause { crew, end }
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.crew.0.send_modify(|watch| {
            watch.awake += 1;
            if let Some(at) = watch.pauses.iter().position(|end| *end == self.end) {
                watch.pauses.swap_remove(at);
            }
        });
    }
}
