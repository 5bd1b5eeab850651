//! The only printers: results for people and for programs, diffs, and errors.
pub mod actions;
pub mod attention;
pub mod detail;
pub mod diff;
pub mod error;
pub mod escape;
pub mod facts;
pub mod findings;
pub mod json;
pub mod live;
pub mod markdown;
pub mod nodes;
pub mod overview;
pub mod page;
pub mod prose;
pub mod pull_request;
pub mod redact;
pub mod scrub;
pub mod systems;
pub mod terminal;
pub mod time;

mod style;
pub(crate) mod words;

pub use escape::{for_runner, line};
pub use style::Style;
