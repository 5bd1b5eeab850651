//! One system at a glance: all that a page or a table shows of it, worked out once, in words and numbers.
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::json::Line;
use super::nodes::{NodeRow, rows};
use super::time::{age, from_now, moment};
use crate::run::journal::Stretch;
use crate::run::review::ReviewState;
use crate::run::{
    Attention, Decision, Observation, PhaseSpan, Progress, Unmet, attentions, estimate, notices,
    spans,
};

/// From what age on an estimate is said to be old.
const OLD: SignedDuration = SignedDuration::from_mins(30);

/// What is shown of one system.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// `den/tenant-105858-prod/system6`
    pub name: String,
    pub weight: Weight,
    /// `halt`, `wait`, …, as in `-o json`.
    pub decision: &'static str,
    pub reason: String,
    pub run: Option<u32>,
    pub step: Option<u32>,
    pub phase: Option<String>,
    pub attempt: Option<u32>,
    pub forced: bool,
    pub next: Option<String>,
    pub phases: Vec<PhaseSpan>,
    pub unmet: Vec<Waiting>,
    pub attention: Vec<Attention>,
    pub notices: Vec<String>,
    pub nodes: Vec<NodeRow>,
    pub progress: Option<Progress>,
    /// Of when what the estimate is made from is.
    pub estimated: Option<Timestamp>,
    /// Between which moments it is likely to be complete.
    pub band: Option<(Timestamp, Timestamp)>,
    /// When a watcher looked last, where it keeps a journal.
    pub watched: Option<Timestamp>,
    /// When, not long ago, nobody watched.
    pub outage: Option<Stretch>,
    pub deadline: Option<Timestamp>,
    pub ticket: Option<String>,
    pub links: Vec<Link>,
    pub at: Timestamp,
    /// The commit of the base it was read from.
    pub base: String,
}

/// How much a system wants to be looked at; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    Halted,
    Attention,
    Waiting,
    Quiet,
}

/// A gate that is waited for.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    pub gate: String,
    pub message: String,
    pub hint: Option<String>,
    pub since: Option<Timestamp>,
}

/// Somewhere to go on.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    pub text: String,
    pub url: String,
}

impl Overview {
    pub fn new(seen: &Observation, decision: &Decision, line: &Line) -> Self {
        let attention = attentions(seen, decision);
        let weight = match decision {
            Decision::Halt(_) => Weight::Halted,
            _ if !attention.is_empty() => Weight::Attention,
            Decision::Wait(_) | Decision::Propose(_) => Weight::Waiting,
            Decision::Finished(_) | Decision::Idle(_) | Decision::Withdraw(_) => Weight::Quiet,
        };
        let record = seen.deployment.record.as_ref();
        let estimated = estimate(seen);
        Overview {
            name: seen.deployment.system.to_string(),
            weight,
            decision: line.decision,
            reason: line.reason.clone(),
            run: line.run,
            step: line.step,
            phase: line.phase.map(|phase| phase.to_string()),
            attempt: line.attempt,
            forced: line.forced == Some(true),
            next: line.next.clone(),
            phases: if line.run.is_some() { spans(seen) } else { Vec::new() },
            unmet: line.unmet.iter().map(Waiting::from).collect(),
            attention,
            notices: notices(seen),
            nodes: rows(seen).unwrap_or_default(),
            progress: line.progress.clone(),
            outage: seen.world.journal.outage(seen.at),
            estimated: estimated.map(|estimate| estimate.as_of),
            band: estimated.map(|estimate| (estimate.earliest, estimate.latest)),
            watched: seen.world.journal.last_tick.filter(|last| *last <= seen.at),
            deadline: line.deadline,
            ticket: record.and_then(|record| record.ticket.clone()),
            links: links(seen, line),
            at: seen.at,
            base: seen.deployment.base.commit.clone(),
        }
    }

    /// `rebuild, attempt 2`; nothing where no run is on.
    pub fn stand(&self) -> Option<String> {
        let phase = self.phase.as_ref()?;
        let attempt = self.attempt.filter(|attempt| *attempt > 1);
        let attempt = attempt.map(|attempt| format!(", attempt {attempt}"));
        Some(format!("{phase}{}", attempt.unwrap_or_default()))
    }

    /// How far the rebuild is, in percent.
    pub fn percent(&self) -> Option<f64> {
        self.progress.as_ref()?.percent
    }

    /// `complete in 2d4h`, and how old that is where nothing newer is known.
    pub fn eta(&self) -> Option<String> {
        let eta = self.progress.as_ref()?.eta?;
        let old = self.estimated.filter(|as_of| self.at.duration_since(*as_of) >= OLD);
        let old = old.map(|as_of| format!(", by what was seen {}", from_now(as_of, self.at)));
        let old = old.unwrap_or_default();
        Some(format!("complete {} ({}){old}", from_now(eta, self.at), moment(eta)))
    }

    /// `5d2h left`, or how long it has been over.
    pub fn time_left(&self) -> Option<String> {
        let deadline = self.deadline?;
        let left = deadline.duration_since(self.at);
        Some(if left.is_negative() {
            format!("over for {}", age(-left))
        } else {
            format!("{} left", age(left))
        })
    }
}

impl From<&Unmet> for Waiting {
    fn from(unmet: &Unmet) -> Self {
        let Unmet { gate, message, hint, since } = unmet;
        Waiting {
            gate: gate.to_string(),
            message: message.clone(),
            hint: hint.clone(),
            since: *since,
        }
    }
}

/// The requests of the run's steps, the newest first.
fn links(seen: &Observation, line: &Line) -> Vec<Link> {
    let requests = seen.world.review.requests.iter();
    let mut requests: Vec<_> = requests.filter(|request| Some(request.run) == line.run).collect();
    requests.sort_by_key(|request| std::cmp::Reverse((request.step, request.number)));
    let link = |request: &crate::run::review::ReviewRequest| {
        let state = match &request.state {
            ReviewState::Open => "open",
            ReviewState::Merged => "merged",
            ReviewState::Closed { .. } => "closed",
        };
        let text = format!("#{}, step {}, {state}", request.number, request.step);
        Link { text, url: request.url.clone() }
    };
    requests.into_iter().map(link).collect()
}
