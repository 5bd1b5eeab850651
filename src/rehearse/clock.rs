//! The world's time: it runs at a pace, and can be moved forward by hand.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Tells what time it is in the world.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A clock that runs `pace` times as fast as tokio's (so a paused tokio clock moves it too), or stands
/// still until it is moved. Clones show the same time.
#[derive(Clone)]
pub struct WorldClock {
    start: Timestamp,
    began: Instant,
    pace: f64,
    moved: Arc<AtomicI64>,
}

impl WorldClock {
    /// A clock that shows `start` now, and lets `pace` seconds pass for each of tokio's.
    pub fn running(start: Timestamp, pace: f64) -> Self {
        Self { start, began: Instant::now(), pace, moved: Arc::default() }
    }

    /// A clock that shows `start` until [`WorldClock::forward`] moves it.
    pub fn standing(start: Timestamp) -> Self {
        Self::running(start, 0.0)
    }

    /// The time it shows.
    pub fn now(&self) -> Timestamp {
        let ran = SignedDuration::try_from_secs_f64(self.began.elapsed().as_secs_f64() * self.pace)
            .unwrap_or(SignedDuration::MAX);
        let moved = SignedDuration::from_nanos(self.moved.load(Ordering::SeqCst));
        self.start.checked_add(ran.saturating_add(moved)).unwrap_or(Timestamp::MAX)
    }

    /// Moves it forward; a negative duration moves nothing.
    pub fn forward(&self, by: SignedDuration) {
        let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX).max(0);
        self.moved.fetch_add(nanos, Ordering::SeqCst);
    }

    /// World seconds for each second of tokio's clock; 0 where it stands still.
    pub fn pace(&self) -> f64 {
        self.pace
    }

    /// The same clock as a plain function.
    pub fn reader(&self) -> Now {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}
