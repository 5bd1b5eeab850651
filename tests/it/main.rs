//! All tests that need more than one module, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod argocd_world;
mod decision;
mod decision_properties;
mod express_world;
mod gates;
mod kubernetes_world;
mod wired_world;
mod world;
