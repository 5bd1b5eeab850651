//! Which clusters are known here: the contexts of the kubeconfig files, found the way kubectl does.
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::context::Context;
use crate::proxy::proxy_to;

/// A kubeconfig file can't be used. Nothing of its text is shown: it may be a token.
#[derive(Debug, Error)]
#[error("the kubeconfig {}: {why}", file.display())]
pub struct BadKubeconfig {
    pub file: PathBuf,
    pub why: String,
}

/// The merged kubeconfig: `file` if one is named, else those in `KUBECONFIG`, else `~/.kube/config`. A
/// file that isn't there is as good as an empty one, unless it was named.
///
/// Each of its clusters names the proxy that leads to it, its own or the environment's, or there is none.
pub fn read(context: &Context, file: Option<&Path>) -> Result<Kubeconfig, BadKubeconfig> {
    let mut kubeconfig = match file {
        Some(file) => read_file(context.cwd.join(file))?,
        None => {
            let files = files(context).into_iter().filter(|file| file.exists());
            files.into_iter().try_fold(Kubeconfig::default(), |merged, file| {
                let next = read_file(file.clone())?;
                merged.merge(next).map_err(|error| BadKubeconfig { file, why: error.to_string() })
            })?
        }
    };
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        if cluster.proxy_url.as_deref().is_none_or(str::is_empty) {
            let server = cluster.server.as_deref().unwrap_or_default();
            cluster.proxy_url = proxy_to(context, server);
        }
    }
    Ok(kubeconfig)
}

/// What the files hold: another one once any of them has changed, came to be, or went away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Vec<Option<[u8; 32]>>);

/// The stamp of the files that [`read`] reads.
pub fn stamp(context: &Context, file: Option<&Path>) -> Stamp {
    let files = match file {
        Some(file) => vec![context.cwd.join(file)],
        None => files(context),
    };
    let digest = |file: PathBuf| Some(Sha256::digest(std::fs::read(file).ok()?).into());
    Stamp(files.into_iter().map(digest).collect())
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
            let files = std::env::split_paths(list).filter(|file| !file.as_os_str().is_empty());
            files.map(|file| context.cwd.join(file)).collect()
        }
        None => {
            let home = context.var("HOME").map(|home| context.cwd.join(home).join(".kube/config"));
            home.into_iter().collect()
        }
    }
}
