//! What the comment on a run's newest pull request should say, derived from one look. Pure.
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::thread::first_line;
use crate::report::facts::{Account, Facts, Request};
use crate::report::line;
use crate::report::nodes::{NodeRow, rows};
use crate::report::scrub::Scrub;
use crate::report::words;
use crate::run::SystemRef;

const PATH: &str = "templates/messages/comment.md.tera";
const TEMPLATE: &str = include_str!("../../../templates/messages/comment.md.tera");

/// The comment of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    pub system: SystemRef,
    /// The number of the request it belongs on, and of those of the run before it.
    pub request: u64,
    pub before: Vec<u64>,
    /// What its first line begins with.
    pub marker: String,
    /// Tells what it says now from what it said before; the clock doesn't count.
    pub digest: String,
    pub body: String,
    /// What those on the requests before say.
    pub moved: String,
}

#[derive(Serialize)]
struct Filled<'a> {
    #[serde(flatten)]
    facts: &'a Facts,
    first_line: &'a str,
    /// Where the run has gone.
    moved: Option<&'a Request>,
}

/// The comment that the run of this look should have; none where it has no pull request.
///
/// # Errors
/// The template is broken.
pub fn owed(account: &Account<'_>, scrub: &Scrub) -> anyhow::Result<Option<Owed>> {
    let Some(run) = account.run().filter(|_| account.is_current()) else { return Ok(None) };
    let facts = account.facts().scrubbed(scrub).cut();
    let Some((newest, before)) = facts.requests.split_last() else { return Ok(None) };
    let marker =
        format!("<!-- dcr-gitops: state of {}, run {run}", line(&facts.name).replace('>', "%3E"));
    let digest = digest(&facts, &rows(account.seen).unwrap_or_default());
    let body = |first_line: &str, moved| {
        words::markdown(PATH, TEMPLATE, &Filled { facts: &facts, first_line, moved })
    };
    let moved_line = first_line(&marker, &format!("moved to {}", newest.number));
    Ok(Some(Owed {
        system: account.system().clone(),
        request: newest.number,
        before: before.iter().map(|request| request.number).collect(),
        body: body(&first_line(&marker, &digest), None)?,
        moved: body(&moved_line, Some(newest))?,
        marker,
        digest,
    }))
}

/// Of what is worth an edit. Numbers in sentences move on with the clock, an estimate with every look.
fn digest(facts: &Facts, nodes: &[NodeRow]) -> String {
    let plain = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    let said = |of: &[serde_json::Value]| {
        let said = of.iter().map(|of| plain(&of.to_string()));
        said.collect::<Vec<_>>()
    };
    let stands = (facts.run, facts.step, facts.phase, facts.attempt, facts.decision, &facts.next);
    let told = (plain(&facts.reason), said(&facts.unmet), said(&facts.attentions));
    let percent = facts.percent.map(|percent| percent.floor() as i64);
    let farm = (percent, facts.farmers_ready, facts.farmers, &facts.deadline, nodes);
    let hash = Sha256::digest(format!("{stands:?} {told:?} {farm:?} {:?}", facts.requests));
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
