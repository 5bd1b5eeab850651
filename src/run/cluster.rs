//! What was seen in the cluster: the live objects of one system's farm, slim, and nothing judged yet.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SystemRef;

/// How much could be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ClusterView {
    /// The cluster is no known kubeconfig context.
    NoContext {
        context: String,
    },
    /// The context is known, but there was no (complete) answer.
    Unreachable {
        context: String,
        why: String,
    },
    Seen(Box<Cluster>),
}

/// One complete reading of what concerns a system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// When the reading was complete.
    pub read_at: Timestamp,
    /// Every run record live in the cluster, of all systems, in the order they came to be.
    pub runs: Vec<LiveRun>,
    /// What carries this system's labels: StatefulSets, Services, PodDisruptionBudgets, Jobs, ConfigMaps.
    pub objects: Vec<Live>,
    pub pods: Vec<Pod>,
    /// The PersistentVolumeClaims of the farm's nodes.
    pub claims: Vec<Claim>,
    /// What couldn't be looked at although the reading counts as complete, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
}

/// A run record that is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LiveRun {
    pub system: SystemRef,
    pub run: u32,
    /// 0 where the record can't be read: then only its labels say that there is a run.
    pub step: u32,
}

/// An object with our labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Live {
    pub kind: String,
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// The label `dcr-gitops/run`.
    pub run: Option<u32>,
    /// The annotation `dcr-gitops/digest`.
    pub digest: Option<String>,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Has a `metadata.deletionTimestamp`.
    pub terminating: bool,
    /// `metadata.generation`, where the kind counts it.
    pub generation: Option<i64>,
    /// `status.observedGeneration`, where the kind has it.
    pub observed_generation: Option<i64>,
    /// `spec.replicas` of a StatefulSet.
    pub replicas: Option<u32>,
    /// `status.updateRevision` of a StatefulSet: what a pod created now would carry as its revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_revision: Option<String>,
    /// Of all containers, init containers first, in their order.
    pub images: Vec<String>,
    /// What else of its spec has to stay as committed, as in [`Wanted::settings`].
    ///
    /// [`Wanted::settings`]: super::deployment::Wanted::settings
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// The Application that Argo CD applied it for, by its tracking id or label: `system6`, or
    /// `<namespace>_system6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked_by: Option<String>,
    /// What a Job has come to.
    pub job: Option<JobState>,
    /// Why a pod it should have isn't there or doesn't come up, e.g. an exceeded quota: from an Event
    /// `FailedCreate`, or of a Job's own pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A Job's `status`, and the last words of its pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobState {
    pub result: JobResult,
    /// When the condition that ended it turned true.
    pub ended: Option<Timestamp>,
    /// The container's termination message, where a pod of it was still there; of a failed Job without
    /// one, why it failed.
    pub message: Option<String>,
}

/// How a Job ended, if it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum JobResult {
    Running,
    /// Condition `Complete`.
    Complete,
    /// Condition `Failed` (or `FailureTarget`, which comes with or before it).
    Failed,
}

/// A pod of the farm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pod {
    pub name: String,
    pub uid: String,
    /// The label `app.kubernetes.io/component`.
    pub component: String,
    pub run: Option<u32>,
    pub terminating: bool,
    /// Condition `Ready`.
    pub ready: bool,
    /// `status.startTime`.
    pub started: Option<Timestamp>,
    /// When the container that was started last began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_since: Option<Timestamp>,
    /// Sum over all containers.
    pub restarts: u32,
    /// The label `controller-revision-hash`: which revision of its StatefulSet it was created from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Why it isn't ready, in the words of the container state, the scheduler or the kubelet.
    pub trouble: Option<String>,
}

/// A PersistentVolumeClaim of the farm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    pub name: String,
    pub run: Option<u32>,
    pub terminating: bool,
    /// Why it isn't bound, if it isn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl ClusterView {
    /// The reading, if there was one.
    pub fn seen(&self) -> Option<&Cluster> {
        match self {
            ClusterView::Seen(cluster) => Some(cluster),
            ClusterView::NoContext { .. } | ClusterView::Unreachable { .. } => None,
        }
    }
}

impl Cluster {
    pub fn object(&self, kind: &str, name: &str) -> Option<&Live> {
        self.objects.iter().find(|live| live.kind == kind && live.name == name)
    }

    /// The state of a Job by its name.
    pub fn job(&self, name: &str) -> Option<&JobState> {
        self.object("Job", name).and_then(|live| live.job.as_ref())
    }

    /// The pods of a StatefulSet that isn't asked for more than `replicas`, in no particular order: a pod is
    /// known by its name, for labels can be copied.
    pub fn pods_of(&self, set: &str, replicas: u32) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |pod| pod.number_in(set).is_some_and(|it| it < replicas))
    }

    /// In words: that a Job is running, and what its pod waits for, if it says.
    pub fn running_job(&self, name: &str) -> String {
        match self.object("Job", name).and_then(|job| job.trouble.as_ref()) {
            Some(trouble) => format!("the Job {name} is running ({trouble})"),
            None => format!("the Job {name} is running"),
        }
    }
}

impl Pod {
    /// Its number, if it is one of this StatefulSet's.
    pub fn number_in(&self, set: &str) -> Option<u32> {
        self.name.strip_prefix(set)?.strip_prefix('-')?.parse().ok()
    }

    /// Ready, and not about to go.
    pub fn is_up(&self) -> bool {
        self.ready && !self.terminating
    }

    /// When its node was last started: the pod itself, or a container of it once more.
    pub fn last_start(&self) -> Option<Timestamp> {
        self.started.max(self.running_since)
    }
}
