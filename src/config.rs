//! The two files people write: `dcr-gitops.yaml` for the repo and `dcr.yaml` for each system.
mod inputs;
mod pattern;
mod settings;
mod value;

pub use inputs::*;
pub use pattern::{BadPattern, Known, SystemsPattern};
pub use settings::*;
pub use value::*;
