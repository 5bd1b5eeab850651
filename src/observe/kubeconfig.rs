//! Which clusters are known here: the contexts of the kubeconfig files, found the way kubectl does.
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use crate::context::Context;

/// The merged kubeconfig: `file` if one is named, else those in `KUBECONFIG`, else `~/.kube/config`. A
/// file that isn't there is as good as an empty one, unless it was named.
pub fn read(context: &Context, file: Option<&Path>) -> Result<Kubeconfig, KubeconfigError> {
    if let Some(file) = file {
        return Kubeconfig::read_from(context.cwd.join(file));
    }
    files(context)
        .iter()
        .map(|file| context.cwd.join(file))
        .filter(|file| file.exists())
        .try_fold(Kubeconfig::default(), |merged, file| merged.merge(Kubeconfig::read_from(file)?))
}

/// Whether a context of this name is in it.
pub fn has_context(kubeconfig: &Kubeconfig, name: &str) -> bool {
    kubeconfig.contexts.iter().any(|context| context.name == name)
}

fn files(context: &Context) -> Vec<PathBuf> {
    match context.var("KUBECONFIG") {
        Some(list) => {
            std::env::split_paths(list).filter(|file| !file.as_os_str().is_empty()).collect()
        }
        None => context
            .var("HOME")
            .map(|home| Path::new(home).join(".kube/config"))
            .into_iter()
            .collect(),
    }
}
