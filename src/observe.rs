//! What is the case: read, never changed, as plain values for the core.
pub mod argocd;
pub mod clusters;
pub mod deployment;
pub mod express;
pub mod journal;
pub mod kubeconfig;
pub mod nodes;
pub mod objects;
pub mod replay;
pub mod review;
pub mod rights;
pub mod unanswered;
