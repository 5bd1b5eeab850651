//! What is the case: read, never changed, as plain values for the core.
//! What is seen outside the program: read, brought into the core's types, and not judged.
pub mod argocd;
pub mod clusters;
pub mod deployment;
pub mod express;
pub mod kubeconfig;
pub mod nodes;
pub mod objects;
pub mod replay;
pub mod unanswered;
