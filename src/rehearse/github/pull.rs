//! A pull request of the embedded GitHub.
use std::collections::{BTreeMap, BTreeSet};

use git2::Oid;
use jiff::Timestamp;

/// How a pull request gets onto its base branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A merge commit with the head as its second parent.
    Merge,
    /// One new commit, with the pull request's title.
    Squash,
    /// Its commits once more, on the newest base.
    Rebase,
}

impl Method {
    pub const ALL: [Method; 3] = [Method::Merge, Method::Squash, Method::Rebase];

    /// As REST says it; GraphQL says it in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Merge => "merge",
            Method::Squash => "squash",
            Method::Rebase => "rebase",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(name))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub author: String,
    /// Branches, without `refs/heads/`.
    pub head_ref: String,
    pub base_ref: String,
    /// The commit its branch holds, or held last while this was open.
    pub head: Oid,
    /// The base branch's commit, likewise.
    pub base: Oid,
    pub draft: bool,
    pub labels: BTreeSet<String>,
    pub reviewers: BTreeSet<String>,
    pub teams: BTreeSet<String>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub state: State,
    /// Who approved which commit.
    pub approvals: BTreeMap<String, Oid>,
    /// Who wants it changed.
    pub objections: BTreeSet<String>,
    pub auto_merge: Option<AutoMerge>,
    pub queued: Option<Queued>,
    /// Everyone who ended it, in that order; it may have been opened again in between.
    pub endings: Vec<Ending>,
    /// Head and base for which it is known whether it merges.
    pub looked_at: Option<(Oid, Oid)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    Closed,
    /// On the base branch, with this commit.
    Merged(Oid),
}

/// When it was closed or merged, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub by: String,
    pub at: Timestamp,
}

/// It is merged as soon as nothing stands in its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoMerge {
    pub by: String,
    pub at: Timestamp,
    pub method: Method,
}

/// It is in the merge queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    pub by: String,
    pub at: Timestamp,
    /// The commit that is tried, the base it stands on, and since when.
    pub trial: Option<Trial>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    pub commit: Oid,
    pub base: Oid,
    pub since: Timestamp,
}

impl Pull {
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// How it ended, if it isn't open.
    pub fn ending(&self) -> Option<&Ending> {
        self.endings.last().filter(|_| !self.is_open())
    }
}
