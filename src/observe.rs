//! What is the case: read, never changed, as plain values for the core.
pub mod deployment;
pub mod express;
pub mod kubeconfig;
pub mod replay;
