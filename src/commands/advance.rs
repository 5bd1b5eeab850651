//! What a person asks for, done: observe, decide, and if a step falls due, commit it on its branch and
//! show it.
use super::emit::{Made, make, was_outrun};
use super::look::{Look, Outside, look};
use super::memory::Memory;
use super::session::Session;
use super::tell::tell;
use super::{code, for_people};
use crate::cli::{Common, Emit, Output};
use crate::context::Context;
use crate::report::facts::Account;
use crate::report::json::Line;
use crate::report::{Style, diff, error::Invalid, terminal};
use crate::run::{Decision, Request, decide, notices};

/// How often it is started over when somebody else was faster with something else.
const ATTEMPTS: u32 = 3;

pub fn advance(
    context: &mut Context,
    common: &Common,
    system: &str,
    emit: Emit,
    request: &Request,
) -> anyhow::Result<u8> {
    if emit.push && common.observed.is_some() {
        let hint = "what was observed before isn't what is there now";
        return Err(Invalid::usage("--observed can't go with --push").hint(hint).into());
    }
    let mut attempt = 1;
    let (look, decision, made) = loop {
        match once(context, common, system, emit, request) {
            Err(error) if attempt < ATTEMPTS && was_outrun(&error) => attempt += 1,
            result => break result?,
        }
    };
    let notices = notices(&look.seen);
    let done = made.as_ref().map(|made| &made.done);
    let line = Line::new(&look.seen, &decision, done);
    let changes = match (&decision, &made) {
        (Decision::Propose(step), Some(made)) => vec![(step.as_ref(), &made.change)],
        _ => Vec::new(),
    };
    tell(context, &Account { seen: &look.seen, decision: &decision, line: &line }, &changes);
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

fn once(
    context: &Context,
    common: &Common,
    system: &str,
    emit: Emit,
    request: &Request,
) -> anyhow::Result<(Look, Decision, Option<Made>)> {
    let mut session = Session::open(context, common)?;
    let systems = [session.system(system)?];
    if emit.push {
        session = session.refresh(context, common, &systems)?;
    }
    let outside = Outside::new(context, common, &session, true)?;
    let mut memory = Memory::new(common, Emit::default());
    memory.recall(&session, &systems, context.clock.now());
    let seen = outside.see(&session, &systems).remove(0);
    if emit.push {
        session = session.refresh(context, common, &systems)?;
    }
    let mut look = look(&session, &systems[0], seen)?;
    memory.put(&mut look);
    let decision = decide(&look.seen, request)?;
    let made = match &decision {
        Decision::Propose(step) => Some(make(context, &session, &look, step, emit)?),
        _ => None,
    };
    Ok((look, decision, made))
}
