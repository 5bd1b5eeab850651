//! What is seen outside the program: read, brought into the core's types, and not judged.
pub mod express;
