//! Everything that is wrong with the settings or inputs, as it is shown: file, line, text, hint.
use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Origin as Where, Renderer, Snippet};

use super::place::Excerpt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the repo.
    pub path: String,
    /// None where the problem is the path itself.
    pub at: Option<Position>,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    excerpt: Option<Excerpt>,
}

/// A place in a file: both count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// All that is wrong, in the order of the files; never empty as an error. Displayed: the whole
/// rendering, without colour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problem {
    pub(super) fn new(path: &str, message: &str, hint: Option<&str>) -> Self {
        Problem {
            path: path.to_owned(),
            at: None,
            message: printable(message),
            hint: hint.map(printable),
            excerpt: None,
        }
    }

    pub(super) fn showing(mut self, excerpt: Excerpt) -> Self {
        self.at = Some(Position { line: excerpt.number, column: excerpt.column });
        self.excerpt = Some(excerpt);
        self
    }

    /// The problem for people: message, place, the line with a caret, hint. Ends without a line break.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let title = Level::ERROR.primary_title(self.message.as_str());
        let group = match &self.excerpt {
            Some(excerpt) if excerpt.line.is_empty() => title.element(
                Where::path(self.path.as_str()).line(excerpt.number).char_column(excerpt.column),
            ),
            Some(excerpt) => title.element(
                Snippet::source(excerpt.line.as_str())
                    .path(self.path.as_str())
                    .line_start(excerpt.number)
                    .annotation(AnnotationKind::Primary.span(excerpt.marked.clone())),
            ),
            None => title.element(Where::path(self.path.as_str())),
        };
        let mut text = renderer.render(&[group]);
        if let Some(hint) = &self.hint {
            let bold = anstyle::Style::new().bold();
            let (on, off) = if colour {
                (bold.render().to_string(), bold.render_reset().to_string())
            } else {
                Default::default()
            };
            text.push_str(&format!("\n{on}hint{off}: {hint}"));
        }
        text
    }
}

/// Characters that a quoted YAML text can hold and that move a terminal's cursor or turn its text around,
/// written as escapes.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        let turns = matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if letter.is_control() || turns {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// `Err` if there are any, in the order of their files and lines.
    pub(super) fn none_or_else<T>(
        mut self,
        value: impl FnOnce() -> Option<T>,
    ) -> Result<T, Problems> {
        if self.0.is_empty()
            && let Some(value) = value()
        {
            return Ok(value);
        }
        self.0.sort_by(|a, b| (&a.path, a.at).cmp(&(&b.path, b.at)));
        self.0.dedup();
        Err(self)
    }

    /// All of them, rendered one below the other.
    pub fn render(&self, colour: bool) -> String {
        let all: Vec<String> = self.0.iter().map(|problem| problem.render(colour)).collect();
        all.join("\n\n")
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl<const N: usize> From<[Problem; N]> for Problems {
    fn from(problems: [Problem; N]) -> Self {
        Problems(problems.into())
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}
