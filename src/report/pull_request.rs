//! What a pull request says: what changes, why now, what wasn't proved, how to verify it and how to back out.
mod diffs;
mod words;

pub(super) use diffs::folded;

use serde::Serialize;
use tera::Context;

use super::{escape, markdown};
use crate::github::Place;
use crate::render::{Change, Difference, RenderError, differences, render_text, title};
use crate::run::deployment::Action;
use crate::run::review::marker;
use crate::run::{Observation, Phase, Step, Verdict, verdict};

const PATH: &str = "templates/messages/pull-request.md.tera";
const TEMPLATE: &str = include_str!("../../templates/messages/pull-request.md.tera");

/// A pull request's text, made before anything is written, so that one that can't be made stops it all.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub title: String,
    context: Context,
    differences: Vec<Difference>,
    step: Step,
    job: Option<String>,
}

/// Who is behind a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// The page of the CI run that makes it. Its summary has the diffs whole.
    pub job: Option<String>,
}

/// What one fact may take, in code points: an abort's reason has no limit of its own.
const LONGEST_FACT: usize = 2_000;

/// Of how many steps before it is told, the newest of them.
const MOST_STEPS: usize = 50;

#[derive(Serialize)]
struct Row {
    fate: &'static str,
    name: String,
    change: String,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

impl Text {
    /// The text about `step`, which makes `change` on the base that was seen.
    ///
    /// # Errors
    /// What changes can't be told, or it is nothing.
    pub fn new(
        seen: &Observation,
        step: &Step,
        change: &Change,
        place: &Place,
        origin: &Origin,
    ) -> Result<Self, RenderError> {
        let differences = differences(change)?;
        if differences.is_empty() {
            return Err(RenderError::nothing_changes(&step.branch()));
        }
        let mut context = Context::new();
        context.insert("alert", &alert(step));
        context.insert("summary", &words::summary(step));
        context.insert("happens", &words::happens(step));
        context.insert("rows", &rows(&differences));
        context.insert("counts", &words::counts(&differences));
        let base = &seen.deployment.base;
        let commit = base.commit.get(..10).unwrap_or(&base.commit);
        let link = format!("[{commit}]({})", place.commit_url(&base.commit));
        let name = escape::markdown(&base.name);
        let at = super::terminal::moment(seen.at);
        context.insert("seen", &format!("Seen at {at}, with {name} at {link}:"));
        context.insert("facts", &facts(seen, step));
        let not_proved = step.not_proved.iter().map(|line| said(line));
        context.insert("not_proved", &not_proved.collect::<Vec<String>>());
        context.insert("verify", &words::verify(step));
        context.insert("back_out", &words::back_out(step));
        context.insert("run", &run(step, origin));
        context.insert("steps", &steps(seen, step, place));
        let (title, step, job) = (title(step), step.clone(), origin.job.clone());
        Ok(Text { title, context, differences, step, job })
    }

    /// The body for the step's `commit`, within GitHub's limit.
    ///
    /// # Errors
    /// The template can't be rendered.
    pub fn body(&self, commit: &str) -> Result<String, RenderError> {
        let record = &self.step.record;
        let marker = marker(&record.system, (record.run, record.step), commit);
        let with = |diffs: &str| {
            let mut context = self.context.clone();
            context.insert("marker", &marker);
            context.insert("diffs", diffs);
            render_text(PATH, TEMPLATE, &context)
        };
        let around = with("")?.chars().count();
        let room = markdown::LIMIT.saturating_sub(around);
        let elsewhere = match &self.job {
            Some(job) => format!(
                "The summary of [this CI run]({}) has all of it, and so has `git show {commit}`.",
                escape::url(job)
            ),
            None => format!("`git show {commit}` shows all of it."),
        };
        Ok(with(&diffs::folded(&self.differences, room, &elsewhere)?)?)
    }
}

/// The diff of all objects that a change touches, without their secrets.
///
/// # Errors
/// What changes can't be told.
pub fn patch(change: &Change) -> Result<String, RenderError> {
    differences(change)?.iter().map(diffs::patch).collect()
}

/// What must be read first: that a teardown throws away what nobody has proved to be saved.
fn alert(step: &Step) -> Option<String> {
    let skipped = step.record.gate_skipped.as_deref();
    let skipped = skipped.map(|words| format!("Gate skipped by a person: {}", said(words)));
    if step.record.phase != Phase::Teardown {
        return skipped;
    }
    let unproved: Vec<String> = step.not_proved.iter().map(|line| said(line)).collect();
    let unproved = (!unproved.is_empty()).then(|| format!("Not proved: {}", unproved.join("; ")));
    let all: Vec<String> = unproved.into_iter().chain(skipped).collect();
    (!all.is_empty()).then(|| all.join(". "))
}

fn rows(differences: &[Difference]) -> Vec<Row> {
    let row = |difference: &Difference| Row {
        fate: difference.fate().as_str(),
        name: escape::markdown(&difference.name),
        change: diffs::in_short(difference),
    };
    differences.iter().map(row).collect()
}

/// What was decided on, and what was seen of each gate before the step.
fn facts(seen: &Observation, step: &Step) -> Vec<String> {
    let reason = match step.action {
        Action::Abort => format!("aborted: {}", step.reason),
        _ => step.reason.clone(),
    };
    let gates = match (&seen.deployment.record, step.action) {
        (Some(record), Action::Advance) => record.phase.gates(),
        _ => &[],
    };
    let facts = gates.iter().map(|gate| match verdict(seen, *gate) {
        Verdict::Met(fact) => format!("`{gate}`: {}", said(&fact)),
        Verdict::Unmet(why) | Verdict::Failed(why) => {
            format!("`{gate}` isn't met: {}", said(&why.message))
        }
        Verdict::Unknown(why) => {
            format!("`{gate}` couldn't be looked at: {}", said(&why.message))
        }
    });
    let facts: Vec<String> = facts.collect();
    if facts.is_empty() { vec![said(&reason)] } else { facts }
}

/// The words of others, cut where they are too long to be read.
fn said(text: &str) -> String {
    let mut all = text.chars();
    let beginning: String = all.by_ref().take(LONGEST_FACT).collect();
    escape::markdown(&beginning) + if all.next().is_some() { "…" } else { "" }
}

fn run(step: &Step, origin: &Origin) -> Vec<Fact> {
    let record = &step.record;
    let yes_no = |flag: bool| if flag { "yes" } else { "no" };
    let facts = [
        ("system", Some(record.system.to_string())),
        ("run", Some(format!("{} ({})", record.run, record.kind))),
        ("step", Some(record.step.to_string())),
        ("phase", Some(record.phase.to_string())),
        ("attempt", Some(record.attempt.to_string())),
        ("forced", Some(yes_no(record.forced).to_owned())),
        ("farmers", Some(record.farmers.to_string())),
        ("frontends", Some(record.frontends.join(", "))),
        ("ticket", record.ticket.clone()),
        ("requested by", origin.requested_by.clone()),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some(Fact { name, value: said(&value) })
    });
    let job = origin.job.as_ref();
    let job = job
        .map(|job| Fact { name: "made by", value: format!("[this CI run]({})", escape::url(job)) });
    facts.chain(job).collect()
}

/// The steps that came before, each with its commit on the base and its request where that is known.
fn steps(seen: &Observation, step: &Step, place: &Place) -> Vec<String> {
    let landed = seen.deployment.history.landed.iter();
    let landed = landed.filter(|landed| landed.run == step.record.run).take(MOST_STEPS);
    let landed: Vec<_> = landed.collect();
    let landed = landed.into_iter().rev();
    let line = landed.map(|landed| {
        let commit = landed.commit.get(..10).unwrap_or(&landed.commit);
        let url = place.commit_url(&landed.commit);
        let request = seen.world.review.request(landed.run, landed.step);
        let request = request.map(|request| format!(", [#{}]({})", request.number, request.url));
        let (number, phase) = (landed.step, landed.phase);
        format!("{number}: `{phase}` [{commit}]({url}){}", request.unwrap_or_default())
    });
    line.collect()
}
