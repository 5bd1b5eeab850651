//! Drives a Distributed Cache Rebuild (DCR) the GitOps way: each phase is one reviewed commit to the
//! deployment repo.
//!
//! The modules follow the data, from what is seen to what is printed:
//!
//! ```text
//! deployment repo ─┐
//! cluster, nodes  ─┼─▶ observe ─▶ run::Observation ─┐
//! reviews, journal ┘                                ├─▶ run::decide ─▶ run::Decision ─┬─ Propose ─▶ render ─▶ propose
//!                      run::Request (from cli) ─────┘                                 └─ Wait, Halt, …  ─▶ report
//! ```
//!
//! `run` is pure: it knows no clock, file, network or process. Readers (`observe`) never write; writers
//! (`propose`) are built only by the commands that write.
pub mod admin;
pub mod admin_job;
pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod context;
pub mod exit;
pub mod git;
pub mod github;
pub mod manifest;
pub mod observe;
pub mod propose;
pub mod proxy;
pub mod rbac;
pub mod rehearse;
pub mod render;
pub mod report;
pub mod run;
pub mod wait;
mod web;
