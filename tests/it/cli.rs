//! The commands as people and pipelines use them: the built program in clones of deployment repos.
mod against;
mod errors;
mod life;
mod next_phase;
pub mod observed;
mod output;
mod plan;
mod races;
mod trouble;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::env::Ran;
use crate::git_repo::Sandbox;

pub const SETTINGS: &str = "\
apiVersion: dcr-gitops/v1
templates: k8s
defaults:
  synchronizer: {resources: {requests: {cpu: \"2\", memory: 16Gi}}}
  farmers: {resources: {requests: {cpu: \"8\", memory: 64Gi}}}
";
pub const INPUTS: &str = "\
apiVersion: dcr-gitops/v1
image: registry.example.com/express:e686.131
";
/// The folder of the system that the tests are about.
pub const FOLDER: &str = "clusters/den/tenant-105858-prod/system6";
pub const SYSTEM6: &str = "den/tenant-105858-prod/system6";

/// How a system's folder is wired into what Argo CD sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wired {
    Directory,
    Kustomize,
}

/// A deployment repo with a work tree.
pub struct Deployment {
    pub sandbox: Sandbox,
    pub work: PathBuf,
}

pub fn step(run: u32, step: u32) -> String {
    format!("dcr/{SYSTEM6}/run-{run}/step-{step}")
}

pub fn files(wired: Wired) -> Vec<(String, String)> {
    let mut settings = SETTINGS.to_owned();
    if wired == Wired::Kustomize {
        settings += "wiring: kustomize\n";
    }
    let mut files = vec![
        ("README.md".to_owned(), "# Deployments\n".to_owned()),
        ("dcr-gitops.yaml".to_owned(), settings),
    ];
    for system in ["system6", "systemdcrtest1"] {
        let folder = format!("clusters/den/tenant-105858-prod/{system}");
        let kustomization = "# Ours.\nresources:   # in this order\n- app.yaml\n";
        for (name, text) in
            [("dcr.yaml", INPUTS), ("app.yaml", "{}\n"), ("kustomization.yaml", kustomization)]
        {
            files.push((format!("{folder}/{name}"), text.to_owned()));
        }
    }
    files
}

impl Deployment {
    /// A clone of an `origin`.
    pub fn cloned(wired: Wired) -> Self {
        let sandbox = Sandbox::new();
        sandbox.bare(&files(wired));
        let work = sandbox.clone("work", &[]);
        Deployment { sandbox, work }
    }

    /// A repo without any remote.
    pub fn alone(wired: Wired) -> Self {
        let repo = Deployment::cloned(wired);
        repo.git(&["remote", "remove", "origin"]);
        repo
    }

    pub fn origin(&self) -> PathBuf {
        self.sandbox.path("origin.git")
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        self.sandbox.git(&self.work, arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.sandbox.run(&self.work, arguments)
    }

    /// `next-phase system6` with these flags; its JSON line, if it ends with `code`.
    #[track_caller]
    pub fn next(&self, flags: &[&str], code: i32) -> Value {
        let mut arguments = vec!["next-phase", "system6", "-o", "json"];
        arguments.extend(flags);
        self.run(&arguments).ends(code).line()
    }

    /// Commits files to the branch that is checked out; an empty text removes one.
    pub fn edit(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.work.join(path);
            if text.is_empty() {
                std::fs::remove_file(path).unwrap();
            } else {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", "An edit"]);
    }

    /// Merges a step's branch into `main`, which is checked out, with a merge commit.
    pub fn merge(&self, branch: &str) {
        self.git(&["merge", "--quiet", "--no-ff", "-m", "Merge", branch]);
    }

    pub fn show(&self, revision: &str, path: &str) -> String {
        self.git(&["show", &format!("{revision}:{path}")])
    }

    /// How many objects the repo has.
    pub fn objects(&self) -> usize {
        self.git(&["cat-file", "--batch-check", "--batch-all-objects"]).lines().count()
    }

    /// A file beside the repo.
    pub fn save(&self, name: &str, text: &str) -> String {
        let path = self.sandbox.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub fn fsck(&self) {
        self.sandbox.fsck(&self.work);
    }
}

/// What must not change whatever the program does: HEAD, the branch it names, the index, the work tree.
pub fn untouched(work: &Path) -> Vec<Vec<u8>> {
    let mut all = vec![];
    for file in [".git/HEAD", ".git/index", ".git/config", ".git/refs/heads/main"] {
        all.push(std::fs::read(work.join(file)).unwrap());
    }
    let mut open = vec![work.to_owned()];
    while let Some(dir) = open.pop() {
        let mut entries: Vec<_> =
            std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries.into_iter().filter(|path| !path.ends_with(".git")) {
            all.push(path.display().to_string().into_bytes());
            if path.is_dir() {
                open.push(path);
            } else {
                all.push(std::fs::read(path).unwrap());
            }
        }
    }
    all
}
