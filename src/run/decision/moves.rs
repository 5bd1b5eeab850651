//! The side moves a person may ask for: scale, retry, abort, and a synchronizer on its own.
use super::*;

impl Look<'_> {
    pub(super) fn scale(&self, farmers: u32) -> Result<Decision, Refused> {
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
        if let Some(missing) = self.missing() {
            return Ok(self.taken_back(missing));
        }
        if let Some(open) = &self.at.open {
            return Ok(match open.intent() {
                Some(intent) if open.is_scale() && intent.farmers == farmers => self.adopt(open),
                _ => self.wait_for_review(open),
            });
        }
        if let Some(declined) = self.declined_phase() {
            return Ok(Decision::Halt(declined));
        }
        // What is live was seen; that only the explanation is missing why it isn't as committed yet hinders
        // nobody.
        let unexplained =
            |gate: Gate| gate == Gate::Applied && self.seen.world.cluster.seen().is_some();
        let blind =
            record.phase.gates().iter().filter_map(|gate| match gate::verdict(self.seen, *gate) {
                Verdict::Failed(why) => Some(Err(gate::halt(*gate, why))),
                Verdict::Unknown(_) if unexplained(*gate) => None,
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

    pub(super) fn retry(&self) -> Decision {
        let nothing = |gate| wait(gate, "nothing is halted: there is nothing to retry", None);
        if let Some(missing) = self.missing() {
            return self.restore(missing);
        }
        if let Some(open) = &self.at.open {
            return match open.intent() {
                Some(intent) if self.puts_right(open, intent) => self.adopt(open),
                _ => self.wait_for_review(open),
            };
        }
        let Some(record) = self.record() else { return nothing(Gate::Review) };
        if self.declined_phase().is_some() {
            // The gate that a person skipped before the declined step is skipped before this one: it is the
            // same step, and says so.
            let declined = self.at.declined.as_ref().and_then(Declined::intent);
            return self.advance(record, declined.and_then(|it| it.gate_skipped.as_deref()));
        }
        let Checked::Halt(halt) = gate::check(self.seen, record.phase.gates(), None) else {
            return nothing(last_gate(record.phase));
        };
        if !record.phase.has_attempts() {
            let hint = halt.hint.unwrap_or_else(|| "mend the cause, or abort".to_owned());
            return wait(
                last_gate(record.phase),
                &format!("`{}` has no attempts: {}", record.phase, halt.message),
                Some(&hint),
            );
        }
        if let Some(blocked) = self.rebuild_may_be_running() {
            return blocked;
        }
        let attempt = next_attempt(self.seen, record.run, record.phase);
        let next = Record { step: self.at.step, attempt, gate_skipped: None, ..record.clone() };
        self.propose(
            Action::Retry,
            next,
            None,
            format!("attempt {} halted: {}", record.attempt, halt.message),
        )
    }

    /// Whether an open step is what a `retry` proposed before.
    fn puts_right(&self, open: &Open, intent: &Intent) -> bool {
        let at = (open.branch.run, open.branch.step);
        let was_declined = self.seen.world.review.requests.iter().any(|request| {
            (request.run, request.step) == at && matches!(request.state, ReviewState::Closed { .. })
        });
        match intent.action {
            Action::Retry => true,
            Action::Start | Action::Scale => self.at.missing.is_some(),
            Action::Advance => self.at.missing.is_some() || was_declined,
            Action::Abort => false,
        }
    }

    /// A retry fires a trigger, so it must be seen that nothing is running: the synchronizer, which holds what
    /// is, has to say so, and nobody may say otherwise.
    pub(super) fn rebuild_may_be_running(&self) -> Option<Decision> {
        let answers = &self.seen.world.admin.rebuild;
        let busy = answers
            .iter()
            .find(|answer| matches!(answer.state, ProbeState::Running | ProbeState::Unmapped(_)));
        if let Some(answer) = busy {
            let what = match &answer.state {
                ProbeState::Unmapped(word) => format!("says `{word}`, which the inputs don't map"),
                _ => "says that a rebuild is running".to_owned(),
            };
            let message = format!("{} {what}", answer.node);
            return Some(wait(Gate::Rebuild, &message, Some("retry once it has ended")));
        }
        let synchronizer = self.seen.deployment.system.synchronizer_pod();
        if answers.iter().any(|answer| answer.node == synchronizer) {
            return None;
        }
        let mut silent = self.seen.world.admin.silent.iter();
        let silent = silent.find(|it| it.node == synchronizer && it.asked == "rebuildStatus");
        let why = silent.map(|silent| format!(": {}", silent.why)).unwrap_or_default();
        let message = format!("{synchronizer} doesn't say whether a rebuild is running{why}");
        let hint = "retry once it answers; its trigger would be refused until then";
        Some(wait(Gate::Rebuild, &message, Some(hint)))
    }

    pub(super) fn abort(&self, reason: &str) -> Decision {
        if let Some(missing) = &self.at.missing
            && !self.seen.deployment.base.fresh
        {
            return self.taken_back(missing);
        }
        if let Some(open) = &self.at.open {
            if matches!(open.branch.content, StepContent::Foreign { .. }) {
                return self.wait_for_review(open);
            }
            let teardown = |intent: &Intent| intent.phase == Phase::Teardown;
            if open.intent().is_some_and(|intent| teardown(intent) && self.follows(intent)) {
                return self.adopt(open);
            }
        }
        let Some(record) = self.record() else {
            return match (&self.at.missing, &self.at.open, &self.seen.deployment.last_run) {
                (Some(missing), ..) => self.abort_lost(missing, reason),
                (None, Some(open), _) => Decision::Withdraw(open.branch.clone()),
                (None, None, Some(last)) => match self.between_runs() {
                    // The teardown is what an abort would do: without a cluster at hand there is
                    // nothing to wait for.
                    Decision::Wait(_) if self.seen.world.cluster.seen().is_none() => {
                        Decision::Finished(format!("run {} is already torn down", last.run))
                    }
                    over => over,
                },
                (None, None, None) => Decision::Idle("no run is on: nothing to abort".to_owned()),
            };
        };
        let next = Record {
            step: self.at.step,
            phase: Phase::Teardown,
            attempt: 1,
            gate_skipped: None,
            ..record.clone()
        };
        self.propose(Action::Abort, next, Some(Outcome::Aborted), reason.to_owned())
    }

    pub(super) fn synchronizer_up(&self, ticket: Option<&str>) -> Result<Decision, Refused> {
        if let Some(record) = self.record() {
            return match record.kind {
                Kind::Synchronizer => Ok(self.observe(None)),
                Kind::Rebuild => Err(rebuild_is_on(record)),
            };
        }
        if let Some(missing) = self.missing() {
            return Ok(self.taken_back(missing));
        }
        if let Some(open) = &self.at.open {
            return Ok(match open.intent() {
                Some(intent) if intent.kind == Kind::Synchronizer => {
                    let asked = intent.as_asked(None, ticket);
                    if asked.same(intent) {
                        self.adopt(open)
                    } else {
                        self.differs(open, intent, &asked)
                    }
                }
                _ => self.wait_for_review(open),
            });
        }
        Ok(self.start(Kind::Synchronizer, None, ticket, None))
    }

    pub(super) fn synchronizer_down(&self) -> Result<Decision, Refused> {
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
        if let Some(missing) = self.missing() {
            return Ok(self.taken_back(missing));
        }
        if let Some(open) = &self.at.open {
            return Ok(self.adopt(open));
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
}

fn rebuild_is_on(record: &Record) -> Refused {
    Refused {
        message: format!(
            "run {} is a rebuild, in phase `{}`: its synchronizer isn't taken up or down alone",
            record.run, record.phase
        ),
        hint: Some(format!("{} ends the run", record.system.abort())),
    }
}

/// The gate that ends a phase: what a person waits for in it.
fn last_gate(phase: Phase) -> Gate {
    phase.gates().last().copied().unwrap_or(Gate::Applied)
}
