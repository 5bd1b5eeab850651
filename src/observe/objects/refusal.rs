//! Events that say why a pod was never created: of an exceeded quota nothing else tells.
use jiff::Timestamp;
use serde::Deserialize;

use super::words::words;
use super::{Kind, Metadata, or_default};
use crate::observe::rights::Read;

/// What is kept of an Event with reason `FailedCreate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `uid` of the StatefulSet or Job whose pod was refused.
    pub of: String,
    /// When it was last seen.
    pub at: Option<Timestamp>,
    pub message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wire {
    metadata: Metadata,
    involved_object: Involved,
    #[serde(default)]
    message: String,
    last_timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    series: Series,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Involved {
    kind: String,
    uid: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Series {
    last_observed_time: Option<Timestamp>,
}

impl Kind for Refusal {
    const KIND: &'static str = "Event";
    const READ: Read = Read::Refusals;
    /// Events carry no labels of ours.
    const FIELDS: &'static str = "reason=FailedCreate";
    type Wire = Wire;

    fn slim(wire: Wire) -> (Metadata, Self) {
        // Other controllers' events are of no interest, and there can be many.
        let involved = wire.involved_object;
        let ours = matches!(involved.kind.as_str(), "StatefulSet" | "Job");
        let refusal = Refusal {
            of: if ours { involved.uid } else { String::new() },
            at: wire.series.last_observed_time.or(wire.last_timestamp).or(wire.event_time),
            message: ours.then(|| words(&wire.message)).flatten(),
        };
        (wire.metadata, refusal)
    }
}
