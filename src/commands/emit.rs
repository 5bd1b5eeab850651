//! A proposed step made real: rendered, committed on its branch and, if asked for, pushed.
use anyhow::Context as _;

use super::look::Look;
use super::session::Session;
use crate::cli::Emit;
use crate::context::Context;
use crate::git::Oid;
use crate::propose::{self, Proposal, Push, Pushed, commit, push};
use crate::render::{Change, message};
use crate::report::error::Invalid;
use crate::report::json::{Done, StepOutcome};
use crate::run::deployment::Action;
use crate::run::{Place, Step, SystemRef};

/// What became of a proposed step.
pub struct Made {
    pub done: Done,
    pub change: Change,
}

/// Commits the step, and takes it as far as `emit` says.
pub fn make(
    context: &Context,
    session: &Session,
    look: &Look,
    step: &Step,
    emit: Emit,
) -> anyhow::Result<Made> {
    if step.action == Action::Start
        && step.record.ticket.is_none()
        && look.seen.deployment.policy.ticket_required
    {
        let hint = "e.g. --ticket DCR-123: `jira` is set in dcr-gitops.yaml";
        return Err(Invalid::usage("a run needs a ticket").hint(hint).into());
    }
    let remote = match (emit.push, &session.remote) {
        (true, None) => {
            let hint = "`git remote add origin URL`, or leave out --push";
            return Err(Invalid::new("there is no remote to push to").hint(hint).into());
        }
        (true, remote) => remote.as_deref(),
        (false, _) => None,
    };
    let change = look.change(session, step)?;
    let requested_by = requested_by(context, session);
    let message = message(step, &change, requested_by.as_deref())?;
    let branch = step.branch();
    let same = |commit: Oid| same(session, &step.record.system, step, commit);
    let base = Oid::from_str(&look.seen.deployment.base.commit).context("reading the base")?;
    let proposal =
        Proposal { base, change: &change, message: &message, branch: &branch, place: &step.place };
    let committed = commit(&session.repo, &proposal, context.clock.now(), &same)?;
    let mut done = Done {
        outcome: if committed.adopted { StepOutcome::Adopted } else { StepOutcome::Committed },
        commit: Some(committed.commit.to_string()),
    };
    let Some(remote) = remote else { return Ok(Made { done, change }) };
    let seen = match &step.place {
        Place::New => None,
        Place::Adopt(branch) | Place::Replace(branch) => branch.remote.as_deref(),
    };
    let expected = seen.map(Oid::from_str).transpose().context("reading the remote's branch")?;
    if expected != Some(committed.commit) {
        let pushing = Push { remote, branch: &branch, commit: committed.commit, expected };
        done = match push(&session.repo, pushing, &same)? {
            Pushed::Pushed => Done { outcome: StepOutcome::Pushed, ..done },
            Pushed::Adopted(theirs) => {
                Done { outcome: StepOutcome::Adopted, commit: Some(theirs.to_string()) }
            }
        };
    }
    Ok(Made { done, change })
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
