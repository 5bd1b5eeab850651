//! All tests that need more than one module, in one binary.
// What clippy.toml allows in test functions goes for what they call, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod application;
mod asking;
mod clusters;
mod decision;
mod decision_properties;
mod express;
mod farm;
mod gates;
mod kubeconfig;
mod kubernetes_world;
mod node;
mod objects;
mod purity;
mod world;
