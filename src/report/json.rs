//! `-o json`: one object for each system, one line each.
use jiff::Timestamp;
use serde::Serialize;

use crate::run::deployment::StepContent;
use crate::run::{
    Decision, Gate, Observation, Phase, Place, Progress, Unmet, Verdict, deadline, open_step,
    progress, verdict,
};

/// What became of a step that was proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// Its branch is here.
    Committed,
    /// Its branch is on the remote.
    Pushed,
    /// Its pull request is open.
    Opened,
    /// Somebody else had made it already.
    Adopted,
    /// Only shown (`plan`).
    None,
}

/// One line. Facts that are absent are `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub system: String,
    pub cluster: String,
    pub namespace: String,
    pub run: Option<u32>,
    pub step: Option<u32>,
    pub phase: Option<Phase>,
    pub attempt: Option<u32>,
    pub forced: Option<bool>,
    /// `propose`, `wait`, `halt`, `finished` or `idle`.
    pub decision: &'static str,
    /// The phase or move that is proposed, or comes next.
    pub next: Option<String>,
    pub reason: String,
    pub unmet: Vec<Unmet>,
    pub branch: Option<String>,
    pub commit: Option<String>,
    pub pull_request: Option<String>,
    pub outcome: Option<StepOutcome>,
    pub deadline: Option<Timestamp>,
    pub progress: Option<Progress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observation>,
}

/// What was done about a proposed step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub outcome: StepOutcome,
    pub commit: Option<String>,
    /// The address of its pull request.
    pub request: Option<String>,
}

impl Line {
    pub fn new(seen: &Observation, decision: &Decision, done: Option<&Done>) -> Self {
        let deployment = &seen.deployment;
        let system = deployment.system.clone();
        let mut line = Line {
            system: system.system,
            cluster: system.cluster,
            namespace: system.namespace,
            run: None,
            step: None,
            phase: None,
            attempt: None,
            forced: None,
            decision: "",
            next: None,
            reason: String::new(),
            unmet: Vec::new(),
            branch: None,
            commit: None,
            pull_request: None,
            outcome: None,
            deadline: deadline(seen),
            progress: progress(seen),
            observed: None,
        };
        line.stand(seen, decision);
        line.say(decision);
        line.show_review(seen, decision);
        if let Some(done) = done {
            line.outcome = Some(done.outcome);
            line.commit = done.commit.clone().or(line.commit);
            line.pull_request = done.request.clone().or(line.pull_request);
        }
        line
    }

    /// Where the base branch is. After the teardown: where it left the run, while something is live.
    fn stand(&mut self, seen: &Observation, decision: &Decision) {
        if let Some(record) = &seen.deployment.record {
            self.run = Some(record.run);
            self.step = Some(record.step);
            self.phase = Some(record.phase);
            self.attempt = Some(record.attempt);
            self.forced = Some(record.forced);
            return;
        }
        let live = matches!(verdict(seen, Gate::Gone), Verdict::Unmet(_));
        let going = live
            || matches!(decision, Decision::Wait(unmet) if unmet.iter().any(|unmet| matches!(unmet.gate, Gate::Gone | Gate::Leftovers)));
        if let Some(last) = seen.deployment.last_run.as_ref().filter(|_| going) {
            self.run = Some(last.run);
            self.step = Some(last.step);
            self.phase = Some(Phase::Teardown);
            self.attempt = Some(1);
        }
    }

    fn say(&mut self, decision: &Decision) {
        match decision {
            Decision::Propose(step) => {
                self.decision = "propose";
                self.next = Some(step.intent().what());
                self.reason = step.reason.clone();
                self.branch = Some(step.branch());
            }
            Decision::Wait(unmet) => {
                self.decision = "wait";
                self.next = self.phase.and_then(Phase::next).map(|phase| phase.to_string());
                self.reason = unmet.first().map(|unmet| unmet.message.clone()).unwrap_or_default();
                self.unmet = unmet.clone();
            }
            Decision::Halt(halt) => {
                self.decision = "halt";
                self.reason = halt.message.clone();
            }
            Decision::Finished(reason) => {
                self.decision = "finished";
                self.reason = reason.clone();
            }
            Decision::Idle(reason) => {
                self.decision = "idle";
                self.reason = reason.clone();
            }
            Decision::Withdraw(branch) => {
                self.decision = "idle";
                self.reason = format!("{} is taken back before it was merged", branch.branch);
            }
        }
    }

    /// The branch, commit and request of the step that waits for review.
    fn show_review(&mut self, seen: &Observation, decision: &Decision) {
        let open = match decision {
            Decision::Propose(step) => match &step.place {
                Place::Adopt(open) => open,
                Place::New | Place::Replace(_) => return,
            },
            Decision::Wait(unmet) if unmet.iter().any(|unmet| unmet.gate == Gate::Review) => {
                let Some(open) = open_step(seen) else { return };
                open
            }
            _ => return,
        };
        if let StepContent::Ours(intent) = &open.content {
            self.next = Some(intent.what());
        }
        let request = seen.world.review.open_request(open.run, open.step);
        self.branch = Some(open.branch.clone());
        self.commit = Some(open.commit.clone());
        self.pull_request = request.map(|request| request.url.clone());
    }
}
