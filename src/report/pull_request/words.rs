//! The words of a pull request that depend on the step alone: what it is, how to verify it, and what backing out
//! costs.
use crate::render::{Difference, Fate};
use crate::report::escape;
use crate::run::deployment::Action;
use crate::run::{Gate, Kind, Phase, Step};

/// One line that says which step of what this is.
pub fn summary(step: &Step) -> String {
    let record = &step.record;
    let system = escape::markdown(&record.system.to_string());
    let name = escape::markdown(&step.intent().name());
    format!("**{system}**, run {}, step {}: {name}", record.run, record.step)
}

/// What the merge sets going, in a sentence or two.
pub fn happens(step: &Step) -> String {
    let record = &step.record;
    let job = |name: String| format!("the Job {}", escape::markdown(&name));
    match (record.phase, step.action) {
        (phase, Action::Scale) => format!(
            "Once this is merged, Argo CD adds farmers to the farm, {} in all, and `{phase}` goes on meanwhile. No working node is restarted.",
            record.farmers
        ),
        (Phase::HistoryUpdate, _) => {
            "Once this is merged, the run begins: Argo CD creates a synchronizer and the first farmers beside the frontends, which go on serving. No cache is rebuilt yet.".to_owned()
        }
        (Phase::FarmUp, _) => format!(
            "Once this is merged, Argo CD brings up the rest of the farm, {} farmers in all. No working node is restarted, and no cache is rebuilt yet.",
            record.farmers
        ),
        (Phase::Rebuild, _) => format!(
            "Once this is merged, {} asks the synchronizer, once, to rebuild the cache on the farm{}. That may take days; the frontends go on serving the old cache.",
            job(record.system.trigger_job(record.run, record.attempt)),
            if record.forced { ", forced" } else { ", if there is anything to rebuild" }
        ),
        (Phase::Propagate, _) => format!(
            "Once this is merged, {} asks the synchronizer, once, to hand the rebuilt cache to the frontends.",
            job(record.system.propagate_job(record.run, record.attempt))
        ),
        (Phase::Teardown, Action::Abort) => {
            "Once this is merged, Argo CD removes the farm with its volumes, before the run has done its work.".to_owned()
        }
        (Phase::Teardown, _) if record.kind == Kind::Synchronizer => {
            "Once this is merged, Argo CD removes the synchronizer with its volume.".to_owned()
        }
        (Phase::Teardown, _) => {
            "Once this is merged, Argo CD removes the farm with its volumes, and the run is over.".to_owned()
        }
        (Phase::Synchronizer, _) => {
            "Once this is merged, Argo CD creates a synchronizer beside the frontends. No cache is rebuilt.".to_owned()
        }
    }
}

/// `1 added, 2 changed, 0 removed.`
pub fn counts(differences: &[Difference]) -> String {
    let count = |fate: Fate| differences.iter().filter(|one| one.fate() == fate).count();
    let [added, changed, removed] = [Fate::Added, Fate::Changed, Fate::Removed].map(count);
    format!("{added} added, {changed} changed, {removed} removed.")
}

/// Before the merge, and after it.
pub fn verify(step: &Step) -> Vec<String> {
    let system = &step.record.system;
    let gates = match step.record.phase {
        Phase::Teardown => &[Gate::Gone],
        phase => phase.gates(),
    };
    let gates: Vec<String> = gates.iter().map(|gate| format!("`{gate}`")).collect();
    let mut lines = vec![
        format!(
            "Before: `dcr-gitops plan {system}` with a fresh base shows the step and what it waits for."
        ),
        format!(
            "After: `dcr-gitops status {system}` shows node by node how it goes. The next step waits for {}.",
            gates.join(", ")
        ),
    ];
    match step.record.phase {
        Phase::Rebuild => lines.push(format!(
            "The Job {} ends with a message that says whether it triggered a rebuild.",
            escape::markdown(&system.trigger_job(step.record.run, step.record.attempt))
        )),
        Phase::Propagate => lines.push(
            "Every frontend of the run shows the synchronizer's hash and is ready.".to_owned(),
        ),
        Phase::FarmUp | Phase::HistoryUpdate | Phase::Synchronizer | Phase::Teardown => {}
    }
    lines
}

/// Before the merge, and after it; what is lost by it.
pub fn back_out(step: &Step) -> Vec<String> {
    let record = &step.record;
    let system = &record.system;
    let closing = match step.action {
        Action::Start => "no run begins",
        Action::Scale => "the run goes on with the farmers it has",
        Action::Abort => "the run goes on",
        Action::Retry => "the run stays halted",
        Action::Advance if record.kind == Kind::Synchronizer => "the synchronizer stays",
        Action::Advance => "the run halts until it is reopened, or until `retry` or `abort`",
    };
    let mut lines = vec![format!("Before the merge: close this pull request; {closing}.")];
    if record.phase == Phase::Teardown {
        lines.push(
            "After the merge: there is no way back. The farm, its volumes and the cache on its synchronizer are gone; a new run begins from nothing."
                .to_owned(),
        );
        return lines;
    }
    let lost = match (record.phase, step.action) {
        (_, Action::Scale) => "all that the farm has done so far",
        (Phase::HistoryUpdate, _) => "what the history update has done so far",
        (Phase::FarmUp, _) => "the history update and the nodes brought up since",
        (Phase::Rebuild, _) => "the progress of the rebuild",
        (Phase::Propagate, _) => "the rebuilt cache, as far as no frontend has it",
        (Phase::Synchronizer, _) => "the synchronizer and what it holds",
        (Phase::Teardown, _) => "the farm",
    };
    lines.push(format!(
        "After the merge: `dcr-gitops abort {system} --reason …` proposes the teardown. Lost by it: {lost}."
    ));
    lines.push("Don't revert the commit: the run would halt.".to_owned());
    lines
}
