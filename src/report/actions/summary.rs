//! The summary of a job's step (`GITHUB_STEP_SUMMARY`): one section for each system, within what GitHub takes.
use std::path::Path;

use super::super::escape;
use super::super::facts::Facts;
use super::super::pull_request::folded;
use super::super::words;
use crate::render::{Change, differences};
use crate::run::Step;

const TEMPLATE: &str = include_str!("../../../templates/messages/summary.md.tera");

/// GitHub refuses a step's summary of more than 1 MiB, all of it. This leaves some room.
pub const LIMIT: usize = 1_000_000;

/// Of one commit, in characters.
const LONGEST_DIFF: usize = 400_000;

/// What is kept for saying what was left out.
const LAST_WORDS: usize = 300;

/// One system's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    text: String,
    /// The commits that were or would be made, each with its diff.
    pub commits: Vec<String>,
}

impl Section {
    pub fn new(facts: &Facts, commits: Vec<String>) -> Self {
        let text = words::markdown("templates/messages/summary.md.tera", TEMPLATE, facts);
        // A summary that can't be written is no reason to have failed.
        let text = text.unwrap_or_else(|error| {
            format!(
                "### {}\n\n{}\n",
                escape::markdown(&facts.name),
                escape::fenced("", &format!("{error:#}"))
            )
        });
        Section { text, commits }
    }

    pub fn failed(name: &str, message: &str) -> Self {
        let text = format!("### {}\n\n{}\n", escape::markdown(name), escape::fenced("", message));
        Section { text, commits: Vec::new() }
    }
}

/// One commit with the diff of each object, whole: a summary has room for what a pull request hasn't.
pub fn commit(step: &Step, change: &Change) -> String {
    let name = escape::markdown(&step.intent().name());
    let heading = format!("\n#### Step {}: {name}\n\n", step.record.step);
    let elsewhere = format!("`git show {}` shows all of it.", step.branch());
    let diffs = differences(change).and_then(|all| folded(&all, LONGEST_DIFF, &elsewhere));
    match diffs {
        Ok(diffs) => heading + &diffs,
        // A diff that can't be made isn't an empty one.
        Err(error) => heading + &escape::fenced("", &error.to_string()) + "\n",
    }
}

/// How many bytes still fit into the step's summary, which others may have written to.
pub fn room(path: &Path) -> anyhow::Result<usize> {
    match std::fs::metadata(path) {
        Ok(file) => Ok(LIMIT.saturating_sub(usize::try_from(file.len()).unwrap_or(usize::MAX))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(LIMIT),
        Err(error) => Err(error.into()),
    }
}

/// All sections in `room` bytes: what is said of every system comes before any diff; what doesn't fit is
/// counted, and cut between two of them, never within.
pub fn body(sections: Vec<Section>, room: usize) -> String {
    let Some(room) = room.checked_sub(LAST_WORDS) else { return String::new() };
    let mut left = room;
    let mut fits = |text: &str| match left.checked_sub(text.len() + 1) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let told: Vec<bool> = sections.iter().map(|section| fits(&section.text)).collect();
    let (mut body, mut cut, mut diffs) = (String::new(), 0, 0);
    for (section, told) in sections.iter().zip(told) {
        if !told {
            cut += 1;
            continue;
        }
        body += &section.text;
        for commit in &section.commits {
            if fits(commit) {
                body += commit;
            } else {
                diffs += 1;
            }
        }
        body.push('\n');
    }
    if cut + diffs > 0 {
        body += &format!(
            "_Left out for want of room: {cut} systems and {diffs} commits. The log has them, and so have `dcr-gitops status` and `dcr-gitops plan`._\n"
        );
    }
    body
}
