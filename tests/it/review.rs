//! Steps in review: the built program against the embedded GitHub, over loopback.
mod authority;
mod auto;
mod body;
mod commits;
mod gate;
mod identity;
mod once;
mod polling;
pub mod stage;
