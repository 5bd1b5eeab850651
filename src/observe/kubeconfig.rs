//! Which clusters are known here: the contexts of the kubeconfig files, found the way kubectl does.
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};
use thiserror::Error;

use crate::context::Context;

/// A kubeconfig file can't be used. Nothing of its text is shown: it may be a token.
#[derive(Debug, Error)]
#[error("the kubeconfig {}: {why}", file.display())]
pub struct BadKubeconfig {
    pub file: PathBuf,
    pub why: String,
}

/// The merged kubeconfig: `file` if one is named, else those in `KUBECONFIG`, else `~/.kube/config`. A
/// file that isn't there is as good as an empty one, unless it was named.
pub fn read(context: &Context, file: Option<&Path>) -> Result<Kubeconfig, BadKubeconfig> {
    if let Some(file) = file {
        return read_file(context.cwd.join(file));
    }
    let files = files(context).into_iter().map(|file| context.cwd.join(file));
    files.filter(|file| file.exists()).try_fold(Kubeconfig::default(), |merged, file| {
        let next = read_file(file.clone())?;
        merged.merge(next).map_err(|error| BadKubeconfig { file, why: error.to_string() })
    })
}

fn read_file(file: PathBuf) -> Result<Kubeconfig, BadKubeconfig> {
    Kubeconfig::read_from(&file).map_err(|error| {
        let why = match error {
            KubeconfigError::ReadConfig(error, _) => error.to_string(),
            // The parser's own message quotes the lines around.
            KubeconfigError::Parse(error) => match error.location() {
                Some(at) => {
                    format!("line {}, column {}: not as expected", at.line(), at.column())
                }
                None => "not as expected".to_owned(),
            },
            other => other.to_string(),
        };
        BadKubeconfig { file, why }
    })
}

fn files(context: &Context) -> Vec<PathBuf> {
    match context.var("KUBECONFIG") {
        Some(list) => {
            std::env::split_paths(list).filter(|file| !file.as_os_str().is_empty()).collect()
        }
        None => {
            let home = context.var("HOME").map(|home| Path::new(home).join(".kube/config"));
            home.into_iter().collect()
        }
    }
}
