//! The loop: look whenever something may have changed and at least as often as agreed on, until everything
//! is settled, the slice is over, or somebody stops it. It knows nothing of what is looked at.
pub mod heartbeat;

use std::pin::pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::context::Clock;

/// What happens shortly after a change belongs to it: one look serves it all.
const BREATH: Duration = Duration::from_millis(100);

/// How long after the end of the slice a look may still take that was on by then, or that waits for its
/// first answers: a slice shorter than the slowest server would otherwise never see anything.
const GRACE: Duration = Duration::from_secs(15);

/// The least part of the agreed pause that chance leaves of it: watchers that were started together
/// shouldn't ask together for ever.
const SHORTEST: f64 = 0.8;

/// Why a look is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It is time to look at everything.
    Poll,
    /// Something may have changed, or what the last look wanted to see again is due.
    Event,
}

/// What one look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing more is going to happen by waiting.
    Settled,
    /// Worth another look.
    Waiting {
        /// When at the latest, where the next poll would be too late.
        at: Option<Timestamp>,
        /// Something that was asked wasn't answered yet: there is more to this look than could be told.
        unfinished: bool,
    },
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Settled,
    /// The time for this slice is over.
    SliceOver,
    Stopped,
}

/// How long there is, and what lies between two polls at the most.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    pub poll: SignedDuration,
    /// The last look is taken when it is over, not after it.
    pub slice: Option<SignedDuration>,
}

/// Looks until it ends. `changed` asks for a look, `stop` ends it at once, whatever is going on: a look
/// must bear being cut off. Lengths of time are measured, so that a clock that is set doesn't matter.
///
/// # Errors
/// The first error of a look.
pub async fn wait<E>(
    clock: &Clock,
    schedule: Schedule,
    changed: &Notify,
    stop: impl Future<Output = ()>,
    mut look: impl AsyncFnMut(Occasion) -> Result<Seen, E>,
) -> Result<End, E> {
    let mut stop = pin!(stop);
    let began = Instant::now();
    let after = |from: Instant, length: Duration| from.checked_add(length);
    let until = schedule.slice.and_then(|slice| after(began, clock.real(slice)));
    let last = until.and_then(|until| after(until, GRACE));
    let poll = clock.real(schedule.poll);
    let mut polls = 0;
    let mut next_poll = Some(began);
    let mut over = false;
    loop {
        let now = Instant::now();
        let is_past = |end: Option<Instant>| end.is_some_and(|end| end <= now);
        // What is told in the end was looked at in the end.
        let due = is_past(next_poll) || !over && is_past(until);
        over = is_past(until);
        let occasion = if due { Occasion::Poll } else { Occasion::Event };
        if due {
            next_poll = after(now, poll.mul_f64(1.0 - (1.0 - SHORTEST) * clock.chance(polls)));
            polls += 1;
        }
        let seen = tokio::select! {
            biased;
            () = &mut stop => return Ok(End::Stopped),
            seen = look(occasion) => seen?,
            () = reached(last) => return Ok(End::SliceOver),
        };
        let Seen::Waiting { at, unfinished } = seen else { return Ok(End::Settled) };
        if over && !unfinished || is_past(last) {
            return Ok(End::SliceOver);
        }
        let again = at.and_then(|at| {
            let left = clock.real(at.duration_since(clock.now()));
            after(Instant::now(), left.max(BREATH))
        });
        let end = if over { last } else { until };
        let pause = [next_poll, again, end].into_iter().flatten().min();
        tokio::select! {
            biased;
            () = &mut stop => return Ok(End::Stopped),
            () = reached(pause) => {}
            () = changed.notified() => tokio::select! {
                biased;
                () = &mut stop => return Ok(End::Stopped),
                () = sleep(BREATH) => {}
            },
        }
    }
}

/// At this moment, or never.
async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
