//! `plan`: what `next-phase` would commit, and every commit after it, as diffs; nothing is written.
mod against;

use super::look::{Look, Outside, look, see_all};
use super::memory::Memory;
use super::session::Session;
use super::tell::tell;
use super::{exit, fail, for_people};
use crate::cli::{Common, Emit, Output, Plan, PlanFormat};
use crate::context::Context;
use crate::observe::deployment::HasRun;
use crate::render::Change;
use crate::report::facts::Account;
use crate::report::json::{Done, Line, StepOutcome};
use crate::report::{Style, diff, markdown, terminal};
use crate::run::{
    Decision, Observation, Place, Request, Step, SystemRef, course, decide, notices, open_step,
};

/// What is planned for one system.
struct Planned {
    seen: Observation,
    decision: Decision,
    steps: Vec<(Step, Change)>,
}

pub fn run(context: &mut Context, common: &Common, asked: &Plan) -> anyhow::Result<u8> {
    if let Some(before) = &asked.against {
        return against::run(context, common, asked, before);
    }
    let session = Session::open(context, common)?;
    let systems = systems(&session, asked)?;
    if systems.is_empty() && for_people(common) && asked.format == PlanFormat::Diff {
        context.print("no run is on: name a system to see what would start one\n")?;
    }
    let outside = Outside::new(context, common, &session, false)?;
    let mut memory = Memory::new(common, Emit::default());
    let known: Vec<SystemRef> = systems.iter().flatten().cloned().collect();
    memory.recall(&session, &known, context.clock.now());
    let mut codes = Vec::new();
    let mut sections = Vec::new();
    for seen in see_all(&outside, &session, systems) {
        let looked = seen.and_then(|(system, seen)| look(&session, &system, seen));
        let planned = looked.and_then(|mut look| {
            memory.put(&mut look);
            plan(common, &session, asked, look)
        });
        match planned {
            Ok(planned) => sections.extend(show(context, common, asked, &planned)?),
            Err(error) => codes.push(fail(context, common, &error.to_string(), &error)),
        }
    }
    if asked.format == PlanFormat::Markdown && for_people(common) {
        context.print(&markdown::body(&sections))?;
    }
    Ok(exit::worst(codes))
}

/// The systems by name, each with its own error; without names those whose run is on.
fn systems(session: &Session, asked: &Plan) -> anyhow::Result<Vec<anyhow::Result<SystemRef>>> {
    if asked.systems.is_empty() {
        return session.systems_with(|run| run == HasRun::On);
    }
    Ok(asked.systems.iter().map(|name| session.system(name)).collect())
}

fn plan(common: &Common, session: &Session, asked: &Plan, look: Look) -> anyhow::Result<Planned> {
    let request = Request::Next {
        forced: asked.forced,
        ticket: asked.ticket.clone(),
        skip_gate: common.skip_gate.clone(),
    };
    let decision = decide(&look.seen, &request)?;
    let steps = if asked.all_phases {
        course(&look.seen, &request)?
    } else if let Decision::Propose(step) = &decision {
        vec![Step::clone(step)]
    } else {
        Vec::new()
    };
    let steps = changes(session, &look, steps)?;
    Ok(Planned { decision: in_review(&look.seen, decision), steps, seen: look.seen })
}

/// Each step's change, on the files that the ones before it leave.
fn changes(
    session: &Session,
    look: &Look,
    steps: Vec<Step>,
) -> anyhow::Result<Vec<(Step, Change)>> {
    let mut folder = look.folder.clone();
    let mut changes = Vec::new();
    for step in steps {
        let change = look.change_on(session, &folder, &step)?;
        folder = change.apply(&folder);
        changes.push((step, change));
    }
    Ok(changes)
}

/// A step that is there already waits for review: there is nothing left to propose.
fn in_review(seen: &Observation, decision: Decision) -> Decision {
    let adopts =
        matches!(&decision, Decision::Propose(step) if matches!(step.place, Place::Adopt(_)));
    if !adopts || open_step(seen).is_none() {
        return decision;
    }
    match decide(seen, &Request::Observe) {
        Ok(waiting) => waiting,
        Err(_) => decision,
    }
}

/// Prints one system's plan; as Markdown, its section of the whole.
fn show(
    context: &mut Context,
    common: &Common,
    asked: &Plan,
    planned: &Planned,
) -> anyhow::Result<Option<String>> {
    let Planned { seen, decision, steps } = planned;
    let none = Done { outcome: StepOutcome::None, commit: None, request: None };
    let done = matches!(decision, Decision::Propose(_)).then_some(&none);
    let line = Line::new(seen, decision, done);
    let changes: Vec<_> = steps.iter().map(|(step, change)| (step, change)).collect();
    tell(context, &Account { seen, decision, line: &line }, &changes);
    let notices = notices(seen);
    if common.output == Output::Json {
        context.print(&format!("{}\n", serde_json::to_string(&line)?))?;
    } else if asked.format == PlanFormat::Markdown {
        return Ok(Some(markdown::section(&line, decision, &notices, steps)));
    } else if for_people(common) {
        let style = Style::choose(context, common.color, context.terminal.out);
        let mut text = terminal::account(&line, decision, &notices, style);
        for (step, change) in steps {
            text += &format!("\n{}", terminal::heading(step, style));
            text += &diff::unified(change, style);
        }
        context.print(&text)?;
    }
    Ok(None)
}
