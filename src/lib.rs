//! Drives a Distributed Cache Rebuild the GitOps way.
pub mod admin;
pub mod admin_job;
pub mod config;
pub mod context;
pub mod manifest;
pub mod observe;
pub mod rehearse;
pub mod render;
pub mod run;
