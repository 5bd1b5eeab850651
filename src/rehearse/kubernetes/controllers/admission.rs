//! What happens to a pod that a controller wants: the quota lets it in or not, the rest is filled in.
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Backoff, defaults};
use crate::rehearse::kubernetes::cluster::{Cluster, Due};
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;

/// The longest wait before a creation that failed is tried again.
const LONGEST: SignedDuration = SignedDuration::from_secs(1000);

impl Cluster {
    /// Creates a pod, or says in the API server's words why it can't be.
    pub(super) fn admit(&mut self, mut pod: Value) -> Result<Arc<Value>, String> {
        if let Some(exceeded) = self.exceeded_quota(object::namespace(&pod)) {
            return Err(format!("pods \"{}\" is forbidden: {exceeded}", object::name(&pod)));
        }
        defaults::complete(Kind::Pod, &mut pod);
        pod["spec"]["serviceAccountName"] = json!("default");
        pod["spec"]["enableServiceLinks"] = json!(true);
        Ok(self.store.create(Kind::Pod, pod, self.at, |_| {}))
    }

    /// Whether the owner has to wait before it tries again to create pods.
    pub(super) fn must_wait(&mut self, owner: &str) -> bool {
        let until = self.memory.creation.get(owner).map(|backoff| backoff.until);
        let Some(until) = until.filter(|until| *until > self.at) else { return false };
        self.plan(Due::Notice, until.duration_since(self.at));
        true
    }

    /// Lets the owner wait, longer each time, after its pods couldn't be created.
    pub(super) fn failed_to_create(&mut self, owner: &str) {
        let failures = self.memory.creation.get(owner).map_or(0, |backoff| backoff.failures);
        let wait = SignedDuration::from_secs(1_i64 << failures.min(10)).min(LONGEST);
        let backoff = Backoff { failures: failures + 1, until: self.at + wait };
        self.memory.creation.insert(owner.to_owned(), backoff);
        self.plan(Due::Notice, wait);
    }

    /// The owner's pods could be created.
    pub(super) fn created_all(&mut self, owner: &str) {
        self.memory.creation.remove(owner);
    }

    fn exceeded_quota(&self, namespace: &str) -> Option<String> {
        let pods = self.store.list(Kind::Pod, Some(namespace));
        let used = pods.filter(|pod| !object::is_terminal(pod)).count();
        self.store.list(Kind::ResourceQuota, Some(namespace)).find_map(|quota| {
            let hard = &quota["spec"]["hard"]["pods"];
            let limit = hard.as_str().and_then(|hard| hard.parse().ok()).or_else(|| {
                hard.as_u64().and_then(|hard| usize::try_from(hard).ok())
            })?;
            (used >= limit).then(|| {
                format!(
                    "exceeded quota: {}, requested: pods=1, used: pods={used}, limited: pods={limit}",
                    object::name(quota)
                )
            })
        })
    }
}
