//! Review on GitHub: a step's pull request opened, looked after while it is open, and taken back.
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::runtime::Handle;

use super::look::Look;
use crate::config::{GithubSettings, ReviewMode, Settings};
use crate::git::Repo;
use crate::github::{Error, Writer};
use crate::observe::review::Pull;
use crate::propose::comment::{self, Comments};
use crate::propose::on_github::OnGithub;
use crate::propose::pull_request::{
    Auto, Found, Wanted, arm, close, describe, disarm, finish, light, open, shown,
};
use crate::propose::{self, Committed, Proposal, Same};
use crate::render::{Change, RenderError};
use crate::report::pull_request::{Origin, Text};
use crate::run::deployment::{StepBranch, StepContent};
use crate::run::review::{Described, ReviewRequest, ReviewState};
use crate::run::{Holds, Place, Step, SystemRef, holds};

/// Where commands that write put steps in review. Built for them alone.
pub struct Desk {
    runtime: Handle,
    writer: Writer,
    finished: Arc<Mutex<BTreeSet<u64>>>,
}

/// A step in review.
#[derive(Debug, Default)]
pub struct Reviewed {
    /// The address of its request.
    pub url: Option<String>,
    /// Whether the request was opened just now.
    pub opened: bool,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

/// A step whose branch is on the remote.
pub struct Pushed<'a> {
    pub look: &'a Look,
    pub step: &'a Step,
    pub commit: &'a str,
    pub text: &'a Text,
}

impl Desk {
    /// `finished`: the requests whose labels and reviewers need no more thought.
    pub fn new(runtime: Handle, writer: Writer, finished: Arc<Mutex<BTreeSet<u64>>>) -> Self {
        Desk { runtime, writer, finished }
    }

    /// Brings the comments on the requests up to date. Gives what couldn't be done, by the system it was for.
    pub fn comment(
        &self,
        comments: &mut Comments,
        owed: &[comment::Owed],
        now: Timestamp,
    ) -> Vec<(SystemRef, Error)> {
        self.runtime.block_on(comments.deliver(&self.writer, owed, now))
    }

    /// What the request will say. Made before anything is written.
    pub fn text(
        &self,
        look: &Look,
        step: &Step,
        change: &Change,
        origin: &Origin,
    ) -> Result<Text, RenderError> {
        Text::new(&look.seen, step, change, self.writer.reader().place(), origin)
    }

    /// Closes the open request of a step that another one is about to replace: what was approved was that one.
    pub fn supersede(&self, look: &Look, step: &Step) -> Result<(), Error> {
        let Place::Replace(branch) = &step.place else { return Ok(()) };
        let request = look.seen.world.review.open_request(branch.run, branch.step);
        let Some(request) = request.filter(|_| !is_the_same_step(branch, step)) else {
            return Ok(());
        };
        let why = format!("Superseded by another step: {}.", step.intent().name());
        self.runtime.block_on(close(&self.writer, request.number, &why)).map(drop)
    }

    /// Has GitHub make the step's commit. What a person should know of it comes with it.
    pub fn commit(
        &self,
        repo: &Repo,
        remote: &str,
        proposal: &Proposal<'_>,
        same: Same<'_>,
    ) -> Result<(Committed, Vec<String>), propose::Error> {
        let making = OnGithub::new(repo, remote, &self.writer, proposal)?;
        self.runtime.block_on(async {
            let committed = making.commit(same).await?;
            let mut notes = Vec::new();
            if !committed.adopted {
                notes.push(match making.verification(committed.commit).await? {
                    Some(it) if it.verified => "GitHub signed the commit: verified".to_owned(),
                    Some(it) => format!("GitHub didn't sign the commit: {}", it.reason),
                    None => "GitHub says nothing of the commit's signature".to_owned(),
                });
            }
            Ok((committed, notes))
        })
    }

    /// Puts a step in review, or finds it there, and looks after it.
    pub fn review(&self, settings: &Settings, pushed: &Pushed<'_>) -> anyhow::Result<Reviewed> {
        self.runtime.block_on(self.reviewed(settings, pushed))
    }

    async fn reviewed(&self, settings: &Settings, pushed: &Pushed<'_>) -> anyhow::Result<Reviewed> {
        let Pushed { look, step, commit, text } = pushed;
        let (run, number) = (step.record.run, step.record.step);
        let before = look.seen.world.review.open_request(run, number);
        let known = before.filter(|request| request.head == *commit);
        let done = |request: &&ReviewRequest| {
            speaks_of(request, commit) && self.is_finished(settings, request)
        };
        if let Some(request) = known.filter(done) {
            let mut reviewed = Reviewed { url: Some(request.url.clone()), ..Reviewed::default() };
            self.look_after(settings, pushed, request.number, Some(request), &mut reviewed).await?;
            return Ok(reviewed);
        }
        let body = text.body(commit)?;
        let GithubSettings { draft, .. } = settings.github;
        let branch = step.branch();
        let (base, title) = (settings.branch.as_str(), text.title.as_str());
        let wanted = Wanted { branch: &branch, base, commit, title, body: &body, draft };
        let (pull, opened) = match open(&self.writer, &wanted).await? {
            Found::Opened(pull) => (pull, true),
            Found::Adopted(pull) => {
                describe(&self.writer, &pull, &wanted).await?;
                (pull, false)
            }
            Found::Over(pull) => return Ok(over(&pull)),
        };
        let mut reviewed = Reviewed { url: Some(pull.html_url.clone()), opened, notes: Vec::new() };
        // Whoever was asked about a commit before this one, or gave a review of this one, isn't asked again.
        let made_again = before.is_some_and(|request| request.head != *commit);
        let asks = opened || !made_again && shown(&self.writer, commit).await?.is_none();
        reviewed.notes.extend(finish(&self.writer, &pull, &settings.github, asks).await);
        self.finished().insert(pull.number);
        let known = known.filter(|request| request.number == pull.number);
        self.look_after(settings, pushed, pull.number, known, &mut reviewed).await?;
        Ok(reviewed)
    }

    /// Whether the labels are on, which are put on last, or were tried to be.
    fn is_finished(&self, settings: &Settings, request: &ReviewRequest) -> bool {
        let on = |label: &String| {
            request.standing.labels.iter().any(|there| there.eq_ignore_ascii_case(label))
        };
        let GithubSettings { labels, reviewers, team_reviewers, .. } = &settings.github;
        // Where there are no labels to tell it by, it is looked at once.
        let tells = !labels.is_empty() || reviewers.is_empty() && team_reviewers.is_empty();
        tells && labels.iter().all(on) || self.finished().contains(&request.number)
    }

    fn finished(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows whether the gate still holds, and lets GitHub merge the step only while it does.
    async fn look_after(
        &self,
        settings: &Settings,
        pushed: &Pushed<'_>,
        number: u64,
        known: Option<&ReviewRequest>,
        reviewed: &mut Reviewed,
    ) -> Result<(), Error> {
        let Pushed { look, step, commit, .. } = pushed;
        let holds = holds(&look.seen, step);
        if let Err(error) = light(&self.writer, commit, &holds).await {
            reviewed.notes.push(format!("whether the gate still holds isn't shown: {error}"));
        }
        let armed = known.is_some_and(|request| request.standing.armed || request.standing.queued);
        if let Holds::No(why) = &holds {
            let why = format!("the gate before this step holds no more: {why}");
            reviewed.notes.push(format!("{why}; it isn't to be merged before it does again"));
        }
        if matches!(holds, Holds::No(_) | Holds::Unseen(_)) {
            return if armed { disarm(&self.writer, number).await } else { Ok(()) };
        }
        let auto = settings.review.of(step.record.phase) == ReviewMode::Auto;
        if !auto || armed {
            return Ok(());
        }
        if step.needs_a_person() {
            reviewed.notes.push("this step waits for a person, whatever `review` says".to_owned());
            return Ok(());
        }
        if let Auto::Left(why) = arm(&self.writer, number, commit).await? {
            reviewed.notes.push(format!("it isn't merged by itself: {why}"));
        }
        Ok(())
    }

    /// Closes what is open although its step is on the base already.
    pub fn close_duplicates(&self, look: &Look) -> Result<(), Error> {
        let deployment = &look.seen.deployment;
        let record = deployment.record.as_ref().map(|record| (record.run, record.step));
        let last = deployment.last_run.as_ref().map(|last| (last.run, last.step));
        let Some(reached) = record.or(last).filter(|_| deployment.base.fresh) else {
            return Ok(());
        };
        for request in &look.seen.world.review.requests {
            let at = (request.run, request.step);
            let is_theirs = deployment.steps.iter().any(|step| {
                (step.run, step.step) == at && matches!(step.content, StepContent::Foreign { .. })
            });
            if request.state == ReviewState::Open && at <= reached && !is_theirs {
                let (run, step) = reached;
                let why = format!("The base branch is at step {step} of run {run} already.");
                self.runtime.block_on(close(&self.writer, request.number, &why))?;
            }
        }
        Ok(())
    }

    /// Closes the request of a step that is taken back.
    pub fn withdraw(&self, look: &Look, branch: &StepBranch, why: &str) -> Result<(), Error> {
        let request = look.seen.world.review.open_request(branch.run, branch.step);
        let Some(request) = request else { return Ok(()) };
        self.runtime.block_on(close(&self.writer, request.number, why)).map(drop)
    }
}

/// Whether GitHub wasn't there, or wants to be left alone: then the next look may tell more.
pub fn is_passing(error: &anyhow::Error) -> bool {
    let error = match error.downcast_ref() {
        Some(propose::Error::Github(error)) => Some(error),
        _ => error.downcast_ref::<Error>(),
    };
    error.is_some_and(Error::is_passing)
}

/// Whether a branch holds this very step, only made from an older base.
fn is_the_same_step(branch: &StepBranch, step: &Step) -> bool {
    let StepContent::Ours(held) = &branch.content else { return true };
    let intent = step.intent();
    (held.action, held.kind, held.phase, held.attempt)
        == (intent.action, intent.kind, intent.phase, intent.attempt)
}

/// Whether nothing is to be written about it: it speaks of this commit, or a person wrote it.
fn speaks_of(request: &ReviewRequest, commit: &str) -> bool {
    match &request.standing.describes {
        Described::OwnWords => true,
        Described::Nothing => false,
        Described::Commit(described) => described == commit,
    }
}

fn over(pull: &Pull) -> Reviewed {
    let what = if pull.merged_at.is_some() { "merged" } else { "closed" };
    let note = format!("{} was {what} meanwhile: the next look sees it", pull.html_url);
    Reviewed { url: Some(pull.html_url.clone()), opened: false, notes: vec![note] }
}
