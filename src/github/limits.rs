//! GitHub's limits: how long it wants to be left alone, read from its answers.
use std::sync::Mutex;

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

/// Without a word on it, GitHub asks for at least a minute.
const UNSAID: SignedDuration = SignedDuration::from_mins(1);

/// Until when nothing may be sent. Servers of one's own have no limits unless somebody set them, and say
/// nothing of them then.
#[derive(Debug, Default)]
pub struct Limits {
    until: Mutex<Option<Timestamp>>,
}

impl Limits {
    /// Until when requests have to wait, if they have to.
    pub fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = *self.until.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        until.filter(|until| *until > now)
    }

    /// Notes what an answer says about limits; the time until which it wants to be left alone.
    pub fn note(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Option<Timestamp> {
        let until = limited_until(status, headers, body, now)?;
        let mut noted = self.until.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *noted = Some(noted.map_or(until, |noted| noted.max(until)));
        Some(until)
    }
}

/// Whether an answer refuses the request for a limit, and until when. Nothing was done then.
fn limited_until(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Option<Timestamp> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let after = |seconds: i64| now.checked_add(SignedDuration::from_secs(seconds)).ok();
    let spent = number("x-ratelimit-remaining") == Some(0);
    let body = String::from_utf8_lossy(body);
    let refused = matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    // GraphQL refuses within an answer that is fine otherwise.
    let within = status == StatusCode::OK && body.contains("\"RATE_LIMITED\"");
    if !refused && !within {
        return None;
    }
    if let Some(until) = number("retry-after").and_then(after) {
        return Some(until);
    }
    if spent && let Some(reset) = number("x-ratelimit-reset") {
        return Timestamp::from_second(reset).ok();
    }
    let said = body.to_lowercase().contains("rate limit");
    let limited = within || said || status == StatusCode::TOO_MANY_REQUESTS;
    if limited { now.checked_add(UNSAID).ok() } else { None }
}
