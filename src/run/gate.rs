//! The gates: each reads one observation and says, with a reason, whether the next step may follow.
mod application;
mod applied;
mod concern;
mod end;
mod holds;
mod nodes;
mod notice;
mod propagated;
mod rebuild;
mod required;
mod start;
mod synchronizer;
mod trouble;

use jiff::Timestamp;

use super::cluster::{Cluster, ClusterView};
use super::decision::Halt;
use super::{Gate, Observation, Phase, Unmet, Verdict, Why};

pub(super) use concern::unmapped_word;
pub use concern::{About, Concern, concerns};
pub use holds::{Holds, holds};
pub use notice::notices;
pub(super) use rebuild::{began, of_this_attempt};

/// What a set of gates comes to.
pub enum Checked {
    Met(Reason),
    Wait(Vec<Unmet>),
    Halt(Halt),
}

/// What was seen that lets the run go on.
pub struct Reason {
    facts: Vec<String>,
    /// Whether a person's word stood in for a gate.
    pub skipped: bool,
}

impl Reason {
    pub fn text(&self) -> String {
        self.facts.join("; ")
    }
}

/// One gate of the run on the base.
pub fn verdict(seen: &Observation, gate: Gate) -> Verdict {
    match gate {
        Gate::Applied => with_cluster(seen, |cluster| applied::applied(seen, cluster)),
        Gate::Nodes => with_cluster(seen, |cluster| nodes::nodes(seen, cluster)),
        Gate::History => end::history(seen),
        Gate::Rebuild => with_cluster(seen, |cluster| rebuild::rebuild(seen, cluster)),
        Gate::Propagated => with_cluster(seen, |cluster| propagated::propagated(seen, cluster)),
        Gate::Gone => with_cluster(seen, |cluster| end::gone(seen, cluster)),
        Gate::Capacity => with_cluster(seen, |cluster| start::capacity(seen, cluster)),
        Gate::Leftovers => with_cluster(seen, |cluster| start::leftovers(seen, cluster)),
        // Whether a step is merged is read from the base: what is open is no gate of the phase on it.
        Gate::Review => Verdict::Met("no step waits for review".to_owned()),
    }
}

/// All of them together. A person's `skip` stands in for what is unmet or unknown, never for what failed.
pub fn check(seen: &Observation, gates: &[Gate], skip: Option<&str>) -> Checked {
    let mut facts = Vec::new();
    let mut waiting = Vec::new();
    for &gate in gates {
        match verdict(seen, gate) {
            Verdict::Met(fact) => facts.push(fact),
            Verdict::Failed(why) => return Checked::Halt(halt(gate, why)),
            Verdict::Unmet(why) | Verdict::Unknown(why) => waiting.push(unmet(seen, gate, why)),
        }
    }
    match skip {
        _ if waiting.is_empty() => Checked::Met(Reason { facts, skipped: false }),
        Some(reason) => {
            let skipped: Vec<&str> = waiting.iter().map(|unmet| unmet.gate.as_str()).collect();
            facts.push(format!("gate skipped ({}): {reason}", skipped.join(", ")));
            Checked::Met(Reason { facts, skipped: true })
        }
        None => Checked::Wait(waiting),
    }
}

/// What a first step needs. Where the cluster is no known context nothing of it can be looked at, and
/// nothing of it can be harmed.
pub fn check_start(seen: &Observation, skip: Option<&str>) -> Checked {
    if matches!(seen.world.cluster, ClusterView::NoContext { .. }) {
        return Checked::Met(Reason {
            facts: vec!["a run was asked for".to_owned()],
            skipped: false,
        });
    }
    match check(seen, &[Gate::Leftovers, Gate::Capacity], skip) {
        Checked::Met(mut reason) => {
            reason.facts.insert(0, "a run was asked for".to_owned());
            Checked::Met(reason)
        }
        other => other,
    }
}

/// What phase `before` ends without proof of, if `phase` follows it.
pub fn not_proved(seen: &Observation, before: Option<Phase>, phase: Phase) -> Vec<String> {
    let inputs = &seen.deployment.inputs.admin;
    match phase {
        Phase::FarmUp if before == Some(Phase::HistoryUpdate) && inputs.history.is_none() => {
            vec!["that the history update has ended: no `admin.history` is configured".to_owned()]
        }
        Phase::Teardown
            if before == Some(Phase::Propagate)
                && inputs.propagation.is_none()
                && inputs.propagate.expect.is_none() =>
        {
            vec![
                "that the frontends took the new cache: neither `admin.propagate.expect` nor `admin.propagation` is configured"
                    .to_owned(),
            ]
        }
        _ => Vec::new(),
    }
}

pub fn unmet(seen: &Observation, gate: Gate, why: Why) -> Unmet {
    let since = match gate {
        // Room in the cluster is missing since others took it, which nobody noted.
        Gate::Capacity => None,
        // More farmers begin nothing anew.
        Gate::Rebuild => seen.deployment.record.as_ref().and_then(|record| began(seen, record)),
        _ => since(seen),
    };
    Unmet { gate, message: why.message, hint: why.hint, since }
}

pub fn halt(gate: Gate, why: Why) -> Halt {
    Halt { gate: Some(gate), message: why.message, hint: why.hint }
}

/// Since when the base has been as it is: from then on its gates are waited for.
fn since(seen: &Observation) -> Option<Timestamp> {
    let newest = seen.deployment.history.landed.first()?;
    Some(newest.at)
}

fn with_cluster(seen: &Observation, look: impl FnOnce(&Cluster) -> Verdict) -> Verdict {
    match &seen.world.cluster {
        ClusterView::Seen(cluster) => look(cluster),
        ClusterView::NoContext { context } => Verdict::Unknown(
            Why::new(format!("the cluster can't be seen: no kubeconfig context `{context}`"))
                .hint("set KUBECONFIG, or `clusters.<cluster>.context` in dcr-gitops.yaml"),
        ),
        ClusterView::Unreachable { context, why } => Verdict::Unknown(Why::new(format!(
            "the cluster can't be seen: context `{context}` doesn't answer: {why}"
        ))),
    }
}
