//! What a commit wants in the cluster: manifests read from git the way Argo CD's repo server reads them.
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository, Tree};
use serde_json::Value;

use super::Application;
use super::kustomize::transform;
use crate::manifest;

const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The manifests of one commit.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// `Directory` or `Kustomize`.
    pub source_type: &'static str,
    pub objects: Vec<Value>,
}

/// An application's repo.
pub struct Git(Result<Repository, String>);

impl Git {
    /// Opens it; one that isn't there fails whenever it is asked.
    pub fn new(application: &Application) -> Self {
        let opened = Repository::open_bare(&application.repository);
        Git(opened.map_err(|error| error.message().to_owned()))
    }

    /// The commit that the target revision names now, or why there is none.
    pub fn head(&self, application: &Application) -> Result<Oid, String> {
        let name = &application.target_revision;
        let unresolved = |error: &str| {
            format!(
                "rpc error: code = Unknown desc = unable to resolve '{name}' to a commit SHA: {error}"
            )
        };
        let repository = self.0.as_ref().map_err(|error| unresolved(error))?;
        if name.len() == 40
            && let Ok(oid) = Oid::from_str(name)
        {
            return Ok(oid);
        }
        let branch = repository.find_reference(&format!("refs/heads/{name}"));
        let commit = branch.and_then(|branch| branch.peel_to_commit());
        commit.map(|commit| commit.id()).map_err(|error| unresolved(error.message()))
    }

    /// Reads the application's folder at a commit, or says why it can't be rendered.
    pub fn render(&self, application: &Application, revision: Oid) -> Result<Rendered, String> {
        let unreadable = |error: &str| {
            format!("rpc error: code = Internal desc = failed to checkout {revision}: {error}")
        };
        let repository = self.0.as_ref().map_err(|error| unreadable(error))?;
        let root = repository.find_commit(revision).and_then(|it| it.tree());
        let root = root.map_err(|error| unreadable(error.message()))?;
        let reader = Reader { repository, root };
        let path = normal(Path::new(""), &application.path);
        let Some(folder) = reader.folder(&path) else {
            let path = &application.path;
            return Err(format!(
                "rpc error: code = Unknown desc = {path}: app path does not exist"
            ));
        };
        if kustomization(&folder).is_some() {
            let objects = reader.kustomize(&path).map_err(|why| {
                let path = &application.path;
                format!("rpc error: code = Unknown desc = `kustomize build {path}` failed exit status 1: Error: {why}")
            })?;
            return Ok(Rendered { source_type: "Kustomize", objects });
        }
        let objects = reader
            .directory(&folder, application.recurse)
            .map_err(|why| format!("rpc error: code = FailedPrecondition desc = {why}"))?;
        Ok(Rendered { source_type: "Directory", objects })
    }
}

struct Reader<'a> {
    repository: &'a Repository,
    root: Tree<'a>,
}

impl<'a> Reader<'a> {
    fn folder(&self, path: &Path) -> Option<Tree<'a>> {
        if path.as_os_str().is_empty() {
            return Some(self.root.clone());
        }
        let entry = self.root.get_path(path).ok()?;
        self.repository.find_tree(entry.id()).ok()
    }

    fn text(&self, blob: Oid) -> String {
        let blob = self.repository.find_blob(blob);
        blob.map(|blob| String::from_utf8_lossy(blob.content()).into_owned()).unwrap_or_default()
    }

    /// A plain folder: every manifest in it, in the order of names.
    fn directory(&self, folder: &Tree, recurse: bool) -> Result<Vec<Value>, String> {
        let mut objects = Vec::new();
        for entry in folder {
            let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
            match entry.kind() {
                Some(ObjectType::Tree) if recurse => {
                    if let Ok(below) = self.repository.find_tree(entry.id()) {
                        objects.extend(self.directory(&below, recurse)?);
                    }
                }
                Some(ObjectType::Blob) if is_manifest(&name) => {
                    objects.extend(file_objects(&name, &self.text(entry.id()))?);
                }
                _ => {}
            }
        }
        Ok(objects)
    }

    /// What a kustomization lists, and nothing else.
    fn kustomize(&self, path: &Path) -> Result<Vec<Value>, String> {
        let shown = path.display();
        let folder = self.folder(path).and_then(|folder| kustomization(&folder));
        let Some(kustomization) = folder else {
            return Err(format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{shown}'"
            ));
        };
        let documents = manifest::objects(&self.text(kustomization));
        let documents = documents.map_err(|error| format!("invalid Kustomization: {error}"))?;
        let kustomization = documents.into_iter().next().map(|it| it.0).unwrap_or_default();
        let resources = kustomization["resources"].as_array();
        let mut objects = Vec::new();
        for resource in resources.into_iter().flatten().filter_map(Value::as_str) {
            let at = normal(path, resource);
            let entry = self.root.get_path(&at).map_err(|_| {
                format!("accumulating resources: accumulation err='accumulating resources from '{resource}': open {}: no such file or directory'", at.display())
            })?;
            if entry.kind() == Some(ObjectType::Tree) {
                objects.extend(self.kustomize(&at)?);
            } else {
                let read = manifest::objects(&self.text(entry.id()));
                let read = read.map_err(|error| {
                    format!("accumulating resources from '{resource}': MalformedYAMLError: {error}")
                })?;
                if read.iter().any(|it| it.kind().is_empty() || it.name().is_empty()) {
                    return Err(format!(
                        "accumulating resources from '{resource}': missing metadata.name in object"
                    ));
                }
                objects.extend(read.into_iter().map(|object| object.0));
            }
        }
        transform(&kustomization, &mut objects);
        Ok(objects)
    }
}

fn kustomization(folder: &Tree) -> Option<Oid> {
    KUSTOMIZATIONS.iter().find_map(|name| Some(folder.get_name(name)?.id()))
}

fn is_manifest(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|suffix| name.ends_with(suffix))
}

/// A path below the root, `.` and `..` worked out.
fn normal(from: &Path, path: &str) -> PathBuf {
    let mut normal = from.to_owned();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// A file that isn't all objects is an error if its beginning is, or if its text looks like one; any
/// other is none of Argo CD's business.
fn file_objects(name: &str, text: &str) -> Result<Vec<Value>, String> {
    let looks_like_one =
        ["apiVersion:", "kind:", "metadata:"].iter().all(|word| text.contains(word));
    let failed = |why: String| {
        Err(format!("Failed to unmarshal {name:?}: failed to unmarshal manifest: {why}"))
    };
    if text.lines().any(|line| line.trim() == "# +argocd:skip-file-rendering") {
        return Ok(Vec::new());
    }
    match manifest::objects(text) {
        Err(error) if looks_like_one || name.ends_with(".json") => failed(error.to_string()),
        Err(_) => Ok(Vec::new()),
        Ok(objects) => {
            let objects: Vec<Value> = objects.into_iter().map(|object| object.0).collect();
            let kindless =
                objects.iter().position(|it| it["kind"].as_str().unwrap_or("").is_empty());
            match kindless {
                None => Ok(objects),
                Some(at) if at > 0 || looks_like_one => {
                    failed("Object 'Kind' is missing".to_owned())
                }
                Some(_) => Ok(Vec::new()),
            }
        }
    }
}
