//! `next-phase`: observe, decide, and if a step falls due, commit it on its branch and show it.
use anyhow::Context as _;

use super::look::{Look, Outside, look};
use super::session::Session;
use super::{code, for_people};
use crate::cli::{Common, NextPhase, Output};
use crate::context::Context;
use crate::git::Oid;
use crate::propose::{self, Proposal, Push, Pushed, commit, push};
use crate::render::{Change, message};
use crate::report::json::{Done, Line, StepOutcome};
use crate::report::{Style, diff, error::Invalid, terminal};
use crate::run::deployment::Action;
use crate::run::{Decision, Place, Request, Step, SystemRef, decide, notices};

/// How often it is started over when somebody else was faster with something else.
const ATTEMPTS: u32 = 3;

pub fn run(context: &mut Context, common: &Common, asked: &NextPhase) -> anyhow::Result<u8> {
    if asked.push && common.observed.is_some() {
        let hint = "what was observed before isn't what is there now";
        return Err(Invalid::usage("--observed can't go with --push").hint(hint).into());
    }
    let outside = Outside::new(context, common)?;
    let mut attempt = 1;
    let (look, decision, made) = loop {
        match once(context, common, asked, &outside) {
            Err(error) if attempt < ATTEMPTS && was_outrun(&error) => attempt += 1,
            result => break result?,
        }
    };
    let notices = notices(&look.seen);
    let done = made.as_ref().map(|made| &made.done);
    let line = Line::new(&look.seen, &decision, done);
    if common.output == Output::Json {
        context.print(&format!("{}\n", serde_json::to_string(&line)?))?;
    } else if for_people(common) {
        let style = Style::choose(context, common.color, context.terminal.out);
        let mut text = terminal::account(&line, &decision, &notices, style);
        if let Some(made) = &made {
            text += &format!("\n{}", diff::unified(&made.change, style));
        }
        context.print(&text)?;
    }
    if common.output == Output::Json {
        for notice in notices {
            context.complain(&format!("note: {}\n", crate::report::line(&notice)));
        }
    }
    Ok(code(&decision))
}

/// What became of a proposed step.
struct Made {
    done: Done,
    change: Change,
}

fn once(
    context: &Context,
    common: &Common,
    asked: &NextPhase,
    outside: &Outside,
) -> anyhow::Result<(Look, Decision, Option<Made>)> {
    let session = Session::open(context, common)?;
    let system = session.system(&asked.system)?;
    let session = match (asked.push, &session.remote) {
        (true, Some(_)) => session.refresh(context, common, std::slice::from_ref(&system))?,
        (true, None) => {
            let hint = "`git remote add origin URL`, or leave out --push";
            return Err(Invalid::new("there is no remote to push to").hint(hint).into());
        }
        (false, _) => session,
    };
    let look = look(context, common, &session, outside, &system)?;
    let request = Request::Next {
        forced: asked.forced,
        ticket: asked.ticket.clone(),
        skip_gate: common.skip_gate.clone(),
    };
    let decision = decide(&look.seen, &request)?;
    let made = match &decision {
        Decision::Propose(step) => Some(make(context, &session, &look, step, asked.push)?),
        _ => None,
    };
    Ok((look, decision, made))
}

/// Commits the step, and pushes it if that was asked for.
fn make(
    context: &Context,
    session: &Session,
    look: &Look,
    step: &Step,
    to_remote: bool,
) -> anyhow::Result<Made> {
    if step.action == Action::Start
        && step.record.ticket.is_none()
        && look.seen.deployment.policy.ticket_required
    {
        let hint = "e.g. --ticket DCR-123: `jira` is set in dcr-gitops.yaml";
        return Err(Invalid::usage("a run needs a ticket").hint(hint).into());
    }
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
    if to_remote && let Some(remote) = &session.remote {
        let seen = match &step.place {
            Place::New => None,
            Place::Adopt(branch) | Place::Replace(branch) => branch.remote.as_deref(),
        };
        let expected =
            seen.map(Oid::from_str).transpose().context("reading the remote's branch")?;
        if expected != Some(committed.commit) {
            let pushing = Push { remote, branch: &branch, commit: committed.commit, expected };
            done = match push(&session.repo, pushing, &same)? {
                Pushed::Pushed => Done { outcome: StepOutcome::Pushed, ..done },
                Pushed::Adopted(theirs) => {
                    Done { outcome: StepOutcome::Adopted, commit: Some(theirs.to_string()) }
                }
            };
        }
    }
    Ok(Made { done, change })
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

fn was_outrun(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<propose::Error>(),
        Some(propose::Error::Conflict { .. } | propose::Error::BaseDiffers { .. })
    )
}
