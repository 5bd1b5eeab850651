//! Steps in review: proposed, adopted, made again, waited for, or turned down.
use super::*;

impl Look<'_> {
    /// The step, with a branch of its own or in place of one that is over.
    pub(super) fn propose(
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
        let not_proved = gate::not_proved(self.seen, self.phase(), record.phase);
        Decision::Propose(Box::new(Step { action, record, outcome, reason, not_proved, place }))
    }

    /// The open step is what was asked for: nothing is written, unless the base changed under it.
    pub(super) fn adopt(&self, open: &Open) -> Decision {
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
            not_proved: gate::not_proved(self.seen, self.phase(), record.phase),
            record,
            place,
        }))
    }

    pub(super) fn wait_for_review(&self, open: &Open) -> Decision {
        if open.branch.outdated && open.intent().is_some() {
            self.adopt(open)
        } else {
            Decision::Wait(vec![review_of(open)])
        }
    }

    pub(super) fn differs(&self, open: &Open, intent: &Intent, asked: &Intent) -> Decision {
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
    pub(super) fn declined_phase(&self) -> Option<Halt> {
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
}

pub(super) fn review_of(open: &Open) -> Unmet {
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
