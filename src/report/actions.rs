//! What a step of a GitHub Actions job leaves behind: outputs for the steps after it, a summary and
//! annotations for people. Collected while a command goes on, written once when it ends.
mod annotation;
mod outputs;
mod summary;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use annotation::{Annotation, Level, MOST, Place, commands};
pub use summary::LIMIT;

use super::facts::{Account, Facts};
use super::json::{Line, StepOutcome};
use super::scrub::Scrub;
use crate::context::Context;
use crate::render::Change;
use crate::run::Step;
use summary::Section;

/// The job's step that the program runs in. A clone collects into the same.
#[derive(Debug, Clone)]
pub struct Actions {
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
    scrub: Scrub,
    collected: Arc<Mutex<Collected>>,
}

#[derive(Debug, Default)]
struct Collected {
    /// What was last said of each system, by its name.
    told: BTreeMap<String, Told>,
    /// What concerns no system, or one that can't be named.
    other: Vec<Annotation>,
}

#[derive(Debug)]
enum Told {
    Seen { line: Box<Line>, section: Section, annotations: Vec<Annotation> },
    Failed(Annotation),
}

impl Actions {
    /// `None` outside of GitHub Actions.
    pub fn around(context: &Context) -> Option<Self> {
        if !context.is_in_actions() {
            return None;
        }
        let file = |name| context.var(name).map(PathBuf::from);
        let (output, summary) = (file("GITHUB_OUTPUT"), file("GITHUB_STEP_SUMMARY"));
        let scrub = Scrub::new(context);
        Some(Actions { output, summary, scrub, collected: Arc::default() })
    }

    /// What was decided of a system, in place of what was said of it before, and the commits that were or
    /// would be made.
    pub fn tell(&self, account: &Account<'_>, changes: &[(&Step, &Change)]) {
        let facts = account.facts().scrubbed(&self.scrub);
        let mut collected = self.collected();
        let line = Line { observed: None, ..account.line.clone() };
        // A watcher goes on looking after it has proposed: what it did stays to be seen.
        let before = match collected.told.remove(&facts.name) {
            Some(Told::Seen { section, .. }) if changes.is_empty() => section.commits,
            _ => Vec::new(),
        };
        let commits = changes.iter().map(|(step, change)| summary::commit(step, change));
        let commits: Vec<String> = commits.collect();
        let commits = if commits.is_empty() { before } else { commits };
        // It may have failed before under the shorter name that somebody gave it.
        collected.told.retain(|name, told| {
            !(matches!(told, Told::Failed(_)) && facts.name.ends_with(&format!("/{name}")))
        });
        let annotations = annotations(&facts, &line);
        let section = Section::new(&facts, commits);
        let told = Told::Seen { line: Box::new(line), section, annotations };
        collected.told.insert(facts.name, told);
    }

    /// Something kept the program from looking at a system, by its name or whatever else tells it from others.
    pub fn fail(&self, name: &str, message: &str) {
        let annotation = Annotation::new(Level::Error, "dcr-gitops", message.trim());
        self.collected().told.insert(name.to_owned(), Told::Failed(annotation));
    }

    /// A warning that concerns the invocation as a whole.
    pub fn warn(&self, message: &str) {
        self.annotate(Annotation::new(Level::Warning, "dcr-gitops", message.trim()));
    }

    /// Anything else that is to stand out.
    pub fn annotate(&self, annotation: Annotation) {
        let mut collected = self.collected();
        if !collected.other.contains(&annotation) {
            collected.other.push(annotation);
        }
    }

    /// Writes outputs and summary. `code`: what the program ends with.
    ///
    /// # Errors
    /// What couldn't be written; the rest was.
    pub fn write(&self, code: u8) -> Result<(), Vec<anyhow::Error>> {
        let mut troubles = Vec::new();
        let collected = self.collected();
        let mut told: Vec<(&String, &Told)> = collected.told.iter().collect();
        // Stable: by weight, and among equals by name.
        told.sort_by_key(|(_, told)| told.weight());
        let lines = told.iter().filter_map(|(_, told)| match told {
            Told::Seen { line, .. } => Some(line.as_ref()),
            Told::Failed(_) => None,
        });
        let lines: Vec<&Line> = lines.collect();
        if let Some(path) = &self.output {
            let written = delimiter().and_then(|delimiter| {
                append(path, &outputs::file(&outputs::outputs(&lines, code), &delimiter))
            });
            troubles.extend(written.err().map(|error| error.context("writing GITHUB_OUTPUT")));
        }
        if let Some(path) = &self.summary {
            let sections = told.iter().map(|(name, told)| match told {
                Told::Seen { section, .. } => section.clone(),
                Told::Failed(annotation) => Section::failed(name, &annotation.message),
            });
            let written = summary::room(path)
                .and_then(|room| append(path, &summary::body(sections.collect(), room)));
            troubles
                .extend(written.err().map(|error| error.context("writing GITHUB_STEP_SUMMARY")));
        }
        if troubles.is_empty() { Ok(()) } else { Err(troubles) }
    }

    /// The annotations as commands for the job's log.
    pub fn annotations(&self) -> String {
        let collected = self.collected();
        let mut told: Vec<&Told> = collected.told.values().collect();
        told.sort_by_key(|told| told.weight());
        let of_systems = told.into_iter().flat_map(|told| match told {
            Told::Seen { annotations, .. } => annotations.as_slice(),
            Told::Failed(annotation) => std::slice::from_ref(annotation),
        });
        let annotations = collected.other.iter().chain(of_systems).cloned();
        commands(&annotations.collect::<Vec<_>>())
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// The weightiest first: what failed or is halted, what waits, what was proposed, what is at rest.
    fn weight(&self) -> u8 {
        match self {
            Told::Failed(_) => 0,
            Told::Seen { line, .. } => match line.decision {
                "halt" => 1,
                "wait" => 2,
                "propose" => 3,
                _ => 4,
            },
        }
    }
}

/// What of a look should stand out.
fn annotations(facts: &Facts, line: &Line) -> Vec<Annotation> {
    let run = facts.run.map(|run| format!(", run {run}")).unwrap_or_default();
    let title = |what: &str| format!("{}{run}: {what}", facts.name);
    let with_hint = |message: &str, hint: Option<&str>| match hint {
        Some(hint) => format!("{message}\nWhat to do: {hint}"),
        None => message.to_owned(),
    };
    let mut annotations = Vec::new();
    if facts.decision == "halt" {
        let message = with_hint(&facts.reason, facts.hint.as_deref());
        annotations.push(Annotation::new(Level::Error, title("halted"), message));
    }
    for attention in &facts.attentions {
        let of = |key: &str| attention[key].as_str();
        let message = with_hint(of("message").unwrap_or_default(), of("hint"));
        let what = format!("needs attention ({})", of("class").unwrap_or_default());
        annotations.push(Annotation::new(Level::Warning, title(&what), message));
    }
    let made = matches!(line.outcome, Some(outcome) if !matches!(outcome, StepOutcome::None | StepOutcome::Adopted));
    if made && let Some(next) = &facts.next {
        let of = line.pull_request.as_ref().or(line.branch.as_ref());
        let message = format!("{}\n{}", of.cloned().unwrap_or_default(), facts.reason);
        annotations.push(Annotation::new(
            Level::Notice,
            title(&format!("next is {next}")),
            message,
        ));
    }
    let noted = facts.notices.iter();
    annotations
        .extend(noted.map(|notice| Annotation::new(Level::Notice, title("note"), notice.clone())));
    annotations
}

/// 128 random bits: no text can hold it by design.
fn delimiter() -> anyhow::Result<String> {
    let random = ring::rand::SystemRandom::new();
    let bytes = ring::rand::generate::<[u8; 16]>(&random)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?
        .expose();
    Ok(bytes.iter().fold("dcr_".to_owned(), |text, byte| text + &format!("{byte:02x}")))
}

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}
