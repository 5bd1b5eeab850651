//! What the embedded GitHub keeps of its one repo, and what follows by itself from what git was given.
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::Path;

use git2::{ErrorCode, Oid, Repository};
use jiff::Timestamp;

use super::account::{Account, Token};
use super::app::App;
use super::limits::Spent;
use super::pull::{Ending, Pull, State};
use super::refusal::Refusal;
use super::rules::Rules;

/// How many states of the pull requests are kept for lists that lag.
const PAST: usize = 32;

/// Something that happened to a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    Opened(Pull),
    /// Its branch was replaced.
    Updated(Pull),
    /// Merged or closed.
    Ended(Pull),
}

/// A comment on a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub pull: u64,
    pub author: String,
    pub body: String,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// A status of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub id: u64,
    pub context: String,
    /// `error`, `failure`, `pending` or `success`.
    pub state: String,
    pub description: Option<String>,
    pub target: Option<String>,
    pub creator: String,
    pub created: Timestamp,
}

pub struct Desk {
    pub repo: Repository,
    pub owner: String,
    pub name: String,
    /// The default branch.
    pub base: String,
    pub rules: Rules,
    /// Everyone there is, by login.
    pub accounts: BTreeMap<String, Account>,
    pub teams: BTreeSet<String>,
    pub tokens: Vec<Token>,
    pub apps: Vec<App>,
    /// Who pushes with git: a bare repo doesn't know.
    pub pusher: String,
    pub pulls: BTreeMap<u64, Pull>,
    pub comments: BTreeMap<u64, Comment>,
    /// By commit, oldest first.
    pub statuses: BTreeMap<Oid, Vec<Status>>,
    /// Commits that GitHub signed.
    pub verified: BTreeSet<Oid>,
    pub spent: Spent,
    pub(super) merges: HashMap<(Oid, Oid), bool>,
    past: VecDeque<BTreeMap<u64, Pull>>,
    news: Vec<News>,
    numbers: u64,
    ids: u64,
}

impl Desk {
    pub fn new(path: &Path, owner: &str, name: &str, base: &str) -> Result<Self, git2::Error> {
        Ok(Desk {
            repo: Repository::open_bare(path)?,
            owner: owner.to_owned(),
            name: name.to_owned(),
            base: base.to_owned(),
            rules: Rules::default(),
            accounts: BTreeMap::new(),
            teams: BTreeSet::new(),
            tokens: Vec::new(),
            apps: Vec::new(),
            pusher: "somebody".to_owned(),
            pulls: BTreeMap::new(),
            comments: BTreeMap::new(),
            statuses: BTreeMap::new(),
            verified: BTreeSet::new(),
            spent: Spent::default(),
            merges: HashMap::new(),
            past: VecDeque::new(),
            news: Vec::new(),
            numbers: 0,
            ids: 0,
        })
    }

    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The commit of a branch, if there is one.
    pub fn branch(&self, name: &str) -> Result<Option<Oid>, git2::Error> {
        self.reference(&format!("refs/heads/{name}"))
    }

    /// What a ref holds, if it is there.
    pub fn reference(&self, name: &str) -> Result<Option<Oid>, git2::Error> {
        match self.repo.find_reference(name) {
            Ok(reference) => Ok(reference.target()),
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes a branch, if it is there.
    pub fn delete_branch(&self, name: &str) -> Result<(), git2::Error> {
        match self.repo.find_reference(&format!("refs/heads/{name}")) {
            Ok(mut reference) => reference.delete(),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub fn pull(&self, number: u64) -> Result<&Pull, Refusal> {
        self.pulls.get(&number).ok_or_else(Refusal::not_found)
    }

    pub fn pull_mut(&mut self, number: u64) -> Result<&mut Pull, Refusal> {
        self.pulls.get_mut(&number).ok_or_else(Refusal::not_found)
    }

    /// The number of the next pull request.
    pub fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// An id that nothing else has.
    pub fn next_id(&mut self) -> u64 {
        self.ids += 1;
        1_000_000 + self.ids
    }

    /// The pull requests as they were so many changes ago.
    pub fn pulls_before(&self, changes: usize) -> &BTreeMap<u64, Pull> {
        match changes {
            0 => &self.pulls,
            _ => {
                self.past.iter().rev().nth(changes - 1).or(self.past.front()).unwrap_or(&self.pulls)
            }
        }
    }

    /// Does something, and keeps what the pull requests were before if it changes them.
    pub fn changing<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.pulls.clone();
        let done = work(self);
        if before != self.pulls {
            if self.past.len() == PAST {
                self.past.pop_front();
            }
            self.past.push_back(before);
        }
        done
    }

    pub fn tell(&mut self, news: News) {
        self.news.push(news);
    }

    /// What happened since this was last asked.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Sees what was pushed, and lets follow what does: pull requests are updated, closed or merged.
    pub fn notice(&mut self, now: Timestamp) -> Result<(), git2::Error> {
        for number in self.open_pulls() {
            self.notice_pull(number, now)?;
        }
        for number in self.open_pulls() {
            // The one before may have moved the base.
            self.notice_pull(number, now)?;
            self.go_on(number, now)?;
        }
        Ok(())
    }

    fn open_pulls(&self) -> Vec<u64> {
        self.pulls.values().filter(|pull| pull.is_open()).map(|pull| pull.number).collect()
    }

    fn notice_pull(&mut self, number: u64, now: Timestamp) -> Result<(), git2::Error> {
        let Some(pull) = self.pulls.get(&number) else { return Ok(()) };
        let (head, base) = (self.branch(&pull.head_ref)?, self.branch(&pull.base_ref)?);
        let (Some(head), Some(base)) = (head, base) else {
            self.end(number, State::Closed, &self.pusher.clone(), now);
            return Ok(());
        };
        let (head_moved, base_moved) = (head != pull.head, base != pull.base);
        if !head_moved && !base_moved {
            return Ok(());
        }
        let nothing_left = base == head || self.repo.graph_descendant_of(base, head)?;
        let dismisses = self.rules.dismiss_stale_approvals;
        let Some(pull) = self.pulls.get_mut(&number) else { return Ok(()) };
        (pull.head, pull.base) = (head, base);
        if head_moved {
            pull.updated = now;
            pull.queued = None;
            pull.approvals.retain(|_, approved| !dismisses || *approved == head);
        }
        let pull = pull.clone();
        let pusher = self.pusher.clone();
        match (nothing_left, head_moved) {
            // What it holds was pushed to the base as it is.
            (true, false) => self.end(number, State::Merged(base), &pusher, now),
            (true, true) => self.end(number, State::Closed, &pusher, now),
            (false, true) => self.tell(News::Updated(pull)),
            (false, false) => {}
        }
        Ok(())
    }

    /// It is merged or closed.
    pub fn end(&mut self, number: u64, state: State, by: &str, now: Timestamp) {
        let Some(pull) = self.pulls.get_mut(&number).filter(|pull| pull.is_open()) else { return };
        pull.state = state;
        pull.updated = now;
        pull.endings.push(Ending { by: by.to_owned(), at: now });
        (pull.auto_merge, pull.queued) = (None, None);
        let pull = pull.clone();
        self.tell(News::Ended(pull));
    }
}
