//! The pods of a StatefulSet: their numbers, their revision, and how they are made from the template.
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Look;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::letter;

/// The number of a pod of `set`.
pub fn number(set: &str, pod: &Value) -> Option<u32> {
    object::name(pod).strip_prefix(set)?.strip_prefix('-')?.parse().ok()
}

/// The revision that a pod was made of.
pub fn revision_of(pod: &Value) -> &str {
    pod["metadata"]["labels"]["controller-revision-hash"].as_str().unwrap_or_default()
}

/// The name of the set's revision. Only the pod template counts.
pub fn revision(set: &Value) -> String {
    let mut template = set["spec"]["template"].clone();
    template.sort_all_objects();
    let hash = Sha256::digest(template.to_string());
    let suffix: String = hash.iter().take(9).map(|byte| letter(u64::from(*byte))).collect();
    format!("{}-{suffix}", object::name(set))
}

impl Look {
    /// The pod with this number, as the template wants it now.
    pub(super) fn pod(&self, name: &str, number: u32) -> Value {
        let template = &self.set["spec"]["template"];
        let mut labels = template["metadata"]["labels"].clone();
        labels["apps.kubernetes.io/pod-index"] = json!(number.to_string());
        labels["controller-revision-hash"] = json!(self.revision);
        labels["statefulset.kubernetes.io/pod-name"] = json!(name);
        let mut metadata = json!({
            "name": name,
            "generateName": format!("{}-", self.key.name),
            "namespace": self.key.namespace,
            "labels": labels,
            "ownerReferences": [object::owner_reference(&self.set)],
        });
        if let Some(annotations) = template["metadata"].get("annotations") {
            metadata["annotations"] = annotations.clone();
        }
        let mut spec = template["spec"].clone();
        let claimed: Vec<(&str, String)> = self.claims_of(name).collect();
        let others = object::list(&spec, "/volumes").iter();
        let others =
            others.filter(|volume| !claimed.iter().any(|(name, _)| volume["name"] == *name));
        let volumes: Vec<Value> = claimed
            .iter()
            .map(|(name, claim)| json!({"name": name, "persistentVolumeClaim": {"claimName": claim}}))
            .chain(others.cloned())
            .collect();
        spec["volumes"] = json!(volumes);
        spec["hostname"] = json!(name);
        spec["subdomain"] = self.set["spec"]["serviceName"].clone();
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec})
    }
}
