//! All tests that need more than one module, in one binary.
// What clippy.toml allows in test functions goes for what they call, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod application;
mod argocd_world;
mod asking;
mod cli;
mod clusters;
mod config;
mod decision;
mod decision_properties;
mod decision_traps;
mod env;
mod estimate;
mod express;
mod express_world;
mod farm;
mod gates;
mod git_clones;
mod git_commit;
mod git_cost;
mod git_observe;
mod git_push;
mod git_repo;
mod journal;
mod journey;
mod kubeconfig;
mod kubernetes_world;
mod line;
mod moves;
mod node;
mod nodes_table;
mod objects;
mod purity;
mod rbac;
mod readme;
mod reference;
mod rehearse;
mod render;
mod scenarios;
mod status_page;
mod totality;
mod wait;
mod watch;
mod wired_world;
mod world;
