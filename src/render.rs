//! From a step and the base's files to the change that its commit makes.
use std::collections::BTreeMap;

/// The files of one system on the base that a step may change, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseFolder {
    /// `<folder of dcr.yaml>/dcr`, relative to the repo.
    pub dcr: String,
    /// What is in it: file name → text.
    pub files: BTreeMap<String, String>,
    /// With `wiring: kustomize`: the parent's kustomization file, its path relative to the repo and its text.
    pub parent: Option<(String, String)>,
}

/// What a commit does to the tree: files by their path relative to the repo, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    pub files: Vec<FileChange>,
}

/// One file: added, replaced or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    pub before: Option<String>,
    pub after: Option<String>,
}
