//! The embedded world in which rehearsals and tests run: everything the program talks to, in one process.
pub mod argocd;
pub mod clock;
pub mod express;
pub mod jobs;
pub mod kubernetes;
pub mod reviewer;
pub mod scenario;
pub mod wiring;
pub mod world;
