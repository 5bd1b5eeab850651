//! `--observed FILE`: what a `status -o json` saw, in place of the cluster, its nodes, reviews and journal.
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use crate::run::{Observation, SystemRef, World};

/// Why a file can't be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    #[error("cannot read {}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}:{line}: not what `status -o json` prints", .path.display())]
    NotOurs { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("{} says nothing about {system}", .path.display())]
    Absent { path: PathBuf, system: SystemRef },
}

/// What was seen at one time, for each system that was looked at.
#[derive(Debug)]
pub struct Replay {
    path: PathBuf,
    seen: Vec<Observation>,
}

#[derive(Deserialize)]
struct Line {
    observed: Observation,
}

impl Replay {
    /// Reads JSON objects one after the other, however their lines are broken: who edits such a file may
    /// have had it laid out.
    ///
    /// # Errors
    /// The file can't be read, or an object holds no `observed`.
    pub fn read(path: &Path) -> Result<Self, ReplayError> {
        let path = path.to_owned();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ReplayError::Unreadable { path: path.clone(), source })?;
        let objects = serde_json::Deserializer::from_str(&text).into_iter::<Line>();
        let seen = objects.map(|object| match object {
            Ok(Line { observed }) => Ok(observed),
            Err(source) => {
                Err(ReplayError::NotOurs { path: path.clone(), line: source.line(), source })
            }
        });
        Ok(Replay { seen: seen.collect::<Result<_, _>>()?, path })
    }

    /// What was seen outside the deployment repo, and when.
    ///
    /// # Errors
    /// The file doesn't speak of the system.
    pub fn world(&self, system: &SystemRef) -> Result<(Timestamp, World), ReplayError> {
        let seen = self.seen.iter().find(|seen| seen.deployment.system == *system);
        let seen = seen.ok_or_else(|| ReplayError::Absent {
            path: self.path.clone(),
            system: system.clone(),
        })?;
        Ok((seen.at, seen.world.clone()))
    }
}

impl ReplayError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ReplayError::Unreadable { .. } => None,
            ReplayError::NotOurs { .. } | ReplayError::Absent { .. } => {
                Some("save one with `dcr-gitops status SYSTEM -o json > FILE`".to_owned())
            }
        }
    }
}
