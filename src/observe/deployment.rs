//! One system as the deployment repo has it: inputs, run, history and the steps that wait for review.
mod base;
mod content;
mod error;
mod folder;
mod history;
mod steps;
mod systems;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use base::{Found, SETTINGS, find_base};
pub use error::Error;
pub use steps::remote_steps;
pub use systems::{Located, Systems};

use crate::config::{Inputs, Known, Settings, SystemsPattern, Wiring};
use crate::git::{BranchFetch, Entry, Oid, RemoteBranches, Repo};
use crate::render::{BaseFolder, Change};
use crate::run::SystemRef;
use crate::run::deployment::{Base, Deployment, History, Intent, Policy, StepContent};

/// The deployment repo at one base.
pub struct Source<'a> {
    pub repo: &'a Repo,
    pub base: &'a Base,
    pub settings: &'a Settings,
    pub pattern: &'a SystemsPattern,
    /// The remote, if there is one.
    pub remote: Option<&'a str>,
    /// The remote's step branches as it said itself ([`remote_steps`]); without them, as last fetched.
    pub branches: Option<&'a RemoteBranches>,
}

/// Whether a system has, or had, a run on the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HasRun {
    On,
    Over,
    Never,
}

/// The files of one system.
pub struct Gathered {
    system: SystemRef,
    base: Base,
    policy: Policy,
    paths: Paths,
    found: folder::Folder,
}

impl Gathered {
    /// Path and text of the `dcr.yaml`.
    pub fn inputs(&self) -> (&str, &str) {
        (&self.paths.inputs, &self.found.inputs)
    }

    /// The folder of the `dcr.yaml`, relative to the repo.
    pub fn folder(&self) -> &str {
        &self.paths.folder
    }

    /// What they say with these inputs, without anything that was before or waits for review.
    ///
    /// # Errors
    /// Files of ours that can't be read, or a record that is another system's.
    pub fn deployment(
        self,
        inputs: Inputs,
        inputs_digest: String,
    ) -> Result<(Deployment, BaseFolder), Error> {
        let Gathered { system, base, policy, paths, found } = self;
        let state = found.state(&system)?;
        let deployment = Deployment {
            base,
            folder: paths.folder,
            inputs,
            inputs_digest,
            policy,
            record: state.record,
            last_run: state.last_run,
            wanted: found.wanted()?,
            history: History::default(),
            steps: Vec::new(),
            open_first_steps: Vec::new(),
            system,
        };
        Ok((deployment, BaseFolder { dcr: paths.dcr, files: found.files, parent: found.parent }))
    }
}

/// Where one system's files are.
#[derive(Clone)]
struct Paths {
    /// `dcr.yaml`.
    inputs: String,
    /// The folder `dcr.yaml` is in; empty at the root of the repo.
    folder: String,
    /// The folder that is ours.
    dcr: String,
}

impl Paths {
    fn of(pattern: &SystemsPattern, system: &SystemRef) -> Self {
        let inputs = pattern.path_of(system);
        let folder = inputs.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let dcr = beside(&folder, "dcr");
        Paths { inputs, folder, dcr }
    }
}

fn beside(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

impl Source<'_> {
    /// All systems that agree with what is known of them, by name. Only the trees that this leaves open
    /// are read, and no file.
    ///
    /// # Errors
    /// A folder `dcr/` with a run record, but without inputs beside it.
    pub fn systems(&self, known: &Known) -> Result<Systems, Error> {
        systems::find(self, known)
    }

    /// All that the repo says about one system, and the files that its next step starts from.
    /// `resolve` makes inputs and their digest of the path and text of a `dcr.yaml`.
    ///
    /// # Errors
    /// No inputs there, inputs or files of ours that can't be read, or a record that is another system's.
    pub fn read(
        &self,
        system: &SystemRef,
        resolve: impl FnOnce(&str, &str) -> anyhow::Result<(Inputs, String)>,
    ) -> Result<(Deployment, BaseFolder), Error> {
        let gathered = self.gather(system)?;
        let (path, text) = gathered.inputs();
        let (inputs, inputs_digest) = resolve(path, text).map_err(Error::Inputs)?;
        let paths = gathered.paths.clone();
        let (mut deployment, folder) = gathered.deployment(inputs, inputs_digest)?;
        let (record, last_run) = (deployment.record.clone(), deployment.last_run.clone());
        let state = folder::State { record, last_run };
        deployment.history = history::read(self.repo, self.base_commit()?, &paths.dcr, &state)?;
        let steps = steps::read(self, system, &paths, state.reached().map_or(0, |(run, _)| run))?;
        deployment.steps = steps.own;
        deployment.open_first_steps = steps.open_first_steps;
        Ok((deployment, folder))
    }

    /// One system's files, with nothing made of them yet: neither the base's history nor any branch is read.
    ///
    /// # Errors
    /// No inputs there, or a file that can't be read.
    pub fn gather(&self, system: &SystemRef) -> Result<Gathered, Error> {
        let paths = Paths::of(self.pattern, system);
        let found = folder::read(self, &paths, self.base_tree()?)?;
        let policy = Policy {
            max_runs_per_cluster: self.settings.max_runs_per_cluster,
            ticket_required: self.settings.jira.is_some(),
            attention: self.settings.attention,
        };
        let (system, base) = (system.clone(), self.base.clone());
        Ok(Gathered { system, base, policy, paths, found })
    }

    /// Whether a commit holds this step with this intent: what a race is judged by. The racer's base may
    /// be newer than ours, so where the commit doesn't seem to be on it, the base branch is fetched.
    ///
    /// # Errors
    /// The commit or the base can't be read, or the remote doesn't answer.
    pub fn holds(
        &self,
        system: &SystemRef,
        (run, step): (u32, u32),
        intent: &Intent,
        commit: Oid,
    ) -> Result<bool, Error> {
        let paths = Paths::of(self.pattern, system);
        let mut tips = vec![self.base_commit()?];
        let judge =
            |tips: &[Oid]| content::classify(self, system, &paths, (run, step), commit, tips);
        let mut content = judge(&tips)?.content;
        if let (StepContent::Foreign { .. }, Some(remote)) = (&content, self.remote) {
            let base = BranchFetch { remote, branch: &self.settings.branch };
            tips.extend(self.repo.fetch(base)?);
            content = judge(&tips)?.content;
        }
        Ok(matches!(content, StepContent::Ours(theirs) if theirs.same(intent)))
    }

    /// What the step that a commit holds changes on what it was made from.
    ///
    /// # Errors
    /// The commit can't be read, or has nothing before it.
    pub fn change_of(&self, commit: Oid) -> Result<Change, Error> {
        let before = self.repo.commit(commit)?.parent_id(0);
        let before = before.map_err(crate::git::Error::git(format!("reading {commit}")))?;
        let trees = (self.repo.commit(before)?.tree_id(), self.repo.commit(commit)?.tree_id());
        content::change(self.repo, trees.0, trees.1)
    }

    /// What the step that a commit holds means to do; nothing where it isn't ours.
    ///
    /// # Errors
    /// The commit can't be read.
    pub fn intent_of(
        &self,
        system: &SystemRef,
        at: (u32, u32),
        commit: Oid,
    ) -> Result<Option<Intent>, Error> {
        let paths = Paths::of(self.pattern, system);
        let judged = content::classify(self, system, &paths, at, commit, &[self.base_commit()?])?;
        Ok(match judged.content {
            StepContent::Ours(intent) => Some(*intent),
            StepContent::Empty | StepContent::Foreign { .. } => None,
        })
    }

    /// Whether there are inputs where this system's have to be.
    ///
    /// # Errors
    /// A tree on the path can't be read.
    pub fn knows(&self, system: &SystemRef) -> Result<bool, Error> {
        let path = self.pattern.path_of(system);
        Ok(self.at(&path)?.is_some_and(Entry::is_file))
    }

    /// What tells the file or folder at a path, with all that is in it, from any other; none where there is
    /// nothing.
    ///
    /// # Errors
    /// A tree on the path can't be read.
    pub fn id_of(&self, path: &str) -> Result<Option<Oid>, Error> {
        Ok(self.at(path)?.map(|entry| entry.id))
    }

    /// Whether this program has something of a system on the base: a run that is on, or one that was.
    ///
    /// # Errors
    /// A tree on the path can't be read.
    pub fn has_run(&self, system: &SystemRef) -> Result<HasRun, Error> {
        let dcr = Paths::of(self.pattern, system).dcr;
        let Some(folder) = self.at(&dcr)?.filter(|entry| entry.is_tree()) else {
            return Ok(HasRun::Never);
        };
        let on = self.repo.entry(folder.id, folder::RUN)?.is_some();
        Ok(if on { HasRun::On } else { HasRun::Over })
    }

    /// The same, leaving out what isn't UTF-8.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn texts_in(&self, folder: &str) -> Result<BTreeMap<String, String>, Error> {
        let Some(entry) = self.at(folder)?.filter(|entry| entry.is_tree()) else {
            return Ok(BTreeMap::new());
        };
        let mut files = self.repo.entries(entry.id)?;
        files.retain(|_, entry| entry.is_file());
        self.repo.ensure(files.values().map(|entry| entry.id))?;
        let mut texts = BTreeMap::new();
        for (name, entry) in files {
            if let Ok(text) = String::from_utf8(self.repo.blob(entry.id)?) {
                texts.insert(name, text);
            }
        }
        Ok(texts)
    }

    /// The newest commit of the base's own history that is older than `at`. Nothing where the history that is
    /// here doesn't reach so far.
    ///
    /// # Errors
    /// A commit can't be read.
    pub fn base_at(&self, at: Timestamp) -> Result<Option<Oid>, Error> {
        let edges = self.repo.shallow_edges()?;
        let mut commit = self.base_commit()?;
        loop {
            if self.repo.commit(commit)?.time().seconds() < at.as_second() {
                return Ok(Some(commit));
            }
            match self.repo.parents(commit, &edges)?.first() {
                Some(parent) => commit = *parent,
                None => return Ok(None),
            }
        }
    }

    /// Whether what is ours of a system is something else on the base than it was in this commit.
    ///
    /// # Errors
    /// A tree on the path can't be read.
    pub fn changed_since(&self, commit: Oid, system: &SystemRef) -> Result<bool, Error> {
        let dcr = Paths::of(self.pattern, system).dcr;
        let before = self.repo.at_path(self.repo.commit(commit)?.tree_id(), &dcr)?;
        Ok(self.at(&dcr)?.map(|entry| entry.id) != before.map(|entry| entry.id))
    }

    /// The plain files of a folder on the base, by name. None there: none in it.
    ///
    /// # Errors
    /// A file can't be read, or isn't UTF-8.
    pub fn files_in(&self, folder: &str) -> Result<BTreeMap<String, String>, Error> {
        let Some(entry) = self.at(folder)?.filter(|entry| entry.is_tree()) else {
            return Ok(BTreeMap::new());
        };
        let files = self.repo.entries(entry.id)?;
        let files: Vec<_> = files.into_iter().filter(|(_, entry)| entry.is_file()).collect();
        self.repo.ensure(files.iter().map(|(_, entry)| entry.id))?;
        let read = files.into_iter().map(|(name, entry)| {
            let text = String::from_utf8(self.repo.blob(entry.id)?).map_err(|_| {
                Error::BadFile { file: beside(folder, &name), problem: "isn't UTF-8".to_owned() }
            })?;
            Ok((name, text))
        });
        read.collect()
    }

    /// What is at a path on the base.
    fn at(&self, path: &str) -> Result<Option<Entry>, Error> {
        Ok(self.repo.at_path(self.base_tree()?, path)?)
    }

    fn base_commit(&self) -> Result<Oid, Error> {
        Ok(Oid::from_str(&self.base.commit)
            .map_err(crate::git::Error::git(format!("reading the base `{}`", self.base.commit)))?)
    }

    fn base_tree(&self) -> Result<Oid, Error> {
        Ok(self.repo.commit(self.base_commit()?)?.tree_id())
    }

    /// The names a parent's kustomization file may have; none where nothing is wired through it.
    fn kustomizations(&self) -> &'static [&'static str] {
        match self.settings.wiring {
            Wiring::Directory => &[],
            Wiring::Kustomize => &folder::KUSTOMIZATIONS,
        }
    }
}

/// Files by name.
type Files = BTreeMap<String, String>;
