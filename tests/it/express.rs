//! What the nodes of an Express instance say, and how they are asked.
mod aa_status;
mod http;
mod probe;

fn at() -> jiff::Timestamp {
    "2026-11-22T09:30:00Z".parse().unwrap()
}
