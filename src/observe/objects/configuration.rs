//! The kinds that only have to be there: run records, Services, PodDisruptionBudgets, claims.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Kind, Metadata, or_default};
use crate::observe::rights::Read;
use crate::run::Record;

/// What is kept of a ConfigMap: of a run record, which run it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The labels say that it is a run record.
    pub is_record: bool,
    /// Its data, if they can be read.
    pub record: Option<RunOf>,
}

/// Which run, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOf {
    pub cluster: String,
    pub system: String,
    pub run: u32,
    pub step: u32,
}

/// A Service is there, and nothing else of it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service;

/// What is kept of a PodDisruptionBudget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// `status.observedGeneration`: 0 before the controller has seen it.
    pub observed_generation: i64,
}

/// What is kept of a PersistentVolumeClaim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its phase, unless it is `Bound`.
    pub unbound: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct OnlyMetadata {
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
pub struct WithData {
    metadata: Metadata,
    #[serde(default, deserialize_with = "or_default")]
    data: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub struct WithStatus {
    metadata: Metadata,
    #[serde(default, deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: i64,
    phase: String,
}

impl Kind for RunRecord {
    const KIND: &'static str = "ConfigMap";
    const READ: Read = Read::RunRecords;
    type Wire = WithData;

    fn slim(wire: WithData) -> (Metadata, Self) {
        let is_record = wire.metadata.is_of("run");
        let record = is_record.then(|| Record::from_data(&wire.data).ok()).flatten();
        let record = record.map(|record| RunOf {
            cluster: record.system.cluster,
            system: record.system.system,
            run: record.run,
            step: record.step,
        });
        (wire.metadata, RunRecord { is_record, record })
    }
}

impl Kind for Service {
    const KIND: &'static str = "Service";
    const READ: Read = Read::Services;
    type Wire = OnlyMetadata;

    fn slim(wire: OnlyMetadata) -> (Metadata, Self) {
        (wire.metadata, Service)
    }
}

impl Kind for Budget {
    const KIND: &'static str = "PodDisruptionBudget";
    const READ: Read = Read::Budgets;
    type Wire = WithStatus;

    fn slim(wire: WithStatus) -> (Metadata, Self) {
        (wire.metadata, Budget { observed_generation: wire.status.observed_generation })
    }
}

impl Kind for Claim {
    const KIND: &'static str = "PersistentVolumeClaim";
    const READ: Read = Read::Claims;
    type Wire = WithStatus;

    fn slim(wire: WithStatus) -> (Metadata, Self) {
        let phase = wire.status.phase;
        (wire.metadata, Claim { unbound: (phase != "Bound").then_some(phase) })
    }
}
