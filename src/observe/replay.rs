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
    #[error("{}:{line}: no line of `status -o json`", .path.display())]
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
    /// Reads one JSON object a line; empty lines are left out.
    ///
    /// # Errors
    /// The file can't be read, or a line holds no `observed`.
    pub fn read(path: &Path) -> Result<Self, ReplayError> {
        let path = path.to_owned();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ReplayError::Unreadable { path: path.clone(), source })?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let seen = lines.map(|(at, line)| match serde_json::from_str::<Line>(line) {
            Ok(line) => Ok(line.observed),
            Err(source) => Err(ReplayError::NotOurs { path: path.clone(), line: at + 1, source }),
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
