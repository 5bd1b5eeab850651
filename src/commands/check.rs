//! `check`: everything that can be wrong with a deployment repo, found without any cluster. Reads what is on
//! disk, committed or not, or with `--base` a commit; writes nothing.
use std::num::NonZero;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::session::Session;
use super::{exit, for_people};
use crate::check::{self, Finding, Level, System};
use crate::cli::{Check, Common, Output};
use crate::config::{Known, Problems};
use crate::context::Context;
use crate::git::{self, Repo};
use crate::observe::deployment::{self, SETTINGS, Source};
use crate::render::RenderError;
use crate::report::error::Invalid;
use crate::report::{Style, findings};

/// So many findings are printed for people. Whoever has more has one cause for many.
const SHOWN: usize = 100;

pub fn run(context: &mut Context, common: &Common, asked: &Check) -> anyhow::Result<u8> {
    let dir = common.repo.as_ref().map_or(context.cwd.clone(), |dir| context.cwd.join(dir));
    let repo = Repo::open(&dir, &context.env)?;
    let root = repo.raw().workdir().map(Path::to_owned);
    let only = within(&root, &context.cwd, &asked.paths)?;
    let base = match (&common.base, &root) {
        (Some(base), _) => Some(base.clone()),
        (None, Some(root)) if !root.join(SETTINGS).is_file() => {
            let message = format!("there is no {SETTINGS} in the work tree");
            return Err(Invalid::new(message).hint("`dcr-gitops init` writes one").into());
        }
        (None, _) => repo.work_tree()?.map(|commit| commit.to_string()),
    };
    let (checked, found) = match Session::on(repo, base.as_deref()) {
        Ok(session) => check_all(context, common, &session, &only)?,
        Err(error) => (0, broken_settings(error)?),
    };
    let found = check::in_order(found);
    show(context, common, checked, &found)?;
    let bad = found.iter().any(|finding| finding.level == Level::Error);
    Ok(if bad { exit::INVALID } else { exit::OK })
}

/// What the paths that were named are in the repo; none named: all of it.
fn within(root: &Option<PathBuf>, cwd: &Path, paths: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let resolve = |path: &PathBuf| {
        let Some(root) = root else { return Ok(path.to_string_lossy().into_owned()) };
        let root = root.canonicalize().context("finding the work tree")?;
        let cwd = cwd.canonicalize().context("finding the working directory")?;
        // A file that was deleted may be named as well: it isn't looked for on disk.
        let mut full = PathBuf::new();
        for part in cwd.join(path).components() {
            match part {
                Component::ParentDir => {
                    full.pop();
                }
                Component::CurDir => {}
                part => full.push(part),
            }
        }
        match full.strip_prefix(&root) {
            Ok(inside) => Ok(inside.to_string_lossy().into_owned()),
            Err(_) => {
                let message = format!("{} is outside of the repo", path.display());
                let hint = format!("name files or folders in {}", root.display());
                Err(Invalid::usage(message).hint(hint).into())
            }
        }
    };
    paths.iter().map(resolve).collect()
}

/// Settings and templates that can't be read are findings; whatever else it is, is an error.
fn broken_settings(error: anyhow::Error) -> anyhow::Result<Vec<Finding>> {
    let settings = error.downcast_ref::<deployment::Error>().and_then(|error| match error {
        deployment::Error::Settings(inner) => inner.downcast_ref::<Problems>(),
        _ => None,
    });
    if let Some(problems) = settings.or_else(|| error.downcast_ref::<Problems>()) {
        return Ok(check::settings(problems));
    }
    if let Some(problems) = error.downcast_ref::<RenderError>() {
        return Ok(check::rendering(problems, SETTINGS));
    }
    Err(error)
}

/// Checks the systems that the paths concern, and says how many those are.
fn check_all(
    context: &Context,
    common: &Common,
    session: &Session,
    only: &[String],
) -> anyhow::Result<(usize, Vec<Finding>)> {
    let source = session.source(session.pattern());
    let systems = source.systems(&Known::default())?;
    let mut found: Vec<Finding> =
        systems.orphans.iter().map(|orphan| check::unreadable(orphan, place(orphan))).collect();
    found.retain(|finding| concerns(session, only, &finding.path));
    let mut to_judge = Vec::new();
    let located = systems.found.into_iter().filter(|it| concerns(session, only, &it.inputs));
    let mut checked = 0;
    for located in located {
        checked += 1;
        match read(&source, &located) {
            Ok(system) => to_judge.push(system),
            Err(deployment::Error::Git(error)) if !is_content(&error) => return Err(error.into()),
            Err(error) => found.push(check::unreadable(&error, &located.inputs)),
        }
    }
    let bar = progress(context, common, to_judge.len());
    let repo = check::Repo { settings: &session.settings, templates: Some(&session.templates) };
    let judged = each(to_judge, |system| {
        let findings = repo.judge(system);
        bar.inc(1);
        findings
    });
    found.extend(judged.into_iter().flatten());
    bar.finish_and_clear();
    Ok((checked, found))
}

/// Whether git could read the repo, but not what somebody committed to it.
fn is_content(error: &git::Error) -> bool {
    matches!(error, git::Error::Missing { .. })
}

fn read(source: &Source<'_>, located: &deployment::Located) -> Result<System, deployment::Error> {
    let gathered = source.gather(&located.system)?;
    let beside = source.texts_in(gathered.folder())?;
    Ok(System { system: located.system.clone(), gathered, beside })
}

/// What comes of each, in any order: each on whatever core is free.
pub(super) fn each<T: Send, R: Send>(all: Vec<T>, of: impl Fn(T) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let all: Vec<Mutex<Option<T>>> = all.into_iter().map(|one| Mutex::new(Some(one))).collect();
    let results = Mutex::new(Vec::with_capacity(all.len()));
    std::thread::scope(|scope| {
        for _ in 0..workers.min(all.len()) {
            scope.spawn(|| {
                while let Some(slot) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let one = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let Some(result) = one.map(&of) else { continue };
                    results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Whether any of the paths concerns the system with these inputs: lies in its folder, holds it, or is true for
/// all systems.
fn concerns(session: &Session, only: &[String], inputs: &str) -> bool {
    let folder = inputs.rsplit_once('/').map_or("", |(folder, _)| folder);
    let settings = &session.settings.settings;
    let templates = settings.templates.trim_end_matches('/');
    only.is_empty()
        || only.iter().any(|path| {
            let (path, folder) = (Path::new(path), Path::new(folder));
            let for_all = path == Path::new(SETTINGS)
                || templates != "builtin" && path.starts_with(templates);
            for_all || path.starts_with(folder) || folder.starts_with(path)
        })
}

fn place(orphan: &deployment::Error) -> &str {
    match orphan {
        deployment::Error::Orphan { inputs, .. } => inputs,
        _ => SETTINGS,
    }
}

/// A bar for people at a terminal.
fn progress(context: &Context, common: &Common, length: usize) -> ProgressBar {
    if !context.terminal.err || common.quiet {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr();
    let bar = ProgressBar::with_draw_target(Some(length as u64), target);
    match ProgressStyle::with_template("{wide_bar} {pos}/{len} systems") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn show(
    context: &mut Context,
    common: &Common,
    checked: usize,
    found: &[Finding],
) -> anyhow::Result<()> {
    if let Some(actions) = &context.actions {
        found.iter().for_each(|finding| actions.annotate(findings::annotation(finding)));
    }
    match common.output {
        Output::Json => context.print(&format!("{}\n", findings::json(checked, found)))?,
        Output::Sarif => {
            context
                .print(&format!("{}\n", serde_json::to_string_pretty(&findings::sarif(found))?))?;
        }
        Output::Text | Output::Yaml | Output::Html => {
            let style = Style::choose(context, common.color, context.terminal.err);
            for (number, finding) in found.iter().take(SHOWN).enumerate() {
                let apart = if number > 0 { "\n" } else { "" };
                context.complain(&format!("{apart}{}", findings::text(finding, style)));
            }
            if found.len() > SHOWN {
                context.complain(&format!("\nand {} more\n", found.len() - SHOWN));
            }
            if for_people(common) {
                let style = Style::choose(context, common.color, context.terminal.out);
                context.print(&findings::summary(checked, found, style))?;
            }
        }
    }
    Ok(())
}
