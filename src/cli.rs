//! What may be typed: the commands, their flags and their help. Nothing is done here.
mod examples;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::LazyLock;

use crate::config::Duration;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;

/// Drive a Distributed Cache Rebuild (DCR) the GitOps way: one reviewed commit for each phase.
#[derive(Debug, Parser)]
#[command(name = "dcr-gitops", version = version(), propagate_version = true, subcommand_required = true)]
#[command(after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// The version, with the commit and date that it was built from where the build was told
/// (`DCR_COMMIT`, `DCR_COMMIT_DATE`).
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let version = env!("CARGO_PKG_VERSION");
        match (COMMIT, option_env!("DCR_COMMIT_DATE")) {
            (Some(commit), Some(date)) => {
                format!("{version} ({} {date})", commit.get(..10).unwrap_or(commit))
            }
            _ => version.to_owned(),
        }
    });
    &VERSION
}

/// The commit that this program was built from, where the build was told.
pub const COMMIT: Option<&str> = option_env!("DCR_COMMIT");

const EXIT_CODES: &str = "\
Exit codes:
  0   done, or nothing to do (status, plan: whatever they see)
  1   unexpected
  2   usage
  3   settings, inputs, templates, name or repo invalid
  10  still waiting: run again
  11  halted: a person must look";

/// Flags that every command takes, before or after its name.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// The deployment repo, or any folder in it
    #[arg(long, global = true, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// What counts as the base branch [default: the remote's as last fetched, else the local one]
    #[arg(long, global = true, value_name = "REV")]
    pub base: Option<String>,
    /// How results are printed
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
    /// Instead of the cluster, its nodes, reviews and journal: what a `status -o json` saw
    #[arg(long, global = true, value_name = "FILE")]
    pub observed: Option<PathBuf>,
    /// Go on although the gate of this phase isn't met, and record why
    #[arg(long, global = true, value_name = "REASON", value_parser = one_line)]
    pub skip_gate: Option<String>,
    /// The kubeconfig file [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Print nothing on standard output but `-o json`
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What time it is, for rehearsals: `START@SINCExSCALE`
    #[arg(long, global = true, hide = true, value_name = "CLOCK")]
    pub clock: Option<ScaledClock>,
    /// Colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// The clock of a rehearsal: it showed `start` (RFC 3339) when the real one showed `since` (milliseconds
/// since 1970), and runs `scale` times as fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScaledClock {
    pub start: Timestamp,
    pub since: Timestamp,
    pub scale: f64,
}

impl fmt::Display for ScaledClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScaledClock { start, since, scale } = self;
        write!(f, "{start}@{}x{scale}", since.as_millisecond())
    }
}

impl FromStr for ScaledClock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('@').and_then(|(start, rest)| {
            let (since, scale) = rest.split_once('x')?;
            let start = start.parse().ok()?;
            let since = Timestamp::from_millisecond(since.parse().ok()?).ok()?;
            let scale: f64 = scale.parse().ok().filter(|scale| *scale > 0.0)?;
            Some(ScaledClock { start, since, scale })
        });
        parts.ok_or_else(|| "write `START@SINCExSCALE`".to_owned())
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Text,
    /// One object per system, one line each
    Json,
    /// The same as YAML documents (`status`)
    Yaml,
    /// One page that needs nothing but itself (`status`)
    Html,
    /// For code scanning: SARIF 2.1.0 (`check`)
    Sarif,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write what a deployment repo needs to begin with; files that are there are left alone
    #[command(after_help = examples::INIT)]
    Init(Init),
    /// Propose the next phase of a run, if it is due; start a run where none is on
    #[command(after_help = examples::NEXT_PHASE)]
    NextPhase(NextPhase),
    /// Show what `next-phase` would commit, and write nothing
    #[command(after_help = examples::PLAN)]
    Plan(Plan),
    /// Wait on the gates of runs that are on, and emit what falls due; never start a run
    #[command(after_help = examples::WATCH)]
    Watch(Watch),
    /// Say where each run stands
    #[command(after_help = examples::STATUS)]
    Status(Status),
    /// Propose more farmers for a run, in its phases `farm-up` and `rebuild`
    #[command(after_help = examples::SCALE)]
    Scale(Scale),
    /// Propose a new attempt of the phase that is halted, or its declined or lost step again
    #[command(after_help = examples::RETRY)]
    Retry(Retry),
    /// Propose the teardown now, whatever the run is at
    #[command(after_help = examples::ABORT)]
    Abort(Abort),
    /// A dynamic synchronizer on its own, without a rebuild
    #[command(subcommand, after_help = examples::SYNCHRONIZER)]
    Synchronizer(Synchronizer),
    /// Find what is wrong with settings, inputs, templates and what is rendered from them; offline
    #[command(after_help = examples::CHECK)]
    Check(Check),
    /// Play a whole run in a world embedded in the program, in seconds; nothing of yours is touched
    #[command(after_help = examples::REHEARSE)]
    Rehearse(Rehearse),
    /// Print the JSON Schema of the settings and the inputs
    Schema(Schema),
    /// Print the completion script of a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions { shell: Shell },
    /// Print the manual page of the program, or of a command
    #[command(after_help = examples::MAN)]
    Man { command: Vec<String> },
    /// What the trigger and propagate Jobs run
    #[command(hide = true, subcommand)]
    Admin(Admin),
    /// Print the names of systems, one a line: for workflows
    #[command(hide = true)]
    Systems(Systems),
}

#[derive(Debug, Args)]
pub struct Systems {
    /// Only those whose run is on
    #[arg(long, conflicts_with = "begun")]
    pub on: bool,
    /// Only those that have, or had, a run
    #[arg(long)]
    pub begun: bool,
}

#[derive(Debug, Args)]
pub struct Init {
    /// Only say what would be written
    #[arg(long)]
    pub dry_run: bool,
    /// Where the reusable workflows are, with the commit they are pinned to [default: this program's own]
    #[arg(long, value_name = "OWNER/REPO@COMMIT", value_parser = workflows)]
    pub uses: Option<String>,
}

#[derive(Debug, Args)]
pub struct NextPhase {
    /// `system6`, `tenant-105858-prod/system6` or `den/tenant-105858-prod/system6`
    pub system: String,
    /// Rebuild even if the node finds nothing to do [default: as it is]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub forced: Option<bool>,
    /// The Jira issue that the run reports to; required for a first step where `jira` is set
    #[arg(long, value_name = "KEY", value_parser = ticket)]
    pub ticket: Option<String>,
    #[command(flatten)]
    pub emit: Emit,
}

/// How far a step that is proposed goes: without a flag to a local branch only.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Emit {
    /// Push the step's branch to the remote
    #[arg(long)]
    pub push: bool,
    /// Push it and put it in review: open its pull request on GitHub
    #[arg(long)]
    pub pr: bool,
}

impl Emit {
    /// Whether the remote is written to.
    pub fn pushes(self) -> bool {
        self.push || self.pr
    }
}

#[derive(Debug, Args)]
pub struct Scale {
    /// As for next-phase
    pub system: String,
    /// How many farmers the run is to have from now on
    #[arg(long, value_name = "N")]
    pub farmers: u32,
    #[command(flatten)]
    pub emit: Emit,
}

#[derive(Debug, Args)]
pub struct Retry {
    /// As for next-phase
    pub system: String,
    #[command(flatten)]
    pub emit: Emit,
}

#[derive(Debug, Args)]
pub struct Abort {
    /// As for next-phase
    pub system: String,
    /// Why: it goes into the commit and the request
    #[arg(long, value_name = "TEXT", value_parser = one_line)]
    pub reason: String,
    #[command(flatten)]
    pub emit: Emit,
}

#[derive(Debug, Subcommand)]
pub enum Synchronizer {
    /// Bring up a dynamic synchronizer
    Up(SynchronizerUp),
    /// Take it down again
    Down(SynchronizerDown),
}

#[derive(Debug, Args)]
pub struct SynchronizerUp {
    /// As for next-phase
    pub system: String,
    /// As for next-phase
    #[arg(long, value_name = "KEY", value_parser = ticket)]
    pub ticket: Option<String>,
    #[command(flatten)]
    pub emit: Emit,
}

#[derive(Debug, Args)]
pub struct SynchronizerDown {
    /// As for next-phase
    pub system: String,
    #[command(flatten)]
    pub emit: Emit,
}

#[derive(Debug, Args)]
pub struct Plan {
    /// Systems to plan for [default: every one whose run is on]
    #[arg(value_name = "SYSTEM")]
    pub systems: Vec<String>,
    /// Every commit still to come, as if each were merged
    #[arg(long)]
    pub all_phases: bool,
    /// What all commits still to come would hold now that they wouldn't at REV; no cluster is asked
    #[arg(long, value_name = "REV", conflicts_with_all = ["all_phases", "forced", "ticket"])]
    pub against: Option<String>,
    /// How the plan is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PlanFormat,
    /// As for next-phase
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub forced: Option<bool>,
    /// As for next-phase
    #[arg(long, value_name = "KEY", value_parser = ticket)]
    pub ticket: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// A unified diff
    #[default]
    Diff,
    /// For a comment on a pull request
    Markdown,
}

#[derive(Debug, Clone, Args)]
pub struct Watch {
    /// Systems to watch [default: every one whose run is on, teardowns included]
    #[arg(value_name = "SYSTEM")]
    pub systems: Vec<String>,
    /// End after this long with exit code 10 if there is still something to wait for, e.g. `45m`
    #[arg(long = "for", value_name = "DURATION")]
    pub slice: Option<Duration>,
    /// Look at least this often
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub poll: Duration,
    #[command(flatten)]
    pub emit: Emit,
    /// Only wait: leave it to others to emit what falls due
    #[arg(long, conflicts_with_all = ["push", "pr"])]
    pub no_emit: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Status {
    /// Systems to look at [default: all]
    #[arg(value_name = "SYSTEM")]
    pub systems: Vec<String>,
    /// Go on until it is stopped: a terminal is drawn over, elsewhere what changed is printed again
    #[arg(short, long)]
    pub watch: bool,
    /// With --watch: look at least this often
    #[arg(long, value_name = "DURATION", default_value = "30s", requires = "watch")]
    pub poll: Duration,
}

#[derive(Debug, Args)]
pub struct Check {
    /// Files or folders: only the systems they concern [default: all]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Rehearse {
    /// The system of the surrounding deployment repo, or of a built-in sample [default: the first]
    #[arg(value_name = "SYSTEM")]
    pub system: Option<String>,
    /// What goes wrong; an unknown name lists all
    #[arg(long, value_name = "NAME", default_value = "happy")]
    pub scenario: String,
    /// What chance follows from: when things are reviewed, polled and applied
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Keep the folder: the remote, a clone, the requests, the kubeconfig and the log
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// Which file
    #[arg(value_enum, value_name = "FILE")]
    pub file: Option<SchemaFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaFile {
    /// dcr-gitops.yaml
    Settings,
    /// dcr.yaml
    Inputs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Admin {
    /// Trigger the rebuild, once
    Trigger,
    /// Propagate the caches, once
    Propagate,
}

/// A Jira issue key, e.g. `DCR-123`.
fn ticket(text: &str) -> Result<String, String> {
    let valid = text.split_once('-').is_some_and(|(project, number)| {
        project.starts_with(|c: char| c.is_ascii_uppercase())
            && project.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && !number.is_empty()
            && number.len() <= 10
            && number.chars().all(|c| c.is_ascii_digit())
    });
    if valid { Ok(text.to_owned()) } else { Err("no Jira issue key, such as `DCR-123`".to_owned()) }
}

/// A repo on GitHub and a commit, branch or tag of it.
fn workflows(text: &str) -> Result<String, String> {
    let word = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && part.chars().all(known)
    };
    let parts = text.split_once('@').and_then(|(repo, reference)| {
        let (owner, name) = repo.split_once('/')?;
        (word(owner) && word(name) && reference.split('/').all(word)).then_some(())
    });
    match parts {
        Some(()) => Ok(text.to_owned()),
        None => Err("write `OWNER/REPO@COMMIT`".to_owned()),
    }
}

/// Words that end up in a record, a commit and a request: one line, not empty, at most 500 characters.
fn one_line(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) || text.chars().count() > 500 {
        return Err("one line of at most 500 characters, please".to_owned());
    }
    Ok(text.to_owned())
}
