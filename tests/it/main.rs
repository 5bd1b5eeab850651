//! All tests that need more than one module, in one binary.
mod git_clones;
mod git_commit;
mod git_cost;
mod git_observe;
mod git_push;
mod git_repo;
