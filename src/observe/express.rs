//! What the nodes of an Express instance say on their admin port: asking them, and reading their answers.
//!
//! An answer is text from somebody else. Reading it never fails on odd text: what isn't understood is
//! kept and reported, and only what is written there counts as said.
pub mod aa_status;
pub mod excerpt;
pub mod http;
pub mod probe;

/// The longest answer that is read, in bytes. A status is a few KiB; what is longer isn't one.
pub const LONGEST_ANSWER: usize = 1 << 20;
