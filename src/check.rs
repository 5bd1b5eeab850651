//! What can be told of a deployment repo without any cluster: whether every file that people write is valid, and
//! whether every commit of every run could be made from them.
mod course;
mod wiring;

use std::collections::BTreeMap;

pub use course::course;

use crate::config::{Position, Problem, Problems, SettingsFile, Wiring, digest, parse_inputs};
use crate::observe::deployment::{self, Gathered};
use crate::render::{RenderError, Templates};
use crate::run::SystemRef;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Runs can't go on, or can't be begun.
    Error,
    /// Something will surprise somebody.
    Warning,
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Settings,
    Inputs,
    Templates,
    Run,
    Wiring,
}

impl Rule {
    pub const ALL: [Rule; 5] =
        [Rule::Settings, Rule::Inputs, Rule::Templates, Rule::Run, Rule::Wiring];

    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Settings => "settings",
            Rule::Inputs => "inputs",
            Rule::Templates => "templates",
            Rule::Run => "run",
            Rule::Wiring => "wiring",
        }
    }

    /// In a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Rule::Settings => "The repo-wide settings are valid.",
            Rule::Inputs => "The inputs of every system are valid.",
            Rule::Templates => "Every phase of every system can be rendered.",
            Rule::Run => "The files of runs that are on are as the program left them.",
            Rule::Wiring => "Argo CD applies what is generated, and as it was generated.",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    pub rule: Rule,
    /// The file, relative to the repo.
    pub path: String,
    pub at: Option<Position>,
    pub message: String,
    pub hint: Option<String>,
    /// The problem as its file's reader shows it, with the line and a caret.
    shown: Option<Box<Problem>>,
}

impl Finding {
    pub fn new(level: Level, rule: Rule, path: &str, message: impl Into<String>) -> Self {
        let (path, message) = (path.to_owned(), message.into());
        Finding { level, rule, path, at: None, message, hint: None, shown: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Finding { hint: Some(hint.into()), ..self }
    }

    /// At the beginning of this line, which counts from 1.
    pub fn on_line(self, line: usize) -> Self {
        Finding { at: Some(Position { line, column: 1 }), ..self }
    }

    /// The text with a caret below it, where the reader of the file showed one.
    pub fn excerpt(&self, colour: bool) -> Option<String> {
        self.shown.as_ref().map(|problem| problem.render(colour))
    }

    fn of_problem(rule: Rule, problem: &Problem) -> Self {
        let mut finding = Finding::new(Level::Error, rule, &problem.path, problem.message.as_str());
        (finding.at, finding.hint) = (problem.at, problem.hint.clone());
        finding.shown = Some(Box::new(problem.clone()));
        finding
    }

    /// What tells it from others; how it was come by doesn't.
    fn key(&self) -> (&str, Option<Position>, Level, Rule, &str) {
        (&self.path, self.at, self.level, self.rule, &self.message)
    }
}

/// What is wrong with a `dcr-gitops.yaml`.
pub fn settings(problems: &Problems) -> Vec<Finding> {
    problems.iter().map(|problem| Finding::of_problem(Rule::Settings, problem)).collect()
}

/// What keeps files from being rendered. `folder`: where that is said where no file is named.
pub fn rendering(error: &RenderError, folder: &str) -> Vec<Finding> {
    let finding = |problem: &crate::render::Problem| {
        let place = problem.place.split(" → ").next().unwrap_or_default();
        let mut parts = place.split(':');
        let file = parts.next().unwrap_or_default();
        let numbers: Vec<usize> = parts.filter_map(|part| part.parse().ok()).collect();
        let (path, message) = match file.contains('/') && !file.contains('`') {
            true => (file, problem.message.clone()),
            false => (folder, problem.to_string()),
        };
        let message = match problem.place.split_once(" → ") {
            Some((_, object)) => format!("{object}: {message}"),
            None => message,
        };
        let mut finding = Finding::new(Level::Error, Rule::Templates, path, message);
        finding.hint.clone_from(&problem.hint);
        finding.at = match numbers[..] {
            [line, column] => Some(Position { line, column }),
            _ => None,
        };
        finding
    };
    error.problems.iter().map(finding).collect()
}

/// What is wrong with a system's files that couldn't even be gathered.
pub fn unreadable(error: &deployment::Error, path: &str) -> Finding {
    let mut finding = Finding::new(Level::Error, Rule::Run, path, error.to_string());
    finding.hint = error.hint();
    finding
}

/// What all systems have in common.
pub struct Repo<'a> {
    pub settings: &'a SettingsFile,
    /// None where they can't be read, which is said once.
    pub templates: Option<&'a Templates>,
}

/// One system's files: what a run is made from, and what stands beside it.
pub struct System {
    pub system: SystemRef,
    pub gathered: Gathered,
    /// The plain files of its folder, by name.
    pub beside: BTreeMap<String, String>,
}

impl Repo<'_> {
    /// All that is wrong with one system.
    pub fn judge(&self, system: System) -> Vec<Finding> {
        let System { system, gathered, beside } = system;
        let wiring = self.settings.settings.wiring;
        let (path, text) = gathered.inputs();
        let mut findings = wiring::findings(path, gathered.folder(), wiring, &beside);
        let inputs = match parse_inputs(self.settings, &system, path, text) {
            Ok(inputs) => inputs,
            Err(problems) => {
                findings.extend(problems.iter().map(|it| Finding::of_problem(Rule::Inputs, it)));
                return findings;
            }
        };
        findings.extend(self.runs(gathered, inputs, wiring));
        findings
    }

    fn runs(
        &self,
        gathered: Gathered,
        inputs: crate::config::Inputs,
        wiring: Wiring,
    ) -> Vec<Finding> {
        let path = gathered.inputs().0.to_owned();
        let inputs_digest = digest(&inputs);
        let (deployment, folder) = match gathered.deployment(inputs, inputs_digest) {
            Ok(read) => read,
            Err(error) => return vec![unreadable(&error, &path)],
        };
        let Some(templates) = self.templates else { return Vec::new() };
        match course(deployment, &folder, wiring, templates) {
            Ok(_) => Vec::new(),
            Err(error) => rendering(&error, &path),
        }
    }
}

/// In the order of their files and lines, each once: what stands in the `defaults` comes up with every system.
pub fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|one, other| one.key().cmp(&other.key()));
    findings.dedup_by(|one, other| one.key() == other.key());
    findings
}
