//! What is wrong with inputs, templates or the base's files, so that nothing can be rendered from them.
use std::fmt;

use thiserror::Error;

/// Why a step can't be rendered: all that was found in one go.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct RenderError {
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `path:line:column` where that is known, else a path or the key of an input.
    pub place: String,
    /// What is wrong; the text itself on lines of its own where there is one to show.
    pub message: String,
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { place: place.into(), message: message.into(), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Problem { hint: Some(hint.into()), ..self }
    }
}

impl RenderError {
    /// A step that changes nothing is none.
    pub(crate) fn nothing_changes(branch: &str) -> Self {
        Problem::new(branch, "the step changes nothing on the base")
            .hint("`git fetch`: it may have been merged meanwhile")
            .into()
    }
}

impl From<Problem> for RenderError {
    fn from(problem: Problem) -> Self {
        RenderError { problems: vec![problem] }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}
