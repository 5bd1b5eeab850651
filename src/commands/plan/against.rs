//! `plan --against REV`: what the commits of runs would hold now that they wouldn't have held before. Git is held
//! against git: no cluster, no node and no review is asked.
use std::collections::{BTreeMap, BTreeSet};

use super::super::check::each;
use super::super::session::Session;
use super::super::{exit, fail, for_people};
use crate::check::course;
use crate::cli::{Common, Output, Plan, PlanFormat};
use crate::config::{Known, SettingsFile, digest, parse_inputs};
use crate::context::Context;
use crate::git::Repo;
use crate::observe::deployment::{Gathered, SETTINGS};
use crate::render::{Change, FileChange, Templates};
use crate::report::{Style, diff, line, markdown};
use crate::run::SystemRef;

/// Every file that commits still to come would write, as the last of them leaves it.
type Outcome = BTreeMap<String, String>;

/// One system, now and before; none where there are no inputs.
struct Pair {
    system: SystemRef,
    now: Option<Gathered>,
    before: Option<Gathered>,
}

/// What is different.
struct Compared {
    system: SystemRef,
    on: bool,
    change: Change,
}

pub fn run(
    context: &mut Context,
    common: &Common,
    asked: &Plan,
    before: &str,
) -> anyhow::Result<u8> {
    let now = Session::open(context, common)?;
    let dir = common.repo.as_ref().map_or(context.cwd.clone(), |dir| context.cwd.join(dir));
    // Settings that couldn't be read before are no reason not to show what is there now.
    let before = match Session::on(Repo::open(&dir, &context.env)?, Some(before)) {
        Err(error) if crate::report::error::code(&error) != exit::INVALID => return Err(error),
        Err(error) if is_unknown(&error) => return Err(error),
        before => before.ok(),
    };
    let pairs = pairs(&now, before.as_ref(), &asked.systems)?;
    let (with, with_before) = (With::of(&now), before.as_ref().map(With::of));
    let mut compared = each(pairs, |pair| compare(with, with_before, pair));
    compared.sort_by(|one, other| name(one).cmp(name(other)));
    let (mut codes, mut sections) = (Vec::new(), Vec::new());
    for result in compared {
        match result {
            Ok(compared) if compared.change.files.is_empty() => {}
            Ok(compared) => sections.push(shown(context, common, asked, &compared)),
            Err((system, error)) => codes.push(fail(context, common, &system.to_string(), &error)),
        }
    }
    match (asked.format, sections.is_empty()) {
        _ if common.output == Output::Json => context.print(&sections.concat())?,
        _ if !for_people(common) => {}
        (PlanFormat::Markdown, true) => {}
        (PlanFormat::Markdown, false) => context.print(&markdown::body(&sections))?,
        (PlanFormat::Diff, true) => context.print("no run would commit anything else\n")?,
        (PlanFormat::Diff, false) => context.print(&sections.join("\n"))?,
    }
    Ok(exit::worst(codes))
}

/// Whether it was the revision itself that couldn't be found.
fn is_unknown(error: &anyhow::Error) -> bool {
    use crate::observe::deployment::Error;
    matches!(error.downcast_ref(), Some(Error::NoSuchRevision(_) | Error::NoBase(_)))
}

fn name(result: &Result<Compared, (SystemRef, anyhow::Error)>) -> &SystemRef {
    match result {
        Ok(compared) => &compared.system,
        Err((system, _)) => system,
    }
}

/// The systems that may be different: all of them where settings or templates are, else those whose folder is.
fn pairs(now: &Session, before: Option<&Session>, names: &[String]) -> anyhow::Result<Vec<Pair>> {
    let all = |session: &Session| -> anyhow::Result<BTreeSet<SystemRef>> {
        let systems = session.source(session.pattern()).systems(&Known::default())?;
        Ok(systems.found.into_iter().map(|located| located.system).collect())
    };
    let systems = if names.is_empty() {
        let mut systems = all(now)?;
        systems.extend(before.map(all).transpose()?.unwrap_or_default());
        systems
    } else {
        names.iter().map(|name| now.system(name)).collect::<anyhow::Result<_>>()?
    };
    let common = match before {
        Some(before) => same_for_all(now, before)?,
        None => false,
    };
    let mut pairs = Vec::new();
    for system in systems {
        let inputs = now.pattern().path_of(&system);
        let folder = inputs.rsplit_once('/').map_or("", |(folder, _)| folder);
        let id = |session: &Session| session.source(session.pattern()).id_of(folder);
        if common && id(now)? == before.map(id).transpose()?.flatten() {
            continue;
        }
        let gather = |session: &Session| {
            let source = session.source(session.pattern());
            source.knows(&system)?.then(|| source.gather(&system)).transpose()
        };
        let before = before.map(gather).and_then(Result::ok).flatten();
        pairs.push(Pair { now: gather(now)?, before, system });
    }
    Ok(pairs)
}

/// Whether settings and templates are the same.
fn same_for_all(now: &Session, before: &Session) -> anyhow::Result<bool> {
    let paths = [SETTINGS, now.settings.settings.templates.trim_end_matches('/')];
    for path in paths {
        let id = |session: &Session| session.source(session.pattern()).id_of(path);
        if id(now)? != id(before)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What files are rendered with.
#[derive(Clone, Copy)]
struct With<'a> {
    settings: &'a SettingsFile,
    templates: &'a Templates,
}

impl<'a> With<'a> {
    fn of(session: &'a Session) -> Self {
        With { settings: &session.settings, templates: &session.templates }
    }
}

fn compare(
    now: With<'_>,
    before: Option<With<'_>>,
    pair: Pair,
) -> Result<Compared, (SystemRef, anyhow::Error)> {
    let Pair { system, now: gathered, before: gathered_before } = pair;
    let (on, after) = match gathered.map(|it| outcome(now, &system, it)).transpose() {
        Ok(after) => after.unwrap_or_default(),
        Err(error) => return Err((system, error)),
    };
    // What was broken before would have committed nothing.
    let before = before.zip(gathered_before);
    let before = before.and_then(|(with, it)| outcome(with, &system, it).ok());
    let (_, before) = before.unwrap_or_default();
    let paths: BTreeSet<&String> = after.keys().chain(before.keys()).collect();
    let files = paths.into_iter().map(|path| FileChange {
        path: path.clone(),
        before: before.get(path).cloned(),
        after: after.get(path).cloned(),
    });
    let files = files.filter(|file| file.before != file.after).collect();
    Ok(Compared { system, on, change: Change { files } })
}

/// Whether a run is on, and what its commits still to come, or those of the next one, would write.
fn outcome(
    with: With<'_>,
    system: &SystemRef,
    gathered: Gathered,
) -> anyhow::Result<(bool, Outcome)> {
    let (path, text) = gathered.inputs();
    let inputs = parse_inputs(with.settings, system, path, text)?;
    let inputs_digest = digest(&inputs);
    let (deployment, folder) = gathered.deployment(inputs, inputs_digest)?;
    let on = deployment.record.is_some();
    let wiring = with.settings.settings.wiring;
    let mut outcome = Outcome::new();
    for (_, change) in course(deployment, &folder, wiring, with.templates)? {
        let written = change.files.into_iter().filter_map(|it| Some((it.path, it.after?)));
        outcome.extend(written);
    }
    Ok((on, outcome))
}

fn shown(context: &Context, common: &Common, asked: &Plan, compared: &Compared) -> String {
    let Compared { system, on, change } = compared;
    if common.output == Output::Json {
        let paths: Vec<&String> = change.files.iter().map(|file| &file.path).collect();
        let SystemRef { cluster, namespace, system } = system;
        let line = serde_json::json!({
            "system": system, "cluster": cluster, "namespace": namespace, "files": paths,
        });
        return format!("{line}\n");
    }
    let note = match on {
        true => "In the steps still to come of the run that is on:",
        false => "In the next run:",
    };
    match asked.format {
        PlanFormat::Markdown => markdown::comparison(&system.to_string(), note, change),
        PlanFormat::Diff => {
            let style = Style::choose(context, common.color, context.terminal.out);
            let name = style.bold(&line(&system.to_string()));
            format!("{name}\n  {note}\n\n{}", diff::unified(change, style))
        }
    }
}
