//! All tests that need more than one module, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod git_clones;
mod git_commit;
mod git_cost;
mod git_observe;
mod git_push;
mod git_repo;
