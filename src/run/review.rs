//! What the review platform says about the requests (pull requests) of a system's steps.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deployment::Intent;

/// The requests whose head is a step branch of the system, or nothing where no platform was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Review {
    pub requests: Vec<ReviewRequest>,
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
