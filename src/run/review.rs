//! What the review platform says about the requests (pull requests) of a system's steps.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SystemRef;
use super::deployment::Intent;

/// The requests whose head is a step branch of the system, or nothing where no platform was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Review {
    pub requests: Vec<ReviewRequest>,
    /// Why the platform was asked and nothing was learned: then nothing is proposed that a request might
    /// forbid.
    pub unseen: Option<String>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewRequest {
    pub number: u64,
    pub url: String,
    pub run: u32,
    pub step: u32,
    /// The commit its head names: a decision about another commit says nothing about ours.
    pub head: String,
    pub state: ReviewState,
    pub opened: Timestamp,
    /// What the step meant to do, read from the tree of its head.
    pub intent: Option<Intent>,
    /// How it stands, as far as it is open.
    #[serde(default)]
    pub standing: Standing,
}

/// How an open request stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Standing {
    /// Its head can't be merged as it is.
    pub conflicts: bool,
    /// It is merged as soon as the platform's rules are met.
    pub armed: bool,
    /// It is in the merge queue. It isn't merged before the queue is done with it.
    pub queued: bool,
    pub describes: Described,
}

/// What a request's text speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Described {
    /// A person wrote it: it is left alone.
    #[default]
    OwnWords,
    Nothing,
    /// We wrote it, about this commit.
    Commit(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ReviewState {
    Open,
    Merged,
    /// Closed without being merged.
    Closed {
        by: Option<String>,
    },
}

impl Review {
    /// The request that decides about a step: an open one, else the newest. (A duplicate that was closed
    /// declines nothing while another is open.)
    pub fn request(&self, run: u32, step: u32) -> Option<&ReviewRequest> {
        self.requests
            .iter()
            .filter(|request| (request.run, request.step) == (run, step))
            .max_by_key(|request| (request.state == ReviewState::Open, request.number))
    }

    /// The step's open request.
    pub fn open_request(&self, run: u32, step: u32) -> Option<&ReviewRequest> {
        self.request(run, step).filter(|request| request.state == ReviewState::Open)
    }
}

/// The hidden first line of a request's text: which step, and which commit of it, the text is about.
pub fn marker(system: &SystemRef, (run, step): (u32, u32), commit: &str) -> String {
    format!("<!-- dcr-gitops: {system} run-{run} step-{step} commit-{commit} -->")
}

impl Described {
    /// Of a request's text.
    pub fn of(text: &str) -> Self {
        if text.trim().is_empty() {
            return Described::Nothing;
        }
        let first = text.lines().next().unwrap_or_default();
        let ours =
            first.strip_prefix("<!-- dcr-gitops: ").and_then(|rest| rest.strip_suffix(" -->"));
        match ours.and_then(|words| words.rsplit_once(" commit-")) {
            Some((_, commit)) => Described::Commit(commit.to_owned()),
            None => Described::OwnWords,
        }
    }
}
