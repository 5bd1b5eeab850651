//! What is the case: read, never changed, as plain values for the core.
pub mod deployment;
//! What is seen outside the program: read, brought into the core's types, and not judged.
pub mod express;
