//! The loop: look, and look again after a pause, until everything is settled, the slice is over, or
//! somebody stops it. It knows nothing of what is looked at.
use std::pin::pin;

use jiff::{SignedDuration, Timestamp};

use crate::context::Clock;

/// What one look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing more is going to happen by waiting.
    Settled,
    /// Worth another look.
    Waiting,
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Settled,
    /// The time for this slice is over.
    SliceOver,
    Stopped,
}

/// How long there is, and what lies between two looks at the most.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    pub poll: SignedDuration,
    /// The end of the slice. The last look is taken when it is reached, not after it.
    pub until: Option<Timestamp>,
}

/// Looks until it ends. `stop` ends it at once, whatever is going on: a look must bear being cut off.
///
/// # Errors
/// The first error of a look.
pub async fn wait<E>(
    clock: &Clock,
    schedule: Schedule,
    stop: impl Future<Output = ()>,
    mut look: impl AsyncFnMut() -> Result<Seen, E>,
) -> Result<End, E> {
    let mut stop = pin!(stop);
    loop {
        let seen = tokio::select! {
            biased;
            () = &mut stop => return Ok(End::Stopped),
            seen = look() => seen?,
        };
        if seen == Seen::Settled {
            return Ok(End::Settled);
        }
        let left = schedule.until.map(|until| until.duration_since(clock.now()));
        if left.is_some_and(|left| !left.is_positive()) {
            return Ok(End::SliceOver);
        }
        let pause = left.map_or(schedule.poll, |left| left.min(schedule.poll));
        tokio::select! {
            biased;
            () = &mut stop => return Ok(End::Stopped),
            () = tokio::time::sleep(clock.real(pause)) => {}
        }
    }
}
