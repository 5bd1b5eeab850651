//! StatefulSets, and what their pods are made from.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Kind, Metadata, or_default};
use crate::manifest::spec::SetSpec;
use crate::observe::rights::Read;

/// What is kept of a StatefulSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatefulSet {
    /// `spec.replicas`.
    pub replicas: Option<u32>,
    /// Of all containers, init containers first.
    pub images: Vec<String>,
    pub settings: BTreeMap<String, String>,
    /// `status.observedGeneration`: 0 before the controller has seen it.
    pub observed_generation: i64,
    /// `status.updateRevision`.
    pub update_revision: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Wire {
    metadata: Metadata,
    spec: SetSpec,
    #[serde(default, deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: i64,
    update_revision: Option<String>,
}

impl Kind for StatefulSet {
    const KIND: &'static str = "StatefulSet";
    const READ: Read = Read::StatefulSets;
    type Wire = Wire;

    fn slim(wire: Wire) -> (Metadata, Self) {
        let set = StatefulSet {
            replicas: wire.spec.replicas,
            images: wire.spec.template.images(),
            settings: wire.spec.settings(),
            observed_generation: wire.status.observed_generation,
            update_revision: wire.status.update_revision,
        };
        (wire.metadata, set)
    }
}
