//! `status`: where each run stands. Writes nothing and ends with 0 whatever it sees.
use super::look::{Outside, look, see_all};
use super::session::Session;
use super::tell::tell;
use super::{exit, fail, for_people};
use crate::cli::{Common, Output, Status};
use crate::context::Context;
use crate::report::facts::Account;
use crate::report::json::Line;
use crate::report::{Style, nodes, terminal};
use crate::run::{Observation, Request, SystemRef, decide, notices};

pub fn run(context: &mut Context, common: &Common, asked: &Status) -> anyhow::Result<u8> {
    let session = Session::open(context, common)?;
    let outside = Outside::new(context, common, &session, true)?;
    let systems = systems(&session, asked)?;
    if systems.is_empty() && for_people(common) {
        context.print("no system has a run yet: `dcr-gitops next-phase SYSTEM` starts one\n")?;
    }
    let mut codes = Vec::new();
    for seen in see_all(&outside, &session, systems) {
        match seen.and_then(|(system, seen)| look(&session, &system, seen)) {
            Ok(look) => show(context, common, look.seen)?,
            Err(error) => codes.push(fail(context, common, &error.to_string(), &error)),
        }
    }
    Ok(exit::worst(codes))
}

/// The systems by name, each with its own error; without names those that anything was ever begun for.
fn systems(session: &Session, asked: &Status) -> anyhow::Result<Vec<anyhow::Result<SystemRef>>> {
    if asked.systems.is_empty() {
        return session.systems_begun();
    }
    Ok(asked.systems.iter().map(|name| session.system(name)).collect())
}

fn show(context: &mut Context, common: &Common, seen: Observation) -> anyhow::Result<()> {
    let decision = decide(&seen, &Request::Observe)?;
    let mut line = Line::new(&seen, &decision, None);
    tell(context, &Account { seen: &seen, decision: &decision, line: &line }, &[]);
    if common.output == Output::Json {
        line.observed = Some(seen);
        context.print(&format!("{}\n", serde_json::to_string(&line)?))?;
    } else if for_people(common) {
        let style = Style::choose(context, common.color, context.terminal.out);
        let base = terminal::base(&seen, style);
        let account = terminal::account(&line, &decision, &notices(&seen), style);
        let nodes = nodes::table(&seen).map(|table| format!("\n{table}\n")).unwrap_or_default();
        context.print(&format!("{account}{nodes}{base}"))?;
    }
    Ok(())
}
