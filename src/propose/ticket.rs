//! Keeps the Jira issue of a run told: one comment for each matter, edited when the matter changes, and a link
//! to each pull request.
//!
//! Nothing is remembered from one invocation to the next. What should be there is derived from each look, what
//! is there is asked, and the difference is made; so what couldn't be delivered is still owed at the next look.
//! Nothing that goes wrong here holds a run up.
mod jira;
mod owed;
mod settle;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

pub use jira::{Jira, Login};
pub use owed::{Link, Owed, Tiding, owed};

use crate::context::{Clock, Context};
use crate::run::SystemRef;

/// How long Jira is left alone after it didn't answer, at first and at most; it doubles from time to time.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(16);

/// Why an issue isn't up to date.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    #[error("{0}")]
    Setup(String),
    /// It holds for every issue: nothing else is tried for a while.
    #[error("Jira isn't available: {0}")]
    Down(String),
    #[error("Jira takes no requests for now")]
    Busy { retry_after: Option<SignedDuration> },
    #[error("Jira doesn't accept the token ({status})")]
    Login { status: u16 },
    #[error("Jira refuses {doing}: {why} ({status})")]
    Refused { doing: String, status: u16, why: String },
    #[error("{key} isn't there, or this token may not see it")]
    NoIssue { key: String },
    #[error("the text is too long for Jira, which takes {limit} characters")]
    TooLong { limit: usize },
    #[error("Jira's answer to {doing} isn't understood: {why}")]
    Unreadable { doing: String, why: String },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Login { .. } => Some("see JIRA_TOKEN, and for Jira Cloud JIRA_USER"),
            Error::NoIssue { .. } => Some("see the `ticket` in the run record"),
            Error::Refused { status: 403, .. } => {
                Some("the token's user needs to browse the project, comment and link issues")
            }
            _ => None,
        }
    }

    /// Whether the next issue would fare no better.
    fn is_everywhere(&self) -> bool {
        matches!(self, Error::Down(_) | Error::Busy { .. } | Error::Login { .. } | Error::Setup(_))
    }
}

/// What goes on from look to look: what is known to be there, and when to try again.
pub struct Tickets {
    jira: Jira,
    clock: Clock,
    /// Of each system what was delivered last.
    settled: BTreeMap<SystemRef, Owed>,
    not_before: Option<Timestamp>,
    pause: SignedDuration,
}

impl Tickets {
    pub fn new(context: &Context, jira: Jira) -> Self {
        let clock = context.clock.clone();
        Tickets { jira, clock, settled: BTreeMap::new(), not_before: None, pause: PAUSE }
    }

    /// Brings the issues up to date. Gives what couldn't be done, by the system it was for.
    pub async fn deliver(&mut self, owed: Vec<Owed>) -> Vec<(SystemRef, Error)> {
        let mut troubles = Vec::new();
        for owed in owed {
            if self.settled.get(&owed.system) == Some(&owed) {
                continue;
            }
            if self.not_before.is_some_and(|time| self.clock.now() < time) {
                break;
            }
            match settle::settle(&self.jira, &owed).await {
                Ok(()) => {
                    (self.not_before, self.pause) = (None, PAUSE);
                    self.settled.insert(owed.system.clone(), owed);
                }
                Err(error) => {
                    if error.is_everywhere() {
                        self.leave_alone(&error);
                    }
                    troubles.push((owed.system, error));
                }
            }
        }
        troubles
    }

    fn leave_alone(&mut self, error: &Error) {
        let told = match error {
            Error::Busy { retry_after } => *retry_after,
            _ => None,
        };
        let pause = told.unwrap_or(self.pause);
        self.not_before = self.clock.now().checked_add(pause).ok();
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}
