//! `nodes`: the synchronizer is ready, and so are enough farmers. Kubernetes decides here: the notes show
//! working farmers as `unreachable` in the A/A status, so its rows count only where the inputs say so.
//!
//! Pods are counted one by one, by their names; what a StatefulSet says of its own pods isn't asked.
use super::super::cluster::{Claim, Cluster, Live, Pod};
use super::super::{Kind, Observation, Phase, Verdict, Why};
use super::required::required;
use super::trouble;

pub fn nodes(seen: &Observation, cluster: &Cluster) -> Verdict {
    let Some(record) = &seen.deployment.record else {
        return Verdict::Unknown("no run is on".into());
    };
    let system = &seen.deployment.system;
    let synchronizer = Nodes::of(cluster, system.synchronizer_set(), 1, record.run);
    if synchronizer.up() == 0 {
        let message = format!("the synchronizer {} isn't ready", system.synchronizer_pod());
        return Verdict::Unmet(synchronizer.why(&system.namespace, message));
    }
    if let Some(why) = synchronizer.unsettled() {
        return Verdict::Unmet(why);
    }
    if record.kind == Kind::Synchronizer {
        return required(seen, record.phase, 0).unwrap_or_else(|| {
            Verdict::Met(format!("the synchronizer {} is ready", system.synchronizer_pod()))
        });
    }
    let set = system.farmer_set();
    // While the history updates, the manifest says how many the run began with.
    let replicas = if record.phase == Phase::HistoryUpdate {
        let mut wanted = seen.deployment.wanted.iter();
        let wanted = wanted.find(|wanted| wanted.kind == "StatefulSet" && wanted.name == set);
        let Some(replicas) = wanted.and_then(|wanted| wanted.replicas) else {
            return Verdict::Unknown(Why::new(format!("the base branch has no StatefulSet {set}")));
        };
        replicas
    } else {
        record.farmers
    };
    // At least one has to farm, whatever may be missing.
    let needed = replicas.saturating_sub(seen.deployment.inputs.farmers.tolerate).max(1);
    let farmers = Nodes::of(cluster, set, replicas, record.run);
    let ready = farmers.up();
    if ready < needed as usize {
        let message =
            format!("{ready} of {replicas} farmers are ready, at least {needed} are needed");
        return Verdict::Unmet(farmers.why(&system.namespace, message));
    }
    if let Some(why) = farmers.unsettled() {
        return Verdict::Unmet(why);
    }
    required(seen, record.phase, needed)
        .unwrap_or_else(|| Verdict::Met(format!("{ready} of {replicas} farmers are ready")))
}

/// The pods of one StatefulSet, and what may be known of those that are missing.
struct Nodes<'a> {
    name: String,
    set: Option<&'a Live>,
    pods: Vec<&'a Pod>,
    claims: Vec<&'a Claim>,
}

impl<'a> Nodes<'a> {
    fn of(cluster: &'a Cluster, name: String, replicas: u32, run: u32) -> Self {
        let pods = cluster.pods_of(&name, replicas).filter(|pod| pod.run == Some(run)).collect();
        // A claim is called `<template>-<pod>`.
        let pod = format!("-{name}-");
        let claims = cluster.claims.iter().filter(|claim| claim.name.contains(&pod)).collect();
        let set = cluster.object("StatefulSet", &name);
        Nodes { set, pods, claims, name }
    }

    fn up(&self) -> usize {
        self.pods.iter().filter(|pod| pod.is_up()).count()
    }

    /// Its pods may be those of an older wish.
    fn unsettled(&self) -> Option<Why> {
        let name = &self.name;
        let set = match self.set {
            None => return Some(Why::new(format!("StatefulSet {name} isn't live"))),
            Some(set) => set,
        };
        if set.terminating {
            return Some(Why::new(format!("StatefulSet {name} is being deleted")));
        }
        (set.observed_generation < set.generation)
            .then(|| Why::new(format!("StatefulSet {name} wasn't seen by its controller yet")))
    }

    /// `message`, with the first reason that any of the pods gives, or why they can't be created.
    fn why(&self, namespace: &str, message: String) -> Why {
        let mut pods = self.pods.clone();
        pods.sort_by_key(|pod| pod.number_in(&self.name));
        let mut down = pods.into_iter().filter(|pod| !pod.is_up());
        let told = down.find_map(|pod| Some((pod, pod.trouble.as_deref()?)));
        if let Some((pod, told)) = told {
            let message = format!("{message} ({}: {told}", pod.name);
            return match self.replaced_by(pod) {
                Some(now) => Why::new(format!(
                    "{message}; it is of revision {}, the set is at {now})",
                    pod.revision.as_deref().unwrap_or("none")
                ))
                .hint(format!(
                    "nothing replaces it: mend the cause, then `kubectl delete pod -n {namespace} {}`",
                    pod.name
                )),
                None => trouble::with_advice(
                    format!("{message}{})", self.claim_of(pod)),
                    told,
                    namespace,
                    &pod.name,
                ),
            };
        }
        if let Some(told) = self.set.and_then(|set| set.trouble.as_deref()) {
            return trouble::with_advice(
                format!("{message} ({told})"),
                told,
                namespace,
                &format!("{}-0", self.name),
            );
        }
        let claim = self.claims.iter().find_map(|claim| claim.trouble.as_ref().zip(Some(claim)));
        match (claim, self.unsettled()) {
            (Some((told, claim)), _) => trouble::with_advice(
                format!("{message} (PersistentVolumeClaim {}: {told})", claim.name),
                told,
                namespace,
                &claim.name,
            ),
            (None, Some(why)) => Why::new(format!("{message} ({})", why.message)),
            (None, None) => Why::new(message),
        }
    }

    /// The revision that a pod would be created from now, if that is another one: `OnDelete` leaves a pod that
    /// can't come up as it is, even after its template was mended.
    fn replaced_by(&self, pod: &Pod) -> Option<&'a str> {
        let now = self.set?.update_revision.as_deref()?;
        (!pod.terminating && pod.revision.as_deref().is_some_and(|is| is != now)).then_some(now)
    }

    /// What keeps its volume from it, for people.
    fn claim_of(&self, pod: &Pod) -> String {
        let of_pod = format!("-{}", pod.name);
        let claim = self.claims.iter().find(|claim| claim.name.ends_with(&of_pod));
        let told = claim.and_then(|claim| Some((&claim.name, claim.trouble.as_ref()?)));
        told.map(|(name, told)| format!("; {name}: {told}")).unwrap_or_default()
    }
}
