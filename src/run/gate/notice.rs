//! What a person should know although no gate hangs on it.
use super::super::Observation;
use super::super::cluster::{Cluster, ClusterView, Live};

/// Notices about one observation, the weightiest first.
pub fn notices(seen: &Observation) -> Vec<String> {
    let deployment = &seen.deployment;
    let mut notices = Vec::new();
    if let Some(cluster) = seen.world.cluster.seen() {
        notices.extend(cluster.objects.iter().filter_map(|live| changed(live, cluster)));
        notices.extend(cluster.limits.iter().cloned());
    }
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
    if let Some(trouble) = &seen.world.journal.trouble
        && deployment.record.is_some()
    {
        notices.push(format!("{trouble}: estimates begin anew"));
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

/// A set whose pods were created from something else than it would create them from now. They run on as
/// they are (`OnDelete`), but a pod that is lost comes back different.
fn changed(set: &Live, cluster: &Cluster) -> Option<String> {
    let now = set.update_revision.as_deref()?;
    let of_set = |name: &str| {
        let number = name.strip_prefix(&set.name).and_then(|rest| rest.strip_prefix('-'));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let older = cluster.pods.iter().filter(|pod| of_set(&pod.name) && !pod.terminating);
    let older = older.filter(|pod| pod.revision.as_deref().is_some_and(|is| is != now)).count();
    (older > 0).then(|| {
        format!(
            "StatefulSet {} was changed since {older} of its pods were created: they run on as they are, one created anew would differ",
            set.name
        )
    })
}
