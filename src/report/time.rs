//! Times and lengths of time as people read them.
use jiff::{SignedDuration, Timestamp};

use crate::config::Duration;

/// A length of time in its two largest units; what is negative is nothing.
pub fn age(length: SignedDuration) -> String {
    let seconds = u32::try_from(length.as_secs().max(0)).unwrap_or(u32::MAX);
    let unit = if seconds >= 86_400 {
        3_600
    } else if seconds >= 3_600 {
        60
    } else {
        1
    };
    Duration::seconds(seconds / unit * unit).to_string()
}

/// A time to the second.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How far away a time is, seen from `now`: `in 2d 4h`, `3h 10m ago`.
pub fn from_now(at: Timestamp, now: Timestamp) -> String {
    let away = at.duration_since(now);
    if away.is_negative() { format!("{} ago", age(-away)) } else { format!("in {}", age(away)) }
}
