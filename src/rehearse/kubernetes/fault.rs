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
