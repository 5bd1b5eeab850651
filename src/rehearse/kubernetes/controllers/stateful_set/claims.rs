//! The claims of a StatefulSet's pods: made from the claim templates, owned as the retention policy says.
use serde_json::{Value, json};

use super::super::claims::PROTECTION;
use super::Look;
use crate::rehearse::kubernetes::cluster::Cluster;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

impl Look {
    /// The name of each claim template, with the claim of this pod.
    pub(super) fn claims_of(&self, pod: &str) -> impl Iterator<Item = (&str, String)> {
        object::list(&self.set, "/spec/volumeClaimTemplates").iter().map(move |template| {
            let name = object::name(template);
            (name, format!("{name}-{pod}"))
        })
    }
}

impl Cluster {
    /// Creates the claims that pod `number` lacks.
    pub(super) fn create_claims(&mut self, look: &Look, number: u32) {
        let pod = format!("{}-{number}", look.key.name);
        for template in object::list(&look.set, "/spec/volumeClaimTemplates") {
            let name = format!("{}-{pod}", object::name(template));
            let key = Key::new(Kind::PersistentVolumeClaim, &look.key.namespace, &name);
            if self.store.get(&key).is_some() {
                continue;
            }
            let mut claim = template.clone();
            let metadata = &mut claim["metadata"];
            metadata["name"] = json!(name);
            metadata["namespace"] = json!(look.key.namespace);
            let selected = look.set["spec"]["selector"]["matchLabels"].as_object();
            for (label, value) in selected.into_iter().flatten() {
                metadata["labels"][label] = value.clone();
            }
            metadata["finalizers"] = json!([PROTECTION]);
            self.store.create(Kind::PersistentVolumeClaim, claim, self.at, |_| {});
            let message =
                format!("Create Claim {name} Pod {pod} in StatefulSet {} success", look.key.name);
            self.tell_of(look, false, "SuccessfulCreate", &message);
        }
    }

    /// Makes the claims go with the set, with their pod, or with nothing.
    pub(super) fn own_claims(&mut self, look: &Look) {
        let policy = &look.set["spec"]["persistentVolumeClaimRetentionPolicy"];
        let (deleted, scaled) =
            (policy["whenDeleted"] == "Delete", policy["whenScaled"] == "Delete");
        let beyond = look.pods.iter().map(|(number, _)| *number).filter(|n| *n >= look.replicas);
        for number in (0..look.replicas).chain(beyond) {
            let pod = look.pods.iter().find(|(other, _)| *other == number).map(|(_, pod)| pod);
            let owner = match pod {
                Some(pod) if number >= look.replicas && scaled => Some(pod),
                _ if deleted => Some(&look.set),
                _ => None,
            };
            let owner = owner.map(|owner| object::owner_reference(owner));
            let name = format!("{}-{number}", look.key.name);
            for (_, claim) in look.claims_of(&name).collect::<Vec<_>>() {
                let key = Key::new(Kind::PersistentVolumeClaim, &look.key.namespace, &claim);
                self.store.update(&key, |claim| set_owner(claim, owner.as_ref()));
            }
        }
    }
}

fn set_owner(claim: &mut Value, owner: Option<&Value>) {
    if object::is_terminating(claim) {
        return;
    }
    let mut owners = object::list(claim, "/metadata/ownerReferences").to_vec();
    owners.retain(|other| !matches!(other["kind"].as_str(), Some("StatefulSet" | "Pod")));
    owners.extend(owner.cloned());
    claim["metadata"]["ownerReferences"] = json!(owners);
}
