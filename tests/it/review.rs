//! Steps in review: the built program against the embedded GitHub, over loopback.
mod once;
mod stage;
