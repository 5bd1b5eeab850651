//! The two files people write: `dcr-gitops.yaml` for the repo and `dcr.yaml` for each system.
//!
//! Texts go in, with the paths they stand at; out come typed values with every default filled in, or all
//! [`Problems`] at once, each with its line. Nothing here reads a file.
//!
//! ```text
//! text ─▶ tree (every value with its place) ─▶ layers (built-in ← defaults ← dcr.yaml) ─▶ fit ─▶ check
//! ```
mod admin;
mod check;
mod digest;
mod fault;
mod fit;
mod inputs;
mod names;
mod pattern;
mod place;
mod problem;
mod read;
mod schema;
mod settings;
mod tree;
mod value;

pub use admin::*;
pub use digest::digest;
pub use inputs::*;
pub use names::{NameError, qualified, resolve_name};
pub use pattern::{BadPattern, Known, SystemsPattern};
pub use problem::{Position, Problem, Problems};
pub use read::{SettingsFile, parse_inputs, parse_settings};
pub use schema::{inputs_schema, schema, settings_schema};
pub use settings::*;
pub use value::*;
