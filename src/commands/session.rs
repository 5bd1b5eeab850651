//! What every command on a deployment repo begins with: the repo opened, its base and settings found,
//! names resolved.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cli::Common;
use crate::config::{
    Known, SettingsFile, SystemsPattern, digest, parse_inputs, parse_settings, qualified,
    resolve_name,
};
use crate::context::Context;
use crate::git::{BranchFetch, Oid, RemoteBranches, Repo};
use crate::observe::deployment::{self, HasRun, SETTINGS, Source, find_base, remote_steps};
use crate::render::{BaseFolder, Templates};
use crate::report::error::Invalid;
use crate::run::deployment::{Base, Deployment};
use crate::run::{SystemRef, branch};

/// A deployment repo at its base.
pub struct Session {
    pub repo: Repo,
    pub base: Base,
    pub settings: SettingsFile,
    pub remote: Option<String>,
    pub templates: Templates,
    /// The remote's step branches as it said itself, once it was asked.
    branches: Option<RemoteBranches>,
}

/// What all systems of a deployment repo are read from, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    base: String,
    branches: Option<RemoteBranches>,
    local: BTreeMap<String, Oid>,
}

impl Session {
    /// Opens the repo around `--repo` (or the working directory). Nothing is fetched.
    pub fn open(context: &Context, common: &Common) -> anyhow::Result<Self> {
        let dir = match &common.repo {
            Some(dir) => context.cwd.join(dir),
            None => context.cwd.clone(),
        };
        Session::on(Repo::open(&dir, &context.env)?, common.base.as_deref())
    }

    /// The same in a repo that is open, at a base that was asked for in git's words, or is found.
    pub fn on(repo: Repo, base: Option<&str>) -> anyhow::Result<Self> {
        let found = find_base(&repo, base, |text| Ok(parse_settings(SETTINGS, text)?.settings))?;
        let Some(text) = found.text else {
            let message = format!("there is no {SETTINGS} on {}", found.base.name);
            let hint = format!(
                "this is no deployment repo, or its base isn't what it was taken for (see --base); {SETTINGS} may be as short as `apiVersion: dcr-gitops/v1`"
            );
            return Err(Invalid::new(message).hint(hint).into());
        };
        let settings = parse_settings(SETTINGS, &text)?;
        let (base, remote) = (found.base, found.remote);
        let templates = Templates::builtin()?;
        let mut session = Session { repo, base, settings, remote, templates, branches: None };
        let folder = &session.settings.settings.templates;
        if folder != "builtin" {
            let files = session.source(session.pattern()).files_in(folder)?;
            session.templates = Templates::from_files(folder, &files)?;
        }
        Ok(session)
    }

    /// What a system is read from, but for its own inputs: as long as it is the same, so is what is read.
    pub fn mark(&self) -> anyhow::Result<Mark> {
        let local = self.repo.refs_below(&format!("refs/heads/{}", branch::PREFIX))?;
        let local = local.into_iter().collect();
        Ok(Mark { base: self.base.commit.clone(), branches: self.branches.clone(), local })
    }

    /// Fetches the base and asks the remote for the step branches of these systems: from then on nothing
    /// newer can be known. Without a remote there is nothing to ask.
    pub fn refresh(
        self,
        context: &Context,
        common: &Common,
        systems: &[SystemRef],
    ) -> anyhow::Result<Self> {
        let Some(remote) = &self.remote else { return Ok(self) };
        let branch = &self.settings.settings.branch;
        // The branches first: a step made on a base newer than ours would look like somebody else's.
        let branches = remote_steps(&self.repo, remote, branch, systems)?;
        let tip = self.repo.fetch(BranchFetch { remote, branch })?;
        let mut session = Session::open(context, common)?;
        let newest = tip.is_some_and(|tip| tip.to_string() == session.base.commit);
        session.base.fresh = newest;
        session.base.fetched = Some(context.clock.now());
        session.branches = Some(branches);
        Ok(session)
    }

    pub fn source<'a>(&'a self, pattern: &'a SystemsPattern) -> Source<'a> {
        Source {
            repo: &self.repo,
            base: &self.base,
            settings: &self.settings.settings,
            pattern,
            remote: self.remote.as_deref(),
            branches: self.branches.as_ref(),
        }
    }

    pub fn pattern(&self) -> &SystemsPattern {
        &self.settings.settings.systems
    }

    /// The system that a name means. A whole name is believed; its inputs are looked for where they
    /// have to be.
    pub fn system(&self, name: &str) -> anyhow::Result<SystemRef> {
        if let Some(system) = qualified(name) {
            let source = self.source(self.pattern());
            if source.knows(&system)? {
                return Ok(system);
            }
        }
        let known = Known::asked(name).unwrap_or_default();
        let fits = self.source(self.pattern()).systems(&known)?;
        let found = fits.found.iter().map(|located| &located.system);
        match resolve_name(name, found) {
            Err(unknown) if fits.found.is_empty() => {
                if let Some(orphan) = fits.orphans.into_iter().next() {
                    return Err(orphan.into());
                }
                // What else there is, to suggest something.
                let all = self.source(self.pattern()).systems(&Known::default())?;
                let all = all.found.iter().map(|located| &located.system);
                Err(resolve_name(name, all).err().unwrap_or(unknown).into())
            }
            resolved => Ok(resolved?),
        }
    }

    /// All systems with what the base has of their runs, in the order of their paths; and, each as an error
    /// of its own, the folders that have a run and no inputs.
    pub fn runs(&self) -> anyhow::Result<Vec<anyhow::Result<(SystemRef, HasRun)>>> {
        let source = self.source(self.pattern());
        let found = source.systems(&Known::default())?;
        let mut runs = Vec::new();
        for located in found.found {
            let run = source.has_run(&located.system)?;
            runs.push(Ok((located.system, run)));
        }
        runs.extend(found.orphans.into_iter().map(|orphan| Err(orphan.into())));
        Ok(runs)
    }

    /// The base as it was at a time, as far as its history is here: then it is compared with what is now.
    pub fn base_at(&self, at: Timestamp) -> anyhow::Result<Option<Oid>> {
        Ok(self.source(self.pattern()).base_at(at)?)
    }

    /// Whether what is ours of a system changed since the base was that commit; nothing: it did.
    pub fn changed_since(&self, commit: Option<Oid>, system: &SystemRef) -> anyhow::Result<bool> {
        let Some(commit) = commit else { return Ok(true) };
        Ok(self.source(self.pattern()).changed_since(commit, system)?)
    }

    /// The same systems, as far as their runs are wanted.
    pub fn systems_with(
        &self,
        wanted: impl Fn(HasRun) -> bool,
    ) -> anyhow::Result<Vec<anyhow::Result<SystemRef>>> {
        self.systems_where(|_, run| wanted(run))
    }

    /// The same for all systems that anything is known of: a run on the base, now or before, or an open step.
    pub fn systems_begun(&self) -> anyhow::Result<Vec<anyhow::Result<SystemRef>>> {
        let mut open: BTreeSet<SystemRef> = BTreeSet::new();
        let remote = self.remote.as_ref().map(|remote| format!("refs/remotes/{remote}/"));
        for refs in ["refs/heads/".to_owned()].into_iter().chain(remote) {
            let names = self.repo.refs_below(&format!("{refs}{}", branch::PREFIX))?.into_keys();
            let steps =
                names.filter_map(|name| branch::parse(&format!("{}{name}", branch::PREFIX)));
            open.extend(steps.map(|(system, ..)| system));
        }
        self.systems_where(|system, run| run != HasRun::Never || open.contains(system))
    }

    fn systems_where(
        &self,
        wanted: impl Fn(&SystemRef, HasRun) -> bool,
    ) -> anyhow::Result<Vec<anyhow::Result<SystemRef>>> {
        let runs = self.runs()?.into_iter();
        let wanted = runs.filter_map(|run| match run {
            Ok((system, run)) => wanted(&system, run).then_some(Ok(system)),
            Err(orphan) => Some(Err(orphan)),
        });
        Ok(wanted.collect())
    }

    /// One system of the deployment repo, and the files its next step starts from.
    pub fn read(&self, system: &SystemRef) -> Result<(Deployment, BaseFolder), deployment::Error> {
        self.source(self.pattern()).read(system, |path, text| {
            let inputs = parse_inputs(&self.settings, system, path, text)?;
            let digest = digest(&inputs);
            Ok((inputs, digest))
        })
    }
}
