//! Errors on standard error (`error: …`, `caused by: …`, `hint: …`), and the exit code they end with.
use anstyle::AnsiColor;
use thiserror::Error;

use super::{Style, escape};
use crate::config::{NameError, Problems};
use crate::exit;
use crate::github::NoPlace;
use crate::observe::deployment;
use crate::observe::replay::ReplayError;
use crate::render::RenderError;
use crate::run::Refused;
use crate::web::SetupError;
use crate::{git, github, propose};

/// Something that a person has to put right first, found by a command itself.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Invalid {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Invalid {
    /// Settings, a name or the repo (exit code 3).
    pub fn new(message: impl Into<String>) -> Self {
        Invalid { message: message.into(), hint: None, code: exit::INVALID }
    }

    /// How the program was called (exit code 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Invalid { code: exit::USAGE, ..Invalid::new(message) }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Invalid { hint: Some(hint.into()), ..self }
    }
}

/// What is known of an error beyond its words.
struct Known {
    code: u8,
    hint: Option<String>,
}

/// The exit code of an error: that of the first cause that says one, else "unexpected".
pub fn code(error: &anyhow::Error) -> u8 {
    causes(error).into_iter().find_map(known).map_or(exit::UNEXPECTED, |known| known.code)
}

type Cause<'a> = &'a (dyn std::error::Error + 'static);

/// The error and its causes. What only passes on what was found in a file is left out: it has that one's
/// words, but not its place and hints.
fn causes(error: &anyhow::Error) -> Vec<Cause<'_>> {
    let mut found: Vec<Cause<'_>> = Vec::new();
    for cause in error.chain() {
        match cause.downcast_ref() {
            Some(deployment::Error::Inputs(inner) | deployment::Error::Settings(inner)) => {
                found.extend(causes(inner));
                break;
            }
            _ => found.push(cause),
        }
    }
    found
}

/// The error, its causes and their hints, each on lines of its own. What was found in files is shown
/// as it was rendered there.
pub fn text(error: &anyhow::Error, style: Style) -> String {
    let mut text = String::new();
    let mut said = String::new();
    let causes = causes(error);
    for (depth, cause) in causes.iter().enumerate() {
        if let Some(problems) = cause.downcast_ref::<Problems>() {
            text += &problems.render(style.colored);
            text += "\n";
            continue;
        }
        if let Some(error) = cause.downcast_ref::<RenderError>() {
            for problem in &error.problems {
                text += &line(style, "error", AnsiColor::Red, &problem.to_string());
                text += &hint(style, problem.hint.as_deref());
            }
            continue;
        }
        let message = cause.to_string();
        // Some errors print their source as their own words.
        if message != said {
            let label = if depth == 0 { "error" } else { "caused by" };
            text += &line(style, label, AnsiColor::Red, &message);
        }
        said = message;
    }
    let hints = causes.into_iter().filter_map(known).filter_map(|known| known.hint);
    let mut hints: Vec<String> = hints.collect();
    hints.dedup();
    for words in hints {
        text += &hint(style, Some(&words));
    }
    text
}

/// Something that went wrong, but held nothing up.
pub fn warning(error: &anyhow::Error, style: Style) -> String {
    let message = causes(error).iter().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    line(style, "warning", AnsiColor::Yellow, &message)
}

fn known(cause: Cause<'_>) -> Option<Known> {
    let about = |invalid: bool| if invalid { exit::INVALID } else { exit::UNEXPECTED };
    let invalid = |hint| Some(Known { code: exit::INVALID, hint });
    if let Some(error) = cause.downcast_ref::<Invalid>() {
        Some(Known { code: error.code, hint: error.hint.clone() })
    } else if cause.is::<Problems>() || cause.is::<RenderError>() || cause.is::<SetupError>() {
        invalid(None)
    } else if let Some(error) = cause.downcast_ref::<NameError>() {
        invalid(error.hint())
    } else if let Some(error) = cause.downcast_ref::<ReplayError>() {
        invalid(error.hint())
    } else if let Some(error) = cause.downcast_ref::<Refused>() {
        invalid(error.hint.clone())
    } else if let Some(error) = cause.downcast_ref::<deployment::Error>() {
        Some(Known { code: about(error.is_about_the_repo()), hint: error.hint() })
    } else if let Some(error) = cause.downcast_ref::<NoPlace>() {
        invalid(Some(error.hint()))
    } else if let Some(error) = cause.downcast_ref::<github::Error>() {
        Some(by_github(error))
    } else if let Some(propose::Error::Github(error)) = cause.downcast_ref() {
        Some(by_github(error))
    } else if let Some(error) = cause.downcast_ref::<propose::Error>() {
        Some(Known { code: about(error.is_about_the_repo()), hint: error.hint() })
    } else {
        let error = cause.downcast_ref::<git::Error>()?;
        Some(Known { code: about(error.is_about_the_repo()), hint: error.hint() })
    }
}

fn by_github(error: &github::Error) -> Known {
    let code = match error {
        github::Error::Credentials(_) | github::Error::Setup(_) => exit::INVALID,
        // It may do to run it again.
        error if error.is_passing() => exit::WAITING,
        _ => exit::UNEXPECTED,
    };
    Known { code, hint: error.hint() }
}

pub(super) fn hint(style: Style, hint: Option<&str>) -> String {
    hint.map(|hint| line(style, "hint", AnsiColor::Cyan, hint)).unwrap_or_default()
}

/// One labelled message; a message of several lines keeps them, harmless each.
pub(super) fn line(style: Style, label: &str, color: AnsiColor, message: &str) -> String {
    let mut lines = message.lines();
    let first = escape::line(lines.next().unwrap_or_default());
    let mut text = format!("{}: {first}\n", style.color(color, label));
    for line in lines {
        text += &format!("{}\n", escape::line(line));
    }
    text
}
