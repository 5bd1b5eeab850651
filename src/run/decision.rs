//! `decide`: from one observation and one request to the one thing to do.
//!
//! What holds for every answer, whatever was seen (the tests in `tests/it/decision.rs` walk it):
//!
//! - At most one step is proposed, and it is the next phase of the run on the base, another attempt of
//!   its phase, more farmers in its phase, or its teardown: no phase is ever skipped.
//! - A step is proposed only when every gate before it is met, or a person said why it needn't be.
//!   What couldn't be seen counts as not met. Only a first step (no run to harm), a person's abort, and a
//!   synchronizer taken down again need no gate.
//! - A halt outlives everything but `retry`, `abort` and its own cause.
//! - While a step waits for review no other is proposed, unless it supersedes it: an abort does, and a
//!   phase that falls due does over a `scale`.
//! - A branch that isn't ours is never replaced.
//! - The same observation and request give the same decision. The time is `Observation::at`.
use serde::Serialize;
use thiserror::Error;

use super::deployment::{Action, Intent, StepBranch, StepContent};
use super::express::ProbeState;
use super::gate::{self, Checked};
use super::position::{Missing, Open, Position, highest_attempt};
use super::review::ReviewState;
use super::{
    Gate, Kind, Observation, Outcome, Phase, Place, Record, Request, Step, Unmet, Verdict,
};

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Make this commit, or find it made.
    Propose(Box<Step>),
    /// Take an unmerged first step back: close its request, delete its branch. No commit.
    Withdraw(StepBranch),
    /// Look again later.
    Wait(Vec<Unmet>),
    /// A person must look.
    Halt(Halt),
    /// The last run is over and nothing of it is live, or nothing is left to do.
    Finished(String),
    /// No run is on that would go on by itself.
    Idle(String),
}

/// Why a run doesn't go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Halt {
    /// The gate that failed, if it was one.
    pub gate: Option<Gate>,
    pub message: String,
    pub hint: Option<String>,
}

/// A request that makes no sense where the run stands.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refused {
    pub message: String,
    pub hint: Option<String>,
}

/// Decides. Total and pure.
pub fn decide(seen: &Observation, asked: &Request) -> Result<Decision, Refused> {
    let at = Position::of(seen);
    let look = Look { seen, at };
    match asked {
        Request::Observe => Ok(look.observe(None)),
        Request::Next { forced, ticket, skip_gate } => {
            Ok(look.next(*forced, ticket.as_deref(), skip_gate.as_deref()))
        }
        Request::Scale { farmers } => look.scale(*farmers),
        Request::Retry => Ok(look.retry()),
        Request::Abort { reason } => Ok(look.abort(reason)),
        Request::Synchronizer { up: true, ticket } => look.synchronizer_up(ticket.as_deref()),
        Request::Synchronizer { up: false, .. } => look.synchronizer_down(),
    }
}

/// One look, with the position read from it.
struct Look<'a> {
    seen: &'a Observation,
    at: Position<'a>,
}

impl Look<'_> {
    fn record(&self) -> Option<&Record> {
        self.seen.deployment.record.as_ref()
    }

    /// Where the run stands, and the next phase if it is due.
    fn observe(&self, skip_gate: Option<&str>) -> Decision {
        if let Some(open) = &self.at.open {
            return match self.record() {
                Some(record) if is_scale(open) => self.over_a_scale(record, open, skip_gate),
                _ => self.wait_for_review(open),
            };
        }
        if let Some(missing) = &self.at.missing {
            return self.taken_back(missing);
        }
        match self.record() {
            Some(record) => match self.declined_phase() {
                Some(declined) => Decision::Halt(declined),
                None => self.advance(record, skip_gate),
            },
            None => self.between_runs(),
        }
    }

    fn next(
        &self,
        forced: Option<bool>,
        ticket: Option<&str>,
        skip_gate: Option<&str>,
    ) -> Decision {
        if let Some(open) = &self.at.open {
            if let Some(intent) = open.intent() {
                let asked = as_asked(intent, forced, ticket);
                if !asked.same(intent) {
                    return self.differs(open, intent, &asked);
                }
                if !is_scale(open) {
                    return self.adopt(open);
                }
            }
            if open.branch.content == StepContent::Empty {
                return self.resume(open, forced, ticket, skip_gate);
            }
            return self.observe(skip_gate);
        }
        match self.record() {
            None if self.at.missing.is_none() => {
                self.start(Kind::Rebuild, forced, ticket, skip_gate)
            }
            Some(record) if record.kind == Kind::Synchronizer && self.at.missing.is_none() => wait(
                Gate::Review,
                "a run of kind `synchronizer` is on",
                Some("take the synchronizer down first: `dcr-gitops synchronizer down`"),
            ),
            Some(record) => {
                let now = Intent {
                    action: Action::Advance,
                    kind: record.kind,
                    phase: record.phase,
                    attempt: record.attempt,
                    forced: record.forced,
                    farmers: record.farmers,
                    ticket: record.ticket.clone(),
                    gate_skipped: None,
                };
                let asked = as_asked(&now, forced, ticket);
                if asked.same(&now) {
                    return self.observe(skip_gate);
                }
                wait(
                    Gate::Review,
                    &format!(
                        "run {} is on with other values ({})",
                        record.run,
                        now.differences(&asked).join("; ")
                    ),
                    Some("leave the flag out to go on with the run as it is"),
                )
            }
            None => self.observe(skip_gate),
        }
    }

    /// A branch that was created, but doesn't hold its step yet: as if it weren't there, and then in its place.
    fn resume(
        &self,
        open: &Open,
        forced: Option<bool>,
        ticket: Option<&str>,
        skip_gate: Option<&str>,
    ) -> Decision {
        let without = Look {
            seen: self.seen,
            at: Position { open: None, declined: None, ..self.at.clone() },
        };
        match without.next(forced, ticket, skip_gate) {
            Decision::Propose(step) => Decision::Propose(Box::new(Step {
                place: Place::Replace(open.branch.clone()),
                ..*step
            })),
            other => other,
        }
    }

    /// No record on the base and nothing taken back: over, never begun, or not yet gone.
    fn between_runs(&self) -> Decision {
        let Some(last) = &self.seen.deployment.last_run else {
            return Decision::Idle("no run was ever started".to_owned());
        };
        match gate::verdict(self.seen, Gate::Gone) {
            Verdict::Met(_) => Decision::Finished(format!(
                "run {} is over ({}) and nothing of it is live",
                last.run,
                last.outcome.as_str()
            )),
            Verdict::Unmet(why) | Verdict::Failed(why) | Verdict::Unknown(why) => {
                Decision::Wait(vec![gate::unmet(self.seen, Gate::Gone, why)])
            }
        }
    }

    fn start(
        &self,
        kind: Kind,
        forced: Option<bool>,
        ticket: Option<&str>,
        skip_gate: Option<&str>,
    ) -> Decision {
        let reason = match gate::check_start(self.seen, skip_gate) {
            Checked::Met(reason) => reason,
            Checked::Wait(unmet) => return Decision::Wait(unmet),
            Checked::Halt(halt) => return Decision::Halt(halt),
        };
        let deployment = &self.seen.deployment;
        let record = Record {
            system: deployment.system.clone(),
            run: self.at.run,
            kind,
            step: self.at.step,
            phase: kind.first_phase(),
            attempt: 1,
            forced: forced.unwrap_or(false),
            farmers: if kind == Kind::Rebuild { deployment.inputs.farmers.count } else { 0 },
            frontends: deployment.inputs.frontends.resolve(&deployment.system),
            ticket: ticket.map(str::to_owned),
            inputs: deployment.inputs_digest.clone(),
            gate_skipped: self.skipped(&reason, skip_gate),
        };
        self.propose(Action::Start, record, None, reason.text())
    }

    /// The next phase, if all gates of this one are met.
    fn advance(&self, record: &Record, skip_gate: Option<&str>) -> Decision {
        let reason = match gate::check(self.seen, record.phase.gates(), skip_gate) {
            Checked::Met(reason) => reason,
            Checked::Wait(unmet) => return Decision::Wait(unmet),
            Checked::Halt(halt) => return Decision::Halt(halt),
        };
        if record.kind == Kind::Synchronizer {
            return Decision::Idle(reason.text());
        }
        // A record on the base is never of phase `teardown`: that commit removes it.
        let Some(phase) = record.phase.next() else { return self.between_runs() };
        let attempt = match phase.has_attempts() {
            true => highest_attempt(self.seen, record.run, phase) + 1,
            false => 1,
        };
        let next = Record {
            step: self.at.step,
            phase,
            attempt,
            gate_skipped: self.skipped(&reason, skip_gate),
            ..record.clone()
        };
        let outcome = (phase == Phase::Teardown).then_some(Outcome::Complete);
        self.propose(Action::Advance, next, outcome, reason.text())
    }

    fn scale(&self, farmers: u32) -> Result<Decision, Refused> {
        let limits = &self.seen.deployment.inputs.farmers;
        let Some(record) =
            self.record().filter(|record| record.kind == Kind::Rebuild && record.phase.may_scale())
        else {
            let phase = self.record().map_or("no run is on".to_owned(), |record| {
                format!("the run is in `{}`", record.phase)
            });
            return Err(Refused {
                message: format!("cannot scale: {phase}"),
                hint: Some("farmers are added in the phases `farm-up` and `rebuild`".to_owned()),
            });
        };
        if let Some(open) = &self.at.open {
            return Ok(match open.intent() {
                Some(intent) if is_scale(open) && intent.farmers == farmers => self.adopt(open),
                _ => self.wait_for_review(open),
            });
        }
        if farmers <= record.farmers || farmers > limits.max {
            return Err(Refused {
                message: format!(
                    "cannot scale to {farmers} farmers: the run has {}, and at most {} are allowed",
                    record.farmers, limits.max
                ),
                hint: Some(
                    "working farmers are never removed; `farmers.max` in dcr.yaml is the limit"
                        .to_owned(),
                ),
            });
        }
        if let Some(missing) = &self.at.missing {
            return Ok(self.taken_back(missing));
        }
        if let Some(declined) = self.declined_phase() {
            return Ok(Decision::Halt(declined));
        }
        let blind =
            record.phase.gates().iter().filter_map(|gate| match gate::verdict(self.seen, *gate) {
                Verdict::Failed(why) => Some(Err(gate::halt(*gate, why))),
                Verdict::Unknown(why) => Some(Ok(gate::unmet(self.seen, *gate, why))),
                Verdict::Met(_) | Verdict::Unmet(_) => None,
            });
        let blind: Result<Vec<Unmet>, Halt> = blind.collect();
        Ok(match blind {
            Err(halt) => Decision::Halt(halt),
            Ok(unseen) if !unseen.is_empty() => Decision::Wait(unseen),
            Ok(_) => {
                let reason = format!("from {} to {farmers} farmers", record.farmers);
                let next =
                    Record { step: self.at.step, farmers, gate_skipped: None, ..record.clone() };
                self.propose(Action::Scale, next, None, reason)
            }
        })
    }

    fn retry(&self) -> Decision {
        let nothing = || wait(Gate::Review, "nothing is halted: there is nothing to retry", None);
        if let Some(open) = &self.at.open {
            return match open.intent() {
                Some(intent) if intent.action == Action::Retry => self.adopt(open),
                _ => self.wait_for_review(open),
            };
        }
        if let Some(missing) = &self.at.missing {
            return self.restore(missing);
        }
        let Some(record) = self.record() else { return nothing() };
        if self.declined_phase().is_some() {
            return self.advance(record, None);
        }
        let Checked::Halt(halt) = gate::check(self.seen, record.phase.gates(), None) else {
            return nothing();
        };
        if !record.phase.has_attempts() {
            let hint = halt.hint.unwrap_or_else(|| "mend the cause, or abort".to_owned());
            return wait(
                Gate::Applied,
                &format!("`{}` has no attempts: {}", record.phase, halt.message),
                Some(&hint),
            );
        }
        if let Some(blocked) = self.rebuild_may_be_running() {
            return blocked;
        }
        let attempt = highest_attempt(self.seen, record.run, record.phase) + 1;
        let next = Record { step: self.at.step, attempt, gate_skipped: None, ..record.clone() };
        self.propose(
            Action::Retry,
            next,
            None,
            format!("attempt {} halted: {}", record.attempt, halt.message),
        )
    }

    /// A retry fires a trigger, so it must be seen that nothing is running.
    fn rebuild_may_be_running(&self) -> Option<Decision> {
        let answers = &self.seen.world.admin.rebuild;
        if answers.is_empty() {
            return Some(wait(Gate::Rebuild, "no node says whether a rebuild is running", None));
        }
        let busy = answers
            .iter()
            .find(|answer| matches!(answer.state, ProbeState::Running | ProbeState::Unmapped(_)));
        busy.map(|answer| {
            let what = match &answer.state {
                ProbeState::Unmapped(word) => format!("says `{word}`, which the inputs don't map"),
                _ => "says that a rebuild is running".to_owned(),
            };
            wait(Gate::Rebuild, &format!("{} {what}", answer.node), Some("retry once it has ended"))
        })
    }

    /// A step that was taken back from the base, once more, under a number and attempt never used.
    fn restore(&self, missing: &Missing) -> Decision {
        if !self.seen.deployment.base.fresh {
            return self.taken_back(missing);
        }
        let lost = missing.next.as_ref();
        let Some(record) = self.record() else {
            let kind = lost.map_or(Kind::Rebuild, |landed| landed.kind);
            return match lost {
                Some(landed) if landed.phase != kind.first_phase() => {
                    Decision::Halt(self.reverted(missing))
                }
                _ => self.start(kind, None, None, None),
            };
        };
        let Some(phase) = lost.map_or(record.phase.next(), |landed| Some(landed.phase)) else {
            return Decision::Halt(self.reverted(missing));
        };
        let in_order = phase == record.phase || Some(phase) == record.phase.next();
        if !in_order || record.kind == Kind::Synchronizer && phase != Phase::Teardown {
            return Decision::Halt(self.reverted(missing));
        }
        if phase != record.phase {
            match gate::check(self.seen, record.phase.gates(), None) {
                Checked::Met(_) => {}
                Checked::Wait(unmet) => return Decision::Wait(unmet),
                Checked::Halt(halt) => return Decision::Halt(halt),
            }
        }
        let attempt = if phase.has_attempts() {
            let again =
                lost.is_none_or(|landed| phase != record.phase || landed.attempt > record.attempt);
            if again && let Some(blocked) = self.rebuild_may_be_running() {
                return blocked;
            }
            if again { highest_attempt(self.seen, record.run, phase) + 1 } else { record.attempt }
        } else {
            1
        };
        let farmers = lost.map_or(record.farmers, |landed| landed.farmers.max(record.farmers));
        let next = Record {
            step: self.at.step,
            phase,
            attempt,
            farmers,
            gate_skipped: None,
            ..record.clone()
        };
        let outcome = (phase == Phase::Teardown).then_some(Outcome::Complete);
        self.propose(
            Action::Retry,
            next,
            outcome,
            format!("step {} was taken back: {}", missing.furthest, missing.evidence),
        )
    }

    fn abort(&self, reason: &str) -> Decision {
        let Some(record) = self.record() else {
            return match (&self.at.open, &self.at.missing, &self.seen.deployment.last_run) {
                (Some(open), ..) => match &open.branch.content {
                    StepContent::Foreign { .. } => self.wait_for_review(open),
                    StepContent::Ours(_) | StepContent::Empty => {
                        Decision::Withdraw(open.branch.clone())
                    }
                },
                (None, Some(missing), _) => self.abort_lost(missing, reason),
                (None, None, Some(last)) => {
                    Decision::Finished(format!("run {} is already torn down", last.run))
                }
                (None, None, None) => Decision::Idle("no run is on: nothing to abort".to_owned()),
            };
        };
        if let Some(open) = &self.at.open {
            if matches!(open.branch.content, StepContent::Foreign { .. }) {
                return self.wait_for_review(open);
            }
            if open.intent().is_some_and(|intent| intent.phase == Phase::Teardown) {
                return self.adopt(open);
            }
        }
        let next = Record {
            step: self.at.step,
            phase: Phase::Teardown,
            attempt: 1,
            gate_skipped: None,
            ..record.clone()
        };
        self.propose(Action::Abort, next, Some(Outcome::Aborted), reason.to_owned())
    }

    /// The first step was taken back: what is left to do is to say that the run is over.
    fn abort_lost(&self, missing: &Missing, reason: &str) -> Decision {
        let deployment = &self.seen.deployment;
        let record = Record {
            system: deployment.system.clone(),
            run: missing.run,
            kind: missing.next.as_ref().map_or(Kind::Rebuild, |landed| landed.kind),
            step: self.at.step,
            phase: Phase::Teardown,
            attempt: 1,
            forced: false,
            farmers: 0,
            frontends: Vec::new(),
            ticket: None,
            inputs: deployment.inputs_digest.clone(),
            gate_skipped: None,
        };
        self.propose(Action::Abort, record, Some(Outcome::Aborted), reason.to_owned())
    }

    fn synchronizer_up(&self, ticket: Option<&str>) -> Result<Decision, Refused> {
        if let Some(record) = self.record() {
            return match record.kind {
                Kind::Synchronizer => Ok(self.observe(None)),
                Kind::Rebuild => Err(rebuild_is_on(record)),
            };
        }
        if let Some(open) = &self.at.open {
            return Ok(match open.intent() {
                Some(intent) if intent.kind == Kind::Synchronizer => {
                    let asked = as_asked(intent, None, ticket);
                    if asked.same(intent) {
                        self.adopt(open)
                    } else {
                        self.differs(open, intent, &asked)
                    }
                }
                _ => self.wait_for_review(open),
            });
        }
        if let Some(missing) = &self.at.missing {
            return Ok(self.taken_back(missing));
        }
        Ok(self.start(Kind::Synchronizer, None, ticket, None))
    }

    fn synchronizer_down(&self) -> Result<Decision, Refused> {
        let Some(record) = self.record() else {
            return Ok(match &self.at.open {
                Some(open)
                    if open.intent().is_some_and(|intent| intent.kind == Kind::Synchronizer) =>
                {
                    Decision::Withdraw(open.branch.clone())
                }
                _ => self.observe(None),
            });
        };
        if record.kind == Kind::Rebuild {
            return Err(rebuild_is_on(record));
        }
        if let Some(open) = &self.at.open {
            return Ok(match open.intent() {
                Some(_) => self.adopt(open),
                None => self.wait_for_review(open),
            });
        }
        let next = Record {
            step: self.at.step,
            phase: Phase::Teardown,
            attempt: 1,
            gate_skipped: None,
            ..record.clone()
        };
        let reason = "the synchronizer is to be taken down".to_owned();
        Ok(self.propose(Action::Advance, next, Some(Outcome::Complete), reason))
    }

    /// The step, with a branch of its own or in place of one that is over.
    fn propose(
        &self,
        action: Action,
        record: Record,
        outcome: Option<Outcome>,
        reason: String,
    ) -> Decision {
        let over = self
            .at
            .open
            .map(|open| open.branch)
            .or(self.at.declined.and_then(|declined| declined.branch));
        let place = match over {
            Some(branch) => match &branch.content {
                StepContent::Foreign { commit, why } => return not_ours(branch, commit, why),
                StepContent::Ours(_) | StepContent::Empty => Place::Replace(branch.clone()),
            },
            None => Place::New,
        };
        let not_proved = gate::not_proved(self.seen, record.phase);
        Decision::Propose(Box::new(Step { action, record, outcome, reason, not_proved, place }))
    }

    /// An open `scale` gives way to the phase that falls due.
    fn over_a_scale(&self, record: &Record, open: &Open, skip_gate: Option<&str>) -> Decision {
        match self.advance(record, skip_gate) {
            Decision::Wait(_) if open.branch.outdated => self.adopt(open),
            Decision::Wait(mut unmet) => {
                unmet.push(review_of(open));
                Decision::Wait(unmet)
            }
            other => other,
        }
    }

    /// The open step is what was asked for: nothing is written, unless the base changed under it.
    fn adopt(&self, open: &Open) -> Decision {
        let Some(intent) = open.intent() else { return self.wait_for_review(open) };
        let deployment = &self.seen.deployment;
        let aborted = intent.action == Action::Abort;
        let record = Record {
            system: deployment.system.clone(),
            run: open.branch.run,
            kind: intent.kind,
            step: open.branch.step,
            phase: intent.phase,
            attempt: intent.attempt,
            forced: intent.forced,
            farmers: intent.farmers,
            frontends: match self.record() {
                Some(record) => record.frontends.clone(),
                None => deployment.inputs.frontends.resolve(&deployment.system),
            },
            ticket: intent.ticket.clone(),
            inputs: self
                .record()
                .map_or(&deployment.inputs_digest, |record| &record.inputs)
                .clone(),
            gate_skipped: intent.gate_skipped.clone(),
        };
        let branch = open.branch;
        let (place, reason) = if branch.outdated {
            (
                Place::Replace(branch.clone()),
                "the base changed under the open step: made again on the new base".to_owned(),
            )
        } else {
            (Place::Adopt(branch.clone()), format!("{} already holds this step", branch.branch))
        };
        let outcome = if aborted { Outcome::Aborted } else { Outcome::Complete };
        Decision::Propose(Box::new(Step {
            action: intent.action,
            outcome: (intent.phase == Phase::Teardown).then_some(outcome),
            reason,
            not_proved: gate::not_proved(self.seen, record.phase),
            record,
            place,
        }))
    }

    fn wait_for_review(&self, open: &Open) -> Decision {
        if open.branch.outdated && open.intent().is_some() {
            self.adopt(open)
        } else {
            Decision::Wait(vec![review_of(open)])
        }
    }

    fn differs(&self, open: &Open, intent: &Intent, asked: &Intent) -> Decision {
        let mut unmet = review_of(open);
        unmet.message = format!(
            "{}; it differs from what was asked ({})",
            unmet.message,
            intent.differences(asked).join("; ")
        );
        unmet.hint = Some("merge or close it first, or leave the flag out".to_owned());
        Decision::Wait(vec![unmet])
    }

    /// A phase step that a reviewer turned down. A first step or a side move is just dropped.
    fn declined_phase(&self) -> Option<Halt> {
        let declined = self.at.declined?;
        let dropped = declined.request.step == 1
            || declined.intent().is_some_and(|intent| intent.action == Action::Scale);
        if dropped {
            return None;
        }
        let by = match &declined.request.state {
            ReviewState::Closed { by: Some(by) } => format!(" by {by}"),
            _ => String::new(),
        };
        Some(Halt {
            gate: Some(Gate::Review),
            message: format!("{} was closed{by} without being merged", declined.request.url),
            hint: Some("reopen it, or run `retry` or `abort`".to_owned()),
        })
    }

    /// Something merged isn't on the base: a halt, once it is sure that the base is the newest there is.
    fn taken_back(&self, missing: &Missing) -> Decision {
        if self.seen.deployment.base.fresh {
            return Decision::Halt(self.reverted(missing));
        }
        let base = &self.seen.deployment.base.name;
        wait(
            Gate::Applied,
            &format!(
                "step {} of run {} is missing on {base} ({})",
                missing.furthest, missing.run, missing.evidence
            ),
            Some("`git fetch`, in case the base as last fetched is out of date"),
        )
    }

    fn reverted(&self, missing: &Missing) -> Halt {
        let base = &self.seen.deployment.base.name;
        Halt {
            gate: None,
            message: format!(
                "step {} of run {} was merged and is missing on {base}: {}",
                missing.furthest, missing.run, missing.evidence
            ),
            hint: Some("restore it on the base branch, or run `retry` or `abort`".to_owned()),
        }
    }

    fn skipped(&self, reason: &gate::Reason, skip_gate: Option<&str>) -> Option<String> {
        skip_gate.filter(|_| reason.skipped).map(str::to_owned)
    }
}

fn as_asked(now: &Intent, forced: Option<bool>, ticket: Option<&str>) -> Intent {
    Intent {
        forced: forced.unwrap_or(now.forced),
        ticket: ticket.map(str::to_owned).or_else(|| now.ticket.clone()),
        ..now.clone()
    }
}

fn is_scale(open: &Open) -> bool {
    open.intent().is_some_and(|intent| intent.action == Action::Scale)
}

fn review_of(open: &Open) -> Unmet {
    let branch = open.branch;
    let (message, hint) = match (&branch.content, open.request) {
        (StepContent::Foreign { commit, why }, _) => (
            format!("{} holds {commit}, which isn't ours: {why}", branch.branch),
            Some("it is left alone; merge it, or delete the branch".to_owned()),
        ),
        (_, Some(request)) => (format!("{} waits for review", request.url), None),
        (StepContent::Empty, None) => {
            (format!("{} was created and is still empty", branch.branch), None)
        }
        (StepContent::Ours(intent), None) => {
            (format!("{} waits for review: {}", branch.branch, intent.name()), None)
        }
    };
    Unmet { gate: Gate::Review, message, hint, since: open.request.map(|request| request.opened) }
}

fn not_ours(branch: &StepBranch, commit: &str, why: &str) -> Decision {
    wait(
        Gate::Review,
        &format!("{} holds {commit}, which isn't ours: {why}", branch.branch),
        Some("it is left alone; delete the branch to go on"),
    )
}

fn wait(gate: Gate, message: &str, hint: Option<&str>) -> Decision {
    let hint = hint.map(str::to_owned);
    Decision::Wait(vec![Unmet { gate, message: message.to_owned(), hint, since: None }])
}

fn rebuild_is_on(record: &Record) -> Refused {
    Refused {
        message: format!(
            "run {} is a rebuild, in phase `{}`: its synchronizer isn't taken up or down alone",
            record.run, record.phase
        ),
        hint: Some("`dcr-gitops abort` ends the run".to_owned()),
    }
}
