//! The embedded world: what a rehearsal, and most tests, run against instead of real systems.
pub mod argocd;
pub mod express;
