//! `status`: where each run stands. Writes nothing and ends with 0 whatever it sees.
mod watching;

use super::look::{Outside, look, see_all};
use super::memory::Memory;
use super::session::Session;
use super::tell::tell;
use super::{exit, fail, for_people};
use crate::cli::{Common, Emit, Output, Status};
use crate::context::Context;
use crate::report::detail::detail;
use crate::report::facts::Account;
use crate::report::json::Line;
use crate::report::overview::Overview;
use crate::report::page::{Shown, page};
use crate::report::{Style, nodes, systems, terminal};
use crate::run::{Decision, Observation, Request, SystemRef, decide, notices};

pub fn run(context: &mut Context, common: &Common, asked: &Status) -> anyhow::Result<u8> {
    if asked.watch {
        return watching::run(context, common, asked);
    }
    let session = Session::open(context, common)?;
    let outside = Outside::new(context, common, &session, true)?;
    let named = systems(&session, asked)?;
    let mut codes = Vec::new();
    let mut standing = Vec::new();
    let mut memory = Memory::new(common, Emit::default());
    let known: Vec<SystemRef> = named.iter().flatten().cloned().collect();
    memory.recall(&session, &known, context.clock.now());
    for seen in see_all(&outside, &session, named) {
        let mut looked = seen.and_then(|(system, seen)| look(&session, &system, seen));
        looked.iter_mut().for_each(|look| memory.put(look));
        match looked.and_then(|look| Standing::of(look.seen)) {
            Ok(system) => {
                tell(context, &system.as_told(), &[]);
                standing.push(system);
            }
            Err(error) => {
                codes.push(fail(context, common, &error.to_string(), &error));
            }
        }
    }
    // Where nothing but errors was found, they say it.
    if !(standing.is_empty() && !codes.is_empty() && common.output == Output::Text) {
        let text = text(context, common, asked, &standing)?;
        context.print(&text)?;
    }
    Ok(exit::worst(codes))
}

/// What is known of these systems, as it was asked for.
fn text(
    context: &Context,
    common: &Common,
    asked: &Status,
    standing: &[Standing],
) -> anyhow::Result<String> {
    let style = Style::choose(context, common.color, context.terminal.out);
    Ok(match common.output {
        Output::Json | Output::Yaml => lines(standing, common.output)?,
        Output::Html => html(context, standing)?,
        Output::Text if !for_people(common) => String::new(),
        Output::Text if standing.is_empty() => {
            "no system has a run yet: `dcr-gitops next-phase SYSTEM` starts one\n".to_owned()
        }
        Output::Text if asked.systems.is_empty() => {
            let views: Vec<Overview> = standing.iter().map(Standing::overview).collect();
            systems::table(&views, style)
        }
        Output::Text | Output::Sarif => {
            standing.iter().map(|system| system.account(style)).collect()
        }
    })
}

/// The systems by name, each with its own error; without names those that anything was ever begun for.
fn systems(session: &Session, asked: &Status) -> anyhow::Result<Vec<anyhow::Result<SystemRef>>> {
    if asked.systems.is_empty() {
        return session.systems_begun();
    }
    Ok(asked.systems.iter().map(|name| session.system(name)).collect())
}

/// Where one system stands.
struct Standing {
    seen: Observation,
    decision: Decision,
    line: Line,
}

impl Standing {
    fn of(seen: Observation) -> anyhow::Result<Self> {
        let decision = decide(&seen, &Request::Observe)?;
        let line = Line::new(&seen, &decision, None);
        Ok(Standing { seen, decision, line })
    }

    fn as_told(&self) -> Account<'_> {
        let Standing { seen, decision, line } = self;
        Account { seen, decision, line }
    }

    fn overview(&self) -> Overview {
        Overview::new(&self.seen, &self.decision, &self.line)
    }

    fn account(&self, style: Style) -> String {
        let Standing { seen, decision, line } = self;
        let base = terminal::base(seen, style);
        let account = terminal::account(line, decision, &notices(seen), style);
        let nodes = nodes::table(seen).map(|table| format!("\n{table}\n")).unwrap_or_default();
        format!("{account}{}{nodes}{base}", detail(&self.overview(), style))
    }
}

/// A line or a document for each system, with all that was seen of it.
fn lines(standing: &[Standing], output: Output) -> anyhow::Result<String> {
    let mut text = String::new();
    for Standing { seen, line, .. } in standing {
        let line = Line { observed: Some(seen.clone()), ..line.clone() };
        text += &match output {
            Output::Yaml => format!("---\n{}", serde_yaml::to_string(&line)?),
            _ => format!("{}\n", serde_json::to_string(&line)?),
        };
    }
    Ok(text)
}

fn html(context: &Context, standing: &[Standing]) -> anyhow::Result<String> {
    let views: Vec<Overview> = standing.iter().map(Standing::overview).collect();
    let shown = standing.iter().zip(&views);
    let shown: Vec<Shown<'_>> =
        shown.map(|(system, overview)| Shown { overview, seen: &system.seen }).collect();
    Ok(page(&shown, context.clock.now())?)
}
