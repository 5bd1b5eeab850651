//! Jobs, and what they have come to.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::words::reason;
use super::{Kind, Metadata, or_default};
use crate::manifest::spec::JobSpec;
use crate::observe::rights::Read;
use crate::run::cluster::JobResult;

/// What is kept of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Of all containers, init containers first.
    pub images: Vec<String>,
    pub settings: BTreeMap<String, String>,
    pub result: JobResult,
    /// When the condition that ended it turned true.
    pub ended: Option<Timestamp>,
    /// What that condition says, if it failed.
    pub failure: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Wire {
    metadata: Metadata,
    spec: JobSpec,
    #[serde(default, deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
struct Status {
    #[serde(default, deserialize_with = "or_default")]
    conditions: Vec<Condition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    r#type: String,
    status: String,
    last_transition_time: Option<Timestamp>,
    reason: String,
    message: String,
}

impl Kind for Job {
    const KIND: &'static str = "Job";
    const READ: Read = Read::Jobs;
    type Wire = Wire;

    fn slim(wire: Wire) -> (Metadata, Self) {
        let conditions = wire.status.conditions;
        let holds = |name: &str| {
            conditions
                .iter()
                .find(|condition| condition.r#type == name && condition.status == "True")
        };
        // `SuccessCriteriaMet` and `FailureTarget` come while pods are still ending. A failure is certain
        // from then on; a success is told once it is complete.
        let failed = holds("Failed").or_else(|| holds("FailureTarget"));
        let (result, end) = match (failed, holds("Complete")) {
            (Some(failed), _) => (JobResult::Failed, Some(failed)),
            (None, Some(complete)) => (JobResult::Complete, Some(complete)),
            (None, None) => (JobResult::Running, None),
        };
        let job = Job {
            images: wire.spec.template.images(),
            settings: wire.spec.settings(),
            result,
            ended: end.and_then(|condition| condition.last_transition_time),
            failure: failed.and_then(|failed| reason(&failed.reason, &failed.message)),
        };
        (wire.metadata, job)
    }
}
