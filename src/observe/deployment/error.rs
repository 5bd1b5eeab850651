//! What can be wrong with a deployment repo's content.
use thiserror::Error as ThisError;

use crate::git;
use crate::run::{BadField, SystemRef};

/// Why the repo couldn't be read as a deployment repo.
#[derive(Debug, ThisError)]
pub enum Error {
    #[error("there is no base branch: none of {} exists", .0.join(", "))]
    NoBase(Vec<String>),
    #[error("`{0}` names no commit")]
    NoSuchRevision(String),
    #[error("{path} isn't on {base}")]
    NoInputs { path: String, base: String },
    /// Left behind where inputs were moved or deleted.
    #[error("{dcr}/ holds a run, but {inputs} is missing")]
    Orphan { dcr: String, inputs: String },
    #[error("{file} is the record of {says}, not of {system}")]
    Moved { file: String, says: Box<SystemRef>, system: Box<SystemRef> },
    #[error("{file}: {source}")]
    BadRecord { file: String, source: BadField },
    #[error("{file}: {problem}")]
    BadFile { file: String, problem: String },
    #[error(transparent)]
    Inputs(anyhow::Error),
    #[error(transparent)]
    Settings(anyhow::Error),
    #[error(transparent)]
    Git(#[from] git::Error),
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::NoBase(_) => "commit or fetch it, or name a revision with --base".to_owned(),
            Error::NoSuchRevision(_) => "`git fetch`, or name another with --base".to_owned(),
            Error::NoInputs { .. } => {
                "commit it to the base branch: inputs are read from there, not from the work tree"
                    .to_owned()
            }
            Error::Orphan { inputs, .. } => {
                format!("restore {inputs} and run `abort`, so that the run is torn down")
            }
            Error::Moved { .. } => {
                "a copied or moved folder takes no run along: delete its dcr/".to_owned()
            }
            Error::BadRecord { .. } | Error::BadFile { .. } => {
                "restore it from the base branch's history: nothing else writes it".to_owned()
            }
            Error::Inputs(_) | Error::Settings(_) => return None,
            Error::Git(error) => return error.hint(),
        })
    }

    /// Whether the repo or what is in it must be mended (exit code 3).
    pub fn is_about_the_repo(&self) -> bool {
        match self {
            Error::Git(error) => error.is_about_the_repo(),
            _ => true,
        }
    }
}
