//! All tests that need more than one module, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decision;
mod decision_properties;
mod gates;
mod world;
// What clippy.toml allows in test functions goes for what they call, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod express;
mod node;
mod purity;
