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
        if [record.run, record.step, record.attempt].contains(&u32::MAX) {
            return Decision::Halt(used_up(&record));
        }
        let not_proved = gate::not_proved(self.seen, self.phase(), record.phase);
        Decision::Propose(Box::new(Step { action, record, outcome, reason, not_proved, place }))
    }

    /// The open step is what was asked for: nothing is written, unless the base changed under it. Then it is
    /// made again, if it might as well be proposed now.
    pub(super) fn adopt(&self, open: &Open) -> Decision {
        let Some(intent) = open.intent().filter(|intent| self.follows(intent)) else {
            return self.wait_for_review(open);
        };
        let still = if open.branch.outdated { self.still_due(open, intent) } else { Ok(None) };
        let still = match still {
            Ok(facts) => facts.map(|facts| format!("{facts}; ")).unwrap_or_default(),
            Err(lapsed) => return *lapsed,
        };
        let aborted = intent.action == Action::Abort;
        let record = self.record_after(open, intent);
        let branch = open.branch;
        let (place, reason) = if branch.outdated {
            (
                Place::Replace(branch.clone()),
                format!("{still}the step was open, and is made again on a base that has changed"),
            )
        } else {
            (Place::Adopt(branch.clone()), format!("{} already holds this step", branch.branch))
        };
        // Why it was aborted is in the tree, and stays there.
        let reason = intent.reason.clone().filter(|_| aborted).unwrap_or(reason);
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

    /// What lets the open step be proposed now as it was then, or what has ceased to, so that no commit may
    /// say so again.
    fn still_due(&self, open: &Open, intent: &Intent) -> Result<Option<String>, Box<Decision>> {
        let skip = intent.gate_skipped.as_deref();
        let checked = match (intent.action, self.record()) {
            (Action::Advance, Some(record)) if record.kind == Kind::Rebuild => {
                gate::check(self.seen, record.phase.gates(), skip)
            }
            (Action::Start, _) => gate::check_start(self.seen, skip),
            (Action::Retry, _) => match self.rebuild_may_be_running() {
                None => return Ok(None),
                Some(Decision::Wait(unmet)) => Checked::Wait(unmet),
                Some(decided) => return Err(Box::new(decided)),
            },
            // More farmers need no gate, and neither does the end that a person asked for.
            (Action::Advance | Action::Scale | Action::Abort, _) => return Ok(None),
        };
        match checked {
            Checked::Met(reason) => Ok(Some(reason.text())),
            Checked::Wait(unmet) => {
                let mut review = review_of(open);
                review.message +=
                    "; the base changed under it, and it isn't made again as things are";
                Err(Box::new(Decision::Wait([vec![review], unmet].concat())))
            }
            Checked::Halt(halt) => Err(Box::new(Decision::Halt(halt))),
        }
    }

    /// The run as the open step leaves it. A first step that is made again takes the inputs as they are now.
    fn record_after(&self, open: &Open, intent: &Intent) -> Record {
        let (branch, gate_skipped) = (open.branch, intent.gate_skipped.clone());
        let (run, step) = (branch.run, branch.step);
        let (phase, attempt, mut farmers) = (intent.phase, intent.attempt, intent.farmers);
        let before = match self.record() {
            Some(record) => record.clone(),
            None => self.first(intent.kind, intent.forced, intent.ticket.as_deref()),
        };
        if intent.action == Action::Start && branch.outdated {
            farmers = before.farmers;
        }
        Record { run, step, phase, attempt, farmers, gate_skipped, ..before }
    }

    /// Whether a step that means this may come next on the base as it is now.
    pub(super) fn follows(&self, intent: &Intent) -> bool {
        let Some(record) = self.record() else {
            return match intent.action {
                Action::Start => intent.phase == intent.kind.first_phase(),
                // The end of a run whose first step was taken back.
                Action::Abort => intent.phase == Phase::Teardown,
                Action::Advance | Action::Scale | Action::Retry => false,
            };
        };
        let run = |intent: &Intent| (intent.kind, intent.forced, intent.ticket.clone());
        let now = Intent::of(intent.action, record);
        run(intent) == run(&now)
            && match intent.action {
                Action::Start => false,
                Action::Advance => record.phase.next() == Some(intent.phase),
                Action::Abort => intent.phase == Phase::Teardown,
                Action::Retry => intent.phase == now.phase && intent.attempt > now.attempt,
                Action::Scale => {
                    let most = self.seen.deployment.inputs.farmers.max;
                    (intent.phase, intent.attempt) == (now.phase, now.attempt)
                        && now.phase.may_scale()
                        && intent.farmers > now.farmers
                        && intent.farmers <= most
                }
            }
    }

    pub(super) fn wait_for_review(&self, open: &Open) -> Decision {
        let mut unmet = review_of(open);
        if open.intent().is_some_and(|intent| !self.follows(intent)) {
            unmet.message += "; it doesn't follow from what is on the base";
            unmet.hint =
                Some("close it, or `git fetch` if the base may have moved on since".to_owned());
        }
        Decision::Wait(vec![unmet])
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
        if self.is_first_or_side_move(&declined) {
            return None;
        }
        let by = match &declined.request.state {
            ReviewState::Closed { by: Some(by) } => format!(" by {by}"),
            _ => String::new(),
        };
        Some(Halt {
            gate: Some(Gate::Review),
            message: format!("{} was closed{by} without being merged", declined.request.url),
            hint: Some(format!(
                "reopen it, or run {} or {}",
                self.seen.deployment.system.retry(),
                self.seen.deployment.system.abort()
            )),
        })
    }

    fn is_first_or_side_move(&self, declined: &Declined) -> bool {
        let Some(intent) = declined.intent() else { return declined.request.step == 1 };
        match intent.action {
            Action::Start | Action::Scale | Action::Retry | Action::Abort => true,
            // The only step after the first is taking it down, and only a person asks for that.
            Action::Advance => intent.kind == Kind::Synchronizer,
        }
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

/// Somebody named the largest number there is, so that none can follow.
fn used_up(record: &Record) -> Halt {
    Halt {
        gate: None,
        message: format!(
            "the numbers are used up: run {}, step {}, attempt {}",
            record.run, record.step, record.attempt
        ),
        hint: Some("remove the branch or the object that carries such a number".to_owned()),
    }
}

fn not_ours(branch: &StepBranch, commit: &str, why: &str) -> Decision {
    wait(
        Gate::Review,
        &format!("{} holds {commit}, which isn't ours: {why}", branch.branch),
        Some("it is left alone; delete the branch to go on"),
    )
}
