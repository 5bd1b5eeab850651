//! A proposed step made real: rendered, committed on its branch and, if asked for, pushed and put in review.
use anyhow::Context as _;

use super::desk::{self, Desk};
use super::look::Look;
use super::session::Session;
use super::tell::job;
use crate::cli::Emit;
use crate::config::CommitsVia;
use crate::context::Context;
use crate::git::Oid;
use crate::propose::{self, Proposal, Push, Pushed, commit, push, withdraw};
use crate::render::{Change, message};
use crate::report::error::Invalid;
use crate::report::escape;
use crate::report::json::{Done, StepOutcome};
use crate::report::pull_request::Origin;
use crate::run::deployment::{Action, StepBranch};
use crate::run::{Place, Request, Step, SystemRef};

/// What became of a proposed step.
pub struct Made {
    pub done: Done,
    pub change: Change,
    /// What a person should know of its review.
    pub notes: Vec<String>,
}

/// Commits the step, and takes it as far as `emit` says: onto a branch here, to the remote, or to the `desk` where
/// it is reviewed.
pub fn make(
    context: &Context,
    session: &Session,
    look: &Look,
    step: &Step,
    emit: Emit,
    desk: Option<&Desk>,
) -> anyhow::Result<Made> {
    if step.action == Action::Start
        && step.record.ticket.is_none()
        && look.seen.deployment.policy.ticket_required
    {
        let hint = "e.g. --ticket DCR-123: `jira` is set in dcr-gitops.yaml";
        return Err(Invalid::usage("a run needs a ticket").hint(hint).into());
    }
    let remote = match (emit.pushes(), &session.remote) {
        (true, None) => {
            let hint = "`git remote add origin URL`, or leave out --push and --pr";
            return Err(Invalid::new("there is no remote to push to").hint(hint).into());
        }
        (true, remote) => remote.as_deref(),
        (false, _) => None,
    };
    let change = look.change(session, step)?;
    let origin = Origin { requested_by: requested_by(context, session), job: job(context) };
    let message = message(step, &change, origin.requested_by.as_deref())?;
    let text = desk.map(|desk| desk.text(look, step, &change, &origin)).transpose()?;
    let branch = step.branch();
    let same = |commit: Oid| same(session, &step.record.system, step, commit);
    let base = Oid::from_str(&look.seen.deployment.base.commit).context("reading the base")?;
    let proposal =
        Proposal { base, change: &change, message: &message, branch: &branch, place: &step.place };
    let by_github = session.settings.settings.github.commits == CommitsVia::Api;
    let mut notes = Vec::new();
    let committed = match (desk, remote) {
        (Some(desk), Some(remote)) if by_github => {
            desk.supersede(look, step)?;
            let (committed, said) = desk.commit(&session.repo, remote, &proposal, &same)?;
            notes = said;
            committed
        }
        _ => commit(&session.repo, &proposal, context.clock.now(), &same)?,
    };
    let done = Done {
        outcome: if committed.adopted { StepOutcome::Adopted } else { StepOutcome::Committed },
        commit: Some(committed.commit.to_string()),
        request: None,
    };
    let mut made = Made { done, change, notes };
    let Some(remote) = remote else { return Ok(made) };
    let seen = match &step.place {
        Place::New => None,
        Place::Adopt(branch) | Place::Replace(branch) => branch.remote.as_deref(),
    };
    let expected = seen.map(Oid::from_str).transpose().context("reading the remote's branch")?;
    if by_github {
        if !committed.adopted {
            made.done.outcome = StepOutcome::Pushed;
        }
    } else if expected != Some(committed.commit) {
        if let Some(desk) = desk {
            desk.supersede(look, step)?;
        }
        let pushing = Push { remote, branch: &branch, commit: committed.commit, expected };
        match push(&session.repo, pushing, &same)? {
            Pushed::Pushed => made.done.outcome = StepOutcome::Pushed,
            Pushed::Adopted(theirs) => {
                made.done.outcome = StepOutcome::Adopted;
                made.done.commit = Some(theirs.to_string());
            }
        }
    }
    let Some(desk) = desk.filter(|_| emit.pr) else { return Ok(made) };
    if let (Some(text), Some(commit)) = (text, made.done.commit.clone()) {
        // Somebody else's commit may differ in what it changes.
        let text = match made.done.outcome {
            StepOutcome::Adopted => {
                let held = Oid::from_str(&commit).context("reading the commit")?;
                let theirs = session.source(session.pattern()).change_of(held)?;
                desk.text(look, step, &theirs, &origin)?
            }
            _ => text,
        };
        let pushed = desk::Pushed { look, step, commit: &commit, text: &text };
        let reviewed = desk.review(&session.settings.settings, &pushed)?;
        if reviewed.opened {
            made.done.outcome = StepOutcome::Opened;
        }
        made.done.request = reviewed.url;
        made.notes.extend(reviewed.notes);
    }
    Ok(made)
}

/// Whether steps can be emitted so far only with GitHub at hand.
pub fn needs_github(session: &Session, emit: Emit) -> bool {
    let by_github = session.settings.settings.github.commits == CommitsVia::Api;
    emit.pr || emit.push && by_github
}

/// Takes a step back that nobody merged yet: its request is closed, its branch deleted.
pub fn take_back(
    session: &Session,
    look: &Look,
    branch: &StepBranch,
    asked: &Request,
    emit: Emit,
    desk: Option<&Desk>,
) -> anyhow::Result<()> {
    if let Some(desk) = desk {
        let why = match asked {
            Request::Abort { reason } => format!("Aborted: {}", escape::markdown(reason)),
            _ => "Taken back before it was merged.".to_owned(),
        };
        desk.withdraw(look, branch, &why)?;
    }
    let remote = session.remote.as_deref().filter(|_| emit.pushes());
    Ok(withdraw(&session.repo, remote, branch)?)
}

/// Whether it failed because somebody else was faster with something else: then a new look may tell more.
pub fn was_outrun(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<propose::Error>(),
        Some(propose::Error::Conflict { .. } | propose::Error::BaseDiffers { .. })
    )
}

/// Whether another racer's commit means what this step means.
fn same(session: &Session, system: &SystemRef, step: &Step, commit: Oid) -> anyhow::Result<bool> {
    let at = (step.record.run, step.record.step);
    Ok(session.source(session.pattern()).holds(system, at, &step.intent(), commit)?)
}

/// Who asked for it: the actor of the workflow, else whom git takes for the committer.
fn requested_by(context: &Context, session: &Session) -> Option<String> {
    let actor = context.var("GITHUB_ACTOR").map(str::to_owned);
    actor.or_else(|| session.repo.config().text("user.name"))
}
