//! All tests that need more than one module, in one binary.
// What clippy.toml allows in test functions goes for what they call, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod config;
mod decision;
mod decision_properties;
mod decision_traps;
mod express;
mod gates;
mod git_clones;
mod git_commit;
mod git_cost;
mod git_observe;
mod git_push;
mod git_repo;
mod line;
mod node;
mod purity;
mod render;
mod totality;
mod wait;
mod world;
