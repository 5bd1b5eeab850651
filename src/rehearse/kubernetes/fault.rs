//! Trouble with the API server itself, on demand.
use std::time::Duration;

use super::refusal::Refusal;

/// What happens to a request instead of, or before, its answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// 429 with `Retry-After` in seconds.
    TooManyRequests { retry_after: u32 },
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// 410, as a server answers that has forgotten the version asked for.
    Gone,
    /// The connection breaks without an answer.
    Reset,
    /// The answer is right, but late by this time of tokio's clock.
    Slow(Duration),
    /// A watch is opened, and nothing ever comes.
    Silent,
    /// A list that may be old (`resourceVersion=0`) shows the state of so many writes ago.
    Stale(u64),
}

/// A fault that waits for the requests it befalls.
#[derive(Debug)]
struct Waiting {
    verb: String,
    resource: String,
    left: u32,
    fault: Fault,
}

/// All faults that wait, in the order they were asked for.
#[derive(Debug, Default)]
pub struct Faults(Vec<Waiting>);

impl Faults {
    /// The next `count` requests with this verb and resource (`*`: any) fail.
    pub fn add(&mut self, verb: &str, resource: &str, count: u32, fault: Fault) {
        let (verb, resource) = (verb.to_owned(), resource.to_owned());
        self.0.push(Waiting { verb, resource, left: count, fault });
    }

    /// The fault that befalls this request, if any.
    pub fn take(&mut self, verb: &str, resource: &str) -> Option<Fault> {
        let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        self.0.retain(|waiting| waiting.left > 0);
        let waiting = self
            .0
            .iter_mut()
            .find(|waiting| fits(&waiting.verb, verb) && fits(&waiting.resource, resource))?;
        waiting.left -= 1;
        Some(waiting.fault.clone())
    }
}

impl Fault {
    /// The refusal that takes the place of the answer, if this fault is one.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Fault::TooManyRequests { retry_after } => Some(Refusal {
                retry_after: Some(*retry_after),
                details: Box::new(serde_json::json!({"retryAfterSeconds": retry_after})),
                ..Refusal::new(429, "TooManyRequests", "Too many requests, please try again later.")
            }),
            Fault::InternalError => Some(Refusal::new(
                500,
                "InternalError",
                "Internal error occurred: etcdserver: request timed out",
            )),
            Fault::Unavailable => Some(Refusal::new(
                503,
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            )),
            Fault::Gone => Some(Refusal::new(
                410,
                "Expired",
                "The provided resource version is too old to display a consistent result.",
            )),
            Fault::Reset | Fault::Slow(_) | Fault::Silent | Fault::Stale(_) => None,
        }
    }
}
