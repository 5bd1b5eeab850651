//! A deployment repo made by `git fast-import`, and clones of every kind, apart from the machine's own git.
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dcr_gitops::config::{Inputs, Settings, SystemsPattern};
use dcr_gitops::git::{Env, Oid, RemoteBranches, Repo};
use dcr_gitops::manifest::{DIGEST, Object};
use dcr_gitops::observe::deployment::{Found, Source, find_base};
use dcr_gitops::propose::{Committed, Error, Proposal, commit};
use dcr_gitops::render::{BaseFolder, Change, FileChange};
use dcr_gitops::run::deployment::{Action, Deployment, Intent, StepBranch, StepContent};
use dcr_gitops::run::{Kind, LastRun, Outcome, Phase, Place, Record, SystemRef};
use jiff::Timestamp;
use serde_json::{Value, json};

/// When every test takes place, unless it says otherwise: 2026-11-22T12:00:00Z.
pub const NOW: i64 = 1_795_348_800;

pub struct Sandbox {
    pub dir: tempfile::TempDir,
    pub env: Env,
}

impl Sandbox {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let config = "[user]\n\tname = Test Person\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n\
                      [protocol \"file\"]\n\tallow = always\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";
        std::fs::write(home.join(".gitconfig"), config).unwrap();
        let mut env: Env = std::env::vars_os().filter(|(name, _)| name == "PATH").collect();
        let mut set = |name: &str, value: OsString| env.insert(name.into(), value);
        set("HOME", home.clone().into());
        set("GIT_CONFIG_NOSYSTEM", "1".into());
        set("GIT_CONFIG_GLOBAL", home.join(".gitconfig").into());
        set("TZ", "UTC".into());
        Sandbox { dir, env }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn git(&self, dir: &Path, arguments: &[&str]) -> String {
        self.git_with(dir, arguments, b"")
    }

    pub fn git_with(&self, dir: &Path, arguments: &[&str], input: &[u8]) -> String {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(dir)
            .env_clear()
            .envs(&self.env)
            .env("GIT_AUTHOR_DATE", format!("@{NOW} +0000"))
            .env("GIT_COMMITTER_DATE", format!("@{NOW} +0000"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let out = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "git {arguments:?}: {errors}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// A bare repo with this many systems in namespaces of ten, `others` more files, and settings.
    pub fn origin(&self, systems: u32, settings: &str) -> PathBuf {
        let mut files = vec![("dcr-gitops.yaml".to_owned(), settings.to_owned())];
        for number in 0..systems {
            let system = nth(number);
            let folder = folder(&system);
            files.push((format!("{folder}/dcr.yaml"), format!("image: express:{number}\n")));
            files.push((format!("{folder}/own.yaml"), format!("own: {number}\n")));
            files.push((
                format!("{folder}/kustomization.yaml"),
                "# ours\nresources:\n- own.yaml\n".to_owned(),
            ));
        }
        self.bare(&files)
    }

    pub fn bare(&self, files: &[(String, String)]) -> PathBuf {
        let origin = self.path("origin.git");
        self.git(self.dir.path(), &["init", "--quiet", "--bare", "origin.git"]);
        for (name, value) in
            [("uploadpack.allowFilter", "true"), ("uploadpack.allowAnySHA1InWant", "true")]
        {
            self.git(&origin, &["config", name, value]);
        }
        self.land(&origin, "main", "Begin", files);
        origin
    }

    /// A commit on a branch of a bare repo; an empty text removes the file.
    pub fn land(
        &self,
        repo: &Path,
        branch: &str,
        message: &str,
        files: &[(String, String)],
    ) -> Oid {
        self.land_at(repo, branch, message, files, NOW)
    }

    pub fn land_at(
        &self,
        repo: &Path,
        branch: &str,
        message: &str,
        files: &[(String, String)],
        at: i64,
    ) -> Oid {
        let mut stream = format!(
            "commit refs/heads/{branch}\ncommitter A Person <a@example.com> {at} +0000\ndata {}\n{message}\n",
            message.len()
        );
        let exists = self.git(repo, &["for-each-ref", &format!("refs/heads/{branch}")]);
        if !exists.is_empty() {
            writeln!(stream, "from refs/heads/{branch}^0").unwrap();
        }
        for (path, text) in files {
            if text.is_empty() {
                writeln!(stream, "D {path}").unwrap();
            } else {
                write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len()).unwrap();
            }
        }
        self.git_with(repo, &["fast-import", "--quiet", "--force"], stream.as_bytes());
        Oid::from_str(&self.git(repo, &["rev-parse", branch])).unwrap()
    }

    pub fn clone(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let url = format!("file://{}", self.path("origin.git").display());
        let mut all = vec!["clone", "--quiet"];
        all.extend(arguments);
        all.extend([url.as_str(), name]);
        self.git(self.dir.path(), &all);
        self.path(name)
    }

    pub fn open(&self, dir: &Path) -> Repo {
        Repo::open(dir, &self.env).unwrap()
    }

    pub fn fsck(&self, dir: &Path) {
        self.git(dir, &["fsck", "--strict", "--no-dangling"]);
    }
}

pub fn nth(number: u32) -> SystemRef {
    SystemRef {
        cluster: "den".to_owned(),
        namespace: format!("tenant-{}", number / 10),
        system: format!("system{number}"),
    }
}

pub fn folder(system: &SystemRef) -> String {
    format!("clusters/{}/{}/{}", system.cluster, system.namespace, system.system)
}

pub fn record(system: &SystemRef, run: u32, step: u32, phase: Phase) -> Record {
    Record {
        system: system.clone(),
        run,
        kind: Kind::Rebuild,
        step,
        phase,
        attempt: 1,
        forced: false,
        farmers: 4,
        frontends: vec!["fe1".to_owned()],
        ticket: None,
        inputs: "sha256:00".to_owned(),
        gate_skipped: None,
    }
}

/// An object with its digest, as text.
pub fn object(kind: &str, name: &str, more: Value) -> String {
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let digest = Object(object.clone()).digest();
    object["metadata"]["annotations"] = json!({ DIGEST: digest });
    format!("{}\n", serde_json::to_string_pretty(&object).unwrap())
}

pub fn run_yaml(record: &Record) -> String {
    object("ConfigMap", &record.system.run_record(), json!({"data": record.to_data()}))
}

pub fn last_run(run: u32, step: u32) -> String {
    let (kind, outcome) = (Kind::Rebuild, Outcome::Complete);
    LastRun { run, step, kind, outcome, gate_skipped: None, reason: None }.to_text()
}

/// The files of a run at one step, by path.
pub fn run_files(record: &Record) -> Vec<(String, String)> {
    let dcr = format!("{}/dcr", folder(&record.system));
    let set = object(
        "StatefulSet",
        &record.system.farmer_set(),
        json!({"spec": {"replicas": record.farmers,
            "template": {"spec": {"containers": [{"image": "express:1"}]}}}}),
    );
    vec![(format!("{dcr}/farmers.yaml"), set), (format!("{dcr}/run.yaml"), run_yaml(record))]
}

pub fn change(before: &BaseFolder, after: &[(String, String)]) -> Change {
    let files = after.iter().map(|(path, text)| FileChange {
        path: path.clone(),
        before: path
            .strip_prefix(&format!("{}/", before.dcr))
            .and_then(|name| before.files.get(name).cloned()),
        after: (!text.is_empty()).then(|| text.clone()),
    });
    Change { files: files.collect() }
}

pub fn intent(record: &Record, action: Action) -> Intent {
    Intent {
        action,
        kind: record.kind,
        phase: record.phase,
        attempt: record.attempt,
        forced: record.forced,
        farmers: record.farmers,
        ticket: record.ticket.clone(),
        gate_skipped: None,
        reason: None,
    }
}

pub fn settings(text: &str) -> anyhow::Result<Settings> {
    let options = dcr_gitops_yaml();
    Ok(serde_yaml::from_str_with_options(text, options)?)
}

fn dcr_gitops_yaml() -> serde_yaml::Options {
    serde_yaml::options! { strict_booleans: true, }
}

pub fn inputs(_: &str, text: &str) -> anyhow::Result<(Inputs, String)> {
    let resources = json!({"requests": {}});
    let inputs = json!({"image": text.trim(), "synchronizer": {"resources": resources},
        "farmers": {"resources": resources}});
    Ok((serde_json::from_value(inputs)?, format!("sha256:{text}")))
}

/// A clone, looked at.
pub struct Look {
    pub repo: Repo,
    pub found: Found,
    pub branches: Option<RemoteBranches>,
    pub pattern: SystemsPattern,
}

impl Look {
    pub fn at(sandbox: &Sandbox, dir: &Path) -> Self {
        Look::in_repo(sandbox.open(dir))
    }

    pub fn in_repo(repo: Repo) -> Self {
        let found = find_base(&repo, None, settings).unwrap();
        Look { repo, found, branches: None, pattern: SystemsPattern::default() }
    }

    pub fn source(&self) -> Source<'_> {
        Source {
            repo: &self.repo,
            base: &self.found.base,
            settings: &self.found.settings,
            pattern: &self.pattern,
            remote: self.found.remote.as_deref(),
            branches: self.branches.as_ref(),
        }
    }

    pub fn read(&self, system: &SystemRef) -> (Deployment, BaseFolder) {
        self.source().read(system, inputs).unwrap()
    }

    pub fn base(&self) -> Oid {
        Oid::from_str(&self.found.base.commit).unwrap()
    }

    /// Commits the first step of run 1 of a system, on its branch.
    pub fn start(&self, system: &SystemRef) -> Result<Committed, Error> {
        self.propose(&record(system, 1, 1, Phase::HistoryUpdate), &Place::New)
    }

    pub fn propose(&self, record: &Record, place: &Place) -> Result<Committed, Error> {
        let (_, before) = self.source().read(&record.system, inputs).unwrap();
        self.commit(record, &change(&before, &run_files(record)), place, NOW)
    }

    pub fn commit(
        &self,
        record: &Record,
        change: &Change,
        place: &Place,
        now: i64,
    ) -> Result<Committed, Error> {
        let branch = branch(record);
        let message = format!(
            "Added/Modified {} via automation\n\nDcr-Run: {}\n",
            record.system.system, record.run
        );
        let proposal =
            Proposal { base: self.base(), change, message: &message, branch: &branch, place };
        let at = Timestamp::from_second(now).unwrap();
        commit(&self.repo, &proposal, at, &|commit| self.same(record, commit))
    }

    pub fn same(&self, record: &Record, commit: Oid) -> anyhow::Result<bool> {
        let intent = intent(record, Action::Start);
        Ok(self.source().holds(&record.system, (record.run, record.step), &intent, commit)?)
    }
}

pub fn branch(record: &Record) -> String {
    dcr_gitops::run::branch::step_branch(&record.system, record.run, record.step)
}

pub fn replace(branch: &StepBranch) -> Place {
    Place::Replace(branch.clone())
}

pub fn ours(step: &StepBranch) -> &Intent {
    match &step.content {
        StepContent::Ours(intent) => intent,
        other => panic!("{} is {other:?}", step.branch),
    }
}
