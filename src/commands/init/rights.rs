//! The least rights of a watcher, for the systems that are there: both forms, for each kubeconfig context.
use std::path::Path;

use super::files::File;
use crate::config::{Inputs, SettingsFile, parse_inputs};
use crate::rbac::{Form, Reach, Subject};
use crate::run::SystemRef;

/// Where the manifests are put: beside what people apply themselves, away from what Argo CD looks at.
pub const FOLDER: &str = ".dcr-gitops/rbac";

/// The manifests for these systems. Whose inputs aren't there yet, or aren't valid, is taken to have `example`'s.
///
/// # Errors
/// The example isn't valid with these settings, e.g. since their `defaults` contradict it.
pub fn files(
    root: &Path,
    settings: &SettingsFile,
    systems: &[SystemRef],
    example: &str,
) -> anyhow::Result<Vec<File>> {
    let pattern = &settings.settings.systems;
    let inputs = systems.iter().map(|system| -> anyhow::Result<(SystemRef, Inputs)> {
        let path = pattern.path_of(system);
        let own = std::fs::read_to_string(root.join(&path)).ok();
        let own = own.and_then(|text| parse_inputs(settings, system, &path, &text).ok());
        let inputs = match own {
            Some(inputs) => inputs,
            None => parse_inputs(settings, system, &path, example)?,
        };
        Ok((system.clone(), inputs))
    });
    let inputs = inputs.collect::<anyhow::Result<Vec<_>>>()?;
    let of = inputs.iter().map(|(system, inputs)| (system, inputs));
    let subject = Subject::ServiceAccount {
        name: "dcr-gitops".to_owned(),
        namespace: "dcr-gitops".to_owned(),
    };
    let mut files = Vec::new();
    for (context, reach) in Reach::by_context(&settings.settings, of) {
        for (form, name) in [(Form::Namespaced, "namespaced"), (Form::ClusterWide, "cluster-wide")]
        {
            let context: String = context
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
                .collect();
            let path = format!("{FOLDER}/{context}-{name}.yaml");
            files.push(File { path, text: reach.manifest(form, &subject)? });
        }
    }
    Ok(files)
}
