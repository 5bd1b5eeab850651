//! Which folders of a repo look like systems', and the `systems` pattern that fits most of them.
use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{Known, SystemsPattern};
use crate::run::SystemRef;

/// How deep it is looked for. Deeper folders with manifests belong to one further up.
const DEPTH: usize = 8;

/// The names of a kustomization file.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What was found.
pub struct Found {
    pub pattern: SystemsPattern,
    /// Those that fit the pattern, sorted.
    pub systems: Vec<SystemRef>,
    /// How many folders with manifests don't.
    pub others: usize,
    /// Whether most of the systems are kustomize sources.
    pub kustomize: bool,
    /// Where there are inputs already, their name stays.
    inputs: Vec<SystemRef>,
}

/// A folder that holds manifests, and none above it does.
struct Folder {
    path: Vec<String>,
    kustomize: bool,
    has_inputs: bool,
}

/// Looks through the work tree at `root`. With a pattern of the settings, that one stays.
///
/// # Errors
/// A folder can't be read.
pub fn find(root: &Path, settled: Option<SystemsPattern>) -> std::io::Result<Found> {
    let mut folders = Vec::new();
    walk(root, &mut Vec::new(), &mut folders)?;
    let pattern = settled.unwrap_or_else(|| proposed(&folders));
    let mut found = Found { pattern, systems: vec![], others: 0, kustomize: false, inputs: vec![] };
    let mut kustomize = 0;
    for folder in &folders {
        match system(&found.pattern, &folder.path) {
            None => found.others += 1,
            Some(system) => {
                kustomize += usize::from(folder.kustomize);
                if folder.has_inputs {
                    found.inputs.push(system.clone());
                }
                found.systems.push(system);
            }
        }
    }
    found.systems.sort();
    found.kustomize = kustomize * 2 > found.systems.len();
    Ok(found)
}

/// The pattern that most of the folders fit.
fn proposed(folders: &[Folder]) -> SystemsPattern {
    let mut patterns: BTreeMap<String, usize> = BTreeMap::new();
    for folder in folders {
        if let Some(pattern) = pattern_of(&folder.path) {
            // Inputs that are there already say more than manifests do.
            *patterns.entry(pattern).or_default() += if folder.has_inputs { 1000 } else { 1 };
        }
    }
    let default = SystemsPattern::default();
    // Among equals the default one, then the first by name.
    let rank = |(pattern, count): &(&String, &usize)| {
        (**count, *pattern == default.as_str(), std::cmp::Reverse((*pattern).clone()))
    };
    let most = patterns.iter().max_by_key(rank);
    most.and_then(|(pattern, _)| pattern.parse().ok()).unwrap_or(default)
}

impl Found {
    /// The systems, or where there are none the one that the example is for.
    pub fn or_named(&self) -> Vec<SystemRef> {
        if self.systems.is_empty() { vec![named()] } else { self.systems.clone() }
    }

    /// The `dcr.yaml` that is proposed, relative to the repo: that of the first system that has none.
    pub fn example(&self) -> String {
        let new = self.systems.iter().find(|system| !self.inputs.contains(system));
        self.pattern.path_of(new.or(self.systems.first()).unwrap_or(&named()))
    }
}

/// What has to be named by whoever has no systems yet.
fn named() -> SystemRef {
    SystemRef {
        cluster: "my-cluster".to_owned(),
        namespace: "my-namespace".to_owned(),
        system: "my-system".to_owned(),
    }
}

/// Goes down until there are manifests. Hidden folders are somebody else's.
fn walk(dir: &Path, path: &mut Vec<String>, found: &mut Vec<Folder>) -> std::io::Result<()> {
    let (mut folders, mut manifests) = (Vec::new(), false);
    let mut folder = Folder { path: path.clone(), kustomize: false, has_inputs: false };
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            folders.push(name);
        } else if !path.is_empty() {
            manifests |= name.ends_with(".yaml") || name.ends_with(".yml");
            folder.kustomize |= KUSTOMIZATIONS.contains(&name.as_str());
            folder.has_inputs |= name == "dcr.yaml";
        }
    }
    if manifests || folder.kustomize {
        // A kustomization further up may only list what is below it.
        let lists = folder.kustomize && !folder.has_inputs && path.len() < 3 && !folders.is_empty();
        if !lists {
            found.push(folder);
            return Ok(());
        }
    }
    if path.len() < DEPTH {
        folders.sort();
        for name in folders {
            path.push(name);
            walk(&dir.join(&path[path.len() - 1]), path, found)?;
            path.pop();
        }
    }
    Ok(())
}

/// The last three folders are cluster, namespace and system; the ones above are always the same.
fn pattern_of(path: &[String]) -> Option<String> {
    let above = path.len().checked_sub(3)?;
    let mut parts: Vec<&str> = path[..above].iter().map(String::as_str).collect();
    parts.extend(["{cluster}", "{namespace}", "{system}", "dcr.yaml"]);
    let pattern = parts.join("/");
    pattern.parse::<SystemsPattern>().ok().map(|_| pattern)
}

fn system(pattern: &SystemsPattern, path: &[String]) -> Option<SystemRef> {
    if path.len() + 1 != pattern.depth() {
        return None;
    }
    let mut known = Known::default();
    for (depth, name) in path.iter().enumerate() {
        known = pattern.enter(depth, name, &known)?;
    }
    known.complete()
}
