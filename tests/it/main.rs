//! All tests that need more than one module, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decision;
mod decision_properties;
mod gates;
mod kubernetes_world;
mod world;
