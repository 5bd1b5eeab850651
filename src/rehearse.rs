//! The embedded world in which rehearsals and tests run: everything the program talks to, in one process.
pub mod clock;
pub mod kubernetes;
pub mod argocd;
pub mod express;
