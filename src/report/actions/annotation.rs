//! What stands out in a job's log and on the pages of its run: errors, warnings and notices, as commands to
//! the runner.
use std::fmt::Write as _;

use crate::report::escape;

/// How weighty an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Error,
    Warning,
    Notice,
}

/// One annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub level: Level,
    pub title: String,
    pub message: String,
    /// Where in the repo it is about.
    pub place: Option<Place>,
}

/// A place in a file of the repo; line and column count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub line: Option<usize>,
    pub column: Option<usize>,
}

/// How many annotations of one level GitHub keeps of a step; it drops the others without a word.
pub const MOST: usize = 10;

/// GitHub keeps 255 characters of a title. Of a message it keeps 64 KiB; nobody reads that much beside a log.
const LONGEST_TITLE: usize = 200;
const LONGEST_MESSAGE: usize = 4_000;

impl Annotation {
    pub fn new(level: Level, title: impl Into<String>, message: impl Into<String>) -> Self {
        Annotation { level, title: title.into(), message: message.into(), place: None }
    }

    /// The command, on a line of its own (`::error title=…::…`).
    pub fn command(&self) -> String {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        };
        let mut command = format!("::{level} ");
        if let Some(Place { file, line, column }) = &self.place {
            let _ = write!(command, "file={},", property(file));
            for (name, number) in [("line", line), ("col", column)] {
                if let Some(number) = number {
                    let _ = write!(command, "{name}={number},");
                }
            }
        }
        let title = property(&escape::cut(&self.title, LONGEST_TITLE));
        format!("{command}title={title}::{}\n", data(&escape::cut(&self.message, LONGEST_MESSAGE)))
    }
}

/// The commands for all of these, in their order, the errors first. Where there are more of a level than
/// GitHub keeps, the last that it keeps says how many are left out.
pub fn commands(annotations: &[Annotation]) -> String {
    let mut text = String::new();
    for level in [Level::Error, Level::Warning, Level::Notice] {
        let of_level: Vec<&Annotation> =
            annotations.iter().filter(|annotation| annotation.level == level).collect();
        let shown = if of_level.len() > MOST { MOST - 1 } else { of_level.len() };
        text.extend(of_level.iter().take(shown).map(|annotation| annotation.command()));
        if shown < of_level.len() {
            let left_out = of_level.len() - shown;
            let message =
                "GitHub shows ten of a kind: the log and the summary of this step have all";
            text += &Annotation::new(level, format!("{left_out} more"), message).command();
        }
    }
    text
}

/// What stands after `::`. The runner decodes these and nothing else.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, which a comma or a colon would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
