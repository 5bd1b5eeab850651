//! What the deployment repo says about one system: its inputs, its run, and the steps that wait for review.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Kind, LastRun, Phase, Record, SystemRef};
use crate::config::{Attention, Inputs};

/// The deployment repo at its base, seen from one system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    pub system: SystemRef,
    pub base: Base,
    /// The folder of the system's `dcr.yaml`, relative to the repo.
    pub folder: String,
    pub inputs: Inputs,
    /// `sha256:` and 64 hex digits over the resolved inputs.
    pub inputs_digest: String,
    pub policy: Policy,
    /// The run record on the base, while a run is on.
    pub record: Option<Record>,
    pub last_run: Option<LastRun>,
    /// The objects that the files in `dcr/` on the base want to see in the cluster.
    pub wanted: Vec<Wanted>,
    pub history: History,
    /// Branches of steps of this system, merged or not, in the order of their run and step; those of
    /// runs before the one the base has come to are left out.
    pub steps: Vec<StepBranch>,
    /// Other systems of this cluster whose first step is open; they count for `capacity`.
    pub open_first_steps: Vec<SystemRef>,
}

/// The base branch as this invocation knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Base {
    /// What was asked for or found, e.g. `origin/main`.
    pub name: String,
    /// Full object id.
    pub commit: String,
    /// Whether nothing newer can be known: there is no remote, or the base was fetched in this
    /// invocation after the cluster was read.
    pub fresh: bool,
    /// When the base was last fetched, where git remembers it.
    pub fetched: Option<Timestamp>,
}

/// What the settings say that steers decisions about one system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    pub max_runs_per_cluster: u32,
    /// Whether a run needs a ticket (`jira` is set).
    pub ticket_required: bool,
    pub attention: Attention,
}

/// One object the base branch wants in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    pub kind: String,
    pub name: String,
    /// The file it stands in, relative to the repo.
    pub file: String,
    /// `dcr-gitops/digest` as committed.
    pub digest: String,
    pub replicas: Option<u32>,
    /// Of all containers, init containers first, in their order.
    pub images: Vec<String>,
    /// What else of its spec has to stay as committed, by the name it is told by, e.g. `suspend` of a Job
    /// and what its containers run. Defaults are filled in; long values are digests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// What the base's own history says about this system's runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct History {
    /// Every state of the run that the base branch has been in, the newest first.
    pub landed: Vec<Landed>,
    /// Whether the walk was cut short (a shallow clone, or its bound), so that older states are unknown.
    pub truncated: bool,
}

/// A commit on the base after which the run stood at this step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Landed {
    pub run: u32,
    pub step: u32,
    pub kind: Kind,
    /// `teardown` for a commit that left `last-run` and no record.
    pub phase: Phase,
    pub attempt: u32,
    pub forced: bool,
    pub farmers: u32,
    pub ticket: Option<String>,
    pub commit: String,
    /// The commit's committer date.
    pub at: Timestamp,
}

/// The branch of one step, as found locally or on the remote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepBranch {
    pub run: u32,
    pub step: u32,
    /// Without `refs/heads/`.
    pub branch: String,
    /// What the branch holds; where local and remote differ, the remote's.
    pub commit: String,
    /// The local branch's commit, if there is one.
    pub local: Option<String>,
    /// The remote branch's commit as last seen, if there is one.
    pub remote: Option<String>,
    pub content: StepContent,
    /// Whether this system's inputs or its `dcr/` changed on the base since the step was made.
    pub outdated: bool,
}

/// What a step branch holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum StepContent {
    /// Exactly one commit over the base, writing only our paths, every object matching its digest.
    Ours(Box<Intent>),
    /// Created, but without a commit of ours yet: a crash in between.
    Empty,
    /// Somebody else's work is on it.
    Foreign { commit: String, why: String },
}

/// What a step means to do: what has to be the same for an open step to be adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Intent {
    pub action: Action,
    pub kind: Kind,
    pub phase: Phase,
    pub attempt: u32,
    pub forced: bool,
    pub farmers: u32,
    pub ticket: Option<String>,
    /// Why a person skipped the gate before this step; no part of what has to be the same.
    pub gate_skipped: Option<String>,
    /// Why a person aborted the run; no part of what has to be the same either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a step relates to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The first step of a run.
    Start,
    /// The next phase.
    Advance,
    /// More farmers in the same phase.
    Scale,
    /// Another attempt of the same phase, or a step that was lost from the base again.
    Retry,
    /// The teardown before its time.
    Abort,
}

impl Deployment {
    /// The run on the base, or the last one there was.
    pub fn latest_run(&self) -> Option<u32> {
        let last = self.last_run.as_ref().map(|last| last.run);
        self.record.as_ref().map(|record| record.run).max(last)
    }

    /// The furthest state the base branch itself was ever in.
    pub fn furthest_landed(&self) -> Option<&Landed> {
        self.history.landed.iter().max_by_key(|landed| (landed.run, landed.step))
    }
}
