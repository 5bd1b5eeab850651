//! What a person asks for, done: observe, decide, and if a step falls due, commit it on its branch and
//! show it.
use jiff::SignedDuration;

use super::emit::{Made, make, needs_github, take_back, was_outrun};
use super::look::{Look, Outside, look};
use super::memory::Memory;
use super::session::Session;
use super::tell::{Reporters, tell};
use super::{code, for_people};
use crate::cli::{Common, Emit, Output};
use crate::context::Context;
use crate::report::facts::Account;
use crate::report::json::Line;
use crate::report::{Style, diff, error::Invalid, terminal};
use crate::run::{Decision, Request, decide, notices};

/// How long a request to GitHub may wait until requests are taken again.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// How often it is started over when somebody else was faster with something else.
const ATTEMPTS: u32 = 3;

pub fn advance(
    context: &mut Context,
    common: &Common,
    system: &str,
    emit: Emit,
    request: &Request,
) -> anyhow::Result<u8> {
    if emit.pushes() && common.observed.is_some() {
        let hint = "what was observed before isn't what is there now";
        return Err(Invalid::usage("--observed can't go with --push or --pr").hint(hint).into());
    }
    let mut attempt = 1;
    let Advanced { session, outside, look, decision, made } = loop {
        match once(context, common, system, emit, request) {
            Err(error) if attempt < ATTEMPTS && was_outrun(&error) => attempt += 1,
            result => break result?,
        }
    };
    let mut notices = notices(&look.seen);
    notices.extend(made.iter().flat_map(|made| made.notes.clone()));
    let done = made.as_ref().map(|made| &made.done);
    let line = Line::new(&look.seen, &decision, done);
    let changes = match (&decision, &made) {
        (Decision::Propose(step), Some(made)) => vec![(step.as_ref(), &made.change)],
        _ => Vec::new(),
    };
    let account = Account { seen: &look.seen, decision: &decision, line: &line };
    tell(context, &account, &changes);
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
    if let Some(mut reporters) = Reporters::new(context, common, emit)? {
        reporters.note(context, &account);
        reporters.deliver(context, &session.settings.settings, outside.desk().as_ref());
    }
    Ok(code(&decision))
}

/// What came of it, and where it was seen.
struct Advanced {
    session: Session,
    outside: Outside,
    look: Look,
    decision: Decision,
    made: Option<Made>,
}

fn once(
    context: &Context,
    common: &Common,
    system: &str,
    emit: Emit,
    request: &Request,
) -> anyhow::Result<Advanced> {
    let mut session = Session::open(context, common)?;
    let systems = [session.system(system)?];
    if emit.pushes() {
        session = session.refresh(context, common, &systems)?;
    }
    let mut outside = Outside::new(context, common, &session, true)?;
    if needs_github(&session, emit) {
        outside.require_reviews(context, &session, PATIENCE)?;
    }
    let mut memory = Memory::new(common, emit);
    memory.recall(&session, &systems, context.clock.now());
    let seen = outside.see(&session, &systems).remove(0);
    if emit.pushes() {
        session = session.refresh(context, common, &systems)?;
    }
    let mut look = look(&session, &systems[0], seen)?;
    memory.put(&mut look);
    if let Some(desk) = outside.desk().filter(|_| emit.pr) {
        desk.close_duplicates(&look)?;
    }
    let decision = decide(&look.seen, request)?;
    let made = match &decision {
        Decision::Propose(step) => {
            Some(make(context, &session, &look, step, emit, outside.desk().as_ref())?)
        }
        Decision::Withdraw(branch) => {
            take_back(&session, &look, branch, request, emit, outside.desk().as_ref())?;
            None
        }
        _ => None,
    };
    Ok(Advanced { session, outside, look, decision, made })
}
