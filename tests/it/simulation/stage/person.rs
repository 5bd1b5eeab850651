//! The person: starts the run, is called where it halts, sees whether what it says is true, and puts it right.
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::object;

use super::*;

/// How often a person tries again before giving up.
const RETRIES: u32 = 6;

impl Stage<'_> {
    /// Somebody will come, once.
    pub(super) fn call_person(&mut self) {
        if std::mem::replace(&mut self.person_comes, true) {
            return;
        }
        let after = minutes(30 + self.dice.below(600));
        let request = if self.stand().is_none() && self.lost.is_none() {
            start_request()
        } else {
            Request::Retry
        };
        self.then(after, Happening::Person(request));
    }

    /// A command by hand.
    pub(super) async fn person(&mut self, request: Request) -> Held {
        let mut request = request;
        if request == Request::Retry {
            self.person_comes = false;
            self.retries += 1;
            self.mend_inputs();
            if self.lost.is_some() && self.dice.below(2) == 0 {
                self.restore();
                return Ok(());
            }
            if self.retries > RETRIES {
                request = Request::Abort { reason: "it doesn't work".to_owned() };
            }
        }
        let asked = match request {
            Request::Next { .. } => Asked::Start,
            Request::Retry => Asked::Retry,
            Request::Scale { .. } => Asked::Scale,
            _ => Asked::Abort,
        };
        if asked == Asked::Start {
            self.person_comes = false;
        }
        let look = self.programs[0].look().await.map_err(|error| format!("{error:#}"))?;
        let facts = self.facts();
        match decide(&look.seen, &request) {
            Ok(Decision::Propose(step)) => {
                self.note(&format!("a person asks for {asked:?}"));
                // Whoever asks for what was lost once more has put it right.
                if matches!(asked, Asked::Retry | Asked::Start | Asked::Abort) {
                    self.lost = None;
                }
                return self.emit(0, &look, &step, &facts, asked);
            }
            Ok(Decision::Withdraw(branch)) => {
                self.note("a person takes the first step back");
                self.delete_branch(&branch.branch);
                return Ok(());
            }
            Ok(other) => self.note(&format!("a person asks for {asked:?}: {other:?}")),
            Err(refused) => self.note(&format!("a person asks for {asked:?}: {refused}")),
        }
        if asked == Asked::Start && !self.started {
            self.call_person();
        }
        Ok(())
    }

    /// A halt says what really happened.
    pub(super) fn is_true(&mut self, message: &str) -> Held {
        let facts = self.facts();
        let stand = Stand::of(&facts.base);
        let of = stand.as_ref().map(|stand| format!("{}-{}", stand.run, stand.attempt));
        let ours = of.is_some() && facts.rebuild["run"].as_str() == of.as_deref();
        let state = |is: &str| ours && facts.rebuild["state"] == is;
        let (said, really): (&'static str, bool) = if message.contains("is missing on") {
            ("the base was taken back", self.lost.is_some())
        } else if message.contains("says that the rebuild failed") {
            ("the rebuild failed", state("FAILED"))
        } else if message.contains("the rebuild is lost") {
            ("the rebuild was lost", !ours)
        } else if message.contains("its deadline") {
            ("the deadline passed", self.is_overdue() && !state("COMPLETE"))
        } else if message.contains("the Job ") {
            let jobs = self.world.kubernetes.list(Kind::Job, &self.system.namespace);
            let failed = |job: &Value| {
                let conditions = object::list(job, "/status/conditions");
                let failed = |it: &Value| it["type"] == "Failed" && it["status"] == "True";
                message.contains(object::name(job)) && conditions.iter().any(failed)
            };
            ("a Job failed", jobs.iter().any(|job| failed(job)))
        } else {
            return Err(format!("a halt that nobody knows: {message}"));
        };
        holds!(really, "it halts because {said}, and that isn't so: {message}\n{facts:#?}");
        self.meet(said);
        Ok(())
    }

    /// The deadline is what it was.
    fn mend_inputs(&mut self) {
        if self.inputs()["rebuild"]["deadline"].is_string() {
            self.note("the deadline is extended");
            self.edit(|inputs| drop(inputs.as_object_mut().unwrap().shift_remove("rebuild")));
        }
    }

    pub(super) fn edit(&self, change: impl FnOnce(&mut Value)) {
        let inputs = format!("{FOLDER}/dcr.yaml");
        base::edit_at(&self.folder.remote(), &inputs, self.world.now(), change);
    }

    /// The run's folder on the base as it was before it was taken back.
    fn restore(&mut self) {
        let Some(lost) = self.lost.take() else { return };
        self.note("somebody puts the base right");
        base::put_back(&self.repo, lost, self.world.now());
    }
}
