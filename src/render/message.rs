//! The whole commit message of a step: title, why and what, trailers; what people wrote can forge none of them.
use serde::Serialize;
use tera::Context;

use super::compare::{Difference, Fate, differences};
use super::templates::render_text;
use super::{Change, RenderError};
use crate::run::Step;
use crate::run::deployment::Action;

const TEMPLATE: &str = include_str!("../../templates/messages/commit.txt.tera");
const WIDTH: usize = 72;

#[derive(Serialize)]
struct Group {
    verb: &'static str,
    lines: Vec<String>,
}

#[derive(Serialize)]
struct Trailer<'a> {
    key: &'a str,
    value: String,
}

/// The commit message of `step`, which makes `change`.
pub fn message(
    step: &Step,
    change: &Change,
    requested_by: Option<&str>,
) -> Result<String, RenderError> {
    let record = &step.record;
    let why = if step.action == Action::Abort { "Aborted: " } else { "Why: " };
    let mut context = Context::new();
    context.insert("title", &title(step));
    context.insert("why", &wrapped(why, &step.reason));
    if let Some(words) = &record.gate_skipped {
        context.insert("skipped", &wrapped("Gate skipped by a person: ", words));
    }
    let not_proved: Vec<String> = step.not_proved.iter().map(|line| wrapped("- ", line)).collect();
    context.insert("not_proved", &not_proved);
    context.insert("groups", &groups(change)?);
    let trailers = [
        ("Dcr-System", record.system.to_string()),
        ("Dcr-Run", record.run.to_string()),
        ("Dcr-Step", record.step.to_string()),
        ("Dcr-Phase", record.phase.to_string()),
        ("Dcr-Attempt", record.attempt.to_string()),
        ("Dcr-Requested-By", requested_by.unwrap_or_default().to_owned()),
    ];
    let trailers: Vec<Trailer<'_>> = trailers
        .into_iter()
        .map(|(key, value)| Trailer { key, value: one_line(&value) })
        .filter(|trailer| !trailer.value.is_empty())
        .collect();
    context.insert("trailers", &trailers);
    Ok(render_text("templates/messages/commit.txt.tera", TEMPLATE, &context)?)
}

/// The commit's first line, which is also the pull request's title.
pub fn title(step: &Step) -> String {
    let does = match step.action {
        Action::Scale => "Adding farmers to the DCR farm",
        Action::Start | Action::Advance | Action::Retry | Action::Abort => {
            step.record.phase.title()
        }
    };
    format!("Added/Modified {} via automation ({does})", one_line(&step.record.system.system))
}

/// What happens to each object, or to the file where it holds none.
fn groups(change: &Change) -> Result<Vec<Group>, RenderError> {
    let all = differences(change)?;
    let groups = [Fate::Added, Fate::Changed, Fate::Removed].map(|fate| {
        let lines = all.iter().filter(|difference| difference.fate() == fate);
        let line = |difference: &Difference| {
            let replicas = difference.replicas();
            let replicas = replicas.map(|(old, new)| format!(": replicas {old} → {new}"));
            wrapped("- ", &(difference.name.clone() + &replicas.unwrap_or_default()))
        };
        Group { verb: fate.as_str(), lines: lines.map(line).collect() }
    });
    Ok(groups.into_iter().filter(|group| !group.lines.is_empty()).collect())
}

/// `label` and the text in lines of at most 72 characters where words allow it; all but the first are
/// indented, so that none can be taken for a title, a trailer or a comment.
fn wrapped(label: &str, text: &str) -> String {
    let mut lines = vec![label.trim_end().to_owned()];
    let text = one_line(text);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("  {word}")),
        }
    }
    lines.join("\n")
}

/// The text on one line: line breaks, control characters and what turns the direction of writing become
/// single spaces.
fn one_line(text: &str) -> String {
    let blank = |char: char| {
        char.is_whitespace()
            || char.is_control()
            || matches!(char,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    text.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
