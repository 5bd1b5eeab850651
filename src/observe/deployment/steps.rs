//! The branches of steps: this system's with what they hold, and the first steps open in its cluster.
use std::collections::{BTreeMap, BTreeSet};

use super::folder::{self, State};
use super::{Error, Paths, Source, content};
use crate::git::{self, Oid, RemoteBranches, Repo};
use crate::run::SystemRef;
use crate::run::branch::{self, cluster_prefix, system_prefix};
use crate::run::deployment::StepBranch;

/// What the branches say.
pub struct Steps {
    /// In the order of run and step.
    pub own: Vec<StepBranch>,
    pub open_first_steps: Vec<SystemRef>,
}

/// Where a branch is: its commits, local and on the remote.
#[derive(Debug, Default, Clone, Copy)]
struct At {
    local: Option<Oid>,
    remote: Option<Oid>,
}

/// Asks the remote for all step branches of the clusters of these systems, in one call, and fetches what
/// the systems' own branches hold. No ref is written. A shallow clone learns so much of the history of
/// `base`, the base branch, that it can tell what the branches were made on.
///
/// Ask first and fetch the base after that: then what the branches were made on is there.
///
/// # Errors
/// The remote doesn't answer.
pub fn remote_steps(
    repo: &Repo,
    remote: &str,
    base: &str,
    systems: &[SystemRef],
) -> Result<RemoteBranches, git::Error> {
    // Asked for no pattern, a remote tells of every branch it has.
    if systems.is_empty() {
        return Ok(RemoteBranches::new());
    }
    let clusters: BTreeSet<String> =
        systems.iter().map(|system| cluster_prefix(&system.cluster)).collect();
    let prefixes: Vec<String> = clusters.into_iter().collect();
    let branches = repo.remote_branches(remote, &prefixes)?;
    let own: Vec<String> = systems.iter().map(system_prefix).collect();
    let mut contents = branches.clone();
    contents.retain(|name, _| own.iter().any(|prefix| name.starts_with(prefix)));
    repo.fetch_contents(remote, &contents)?;
    if repo.is_shallow()
        && let Some(tip) = repo.commit_of(&format!("refs/remotes/{remote}/{base}"))?
        && let Some(since) = oldest_unknown_parent(repo, tip, &contents)?
    {
        repo.deepen(remote, base, since)?;
    }
    Ok(branches)
}

/// The date of the oldest commit that a step was made on and that isn't known to be on the base.
fn oldest_unknown_parent(
    repo: &Repo,
    tip: Oid,
    steps: &RemoteBranches,
) -> Result<Option<i64>, git::Error> {
    let mut oldest = None;
    for step in steps.values() {
        if repo.is_in_history(tip, *step)? {
            continue;
        }
        let parents = repo.parents(*step, &repo.shallow_edges()?)?;
        let Some(parent) = parents.first().copied() else { continue };
        if !repo.is_in_history(tip, parent)? {
            let at = repo.commit(parent)?.time().seconds();
            oldest = Some(oldest.map_or(at, |oldest: i64| oldest.min(at)));
        }
    }
    Ok(oldest)
}

/// Reads the branches. Those of runs before the one that the base has come to (`latest`) are over, whatever
/// they hold, and are left out: telling would cost a walk through the whole history for each.
pub(super) fn read(
    source: &Source<'_>,
    system: &SystemRef,
    paths: &Paths,
    latest: u32,
) -> Result<Steps, Error> {
    let mut own = BTreeMap::new();
    let mut others: BTreeMap<SystemRef, BTreeSet<(u32, u32)>> = BTreeMap::new();
    for (name, at) in in_cluster(source, &system.cluster)? {
        match branch::parse(&name) {
            Some((of, run, step)) if of == *system && run >= latest => {
                own.insert((run, step), (name, at));
            }
            Some((of, run, _)) if of == *system && run < latest => {}
            Some((of, run, step)) => {
                others.entry(of).or_default().insert((run, step));
            }
            None => {}
        }
    }
    let mut steps = Vec::new();
    let tips = [source.base_commit()?];
    for ((run, step), (branch, At { local, remote })) in own {
        let Some(commit) = remote.or(local) else { continue };
        let judged = content::classify(source, system, paths, (run, step), commit, &tips)?;
        steps.push(StepBranch {
            run,
            step,
            branch,
            commit: commit.to_string(),
            local: local.map(|commit| commit.to_string()),
            remote: remote.map(|commit| commit.to_string()),
            content: judged.content,
            outdated: judged.outdated,
        });
    }
    let mut open_first_steps = Vec::new();
    for (other, steps) in others {
        if has_open_first_step(source, &other, &steps)? {
            open_first_steps.push(other);
        }
    }
    Ok(Steps { own: steps, open_first_steps })
}

/// All step branches of a cluster, without reading any other ref.
fn in_cluster(source: &Source<'_>, cluster: &str) -> Result<BTreeMap<String, At>, Error> {
    let prefix = cluster_prefix(cluster);
    let mut found: BTreeMap<String, At> = BTreeMap::new();
    for (name, commit) in source.repo.refs_below(&format!("refs/heads/{prefix}"))? {
        found.entry(format!("{prefix}{name}")).or_default().local = Some(commit);
    }
    let last_fetched = match (source.branches, source.remote) {
        (None, Some(remote)) => {
            source.repo.refs_below(&format!("refs/remotes/{remote}/{prefix}"))?
        }
        _ => BTreeMap::new(),
    };
    let last_fetched =
        last_fetched.into_iter().map(|(name, commit)| (format!("{prefix}{name}"), commit));
    let said = source.branches.into_iter().flatten().map(|(name, commit)| (name.clone(), *commit));
    for (name, commit) in last_fetched.chain(said.filter(|(name, _)| name.starts_with(&prefix))) {
        found.entry(name).or_default().remote = Some(commit);
    }
    Ok(found)
}

/// Whether one of a system's runs has its first step in a branch and nothing on the base yet.
fn has_open_first_step(
    source: &Source<'_>,
    system: &SystemRef,
    steps: &BTreeSet<(u32, u32)>,
) -> Result<bool, Error> {
    let first = steps.iter().filter(|(run, step)| *step == 1 && !steps.contains(&(*run, 2)));
    let Some(newest) = first.map(|(run, _)| *run).max() else { return Ok(false) };
    let paths = Paths::of(source.pattern, system);
    let tree = source.base_tree()?;
    if source.repo.at_path(tree, &paths.inputs)?.is_none() {
        return Ok(false);
    }
    let dcr = source.repo.at_path(tree, &paths.dcr)?.filter(|entry| entry.is_tree());
    // A record that can't be read is that system's trouble: as long as it is, its step counts.
    let state = match dcr.map(|dcr| folder::texts(source.repo, &paths.dcr, dcr.id)) {
        Some(Ok(files)) => State::of(&files, &paths.dcr).unwrap_or_default(),
        Some(Err(Error::Git(error))) => return Err(error.into()),
        Some(Err(_)) | None => State::default(),
    };
    Ok(state.reached().is_none_or(|(run, _)| run < newest))
}
