//! The embedded reviewer: looks at the step branches of a bare repo and lands them on its base branch the
//! way people and review platforms do, by writing objects and refs only.
mod landing;

use std::collections::BTreeMap;
use std::path::Path;

use git2::{Commit, Oid, Repository};
use jiff::{SignedDuration, Timestamp};

use crate::run::{Phase, branch};

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
    /// The commit's message below its title.
    pub body: String,
    pub opened: Timestamp,
    pub state: State,
}

impl Request {
    /// Whether its title says that it begins this phase.
    pub fn begins(&self, phase: Phase) -> bool {
        self.title.contains(phase.title())
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

/// Something the reviewer, or somebody else with a stake in the repo, did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Opened(Request),
    /// The branch was replaced.
    Updated(Request),
    /// Merged, declined or closed.
    Ended(Request),
    /// It doesn't merge: somebody has to change it first.
    Conflicts(Request),
    /// Somebody else's commit landed on the base.
    Other(Oid),
}

/// One reviewer of one bare repo.
pub struct Reviewer {
    repo: Repository,
    base: String,
    manners: Manners,
    /// The newest request of each branch. A branch that changes after its end gets a new one.
    desk: BTreeMap<String, Pending>,
    opened: u32,
    others: u32,
    random: u64,
}

/// A request, and what is going to happen to it while it is open.
struct Pending {
    request: Request,
    due: Timestamp,
    /// When commits of somebody else land before it, and how many.
    others: Option<(Timestamp, u32)>,
    /// The commit the queue tries.
    queued: Option<Oid>,
    /// It was found not to merge, and hasn't changed since.
    conflicts: bool,
}

/// How long the queue tries a commit.
const QUEUED: SignedDuration = SignedDuration::from_mins(30);

impl Reviewer {
    /// A reviewer of the bare repo at `path`, whose base branch is `base` (without `refs/heads/`). All that
    /// is random follows from `seed`.
    ///
    /// # Errors
    /// There is no such repo.
    pub fn new(path: &Path, base: &str, manners: Manners, seed: u64) -> Result<Self, git2::Error> {
        Ok(Reviewer {
            repo: Repository::open_bare(path)?,
            base: base.to_owned(),
            manners,
            desk: BTreeMap::new(),
            opened: 0,
            others: 0,
            random: seed,
        })
    }

    /// When the next thing falls due that doesn't begin with somebody else's change of a branch.
    pub fn due(&self) -> Option<Timestamp> {
        self.desk.values().filter_map(Pending::next).min()
    }

    /// Does what falls due until `now`, and says what that was. Each thing happens at most once.
    ///
    /// # Errors
    /// The repo can't be read or written.
    pub fn advance(&mut self, now: Timestamp) -> Result<Vec<Act>, git2::Error> {
        let mut acts = Vec::new();
        self.look_at_branches(now, &mut acts)?;
        let branches: Vec<String> = self.desk.keys().cloned().collect();
        for branch in branches {
            self.review(&branch, now, &mut acts)?;
        }
        Ok(acts)
    }

    /// Opens a request for every branch that is new, and takes note of those that changed or went.
    fn look_at_branches(&mut self, now: Timestamp, acts: &mut Vec<Act>) -> Result<(), git2::Error> {
        let branches = self.step_branches()?;
        for (name, pending) in &mut self.desk {
            if pending.request.state == State::Open && !branches.contains_key(name) {
                pending.end(State::Closed, acts);
            }
        }
        for (name, head) in branches {
            match self.desk.get_mut(&name) {
                Some(pending) if pending.request.head == head => {}
                Some(pending) if pending.request.state == State::Open => {
                    let commit = self.repo.find_commit(head)?;
                    (pending.request.title, pending.request.body) = message(&commit);
                    pending.request.head = head;
                    (pending.queued, pending.conflicts) = (None, false);
                    acts.push(Act::Updated(pending.request.clone()));
                }
                _ => self.open(&name, head, now, acts)?,
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        name: &str,
        head: Oid,
        now: Timestamp,
        acts: &mut Vec<Act>,
    ) -> Result<(), git2::Error> {
        let Some((_, run, step)) = branch::parse(name) else { return Ok(()) };
        self.opened += 1;
        let (title, body) = message(&self.repo.find_commit(head)?);
        let request = Request {
            number: self.opened,
            branch: name.to_owned(),
            run,
            step,
            head,
            title,
            body,
            opened: now,
            state: State::Open,
        };
        let takes = self.manners.after + self.jitter();
        let others = self.manners.others;
        let others = (others > 0).then(|| (now + takes / 2, others));
        acts.push(Act::Opened(request.clone()));
        let pending = Pending { request, due: now + takes, others, queued: None, conflicts: false };
        self.desk.insert(name.to_owned(), pending);
        Ok(())
    }

    fn review(
        &mut self,
        branch: &str,
        now: Timestamp,
        acts: &mut Vec<Act>,
    ) -> Result<(), git2::Error> {
        let Some(pending) = self.desk.get_mut(branch) else { return Ok(()) };
        if pending.request.state != State::Open {
            return Ok(());
        }
        let others = pending.others.take_if(|(at, _)| *at <= now).map_or(0, |(_, count)| count);
        let is_due = pending.due <= now && !pending.conflicts;
        let (request, queued) = (pending.request.clone(), pending.queued);
        for _ in 0..others {
            self.others += 1;
            acts.push(Act::Other(self.land_other(now)?));
        }
        if !is_due {
            return Ok(());
        }
        let landed = if self.manners.declines == Some(request.step) {
            self.manners.declines = None;
            None
        } else {
            Some(self.land(&request, queued, now)?)
        };
        let gone = match landed {
            None => true,
            Some(Landed::OnBase(_)) => self.manners.deletes_branches,
            Some(Landed::Queued(_) | Landed::Conflicts) => false,
        };
        if gone {
            self.delete(&format!("refs/heads/{branch}"))?;
        }
        let Some(pending) = self.desk.get_mut(branch) else { return Ok(()) };
        match landed {
            None => pending.end(State::Declined, acts),
            Some(Landed::OnBase(commit)) => pending.end(State::Merged(commit), acts),
            Some(Landed::Queued(commit)) => {
                pending.queued = Some(commit);
                pending.due = now + QUEUED;
            }
            Some(Landed::Conflicts) => {
                pending.conflicts = true;
                acts.push(Act::Conflicts(request));
            }
        }
        Ok(())
    }
}

impl Pending {
    /// When the next thing happens to it.
    fn next(&self) -> Option<Timestamp> {
        let open = self.request.state == State::Open;
        let others = self.others.map(|(at, _)| at);
        let due = (!self.conflicts).then_some(self.due);
        others.into_iter().chain(due).min().filter(|_| open)
    }

    fn end(&mut self, state: State, acts: &mut Vec<Act>) {
        self.request.state = state;
        acts.push(Act::Ended(self.request.clone()));
    }
}

/// What came of an attempt to land a request.
#[derive(Clone, Copy)]
enum Landed {
    OnBase(Oid),
    Queued(Oid),
    Conflicts,
}

/// A commit's title, and what stands below it.
fn message(commit: &Commit<'_>) -> (String, String) {
    let text = String::from_utf8_lossy(commit.message_bytes());
    let (title, body) = text.split_once('\n').unwrap_or((&text, ""));
    (title.to_owned(), body.trim().to_owned())
}
