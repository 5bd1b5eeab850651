//! What a person should know although no gate hangs on it.
use super::super::Observation;
use super::super::argocd::{ApplicationView, Automated};
use super::super::cluster::{Cluster, ClusterView, Live, Pod};

/// Notices about one observation, the weightiest first.
pub fn notices(seen: &Observation) -> Vec<String> {
    let deployment = &seen.deployment;
    let mut notices = Vec::new();
    if let Some(cluster) = seen.world.cluster.seen() {
        notices.extend(cluster.objects.iter().filter_map(|live| changed(live, cluster)));
        notices.extend(cluster.pods.iter().filter_map(restarted));
        notices.extend(cluster.limits.iter().cloned());
    }
    if let ClusterView::NoContext { context } = &seen.world.cluster {
        notices.push(format!(
            "no kubeconfig context `{context}`: leftovers of an earlier run and the cluster's capacity were not looked at"
        ));
    }
    notices.extend(deployment.record.as_ref().and_then(|_| holds_only_us(seen)));
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
    let of_set = |pod: &&Pod| pod.number_in(&set.name).is_some();
    let older = cluster.pods.iter().filter(|pod| of_set(pod) && !pod.terminating);
    let older = older.filter(|pod| pod.revision.as_deref().is_some_and(|is| is != now)).count();
    (older > 0).then(|| {
        format!(
            "StatefulSet {} was changed since {older} of its pods were created: they run on as they are, one created anew would differ",
            set.name
        )
    })
}

/// A node that came up again by itself. (One that didn't is what the gates wait for.)
fn restarted(pod: &Pod) -> Option<String> {
    let times = match pod.restarts {
        0 => return None,
        1 => "once".to_owned(),
        restarts => format!("{restarts} times"),
    };
    pod.is_up().then(|| format!("{} was restarted {times} by the kubelet", pod.name))
}

/// Then the teardown leaves nothing for it to apply, which Argo CD takes for a mistake.
fn holds_only_us(seen: &Observation) -> Option<String> {
    let ApplicationView::Seen(application) = seen.world.application.as_ref()? else { return None };
    let guarded = matches!(application.automated, Some(Automated { allow_empty: false, .. }));
    let alone = !application.ours.is_empty() && application.others == 0;
    (guarded && alone && !application.is_stale()).then(|| {
        format!(
            "the Application {} holds nothing but this run: Argo CD will refuse its teardown without `syncPolicy.automated.allowEmpty`",
            application.name
        )
    })
}
