//! Which commit everything starts from: the remote's base branch as last fetched, or the local one.
use std::fs::metadata;
use std::path::Path;

use jiff::Timestamp;

use super::Error;
use crate::config::Settings;
use crate::git::{Oid, Repo};
use crate::run::deployment::Base;

/// The repo-wide settings, at the root of the repo.
pub const SETTINGS: &str = "dcr-gitops.yaml";

/// The base, and the settings that stand on it.
#[derive(Debug, Clone)]
pub struct Found {
    pub base: Base,
    pub settings: Settings,
    /// The settings as written; nothing where the base has no `dcr-gitops.yaml`.
    pub text: Option<String>,
    /// The remote the settings name, or the only one there is.
    pub remote: Option<String>,
}

/// Finds the base. `asked` is a revision in git's words; `parse` reads settings.
///
/// The settings name the base branch and stand on it themselves, so they are looked for on `main` of
/// `origin` (or of the only remote), then on the branch HEAD follows, the remote's default branch and
/// HEAD; then what they say is followed, once.
///
/// # Errors
/// No such commit, or settings that can't be read.
pub fn find_base(
    repo: &Repo,
    asked: Option<&str>,
    parse: impl Fn(&str) -> anyhow::Result<Settings>,
) -> Result<Found, Error> {
    let found = |name: String, commit: Oid| -> Result<Found, Error> {
        let text = settings_on(repo, commit)?;
        let settings = match &text {
            Some(text) => parse(text).map_err(Error::Settings)?,
            None => Settings::default(),
        };
        let remote = repo.remote(&settings.remote);
        let fetched = remote.as_ref().and_then(|remote| fetched(repo, remote, &settings.branch));
        let base = Base { name, commit: commit.to_string(), fresh: remote.is_none(), fetched };
        Ok(Found { base, settings, text, remote })
    };
    if let Some(asked) = asked {
        let commit = repo.raw().revparse_single(asked).and_then(|object| object.peel_to_commit());
        let commit = commit.map_err(|_| Error::NoSuchRevision(asked.to_owned()))?;
        return found(asked.to_owned(), commit.id());
    }
    let defaults = Settings::default();
    let mut tried = branches(repo.remote(&defaults.remote).as_deref(), &defaults.branch);
    tried.extend(upstream(repo));
    tried.extend(repo.remote(&defaults.remote).map(|remote| format!("refs/remotes/{remote}/HEAD")));
    tried.push("HEAD".to_owned());
    let mut first = None;
    for name in &tried {
        let Some(commit) = repo.commit_of(name)? else { continue };
        if settings_on(repo, commit)?.is_some() {
            first = Some((short(name), commit));
            break;
        }
        first.get_or_insert((short(name), commit));
    }
    let Some((name, commit)) = first else {
        return Err(Error::NoBase(tried.iter().map(|name| short(name)).collect()));
    };
    let found_first = found(name, commit)?;
    let named = branches(found_first.remote.as_deref(), &found_first.settings.branch);
    for name in &named {
        if let Some(commit) = repo.commit_of(name)? {
            return found(short(name), commit);
        }
    }
    if found_first.text.is_none() {
        return Ok(found_first);
    }
    Err(Error::NoBase(named.iter().map(|name| short(name)).collect()))
}

/// Where a base branch is looked for, in this order.
fn branches(remote: Option<&str>, branch: &str) -> Vec<String> {
    let remote = remote.map(|remote| format!("refs/remotes/{remote}/{branch}"));
    remote.into_iter().chain([format!("refs/heads/{branch}")]).collect()
}

fn short(name: &str) -> String {
    let name =
        name.strip_prefix("refs/remotes/").or(name.strip_prefix("refs/heads/")).unwrap_or(name);
    name.to_owned()
}

fn upstream(repo: &Repo) -> Option<String> {
    let head = repo.raw().find_reference("HEAD").ok()?;
    let branch = head.symbolic_target().ok().flatten()?.strip_prefix("refs/heads/")?.to_owned();
    let remote = repo.config().text(&format!("branch.{branch}.remote"))?;
    let merge = repo.config().text(&format!("branch.{branch}.merge"))?;
    Some(format!("refs/remotes/{remote}/{}", merge.strip_prefix("refs/heads/")?))
}

fn settings_on(repo: &Repo, commit: Oid) -> Result<Option<String>, Error> {
    let tree = repo.commit(commit)?.tree_id();
    let Some(entry) = repo.entry(tree, SETTINGS)? else { return Ok(None) };
    let bad =
        |problem: &str| Error::BadFile { file: SETTINGS.to_owned(), problem: problem.to_owned() };
    if !entry.is_file() {
        return Err(bad("is no plain file"));
    }
    let text = String::from_utf8(repo.blob(entry.id)?).map_err(|_| bad("isn't UTF-8"))?;
    Ok(Some(text))
}

/// When the branch was last fetched: the last fetch that asked for it, or the last that moved it.
fn fetched(repo: &Repo, remote: &str, branch: &str) -> Option<Timestamp> {
    let asked = [repo.git_dir(), repo.common_dir()].into_iter().filter_map(|git_dir| {
        let file = git_dir.join("FETCH_HEAD");
        let said = std::fs::read_to_string(&file).ok()?;
        said.contains(&format!("branch '{branch}' of ")).then(|| modified(&file))?
    });
    let log = repo.common_dir().join(format!("logs/refs/remotes/{remote}/{branch}"));
    asked.chain(modified(&log)).max()
}

fn modified(file: &Path) -> Option<Timestamp> {
    Timestamp::try_from(metadata(file).ok()?.modified().ok()?).ok()
}
