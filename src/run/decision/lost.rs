//! What was merged and is missing on the base: told from a base that is only out of date, and put right.
use super::*;

impl Look<'_> {
    /// A step that was taken back from the base, once more, under a number and attempt never used.
    pub(super) fn restore(&self, missing: &Missing) -> Decision {
        if !self.seen.deployment.base.fresh {
            return self.taken_back(missing);
        }
        let lost = missing.next.as_ref();
        let Some(record) = self.record() else {
            return match lost {
                Some(landed) if landed.phase == landed.kind.first_phase() => {
                    self.start(landed.kind, Some(landed.forced), landed.ticket.as_deref(), None)
                }
                _ => Decision::Halt(self.reverted(missing)),
            };
        };
        if missing.run != record.run {
            return Decision::Halt(self.reverted(missing));
        }
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
            if again { next_attempt(self.seen, record.run, phase) } else { record.attempt }
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

    /// The first step was taken back: what is left to do is to say that the run is over.
    pub(super) fn abort_lost(&self, missing: &Missing, reason: &str) -> Decision {
        let kind = missing.next.as_ref().map_or(Kind::Rebuild, |landed| landed.kind);
        let first = self.first(kind, false, None);
        let record = Record { phase: Phase::Teardown, farmers: 0, ..first };
        self.propose(Action::Abort, record, Some(Outcome::Aborted), reason.to_owned())
    }

    /// What is missing on the base, unless the open step was made to put it right: on the base as it is now.
    pub(super) fn missing(&self) -> Option<&Missing> {
        let made_since =
            self.at.open.is_some_and(|open| open.intent().is_some() && !open.branch.outdated);
        self.at.missing.as_ref().filter(|_| !made_since)
    }

    /// Something merged isn't on the base: a halt, once it is sure that the base is the newest there is.
    pub(super) fn taken_back(&self, missing: &Missing) -> Decision {
        if self.seen.deployment.base.fresh {
            return Decision::Halt(self.reverted(missing));
        }
        let base = &self.seen.deployment.base.name;
        let message = format!(
            "step {} of run {} is missing on {base} ({}): `git fetch`, in case {base} is out of date",
            missing.furthest, missing.run, missing.evidence
        );
        wait(Gate::Applied, &message, None)
    }

    pub(super) fn reverted(&self, missing: &Missing) -> Halt {
        let base = &self.seen.deployment.base.name;
        Halt {
            gate: None,
            message: format!(
                "step {} of run {} was merged and is missing on {base}: {}",
                missing.furthest, missing.run, missing.evidence
            ),
            hint: Some(format!(
                "restore it on the base branch, or run {} or {}",
                self.seen.deployment.system.retry(),
                self.seen.deployment.system.abort()
            )),
        }
    }
}
