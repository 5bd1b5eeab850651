//! A request for review, as the rest of the world is told of it.
use git2::Oid;
use jiff::Timestamp;

use super::REVIEWER;
use crate::rehearse::github::WEB;
use crate::rehearse::github::pull::{Pull, State as PullState};
use crate::run::{Phase, branch};

/// A request for review: what a review platform would keep of a pushed step branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub number: u32,
    pub branch: String,
    pub run: u32,
    pub step: u32,
    /// The commit its branch holds, or held last.
    pub head: Oid,
    pub title: String,
    pub body: String,
    /// The message of its head below the title.
    pub message: String,
    /// Where it is looked at.
    pub url: String,
    pub opened: Timestamp,
    pub state: State,
}

impl Request {
    /// What a pull request is about, if it is about a step.
    pub(super) fn of(pull: &Pull, message: String, repository: &str) -> Option<Self> {
        let (_, run, step) = branch::parse(&pull.head_ref)?;
        let state = match (pull.state, pull.ending()) {
            (PullState::Merged(commit), _) => State::Merged(commit),
            (PullState::Closed, Some(ending)) if ending.by == REVIEWER => State::Declined,
            (PullState::Closed, _) => State::Closed,
            (PullState::Open, _) => State::Open,
        };
        Some(Request {
            number: u32::try_from(pull.number).ok()?,
            branch: pull.head_ref.clone(),
            run,
            step,
            head: pull.head,
            title: pull.title.clone(),
            body: pull.body.clone(),
            message,
            url: format!("{WEB}/{repository}/pull/{}", pull.number),
            opened: pull.created,
            state,
        })
    }

    /// Whether its title says that it begins this phase.
    pub fn begins(&self, phase: Phase) -> bool {
        self.title.contains(phase.title())
    }

    /// Whether it says that a person ends the run early.
    pub fn aborts(&self) -> bool {
        self.message.starts_with("Aborted: ")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    /// On the base branch with this commit.
    Merged(Oid),
    /// Closed by the reviewer.
    Declined,
    /// Its branch went away, or was at a commit that is on the base already.
    Closed,
}
