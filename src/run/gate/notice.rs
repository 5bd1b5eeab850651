//! What a person should know although no gate hangs on it.
use super::super::Observation;
use super::super::cluster::ClusterView;

/// Notices about one observation, the weightiest first.
pub fn notices(seen: &Observation) -> Vec<String> {
    let deployment = &seen.deployment;
    let mut notices = Vec::new();
    if let ClusterView::NoContext { context } = &seen.world.cluster {
        notices.push(format!(
            "no kubeconfig context `{context}`: leftovers of an earlier run and the cluster's capacity were not looked at"
        ));
    }
    if let Some(record) = &deployment.record
        && record.inputs != deployment.inputs_digest
    {
        notices.push("the inputs have changed since the run began: what concerns the farm applies to the next run".to_owned());
    }
    if deployment.history.truncated {
        notices.push("the base's history is cut short here: what was merged and taken back before isn't known".to_owned());
    }
    if let Some(status) = &seen.world.admin.aa_status {
        notices.extend(status.unknown.iter().map(|unknown| {
            format!(
                "A/A status of {}, line {}: unknown word `{}`",
                status.node, unknown.line, unknown.word
            )
        }));
        let mut versions: Vec<&str> =
            status.rows.iter().filter_map(|row| row.version.as_deref()).collect();
        versions.sort_unstable();
        versions.dedup();
        if versions.len() > 1 {
            notices.push(format!("the nodes run different versions: {}", versions.join(", ")));
        }
    }
    notices
}
