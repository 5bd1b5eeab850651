//! The embedded reviewer: looks at the pull requests of the embedded GitHub and approves, merges or closes
//! them, as people do. Where the program only pushes, it opens them, too.
mod others;
mod request;

use std::collections::BTreeMap;

use git2::{Oid, Repository};
use jiff::{SignedDuration, Timestamp};

use super::github::account::{Account, Permissions};
use super::github::pull::Method;
use super::github::refusal::Refusal;
use super::github::{GitHub, News};
use crate::run::branch;

pub use request::{Request, State};

/// Who reviews.
pub const REVIEWER: &str = "rehearsal-reviewer";

/// When a reviewer looks again at what could not be merged.
const AGAIN: SignedDuration = SignedDuration::from_mins(30);

/// Who opens pull requests where the program only pushes.
const OPENER: &str = "rehearsal-opener";

/// How a request gets onto the base branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landing {
    /// A merge commit with the step as its second parent.
    Merge,
    /// One new commit, with the step's title.
    Squash,
    /// The step's commit once more, on the newest base.
    Rebase,
    /// Tried on a branch of its own for half an hour first, then landed by moving the base to it.
    Queue,
}

/// How the reviewer goes about it. Times are the world's.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    pub landing: Landing,
    /// From the opening of a request to its review.
    pub after: SignedDuration,
    /// Up to so much later than that.
    pub jitter: SignedDuration,
    /// How many commits of other people land on the base between the opening of a request and its end.
    pub others: u32,
    pub deletes_branches: bool,
    /// Closes the first request for this step without landing it.
    pub declines: Option<u32>,
}

impl Default for Manners {
    fn default() -> Self {
        Manners {
            landing: Landing::Merge,
            after: SignedDuration::from_hours(1),
            jitter: SignedDuration::from_mins(30),
            others: 0,
            deletes_branches: true,
            declines: None,
        }
    }
}

/// Something the reviewer, or somebody else with a stake in the repo, did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Opened(Request),
    /// The branch was replaced.
    Updated(Request),
    /// Merged, declined or closed.
    Ended(Request),
    /// It isn't merged yet: what stands in the way, in GitHub's words.
    Waits(Request, String),
    /// It doesn't merge: somebody has to change it first.
    Conflicts(Request),
    /// Somebody else's commit landed on the base.
    Other(Oid),
}

/// One reviewer of one GitHub.
pub struct Reviewer {
    github: GitHub,
    repo: Repository,
    manners: Manners,
    opens: bool,
    /// What is to be done about each pull request.
    plans: BTreeMap<u64, Plan>,
    others: u32,
    random: u64,
}

/// What is still to be done about a pull request that is open.
struct Plan {
    request: Request,
    due: Timestamp,
    /// When how many commits of others land.
    others: Option<(Timestamp, u32)>,
    /// It was found not to merge, and hasn't changed since, or is in the queue.
    done: bool,
    /// What the base was at when it was looked at.
    base: Option<Oid>,
    /// It was told that it doesn't merge.
    conflicts: bool,
    /// It was told that it has to wait.
    waits: bool,
}

/// Why the reviewer can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    #[error(transparent)]
    Git(#[from] git2::Error),
    #[error("the embedded GitHub refuses its own reviewer: {0}")]
    Refused(String),
}

impl From<Refusal> for ReviewError {
    fn from(refusal: Refusal) -> Self {
        ReviewError::Refused(format!("{refusal:?}"))
    }
}

impl Reviewer {
    /// A reviewer of the pull requests there, with an account of their own; the repo is set up the way its
    /// manners need it. `opens`: nobody else opens pull requests. All that is random follows from `seed`.
    ///
    /// # Errors
    /// Its repo can't be opened.
    pub fn new(
        github: GitHub,
        manners: Manners,
        opens: bool,
        seed: u64,
    ) -> Result<Self, git2::Error> {
        let repo = Repository::open_bare(github.path())?;
        github.add_account(Account::person(REVIEWER, Permissions::WRITE));
        github.add_account(Account::person(OPENER, Permissions::WRITE));
        github.set_rules(|rules| {
            let method = manners.landing.method();
            rules.methods = vec![method];
            rules.merge_queue = (manners.landing == Landing::Queue).then_some(method);
            rules.delete_branch_on_merge = manners.deletes_branches;
        });
        let plans = BTreeMap::new();
        Ok(Reviewer { github, repo, manners, opens, plans, others: 0, random: seed })
    }

    /// When the next thing falls due that doesn't begin with somebody else's change.
    pub fn due(&self) -> Option<Timestamp> {
        self.plans.values().filter_map(Plan::next).chain(self.github.due()).min()
    }

    /// Does what has fallen due by now, and says what that was. Each thing happens at most once.
    ///
    /// # Errors
    /// The repo can't be read or written.
    pub fn advance(&mut self) -> Result<Vec<Act>, ReviewError> {
        let mut acts = Vec::new();
        self.take_note(&mut acts)?;
        if self.opens {
            self.open_new()?;
            self.take_note(&mut acts)?;
        }
        let now = self.github.now();
        self.look_again()?;
        let numbers: Vec<u64> = self.plans.keys().copied().collect();
        for number in numbers {
            self.review(number, now, &mut acts)?;
            self.take_note(&mut acts)?;
        }
        Ok(acts)
    }

    /// What doesn't merge now may merge once the base is another, e.g. when a revert was reverted.
    fn look_again(&mut self) -> Result<(), ReviewError> {
        if self.plans.is_empty() {
            return Ok(());
        }
        let base =
            self.repo.find_reference(&format!("refs/heads/{}", self.github.base()))?.target();
        for (number, plan) in &mut self.plans {
            let waits = self.github.pull(*number).is_some_and(|pull| pull.queued.is_none());
            plan.done &= !waits || plan.base == base;
            plan.base = base;
        }
        Ok(())
    }

    /// What happened on GitHub since the last look.
    fn take_note(&mut self, acts: &mut Vec<Act>) -> Result<(), ReviewError> {
        for news in self.github.advance()? {
            let (News::Opened(pull) | News::Updated(pull) | News::Ended(pull)) = &news;
            let (title, message) = self.message(pull.head)?;
            let Some(mut request) = Request::of(pull, message.clone(), &self.github.repository())
            else {
                continue;
            };
            match news {
                News::Opened(_) => {
                    self.plan(request.clone());
                    acts.push(Act::Opened(request));
                }
                News::Updated(_) => {
                    if self.opens {
                        self.github.edit(pull.number, &title, &message)?;
                        (request.title, request.body) = (title, message);
                    }
                    if let Some(plan) = self.plans.get_mut(&pull.number) {
                        (plan.request, plan.done, plan.conflicts) = (request.clone(), false, false);
                    }
                    acts.push(Act::Updated(request));
                }
                News::Ended(_) => {
                    self.plans.remove(&pull.number);
                    acts.push(Act::Ended(request));
                }
            }
        }
        Ok(())
    }

    fn plan(&mut self, request: Request) {
        let takes = self.manners.after + self.jitter();
        let others = self.manners.others;
        let others = (others > 0).then(|| (request.opened + takes / 2, others));
        let due = request.opened + takes;
        self.plans.insert(
            request.number.into(),
            Plan { request, due, others, done: false, base: None, conflicts: false, waits: false },
        );
    }

    /// Opens a pull request for every step branch that has none for the commit it holds.
    fn open_new(&self) -> Result<(), ReviewError> {
        let pulls = self.github.pulls();
        for (name, head) in self.step_branches()? {
            let mut of_it = pulls.iter().filter(|pull| pull.head_ref == name);
            if branch::parse(&name).is_none() || of_it.any(|it| it.is_open() || it.head == head) {
                continue;
            }
            let (title, body) = self.message(head)?;
            match self.github.open(OPENER, &name, &title, &body) {
                // It holds nothing that the base doesn't.
                Err(Refusal { status: 422, .. }) | Ok(_) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Ok(())
    }

    fn review(
        &mut self,
        number: u64,
        now: Timestamp,
        acts: &mut Vec<Act>,
    ) -> Result<(), ReviewError> {
        let Some(plan) = self.plans.get_mut(&number) else { return Ok(()) };
        let others = plan.others.take_if(|(at, _)| *at <= now).map_or(0, |(_, count)| count);
        let is_due = plan.due <= now && !plan.done;
        plan.done |= is_due;
        let request = plan.request.clone();
        for _ in 0..others {
            self.others += 1;
            acts.push(Act::Other(self.land_other(now)?));
        }
        if !is_due {
            return Ok(());
        }
        if self.manners.declines == Some(request.step) {
            self.manners.declines = None;
            self.github.close(number, REVIEWER);
            if self.opens {
                // Who only pushes sees from this that it was turned down.
                self.github.delete_branch(&request.branch, REVIEWER)?;
            }
            return Ok(());
        }
        if self.github.conflicts(number)? {
            let plan = self.plans.get_mut(&number);
            if plan.is_some_and(|plan| !std::mem::replace(&mut plan.conflicts, true)) {
                acts.push(Act::Conflicts(request));
            }
            return Ok(());
        }
        self.github.set_draft(number, false);
        self.github.approve(number, REVIEWER)?;
        let is_merged_by_itself =
            self.github.pull(number).is_none_or(|pull| !pull.is_open() || pull.queued.is_some());
        if is_merged_by_itself {
            return Ok(());
        }
        match self.github.merge(number, REVIEWER, self.manners.landing.method()) {
            Ok(()) => Ok(()),
            // A check stands in the way.
            Err(Refusal { status: 405 | 422, message, .. }) => {
                if let Some(plan) = self.plans.get_mut(&number) {
                    (plan.due, plan.done) = (now + AGAIN, false);
                    if !std::mem::replace(&mut plan.waits, true) {
                        acts.push(Act::Waits(request, message));
                    }
                }
                Ok(())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Up to the jitter of the manners; the same for the same seed.
    fn jitter(&mut self) -> SignedDuration {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let longest = u64::try_from(self.manners.jitter.as_secs()).unwrap_or_default();
        let jitter = (self.random >> 33) % (longest + 1);
        SignedDuration::from_secs(i64::try_from(jitter).unwrap_or_default())
    }
}

impl Plan {
    /// When the next thing happens to it.
    fn next(&self) -> Option<Timestamp> {
        let others = self.others.map(|(at, _)| at);
        let due = (!self.done).then_some(self.due);
        others.into_iter().chain(due).min()
    }
}

impl Landing {
    fn method(self) -> Method {
        match self {
            Landing::Merge => Method::Merge,
            Landing::Squash | Landing::Queue => Method::Squash,
            Landing::Rebase => Method::Rebase,
        }
    }
}
