//! The embedded world in which rehearsals and tests run: everything the program talks to, in one process.
pub mod argocd;
pub mod clock;
pub mod deployment;
pub mod express;
mod faults;
pub mod folder;
pub mod github;
pub mod jobs;
pub mod kubernetes;
pub mod loopback;
pub mod play;
pub mod reviewer;
pub mod scenario;
pub mod timeline;
mod uri;
pub mod wire;
pub mod wiring;
pub mod world;
