//! The two files people write: `dcr-gitops.yaml` for the repo and `dcr.yaml` for each system.
mod inputs;
mod settings;
mod value;

pub use inputs::*;
pub use settings::*;
pub use value::*;
