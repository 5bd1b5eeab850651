//! The way of a run through its phases: a new one, the next one, and between two runs.
use super::review::review_of;
use super::*;

impl Look<'_> {
    /// Where the run stands, and the next phase if it is due.
    pub(super) fn observe(&self, skip_gate: Option<&str>) -> Decision {
        if let Some(missing) = self.missing() {
            return self.taken_back(missing);
        }
        match (&self.at.open, self.record()) {
            (Some(open), Some(record)) if open.is_scale() && self.at.missing.is_none() => {
                self.over_a_scale(record, open, skip_gate)
            }
            (Some(open), _) if open.branch.outdated => self.adopt(open),
            (Some(open), _) => self.wait_for_review(open),
            (None, Some(record)) => match self.declined_phase() {
                Some(declined) => Decision::Halt(declined),
                None => match self.advance(record, skip_gate) {
                    Decision::Wait(unmet) => {
                        self.reinforce(record).unwrap_or(Decision::Wait(unmet))
                    }
                    decided => decided,
                },
            },
            (None, None) => self.between_runs(),
        }
    }

    pub(super) fn next(
        &self,
        forced: Option<bool>,
        ticket: Option<&str>,
        skip_gate: Option<&str>,
    ) -> Decision {
        if let Some(open) = &self.at.open {
            if let Some(intent) = open.intent() {
                let mut asked = intent.as_asked(forced, ticket);
                if self.record().is_none() {
                    asked.kind = Kind::Rebuild;
                }
                if !asked.same(intent) {
                    return self.differs(open, intent, &asked);
                }
                if !open.is_scale() && self.missing().is_none() {
                    return self.adopt(open);
                }
            }
            return self.observe(skip_gate);
        }
        match self.record() {
            None if self.at.missing.is_none() => {
                self.start(Kind::Rebuild, forced, ticket, skip_gate)
            }
            Some(record) if record.kind == Kind::Synchronizer && self.at.missing.is_none() => wait(
                Gate::Gone,
                "a run of kind `synchronizer` is on",
                Some("take the synchronizer down first: `dcr-gitops synchronizer down`"),
            ),
            Some(record) => {
                let now = Intent::of(Action::Advance, record);
                let asked = now.as_asked(forced, ticket);
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

    /// No record on the base and nothing taken back: over, never begun, or not yet gone.
    pub(super) fn between_runs(&self) -> Decision {
        let Some(last) = &self.seen.deployment.last_run else {
            return Decision::Idle("no run was ever started".to_owned());
        };
        match gate::verdict(self.seen, Gate::Gone) {
            Verdict::Met(_) => Decision::Finished(format!(
                "run {} is over ({}) and nothing of it is live",
                last.run,
                last.outcome.as_str()
            )),
            Verdict::Failed(why) => Decision::Halt(gate::halt(Gate::Gone, why)),
            Verdict::Unmet(why) | Verdict::Unknown(why) => {
                Decision::Wait(vec![gate::unmet(self.seen, Gate::Gone, why)])
            }
        }
    }

    pub(super) fn start(
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
        let record = Record {
            gate_skipped: self.skipped(&reason, skip_gate),
            ..self.first(kind, forced.unwrap_or(false), ticket)
        };
        self.propose(Action::Start, record, None, reason.text())
    }

    /// The record that the first step of a run leaves, as the inputs are now.
    pub(super) fn first(&self, kind: Kind, forced: bool, ticket: Option<&str>) -> Record {
        let deployment = &self.seen.deployment;
        Record {
            system: deployment.system.clone(),
            run: self.at.run,
            kind,
            step: self.at.step,
            phase: kind.first_phase(),
            attempt: 1,
            forced,
            farmers: if kind == Kind::Rebuild { deployment.inputs.farmers.count } else { 0 },
            frontends: deployment.inputs.frontends.resolve(&deployment.system),
            ticket: ticket.map(str::to_owned),
            inputs: deployment.inputs_digest.clone(),
            gate_skipped: None,
        }
    }

    /// The next phase, if all gates of this one are met.
    pub(super) fn advance(&self, record: &Record, skip_gate: Option<&str>) -> Decision {
        let reason = match gate::check(self.seen, record.phase.gates(), skip_gate) {
            Checked::Met(reason) => reason,
            Checked::Wait(unmet) => return Decision::Wait(unmet),
            Checked::Halt(halt) => return Decision::Halt(halt),
        };
        if record.kind == Kind::Synchronizer {
            return Decision::Idle(reason.text());
        }
        // A record on the base is never of phase `teardown`: that commit removes it.
        let Some(step) = self.following(record, self.at.step) else { return self.between_runs() };
        let gate_skipped = self.skipped(&reason, skip_gate);
        let next = Record { gate_skipped, ..step.record };
        self.propose(step.action, next, step.outcome, reason.text())
    }

    /// The step `number` into the phase after that of `record`, with nothing said of its gates.
    pub(super) fn following(&self, record: &Record, number: u32) -> Option<Step> {
        if record.kind == Kind::Synchronizer {
            return None;
        }
        let phase = record.phase.next()?;
        let attempt = match phase.has_attempts() {
            true => next_attempt(self.seen, record.run, phase),
            false => 1,
        };
        let next = Record { step: number, phase, attempt, gate_skipped: None, ..record.clone() };
        Some(Step {
            action: Action::Advance,
            record: next,
            outcome: (phase == Phase::Teardown).then_some(Outcome::Complete),
            reason: format!("once the gates of `{}` are met", record.phase),
            not_proved: gate::not_proved(self.seen, Some(record.phase), phase),
            place: Place::New,
        })
    }

    /// An open `scale` gives way to the phase that falls due.
    pub(super) fn over_a_scale(
        &self,
        record: &Record,
        open: &Open,
        skip_gate: Option<&str>,
    ) -> Decision {
        match self.advance(record, skip_gate) {
            Decision::Wait(_) if open.branch.outdated => self.adopt(open),
            Decision::Wait(mut unmet) => {
                unmet.push(review_of(open));
                Decision::Wait(unmet)
            }
            other => other,
        }
    }

    pub(super) fn skipped(&self, reason: &gate::Reason, skip_gate: Option<&str>) -> Option<String> {
        skip_gate.filter(|_| reason.skipped).map(str::to_owned)
    }
}
