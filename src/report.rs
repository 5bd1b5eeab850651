//! The only printers: results for people and for programs, diffs, and errors.
pub mod actions;
pub mod detail;
pub mod diff;
pub mod error;
pub mod facts;
pub mod json;
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

mod escape;
mod style;
pub(crate) mod words;

pub use escape::{for_runner, line};
pub use style::Style;
