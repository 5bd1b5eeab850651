//! What a run's ticket should say, derived from one look. Pure: the same look owes the same.
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::report::facts::{Account, Facts, Request};
use crate::report::prose::{Block, Prose, Span};
use crate::report::scrub::Scrub;
use crate::report::words;
use crate::run::{Decision, SystemRef};

const TEMPLATE: &str = include_str!("../../../templates/messages/ticket.yaml.tera");

/// All that one issue should hold of one run.
#[derive(Debug, Clone)]
pub struct Owed {
    pub system: SystemRef,
    /// The key.
    pub ticket: String,
    pub tidings: Vec<Tiding>,
    pub links: Vec<Link>,
}

/// One comment.
#[derive(Debug, Clone)]
pub struct Tiding {
    /// What its last line begins with, whatever it says now: by that it is found again.
    pub marker: String,
    /// Tells what it says now from what it said before.
    pub digest: String,
    pub prose: Prose,
}

/// A link to a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The same for as long as the pull request is.
    pub global_id: String,
    pub url: String,
    pub title: String,
    /// Merged or closed.
    pub resolved: bool,
}

/// Two looks owe the same if nothing but the clock and where it was found out differs.
impl PartialEq for Owed {
    fn eq(&self, other: &Self) -> bool {
        let tidings = |owed: &Owed| {
            let of =
                owed.tidings.iter().map(|tiding| (tiding.marker.clone(), tiding.digest.clone()));
            of.collect::<Vec<_>>()
        };
        (&self.system, &self.ticket, &self.links) == (&other.system, &other.ticket, &other.links)
            && tidings(self) == tidings(other)
    }
}

#[derive(Serialize)]
struct Filled<'a> {
    #[serde(flatten)]
    facts: &'a Facts,
    about: &'static str,
    attention: Option<&'a serde_json::Value>,
    request: Option<&'a Request>,
    job: Option<&'a str>,
    marker: &'a str,
}

/// What the ticket of this run should say. Nothing where the run has none, or there is nothing to say.
/// `job`: the page of the CI run that looks.
///
/// # Errors
/// The template is broken.
pub fn owed(
    account: &Account<'_>,
    job: Option<&str>,
    scrub: &Scrub,
) -> anyhow::Result<Option<Owed>> {
    let Some(ticket) = account.ticket() else { return Ok(None) };
    let Some(run) = account.run() else { return Ok(None) };
    let facts = account.facts();
    let mut tidings = Vec::new();
    let mut tell = |about, class: &str, attention| -> anyhow::Result<()> {
        tidings.push(tiding(&facts, (about, class, run), attention, job, scrub)?);
        Ok(())
    };
    if matches!(account.decision, Decision::Halt(_)) {
        tell("halt", "halt", None)?;
    }
    // A halt is told however long ago the base was changed last.
    let current = account.is_current();
    for attention in facts.attentions.iter().filter(|_| current) {
        tell("attention", attention["class"].as_str().unwrap_or("attention"), Some(attention))?;
    }
    if matches!(account.decision, Decision::Finished(_)) && current {
        tell("end", "end", None)?;
    }
    let links = facts
        .requests
        .iter()
        .filter(|_| current)
        .map(|request| link(&facts, run, request))
        .collect();
    let owed = Owed { system: account.system().clone(), ticket: ticket.to_owned(), tidings, links };
    let nothing = owed.tidings.is_empty() && owed.links.is_empty();
    Ok((!nothing).then_some(owed))
}

fn tiding(
    facts: &Facts,
    (about, class, run): (&'static str, &str, u32),
    attention: Option<&serde_json::Value>,
    job: Option<&str>,
    scrub: &Scrub,
) -> anyhow::Result<Tiding> {
    let marker = format!("dcr-gitops: {}, run {run}, {class}", facts.name);
    let fill = |job, marker: &str| -> anyhow::Result<Prose> {
        let request = facts.requests.last();
        let filled = Filled { facts, about, attention, request, job, marker };
        let prose = words::prose("templates/messages/ticket.yaml.tera", TEMPLATE, &filled)?;
        Ok(prose.map(|text| scrub.text(text)))
    };
    let digest = digest(facts, fill(None, &marker)?);
    let mut prose = fill(job, &marker)?;
    // Last, so that nothing of what was said can be taken for it.
    prose.0.pop();
    prose.0.push(Block::Paragraph(vec![Span::Text(format!("{marker} ({digest})"))]));
    Ok(Tiding { marker, digest, prose })
}

/// Of what the text says, but for numbers: a percentage or a time in it that moves on is no reason to write
/// to everybody who follows the ticket. Where the run stands is counted.
fn digest(facts: &Facts, prose: Prose) -> String {
    let stands = (facts.run, facts.step, facts.phase, facts.attempt);
    let prose = prose.map(|text| text.replace(|c: char| c.is_ascii_digit(), ""));
    let hash = Sha256::digest(format!("{stands:?} {prose:?}"));
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn link(facts: &Facts, run: u32, request: &Request) -> Link {
    let what = request.what.as_ref().map(|what| format!(": {what}")).unwrap_or_default();
    Link {
        global_id: format!("dcr-gitops:{}", request.url),
        url: request.url.clone(),
        title: format!(
            "{}, run {run}, step {}{what} (#{})",
            facts.name, request.step, request.number
        ),
        resolved: request.state != "open",
    }
}
