//! What is said of one look at one system outside the terminal: plain values for the templates of the step
//! summary, the comment on the pull request and the ticket, all read from the same place.
mod evidence;
mod stages;

use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;

use super::json::Line;
use super::scrub::Scrub;
use super::{escape, nodes, terminal};
use crate::run::deployment::{Landed, StepContent};
use crate::run::review::ReviewState;
use crate::run::{
    Attention, Decision, Observation, Phase, SystemRef, Unmet, attentions, notices, open_step,
};

pub use evidence::Evidence;
pub use stages::Stage;

/// How long after its end a run is still talked about.
const CLOSING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What one sentence may take in a comment, in code points.
const LONGEST_TEXT: usize = 1_000;

/// What the table of the nodes may take, of the 65,536 that GitHub takes.
const MOST_OF_NODES: usize = 30_000;

/// One look at one system.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    pub seen: &'a Observation,
    pub decision: &'a Decision,
    pub line: &'a Line,
}

/// All that texts are made from. Whatever of it comes from clusters, tickets or people is as it came: each
/// format escapes it in its own way.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// `cluster/namespace/system`.
    pub name: String,
    /// The run this is about: the one on the base, the last one, or the one whose first step is open.
    pub run: Option<u32>,
    pub step: Option<u32>,
    pub phase: Option<Phase>,
    pub attempt: Option<u32>,
    pub forced: Option<bool>,
    pub decision: &'static str,
    pub next: Option<String>,
    pub reason: String,
    /// What to do about a halt.
    pub hint: Option<String>,
    pub unmet: Vec<Value>,
    pub attentions: Vec<Value>,
    pub notices: Vec<String>,
    /// Of the step that is proposed.
    pub not_proved: Vec<String>,
    /// Node by node, as a table for a fixed-width font.
    pub nodes: Option<String>,
    /// Of the rebuild, 0 to 100, one decimal.
    pub percent: Option<f64>,
    pub bar: Option<String>,
    pub farmers_ready: Option<u32>,
    pub farmers: Option<u32>,
    /// To the minute, UTC.
    pub eta: Option<String>,
    pub deadline: Option<String>,
    pub branch: Option<String>,
    pub outcome: Option<Value>,
    pub stages: Vec<Stage>,
    pub requests: Vec<Request>,
    pub evidence: Vec<Evidence>,
    /// When the look was taken, to the second.
    pub at: String,
}

/// A pull request of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    pub number: u64,
    pub url: String,
    pub step: u32,
    /// `open`, `merged` or `closed`.
    pub state: &'static str,
    /// The phase or move of its step, where that is known.
    pub what: Option<String>,
}

impl Account<'_> {
    pub fn system(&self) -> &SystemRef {
        &self.seen.deployment.system
    }

    /// The number of the run there is something to say of.
    pub fn run(&self) -> Option<u32> {
        let deployment = &self.seen.deployment;
        let open = || open_step(self.seen).map(|open| open.run);
        let proposed = || match self.decision {
            Decision::Propose(step) => Some(step.record.run),
            _ => None,
        };
        let on = deployment.record.as_ref().map(|record| record.run);
        // One that was taken back from the base is still what there is to talk about.
        let landed = deployment.furthest_landed().map(|landed| landed.run);
        // Between two runs the next one counts from its first step on.
        on.or_else(proposed).or_else(open).or(deployment.latest_run().max(landed))
    }

    /// Whether that run is still somebody's business: it is on, a step of it waits, or it ended in the last
    /// week, for whoever watches may have been away. Nobody wants to hear of the runs of last year because
    /// their cluster can't be seen today.
    pub fn is_current(&self) -> bool {
        let open = open_step(self.seen).is_some() || matches!(self.decision, Decision::Propose(_));
        let ended = || self.landed(self.run()?).map(|landed| landed.at).max();
        let recent = || ended().is_some_and(|ended| self.seen.at.duration_since(ended) <= CLOSING);
        self.seen.deployment.record.is_some() || open || recent()
    }

    /// The ticket of that run: as its record says, or said when it last landed, or as its open first step asks.
    pub fn ticket(&self) -> Option<&str> {
        let deployment = &self.seen.deployment;
        let run = self.run()?;
        let record = deployment.record.as_ref().filter(|record| record.run == run);
        let landed = || {
            let mut landed = self.landed(run);
            landed.find_map(|landed| landed.ticket.as_deref())
        };
        let proposed = || match self.decision {
            Decision::Propose(step) if step.record.run == run => step.record.ticket.as_deref(),
            _ => None,
        };
        let open = || match &open_step(self.seen).filter(|open| open.run == run)?.content {
            StepContent::Ours(intent) => intent.ticket.as_deref(),
            StepContent::Empty | StepContent::Foreign { .. } => None,
        };
        let recorded = record.and_then(|record| record.ticket.as_deref());
        recorded.or_else(landed).or_else(proposed).or_else(open)
    }

    /// The pull requests of that run, by their steps; of one step the one that decides.
    pub fn requests(&self) -> Vec<Request> {
        let Some(run) = self.run() else { return Vec::new() };
        let review = &self.seen.world.review;
        let mut steps: Vec<u32> =
            review.requests.iter().filter(|it| it.run == run).map(|it| it.step).collect();
        steps.sort_unstable();
        steps.dedup();
        let what = |step: u32| {
            let landed = self.landed(run).find(|landed| landed.step == step);
            let landed = landed.map(|landed| landed.phase.to_string());
            let asked = || review.request(run, step)?.intent.as_ref().map(|intent| intent.what());
            landed.or_else(asked)
        };
        let requests = steps.into_iter().filter_map(|step| review.request(run, step));
        let mut requests: Vec<Request> = requests
            .map(|request| Request {
                number: request.number,
                url: request.url.clone(),
                step: request.step,
                state: match request.state {
                    ReviewState::Open => "open",
                    ReviewState::Merged => "merged",
                    ReviewState::Closed { .. } => "closed",
                },
                what: what(request.step),
            })
            .collect();
        requests.extend(self.opened());
        requests.sort_by_key(|request| (request.step, request.number));
        requests.dedup_by(|later, earlier| later.number == earlier.number);
        requests
    }

    /// The request that was opened only after the look.
    fn opened(&self) -> Option<Request> {
        let Decision::Propose(step) = self.decision else { return None };
        let url = self.line.pull_request.clone()?;
        let number = url.rsplit('/').next()?.parse().ok()?;
        let what = Some(step.intent().what());
        Some(Request { number, url, step: step.record.step, state: "open", what })
    }

    fn landed(&self, run: u32) -> impl Iterator<Item = &Landed> {
        self.seen.deployment.history.landed.iter().filter(move |landed| landed.run == run)
    }

    /// All that can be said.
    pub fn facts(&self) -> Facts {
        let Account { seen, decision, line } = *self;
        let progress = line.progress.as_ref();
        let percent = progress.and_then(|progress| progress.percent);
        let minute = |at: jiff::Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        let hint = match decision {
            Decision::Halt(halt) => halt.hint.clone(),
            _ => None,
        };
        let not_proved = match decision {
            Decision::Propose(step) => step.not_proved.clone(),
            _ => Vec::new(),
        };
        let waits = |unmet: &Unmet| {
            serde_json::json!({"gate": unmet.gate, "message": unmet.message, "hint": unmet.hint,
                "since": unmet.since.map(minute)})
        };
        let called = |attention: &Attention| {
            serde_json::json!({"class": attention.class.to_string(), "message": attention.message,
                "hint": attention.hint, "since": attention.since.map(minute)})
        };
        Facts {
            name: self.system().to_string(),
            run: self.run(),
            step: line.step,
            phase: line.phase,
            attempt: line.attempt,
            forced: line.forced,
            decision: line.decision,
            next: line.next.clone(),
            reason: line.reason.clone(),
            hint,
            unmet: line.unmet.iter().map(waits).collect(),
            attentions: attentions(seen, decision).iter().map(called).collect(),
            notices: notices(seen),
            not_proved,
            nodes: nodes::table(seen),
            percent: percent.map(|percent| (percent * 10.0).round() / 10.0),
            bar: percent.map(bar),
            farmers_ready: progress.and_then(|progress| progress.farmers_ready),
            farmers: progress.and_then(|progress| progress.farmers),
            eta: progress.and_then(|progress| progress.eta).map(minute),
            deadline: line.deadline.map(minute),
            branch: line.branch.clone(),
            outcome: line.outcome.and_then(|outcome| serde_json::to_value(outcome).ok()),
            stages: stages::stages(self),
            requests: self.requests(),
            evidence: evidence::evidence(seen),
            at: terminal::moment(seen.at),
        }
    }
}

impl Facts {
    /// Without what looks like a credential in the words of others.
    pub fn scrubbed(mut self, scrub: &Scrub) -> Self {
        self.nodes = self.nodes.map(|nodes| scrub.text(&nodes));
        self.evidence.iter_mut().for_each(|said| said.words = scrub.text(&said.words));
        self.with_each_text(|text| scrub.text(text))
    }

    /// Fit for one comment: the words of others are cut where nobody would read on, and nodes by the hundred
    /// are left to `status`.
    pub fn cut(mut self) -> Self {
        self.nodes = self.nodes.filter(|nodes| nodes.chars().count() <= MOST_OF_NODES);
        self.with_each_text(|text| escape::cut(text, LONGEST_TEXT))
    }

    /// With each sentence as `change` makes it.
    fn with_each_text(mut self, change: impl Fn(&str) -> String) -> Self {
        let fields = self.unmet.iter_mut().chain(&mut self.attentions);
        let values = fields.filter_map(Value::as_object_mut).flat_map(|it| it.values_mut());
        for value in values {
            if let Some(text) = value.as_str() {
                *value = change(text).into();
            }
        }
        let texts = [&mut self.reason].into_iter().chain(&mut self.hint);
        let texts = texts.chain(&mut self.notices).chain(&mut self.not_proved);
        texts.for_each(|text| *text = change(text));
        self
    }
}

/// Ten steps of ten percent.
fn bar(percent: f64) -> String {
    let done = (percent / 10.0).floor().clamp(0.0, 10.0) as usize;
    format!("{}{}", "█".repeat(done), "░".repeat(10 - done))
}
