//! The only printers: results for people and for programs, diffs, and errors.
pub mod attention;
pub mod diff;
pub mod error;
pub mod json;
pub mod live;
pub mod markdown;
pub mod nodes;
pub mod terminal;

mod escape;
mod style;

pub use escape::line;
pub use style::Style;
