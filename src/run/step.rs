//! One step of a run: the record as it will stand once merged, and where its branch comes from.
use serde::{Deserialize, Serialize};

use super::branch::step_branch;
use super::deployment::{Action, Intent, StepBranch};
use super::{LastRun, Outcome, Phase, Record};

/// What is proposed: everything a commit is made from, except the inputs and the files on the base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    pub action: Action,
    /// The run as it stands once this step is merged. A teardown leaves no record; its numbers go
    /// to `last-run`.
    pub record: Record,
    /// How the run ends, if this step is its teardown.
    pub outcome: Option<Outcome>,
    /// Why now: what was seen, or what a person said.
    pub reason: String,
    /// What was not proved before this step.
    pub not_proved: Vec<String>,
    pub place: Place,
}

/// Where the step's branch comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// Nowhere yet: it is created, create-only.
    New,
    /// It is there and holds this very step: nothing is written.
    Adopt(StepBranch),
    /// It is there and holds something that is over: replaced, with a lease on what it holds.
    Replace(StepBranch),
}

impl Step {
    /// The step's branch, without `refs/heads/`.
    pub fn branch(&self) -> String {
        step_branch(&self.record.system, self.record.run, self.record.step)
    }

    /// What a branch that holds this step is recognised by.
    pub fn intent(&self) -> Intent {
        Intent::of(self.action, &self.record)
    }

    /// What the step leaves in `last-run`, if it ends the run.
    pub fn last_run(&self) -> Option<LastRun> {
        self.outcome.map(|outcome| LastRun {
            run: self.record.run,
            step: self.record.step,
            kind: self.record.kind,
            outcome,
            gate_skipped: self.record.gate_skipped.clone(),
            reason: (outcome == Outcome::Aborted).then(|| self.reason.clone()),
        })
    }

    /// How many farmers the manifests of this step ask for. While the history updates it is
    /// `farmers.initial`, which the caller knows.
    pub fn farmer_replicas(&self, initial: u32) -> u32 {
        if self.record.phase == Phase::HistoryUpdate { initial } else { self.record.farmers }
    }

    /// Whether the step may only ever be merged by a person: an abort, a skipped gate, or a teardown
    /// whose propagation was not proved.
    pub fn needs_a_person(&self) -> bool {
        self.action == Action::Abort
            || self.record.gate_skipped.is_some()
            || (self.record.phase == Phase::Teardown && !self.not_proved.is_empty())
    }
}

/// What a commit over a base meant to do, read from the two trees: nothing is read back from its message.
pub fn intent_between(
    before: Option<&Record>,
    after: Option<&Record>,
    ended: Option<&LastRun>,
) -> Option<Intent> {
    match (before, after) {
        (None, None) => None,
        (None, Some(after)) => Some(Intent::of(Action::Start, after)),
        (Some(before), None) => {
            let ended = ended?;
            let aborted = ended.outcome == Outcome::Aborted;
            let action = if aborted { Action::Abort } else { Action::Advance };
            Some(Intent {
                phase: Phase::Teardown,
                attempt: 1,
                gate_skipped: ended.gate_skipped.clone(),
                reason: ended.reason.clone(),
                ..Intent::of(action, before)
            })
        }
        (Some(before), Some(after)) => {
            let action = if after.phase != before.phase {
                Action::Advance
            } else if after.attempt != before.attempt {
                Action::Retry
            } else {
                Action::Scale
            };
            Some(Intent::of(action, after))
        }
    }
}

impl Intent {
    /// What a step means that leaves this record.
    pub fn of(action: Action, record: &Record) -> Self {
        Intent {
            action,
            kind: record.kind,
            phase: record.phase,
            attempt: record.attempt,
            forced: record.forced,
            farmers: record.farmers,
            ticket: record.ticket.clone(),
            gate_skipped: record.gate_skipped.clone(),
            reason: None,
        }
    }

    /// What is meant when only some of it is said again.
    pub fn as_asked(&self, forced: Option<bool>, ticket: Option<&str>) -> Self {
        Intent {
            forced: forced.unwrap_or(self.forced),
            ticket: ticket.map(str::to_owned).or_else(|| self.ticket.clone()),
            ..self.clone()
        }
    }

    /// Whether two intents ask for the same outcome, by whichever way they came about.
    pub fn same(&self, other: &Intent) -> bool {
        let key = |intent: &Intent| {
            (intent.kind, intent.phase, intent.attempt, intent.forced, intent.farmers)
        };
        key(self) == key(other) && self.ticket == other.ticket
    }

    /// How `self` differs from `other`, for people: `forced: no, not yes`.
    pub fn differences(&self, other: &Intent) -> Vec<String> {
        let yes_no = |flag: bool| if flag { "yes" } else { "no" };
        let ticket = |intent: &Intent| intent.ticket.clone().unwrap_or_else(|| "none".to_owned());
        [
            ("kind", self.kind.to_string(), other.kind.to_string()),
            ("phase", self.phase.to_string(), other.phase.to_string()),
            ("attempt", self.attempt.to_string(), other.attempt.to_string()),
            ("forced", yes_no(self.forced).to_owned(), yes_no(other.forced).to_owned()),
            ("farmers", self.farmers.to_string(), other.farmers.to_string()),
            ("ticket", ticket(self), ticket(other)),
        ]
        .into_iter()
        .filter(|(_, mine, theirs)| mine != theirs)
        .map(|(name, mine, theirs)| format!("{name}: {mine}, not {theirs}"))
        .collect()
    }

    /// The phase or move in one word.
    pub fn what(&self) -> String {
        match self.action {
            Action::Scale => "scale".to_owned(),
            Action::Retry => "retry".to_owned(),
            Action::Abort => "abort".to_owned(),
            Action::Start | Action::Advance => self.phase.to_string(),
        }
    }

    /// The move or phase by the name people use for it.
    pub fn name(&self) -> String {
        match self.action {
            Action::Scale => format!("scale to {} farmers", self.farmers),
            Action::Abort => "abort".to_owned(),
            Action::Retry => format!("{} attempt {}", self.phase, self.attempt),
            Action::Start | Action::Advance => self.phase.to_string(),
        }
    }
}
