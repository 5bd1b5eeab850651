//! StatefulSets, and what their pods are made from.
use serde::Deserialize;

use super::{Kind, Metadata, or_default};
use crate::observe::rights::Read;

/// What is kept of a StatefulSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatefulSet {
    /// `spec.replicas`.
    pub replicas: Option<u32>,
    /// Of all containers, init containers first.
    pub images: Vec<String>,
    /// `status.observedGeneration`: 0 before the controller has seen it.
    pub observed_generation: i64,
    /// `status.updateRevision`.
    pub update_revision: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Wire {
    metadata: Metadata,
    spec: Spec,
    #[serde(default, deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Spec {
    replicas: Option<u32>,
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: i64,
    update_revision: Option<String>,
}

/// A pod template.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    spec: PodSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    #[serde(deserialize_with = "or_default")]
    init_containers: Vec<Container>,
    #[serde(deserialize_with = "or_default")]
    containers: Vec<Container>,
}

#[derive(Debug, Deserialize)]
struct Container {
    #[serde(default)]
    image: String,
}

impl Template {
    /// Of all containers, init containers first.
    pub fn images(self) -> Vec<String> {
        let containers = self.spec.init_containers.into_iter().chain(self.spec.containers);
        containers.map(|container| container.image).collect()
    }
}

impl Kind for StatefulSet {
    const KIND: &'static str = "StatefulSet";
    const READ: Read = Read::StatefulSets;
    type Wire = Wire;

    fn slim(wire: Wire) -> (Metadata, Self) {
        let set = StatefulSet {
            replicas: wire.spec.replicas,
            images: wire.spec.template.images(),
            observed_generation: wire.status.observed_generation,
            update_revision: wire.status.update_revision,
        };
        (wire.metadata, set)
    }
}
