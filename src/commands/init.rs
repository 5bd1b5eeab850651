//! `init`: proposes settings from the folders that are there, and writes what a deployment repo needs to
//! begin with. What is there already is left alone.
mod files;
mod folders;
mod rights;

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::{exit, for_people};
use crate::cli::{Common, Init, Output};
use crate::config::{Settings, SettingsFile, parse_settings};
use crate::context::Context;
use crate::git::Repo;
use crate::observe::deployment::SETTINGS;
use crate::report::error::Invalid;
use crate::report::{Style, line};

use files::Setup;
use folders::Found;

/// What became of one file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    path: String,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Written,
    /// It was there already, and is as it was.
    Left,
    /// With `--dry-run`.
    WouldWrite,
}

pub fn run(context: &mut Context, common: &Common, asked: &Init) -> anyhow::Result<u8> {
    let dir = common.repo.as_ref().map_or(context.cwd.clone(), |dir| context.cwd.join(dir));
    let repo = Repo::open(&dir, &context.env)?;
    let Some(root) = repo.raw().workdir().map(Path::to_owned) else {
        let hint = "run it in a clone with a work tree";
        return Err(Invalid::new("a bare repo has no files to write to").hint(hint).into());
    };
    let settings = existing(&root)?;
    let pattern = settings.as_ref().map(|file| file.settings.systems.clone());
    let found = folders::find(&root, pattern).context("looking for the systems' folders")?;
    let setup = Setup {
        branch: settings
            .as_ref()
            .map_or_else(|| branch(&repo), |file| file.settings.branch.clone()),
        uses: asked.uses.clone().unwrap_or_else(files::own_workflows),
        pattern: found.pattern.clone(),
        kustomize: found.kustomize,
        example: found.example(),
    };
    let mut files = files::setup(&setup)?;
    let text = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.clone())
            .unwrap_or_default()
    };
    let settings = match settings {
        Some(settings) => settings,
        None => parse_settings(SETTINGS, &text(SETTINGS))?,
    };
    files.extend(rights::files(&root, &settings, &found.or_named(), &text(&setup.example))?);
    let mut written = Vec::new();
    for file in files {
        let outcome = write(&root, &file.path, &file.text, asked.dry_run)
            .with_context(|| format!("writing {}", file.path))?;
        written.push(Written { path: file.path, outcome });
    }
    if common.output == Output::Json {
        context.print(&format!("{}\n", serde_json::json!({ "files": written })))?;
    } else if for_people(common) {
        let style = Style::choose(context, common.color, context.terminal.out);
        context.print(&account(&found, &setup, &written, style))?;
    }
    Ok(exit::OK)
}

/// The settings that are there already: what is written beside them has to fit them.
fn existing(root: &Path) -> anyhow::Result<Option<SettingsFile>> {
    match std::fs::read_to_string(root.join(SETTINGS)) {
        Ok(text) => Ok(Some(parse_settings(SETTINGS, &text)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {SETTINGS}")),
    }
}

/// Creates the file, unless there is one; nothing is ever overwritten, nor followed to elsewhere.
fn write(root: &Path, path: &str, text: &str, dry_run: bool) -> std::io::Result<Outcome> {
    let file = root.join(path);
    if file.symlink_metadata().is_ok() {
        return Ok(Outcome::Left);
    }
    if dry_run {
        return Ok(Outcome::WouldWrite);
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::File::create_new(&file) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| Outcome::Written),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Outcome::Left),
        Err(error) => Err(error),
    }
}

/// The branch that steps will be merged into: what the remote says is its default, else the one that is
/// checked out.
fn branch(repo: &Repo) -> String {
    let target = |name: &str| {
        let reference = repo.raw().find_reference(name).ok()?;
        reference.symbolic_target().ok().flatten().map(str::to_owned)
    };
    let settings = Settings::default();
    let remote = repo.remote(&settings.remote).and_then(|remote| {
        let prefix = format!("refs/remotes/{remote}/");
        target(&format!("{prefix}HEAD"))?.strip_prefix(&prefix).map(str::to_owned)
    });
    let head = || target("HEAD")?.strip_prefix("refs/heads/").map(str::to_owned);
    remote.or_else(head).unwrap_or(settings.branch)
}

fn account(found: &Found, setup: &Setup, written: &[Written], style: Style) -> String {
    let pattern = setup.pattern.as_str();
    let mut text = match found.systems.len() {
        0 => format!("found no folders of systems: `systems` is proposed as\n  {pattern}\n"),
        count => {
            let mut text = format!("found {count} folders that fit\n  {pattern}\n");
            for system in found.systems.iter().take(SHOWN) {
                text += &format!("    {}\n", line(&system.to_string()));
            }
            if count > SHOWN {
                text += &format!("    and {} more\n", count - SHOWN);
            }
            text
        }
    };
    if found.others > 0 {
        text += &format!("  other folders with manifests that don't fit: {}\n", found.others);
    }
    text += "\n";
    for Written { path, outcome } in written {
        let said = match outcome {
            Outcome::Written => "wrote",
            Outcome::Left => "left",
            Outcome::WouldWrite => "would write",
        };
        let why = if *outcome == Outcome::Left { " (it is there already)" } else { "" };
        text += &format!("{said:<11} {}{why}\n", line(path));
    }
    let left =
        |path: &str| written.iter().any(|file| file.outcome == Outcome::Left && file.path == path);
    text += &format!("\n{}\n", style.bold("next"));
    if found.systems.is_empty() {
        let (example, pattern) = (line(&setup.example), line(pattern));
        text += &format!("  move {example} to where your first system is ({pattern})\n");
    }
    text += &format!("  fill in {}, then `dcr-gitops check`\n", line(&setup.example));
    if left(files::CODEOWNERS) {
        let owned = files::owned(&setup.pattern);
        text +=
            &format!("  add to {}: `{} @your-org/your-team`\n", files::CODEOWNERS, line(&owned));
    } else {
        text += &format!("  name who reviews in {}\n", files::CODEOWNERS);
    }
    text += &format!(
        "  apply one form of the roles in {} (for systems to come, remove them and run `init` again)\n",
        rights::FOLDER
    );
    text += "  make the environment `dcr` in the repo's settings on GitHub, with the secret DCR_KUBECONFIG\n";
    if !setup.is_pinned() {
        text += "  pin the workflows: they name a tag, which can be moved; `--uses OWNER/REPO@COMMIT` names a commit\n";
    }
    text += "  commit it, and `dcr-gitops plan SYSTEM --all-phases` shows every commit of a run before the first is made\n";
    text
}

/// So many systems are named of those that were found.
const SHOWN: usize = 5;
