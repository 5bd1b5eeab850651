//! The nodes of a run as a table: what Kubernetes says of each, and what the A/A status does.
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jiff::Timestamp;
use serde::Serialize;

use super::escape;
use super::time::age;
use crate::run::cluster::{Cluster, Pod};
use crate::run::express::{AaRow, AaState, AaStatus, Detail, Readiness};
use crate::run::{Observation, Record};

/// One node that should be there or is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRow {
    pub node: String,
    /// What Kubernetes says of its pod, with the reason if it isn't ready; empty for nodes that are no pods
    /// of ours, and where the cluster can't be seen.
    pub pod: String,
    /// Whether that is as it should be, where it can be said.
    pub well: Option<bool>,
    /// When the pod was started.
    pub started: Option<Timestamp>,
    pub restarts: Option<u32>,
    /// Its row in the A/A status, in the words it was printed with.
    pub status: String,
}

/// The nodes of the run on the base; `None` where no run is on, or nothing of them could be seen.
pub fn rows(seen: &Observation) -> Option<Vec<NodeRow>> {
    let record = seen.deployment.record.as_ref()?;
    let cluster = seen.world.cluster.seen();
    let status = seen.world.admin.aa_status.as_ref();
    if cluster.is_none() && status.is_none() {
        return None;
    }
    let row = |node: String| {
        let pod = cluster.and_then(|cluster| cluster.pods.iter().find(|pod| pod.name == node));
        // Frontends are no pods of ours.
        let expected = !record.frontends.contains(&node) && cluster.is_some();
        let words = status.and_then(|status| status.row(&node)).map(words);
        NodeRow {
            pod: standing(pod, expected),
            well: pod.map(|pod| pod.ready && !pod.terminating).or(expected.then_some(false)),
            started: pod.and_then(|pod| pod.started),
            restarts: pod.map(|pod| pod.restarts),
            status: words.unwrap_or_else(|| absent(status)),
            node,
        }
    };
    Some(nodes(seen, record, cluster).into_iter().map(row).collect())
}

/// One line for each node that should be there or is; nothing where no run is on.
pub fn table(seen: &Observation) -> Option<String> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["NODE", "POD", "AGE", "RESTARTS", "A/A STATUS"]);
    for row in rows(seen)? {
        let age = row.started.map(|started| age(seen.at.duration_since(started)));
        table.add_row([
            escape::line(&row.node),
            escape::line(&row.pod),
            age.unwrap_or_default(),
            row.restarts.map(|restarts| restarts.to_string()).unwrap_or_default(),
            escape::line(&row.status),
        ]);
    }
    let text = table.to_string();
    Some(text.lines().map(|line| format!("  {}\n", line.trim_end())).collect())
}

/// The synchronizer, the farmers that are wanted or there, then the frontends.
fn nodes(seen: &Observation, record: &Record, cluster: Option<&Cluster>) -> Vec<String> {
    let system = &seen.deployment.system;
    let set = system.farmer_set();
    let wanted = seen.deployment.wanted.iter().find(|w| w.kind == "StatefulSet" && w.name == set);
    let wanted = wanted.and_then(|wanted| wanted.replicas).unwrap_or(0);
    let mut nodes = vec![system.synchronizer_pod()];
    nodes.extend((0..wanted).map(|ordinal| format!("{set}-{ordinal}")));
    let there = cluster.into_iter().flat_map(|cluster| &cluster.pods);
    let farmers = there.filter(|pod| pod.component == "farmer").map(|pod| &pod.name);
    for name in farmers.chain(&record.frontends) {
        if !nodes.contains(name) {
            nodes.push(name.clone());
        }
    }
    nodes
}

fn standing(pod: Option<&Pod>, expected: bool) -> String {
    match pod {
        None if expected => "missing".to_owned(),
        None => String::new(),
        Some(pod) if pod.terminating => "terminating".to_owned(),
        Some(pod) if pod.ready => "ready".to_owned(),
        Some(pod) => match &pod.trouble {
            Some(trouble) => format!("not ready: {trouble}"),
            None => "not ready".to_owned(),
        },
    }
}

/// A node without a row: unknown, which isn't DOWN.
fn absent(status: Option<&AaStatus>) -> String {
    if status.is_some() { "no row".to_owned() } else { String::new() }
}

/// A row in the words it was printed with.
fn words(row: &AaRow) -> String {
    let state = match row.state {
        Some(AaState::Synchronized) => "SYNCHRONIZED",
        Some(AaState::Booting) => "BOOTING",
        Some(AaState::Down) => "DOWN",
        None => "?",
    };
    let visible = match row.visible {
        Some(true) => "visible",
        Some(false) => "invisible",
        None => "?",
    };
    let sync = match row.sync {
        Some(true) => "sync",
        Some(false) => "not sync",
        None => "?",
    };
    let readiness = match row.readiness {
        Some(Readiness::Ready) => "ready",
        Some(Readiness::Waiting) => "waiting",
        Some(Readiness::Hidden) => "hidden",
        Some(Readiness::Unreachable) => "unreachable",
        None => "?",
    };
    let detail = match &row.detail {
        Some(Detail::Hash(hash)) => hash,
        Some(Detail::Inactive) => "Inactive",
        Some(Detail::Exception(name)) => name.rsplit('.').next().unwrap_or(name),
        None => "",
    };
    let version = row.version.as_deref().unwrap_or_default();
    let mut words = vec![state, visible, sync, version, readiness, detail];
    words.extend(row.unknown.iter().map(String::as_str));
    words.retain(|word| !word.is_empty());
    words.join(" ")
}
