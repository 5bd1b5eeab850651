//! Results for people: where a run stands, what was or would be done, and what to do next.
use anstyle::AnsiColor;

use super::json::{Line, StepOutcome};
use super::time::age;
pub use super::time::moment;
use super::{Style, escape};
use crate::run::{Decision, Observation, Place, Step, Unmet};

/// One system, in a few lines.
pub fn account(line: &Line, decision: &Decision, notices: &[String], style: Style) -> String {
    let name = format!("{}/{}/{}", line.cluster, line.namespace, line.system);
    let mut text = style.bold(&escape::line(&name));
    if let (Some(run), Some(step), Some(phase)) = (line.run, line.step, line.phase) {
        text += &format!("  run {run}, step {step}: {phase}");
        if line.attempt.is_some_and(|attempt| attempt > 1) {
            text += &format!(", attempt {}", line.attempt.unwrap_or_default());
        }
        if line.forced == Some(true) {
            text += ", forced";
        }
    }
    text += "\n";
    text += &said(line, decision, style);
    if let Some(deadline) = line.deadline {
        text += &format!("  deadline {deadline}\n");
    }
    for notice in notices {
        text +=
            &format!("  {} {}\n", style.color(AnsiColor::Yellow, "note:"), escape::line(notice));
    }
    text
}

fn said(line: &Line, decision: &Decision, style: Style) -> String {
    let why = escape::line(&line.reason);
    let branch = line.branch.as_deref().map(escape::line).unwrap_or_default();
    let commit = line.commit.as_deref().map(short).unwrap_or_default();
    match decision {
        Decision::Propose(step) => {
            let next = step.intent().name();
            let request = line.pull_request.as_deref().map(escape::line).unwrap_or_default();
            let verb = match (line.outcome, &step.place) {
                (Some(StepOutcome::Committed), _) => format!("committed {commit}"),
                (Some(StepOutcome::Pushed), _) => format!("pushed {commit}"),
                (Some(StepOutcome::Opened), _) => format!("opened {request} with {commit}"),
                (Some(StepOutcome::Adopted), _) => format!("already there: {commit}"),
                (Some(StepOutcome::None) | None, Place::Adopt(_)) => {
                    format!("waits for review: {commit}")
                }
                (Some(StepOutcome::None) | None, Place::New | Place::Replace(_)) => {
                    "would commit".to_owned()
                }
            };
            let mut text = format!(
                "  {} {} (step {})\n  {verb} on {branch}\n  because {why}\n",
                style.color(AnsiColor::Green, "next:"),
                escape::line(&next),
                step.record.step,
            );
            for not_proved in &step.not_proved {
                text += &format!(
                    "  {} {}\n",
                    style.color(AnsiColor::Yellow, "not proved:"),
                    escape::line(not_proved)
                );
            }
            text
        }
        Decision::Wait(unmet) => {
            let next = line.next.as_deref().map(|next| format!(", next is {next}"));
            let mut text = style.color(AnsiColor::Yellow, "waiting") + &next.unwrap_or_default();
            text = format!("  {text}:\n");
            text.extend(unmet.iter().map(|unmet| gate(unmet, style)));
            text
        }
        Decision::Halt(halt) => {
            let hint = halt
                .hint
                .as_deref()
                .map(|hint| format!("    hint: {}\n", escape::line(hint)))
                .unwrap_or_default();
            format!("  {} {why}\n{hint}", style.color(AnsiColor::Red, "halted:"))
        }
        Decision::Finished(_) => {
            format!("  {} {why}\n", style.color(AnsiColor::Green, "finished:"))
        }
        Decision::Idle(_) | Decision::Withdraw(_) => format!("  {} {why}\n", style.dim("idle:")),
    }
}

/// One gate that is waited for.
fn gate(unmet: &Unmet, style: Style) -> String {
    let since = unmet.since.map(|since| style.dim(&format!(" (since {since})")));
    let hint = unmet.hint.as_deref().map(|hint| format!("\n      hint: {}", escape::line(hint)));
    format!(
        "    {}: {}{}{}\n",
        unmet.gate,
        escape::line(&unmet.message),
        since.unwrap_or_default(),
        hint.unwrap_or_default()
    )
}

/// Enough of a commit id for people.
pub fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// What stands above the diff of one step.
pub fn heading(step: &Step, style: Style) -> String {
    let title = format!("# step {}: {}", step.record.step, escape::line(&step.intent().name()));
    let mut text = style.bold(&title) + "\n";
    for not_proved in &step.not_proved {
        text += &format!("#   not proved: {}\n", escape::line(not_proved));
    }
    text
}

/// Which commit this was read from, and how old that is.
pub fn base(seen: &Observation, style: Style) -> String {
    let base = &seen.deployment.base;
    let age = match base.fetched {
        Some(fetched) => format!(", fetched {} ago", age(seen.at.duration_since(fetched))),
        None => String::new(),
    };
    let commit = short(&base.commit);
    style.dim(&format!("  base {} at {commit}{age}", escape::line(&base.name))) + "\n"
}

/// What a system waits for, in a line; nothing where it doesn't wait.
pub fn waits(line: &Line, decision: &Decision) -> Option<String> {
    let name = format!("{}/{}/{}", line.cluster, line.namespace, line.system);
    let waits = match decision {
        Decision::Wait(unmet) => {
            let gates = unmet.iter().map(|unmet| {
                let since = unmet.since.map(|since| format!(" (since {})", moment(since)));
                format!("{}: {}{}", unmet.gate, unmet.message, since.unwrap_or_default())
            });
            format!("{name} waits for {}", gates.collect::<Vec<_>>().join(", "))
        }
        Decision::Propose(step) => format!("{name} has {} due", step.intent().what()),
        _ => return None,
    };
    Some(escape::line(&waits))
}
