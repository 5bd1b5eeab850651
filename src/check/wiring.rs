//! What stands between the generated files and the cluster: how Argo CD and kustomize take a system's folder.
use std::collections::BTreeMap;

use serde_json::Value;

use super::{Finding, Level, Rule};
use crate::config::Wiring;
use crate::manifest;

const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Keys of a kustomization that reach everything it lists, ours included, without giving it another name:
/// what is live then differs from what was committed.
const REACHING: [&str; 9] = [
    "commonAnnotations",
    "images",
    "replicas",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "transformers",
    "components",
    "replacements",
];

/// `inputs`: the path of the `dcr.yaml`; `beside`: the files beside it, in `folder`.
pub fn findings(
    inputs: &str,
    folder: &str,
    wiring: Wiring,
    beside: &BTreeMap<String, String>,
) -> Vec<Finding> {
    let path = |name: &str| match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    let warning = |name: &str, message: String| {
        Finding::new(Level::Warning, Rule::Wiring, &path(name), message)
    };
    let kustomization =
        KUSTOMIZATIONS.iter().find_map(|name| Some((*name, beside.get(*name)?.as_str())));
    match (wiring, kustomization) {
        (Wiring::Directory, Some((name, _))) => vec![
            warning(name, "a folder with this file is a kustomize source: with `wiring: directory` Argo CD doesn't see `dcr/` in it".to_owned())
                .hint("set `wiring: kustomize`, or keep the kustomization elsewhere"),
        ],
        (Wiring::Directory, None) => {
            let mut findings: Vec<Finding> = beside
                .iter()
                .filter(|(name, text)| breaks_the_application(name, text))
                .map(|(name, _)| {
                    let message = "Argo CD takes this file for a manifest that is broken, and applies nothing of the application: it has no `kind`, but its text holds `apiVersion:`, `kind:` and `metadata:`";
                    Finding::new(Level::Error, Rule::Wiring, &path(name), message)
                        .hint("write one of these words differently, e.g. in a comment or a flow mapping")
                })
                .collect();
            if !beside.iter().any(|(name, text)| holds_objects(name, text)) {
                findings.push(
                    Finding::new(Level::Warning, Rule::Wiring, inputs, "nothing but the run is in this folder: if it is an application of its own, the teardown leaves it empty, and Argo CD prunes an application to nothing only with `allowEmpty`")
                        .hint("set `syncPolicy.automated.allowEmpty: true`, or keep a manifest beside it"),
                );
            }
            findings
        }
        (Wiring::Kustomize, Some((name, text))) => {
            let document = manifest::objects(text).ok().and_then(|mut documents| documents.pop());
            let fields = document.map(|document| document.0).unwrap_or(Value::Null);
            let set = |key: &&&str| fields.get(**key).is_some_and(|value| !manifest::says_nothing(value));
            let reaching = REACHING.iter().filter(set).map(|key| {
                let message = format!("`{key}` reaches what is generated in `dcr/`, too: what is live won't be what was committed");
                let finding = warning(name, message)
                    .hint("move it into a kustomization of your own manifests, so that it doesn't reach `dcr`");
                match line_of(text, key) {
                    Some(line) => finding.on_line(line),
                    None => finding,
                }
            });
            reaching.collect()
        }
        // That it is missing is found when a first step is rendered.
        (Wiring::Kustomize, None) => Vec::new(),
    }
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

/// Argo CD's rule for files that hold something else than objects: they are skipped, unless they look like one.
fn breaks_the_application(name: &str, text: &str) -> bool {
    let looks = ["apiVersion:", "kind:", "metadata:"].iter().all(|word| text.contains(word));
    if !is_yaml(name) || !looks {
        return false;
    }
    match manifest::objects(text) {
        Ok(objects) => objects.iter().any(|object| object.kind().is_empty()),
        Err(_) => true,
    }
}

fn holds_objects(name: &str, text: &str) -> bool {
    let objects = || manifest::objects(text).unwrap_or_default();
    is_yaml(name) && text.contains("kind:") && objects().iter().any(|it| !it.kind().is_empty())
}

/// The line of a key at the top of a document, from 1.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let is_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    text.lines().position(is_key).map(|at| at + 1)
}
