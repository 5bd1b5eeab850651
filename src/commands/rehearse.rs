//! `rehearse`: a whole run in a world embedded in this program. Touches nothing of the user's.
use std::net::TcpListener;
use std::path::Path;

use anyhow::Context as _;

use super::session::Session;
use super::watch::stopped;
use super::{exit, for_people};
use crate::cli::{Common, Output, Rehearse};
use crate::config::{JiraKind, Known, parse_settings};
use crate::context::Context;
use crate::git::{self, Oid, Repo};
use crate::observe::deployment::{self, SETTINGS, find_base};
use crate::rehearse::deployment::{SAMPLE_BRANCH, adapt, amend, copy, sample};
use crate::rehearse::folder::{Folder, FolderError};
use crate::rehearse::jira;
use crate::rehearse::loopback::free_port;
use crate::rehearse::play::{Play, Played};
use crate::rehearse::scenario::Scenario;
use crate::rehearse::world::{Platforms, Setting};
use crate::report::error::Invalid;
use crate::report::{Style, line};

pub fn run(context: &mut Context, common: &Common, asked: &Rehearse) -> anyhow::Result<u8> {
    if common.observed.is_some() || common.skip_gate.is_some() {
        let message = "--observed and --skip-gate can't go with rehearse";
        return Err(Invalid::usage(message).hint("a rehearsal plays whole runs").into());
    }
    let scenario = Scenario { seed: asked.seed, ..scenario(&asked.scenario)? };
    let keep = asked.keep.as_ref().map(|keep| context.cwd.join(keep));
    let path = context.env.get(std::ffi::OsStr::new("PATH"));
    let folder = Folder::new(keep.as_deref(), path.map(AsRef::as_ref)).map_err(unusable)?;
    let prepared = prepare(context, common, asked, &folder, scenario.rebuild);
    let Prepared { setting, from, jira } = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            folder.discard().context("clearing the rehearsal's folder away")?;
            return Err(error);
        }
    };
    let folder_shown = match &asked.keep {
        Some(keep) => format!("  kept in {}\n", line(&keep.to_string_lossy())),
        None => String::new(),
    };
    let style = Style::choose(context, common.color, context.terminal.out);
    let shown = for_people(common);
    if shown {
        let Scenario { name, about, pace, seed, .. } = &scenario;
        let title = format!("{name}: {about}");
        let system = line(&setting.system.to_string());
        let hours = pace / 3600.0;
        context.print(&format!(
            "{}\n  {system} of {from}; a second is {hours} hours; seed {seed}\n{folder_shown}\n",
            style.bold(&title)
        ))?;
    }
    let play = Play {
        jira,
        program: std::env::current_exe().context("finding this program's own file")?,
        folder: &folder,
        scenario: &scenario,
        setting: &setting,
        clock: context.clock.clone(),
        json: common.output == Output::Json,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let played = runtime.block_on(async {
        // A program that is told to end would leave its folder and its own program behind.
        let stop = stopped()?;
        play.run(stop, |line| if shown { context.print(line) } else { Ok(()) }).await
    });
    runtime.shutdown_background();
    let played = played?;
    context.complain(&played.errors);
    if common.output == Output::Json {
        if !played.last.is_empty() {
            context.print(&format!("{}\n", played.last))?;
        }
    } else if shown {
        context.print(&summary(&folder, &setting, &played, style)?)?;
    }
    let broken = played.ledger.broken();
    if broken.is_empty() {
        return Ok(played.code);
    }
    let broken = broken.join("; ");
    Err(anyhow::anyhow!("what must hold in every run did not: {broken}"))
}

fn scenario(name: &str) -> Result<Scenario, Invalid> {
    Scenario::named(name).ok_or_else(|| {
        let known = Scenario::all();
        let known = known.iter().map(|it| format!("\n  {:<14} {}", it.name, it.about));
        let known: String = known.collect();
        Invalid::usage(format!("there is no scenario `{}`", line(name)))
            .hint(format!("the scenarios are:{known}"))
    })
}

fn unusable(error: FolderError) -> anyhow::Error {
    match error {
        FolderError::Io(_) => error.into(),
        FolderError::NotEmpty(_) | FolderError::NotAFolder(_) => Invalid::usage(error.to_string())
            .hint("name a folder that is empty or not there")
            .into(),
    }
}

/// What is rehearsed.
struct Prepared {
    setting: Setting,
    /// Of which deployment repo.
    from: String,
    /// The port of the Jira that the settings name.
    jira: Option<TcpListener>,
}

/// Makes the remote and the clone, and says what is rehearsed where, and of which deployment repo.
fn prepare(
    context: &Context,
    common: &Common,
    asked: &Rehearse,
    folder: &Folder,
    rebuild: &[(&str, &str)],
) -> anyhow::Result<Prepared> {
    // Whole minutes are easier to read, and so the same in every part.
    let now = context.clock.now().as_second();
    let start = jiff::Timestamp::from_second(now - now.rem_euclid(60))?;
    let (branch, from) = match surrounding(context, common)? {
        Some(found) => {
            copy(folder, &found.repo, found.commit, &found.branch)?;
            (found.branch, format!("a copy of {}", line(&found.name)))
        }
        None => {
            sample(folder, start)?;
            (SAMPLE_BRANCH.to_owned(), "the built-in sample".to_owned())
        }
    };
    let inside = Context {
        env: folder.environment(),
        clock: context.clock.clone(),
        cwd: folder.root().to_owned(),
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: context.terminal,
        actions: None,
    };
    let in_remote = Common { repo: Some(folder.remote()), ..Common::default() };
    let session = Session::open(&inside, &in_remote)?;
    let system = match &asked.system {
        Some(name) => session.system(name)?,
        None => {
            let all = session.source(session.pattern()).systems(&Known::default())?;
            let first = all.found.into_iter().next();
            first.map(|located| located.system).ok_or_else(|| {
                Invalid::new("the deployment repo has no system").hint("write a dcr.yaml first")
            })?
        }
    };
    let (read, _) = session.read(&system)?;
    if let Some(record) = read.record {
        let message = format!("run {} of {} is on", record.run, line(&system.to_string()));
        let hint = "a rehearsal plays whole runs: rehearse another system, or say --base REV";
        return Err(Invalid::new(message).hint(hint).into());
    }
    let inputs = session.settings.settings.systems.path_of(&system);
    let settings = &session.settings.settings;
    let platforms = Platforms {
        reviewers: settings.github.reviewers.clone(),
        teams: settings.github.team_reviewers.clone(),
        jira: settings.jira.as_ref().map(|jira| match jira.kind {
            JiraKind::Datacenter => jira::Kind::DataCenter,
            JiraKind::Cloud => jira::Kind::Cloud,
        }),
    };
    let jira = platforms.jira.map(|_| free_port()).transpose().context("taking a port")?;
    let address = jira.as_ref().map(TcpListener::local_addr).transpose()?;
    let address = address.map(|address| format!("http://{address}"));
    adapt(folder, &branch, &system.cluster, &inputs, address.as_deref(), start)?;
    amend(folder, &branch, &inputs, rebuild, start)?;
    let clone = ["clone", "--quiet", "--branch", &branch, "deployment.git", "work"];
    folder.git(folder.root(), clone)?;
    let session = Session::open(&inside, &in_remote)?;
    let (read, _) = session.read(&system)?;
    let setting = Setting {
        remote: folder.remote(),
        base: branch,
        system,
        folder: read.folder,
        inputs: read.inputs,
        start,
        platforms: Some(platforms),
    };
    Ok(Prepared { setting, from, jira })
}

/// A user's deployment repo.
struct Surrounding {
    repo: Repo,
    commit: Oid,
    /// The base branch as the settings name it.
    branch: String,
    /// As it was asked for or found.
    name: String,
}

/// The deployment repo around here, if there is one: a repo whose base has settings.
fn surrounding(context: &Context, common: &Common) -> anyhow::Result<Option<Surrounding>> {
    let dir = common.repo.as_deref().unwrap_or(Path::new("."));
    let repo = match Repo::open(&context.cwd.join(dir), &context.env) {
        Err(git::Error::NotARepo(_)) => return Ok(None),
        result => result?,
    };
    let found = find_base(&repo, common.base.as_deref(), |text| {
        Ok(parse_settings(SETTINGS, text)?.settings)
    });
    let found = match found {
        Err(deployment::Error::NoBase(_)) => return Ok(None),
        result => result?,
    };
    if found.text.is_none() {
        return Ok(None);
    }
    let commit = Oid::from_str(&found.base.commit).context("reading the base")?;
    let (branch, name) = (found.settings.branch, found.base.name);
    Ok(Some(Surrounding { repo, commit, branch, name }))
}

/// What is on the base branch in the end, and what held.
fn summary(
    folder: &Folder,
    setting: &Setting,
    played: &Played,
    style: Style,
) -> anyhow::Result<String> {
    let log = ["log", "--oneline", "--no-decorate", &setting.base, "--"];
    let log = folder.git(&folder.remote(), log)?;
    let mut text =
        format!("\n{}\n", style.bold(&format!("git log --oneline {}", line(&setting.base))));
    for commit in log.lines() {
        text += &format!("  {}\n", line(commit));
    }
    let Played { code, steps, ledger, killed, .. } = played;
    text += &format!("\n{}\n", style.bold("summary"));
    text += &format!("  {steps} steps merged; writes to the cluster: {}\n", ledger.writes_refused);
    for ((run, attempt), accepted) in &ledger.triggers {
        text += &format!("  run {run}, attempt {attempt}: {accepted} trigger accepted\n");
    }
    text += &format!("  caches propagated: {}\n", ledger.propagations);
    if *killed > 0 {
        text += &format!("  killed {killed} times\n");
    }
    let ended = match *code {
        exit::OK => "the run is finished",
        exit::HALTED => "the run is halted: a person must look",
        _ => "the run didn't come to its end",
    };
    text += &format!("  exit code {code}: {ended}\n");
    Ok(text)
}
