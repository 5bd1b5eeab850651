//! Drives a Distributed Cache Rebuild the GitOps way.
pub mod config;
pub mod manifest;
pub mod rehearse;
pub mod render;
pub mod run;
