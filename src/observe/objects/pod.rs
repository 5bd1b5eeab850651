//! Pods: whether they are up, and if not, why.
use jiff::Timestamp;
use serde::Deserialize;

use super::words::{reason, words};
use super::{Kind, Metadata, or_default};
use crate::observe::rights::Read;

/// What is kept of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Condition `Ready`.
    pub ready: bool,
    /// `status.startTime`.
    pub started: Option<Timestamp>,
    /// When the container that was started last began to run.
    pub running_since: Option<Timestamp>,
    /// Sum over all containers.
    pub restarts: u32,
    /// The label `controller-revision-hash`.
    pub revision: Option<String>,
    /// Why it isn't ready; `None` where it is, has done its work, or gives no reason.
    pub trouble: Option<String>,
    /// Of the container that ended last with a message.
    pub last_words: Option<LastWords>,
}

/// A container's termination message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWords {
    pub at: Option<Timestamp>,
    pub message: String,
}

#[derive(Debug, Deserialize)]
pub struct Wire {
    metadata: Metadata,
    #[serde(default, deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    reason: String,
    message: String,
    start_time: Option<Timestamp>,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<Condition>,
    #[serde(deserialize_with = "or_default")]
    init_container_statuses: Vec<Container>,
    #[serde(deserialize_with = "or_default")]
    container_statuses: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: String,
    status: String,
    reason: String,
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    restart_count: u32,
    state: State,
    last_state: State,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    running: Option<Running>,
    waiting: Option<Waiting>,
    terminated: Option<Terminated>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Running {
    started_at: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Waiting {
    reason: String,
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Terminated {
    exit_code: i32,
    reason: String,
    message: String,
    finished_at: Option<Timestamp>,
}

impl Kind for Pod {
    const KIND: &'static str = "Pod";
    const READ: Read = Read::Pods;
    type Wire = Wire;

    fn slim(mut wire: Wire) -> (Metadata, Self) {
        let status = wire.status;
        let pod = Pod {
            ready: status.condition("Ready").is_some_and(|ready| ready.status == "True"),
            started: status.start_time,
            running_since: status.running_since(),
            restarts: status.containers().map(|container| container.restart_count).sum(),
            revision: wire.metadata.labels.revision.take(),
            trouble: status.trouble(),
            last_words: status.last_words(),
        };
        (wire.metadata, pod)
    }
}

impl Status {
    fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.r#type == name)
    }

    fn containers(&self) -> impl Iterator<Item = &Container> {
        self.init_container_statuses.iter().chain(&self.container_statuses)
    }

    fn running_since(&self) -> Option<Timestamp> {
        self.containers().filter_map(|container| container.state.running.as_ref()?.started_at).max()
    }

    /// The most telling reason: what a container died of or can't start for, what ended the pod, why no
    /// node takes it, and last the general words that also stand there while all goes well.
    fn trouble(&self) -> Option<String> {
        let ready = self.condition("Ready");
        if ready.is_some_and(|ready| ready.status == "True") || self.phase == "Succeeded" {
            return None;
        }
        self.containers()
            .find_map(Container::trouble)
            .or_else(|| reason(&self.reason, &self.message))
            .or_else(|| unmet(self.condition("PodScheduled")?))
            .or_else(|| self.containers().find_map(Container::waits))
            .or_else(|| unmet(ready?))
    }

    fn last_words(&self) -> Option<LastWords> {
        let ended = self.containers().filter_map(|container| container.state.terminated.as_ref());
        ended
            .filter_map(|ended| Some((ended.finished_at, words(&ended.message)?)))
            .map(|(at, message)| LastWords { at, message })
            .max_by_key(|last| last.at)
    }
}

fn unmet(condition: &Condition) -> Option<String> {
    if condition.status == "True" { None } else { reason(&condition.reason, &condition.message) }
}

impl Container {
    fn trouble(&self) -> Option<String> {
        if let Some(ended) = &self.state.terminated {
            return ended.trouble();
        }
        let waiting = self.state.waiting.as_ref()?;
        if is_usual(&waiting.reason) {
            return None;
        }
        let why = reason(&waiting.reason, &waiting.message)?;
        let before = self.last_state.terminated.as_ref().and_then(Terminated::trouble);
        Some(match before {
            Some(before) => format!("{why} (before that {before})"),
            None => why,
        })
    }

    /// What it waits for while all goes well.
    fn waits(&self) -> Option<String> {
        let waiting = self.state.waiting.as_ref()?;
        reason(&waiting.reason, &waiting.message)
    }
}

/// A container is always waiting with these for a while.
fn is_usual(reason: &str) -> bool {
    matches!(reason, "" | "ContainerCreating" | "PodInitializing")
}

impl Terminated {
    fn trouble(&self) -> Option<String> {
        if self.exit_code == 0 {
            return None;
        }
        let how = format!("{}, exit code {}", self.reason, self.exit_code);
        words(how.trim_start_matches(", "))
    }
}
