//! PodDisruptionBudgets: how many of the chosen pods may be disrupted now.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::events::Said;
use crate::rehearse::kubernetes::cluster::Cluster;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

impl Cluster {
    pub(in super::super) fn disruption_budgets(&mut self) {
        let budgets: Vec<_> = self.store.list(Kind::PodDisruptionBudget, None).cloned().collect();
        for budget in budgets {
            let chosen = &budget["spec"]["selector"]["matchLabels"];
            let all = self.store.list(Kind::Pod, Some(object::namespace(&budget)));
            let pods: Vec<_> = all.filter(|pod| object::has_labels(pod, chosen)).cloned().collect();
            // The real controller looks when pods change, not when their set is scaled.
            let seen: String =
                pods.iter().map(|pod| format!("{} ", object::version(pod))).collect();
            let seen = format!("{seen}{}", budget["metadata"]["generation"]);
            let uid = object::uid(&budget).to_owned();
            if self.memory.budgets.insert(uid, seen.clone()).as_ref() != Some(&seen) {
                self.work_out(&budget, &pods);
            }
        }
    }

    fn work_out(&mut self, budget: &Value, pods: &[Arc<Value>]) {
        if pods.is_empty() {
            self.tell(
                budget,
                &Said {
                    warns: false,
                    reason: "NoPods",
                    message: "No matching pods found",
                    by: "controllermanager",
                },
            );
        }
        let healthy = i64::try_from(pods.iter().filter(|pod| object::is_ready(pod)).count());
        let healthy = healthy.unwrap_or(i64::MAX);
        let (expected, desired) = match object::number(budget, "/spec/maxUnavailable") {
            Some(unavailable) => {
                let expected = self.wanted_by_owners(pods);
                (expected, (expected - unavailable).max(0))
            }
            None => (
                i64::try_from(pods.len()).unwrap_or(i64::MAX),
                object::number(budget, "/spec/minAvailable").unwrap_or_default(),
            ),
        };
        let allowed = if expected == 0 { 0 } else { (healthy - desired).max(0) };
        let enough = allowed > 0;
        let at = object::time(self.at);
        self.store.update(&Key::of(Kind::PodDisruptionBudget, budget), |budget| {
            let generation = budget["metadata"]["generation"].clone();
            let mut conditions = object::list(budget, "/status/conditions").to_vec();
            let condition = json!({
                "type": "DisruptionAllowed",
                "status": if enough { "True" } else { "False" },
                "observedGeneration": generation,
                "lastTransitionTime": at,
                "reason": if enough { "SufficientPods" } else { "InsufficientPods" },
                "message": "",
            });
            object::set_condition(&mut conditions, condition);
            budget["status"] = json!({
                "observedGeneration": generation,
                "disruptionsAllowed": allowed,
                "currentHealthy": healthy,
                "desiredHealthy": desired,
                "expectedPods": expected,
                "conditions": conditions,
            });
        });
    }

    /// The sum of `replicas` of the sets that own the pods.
    fn wanted_by_owners(&self, pods: &[Arc<Value>]) -> i64 {
        let sets: BTreeMap<&str, i64> = pods
            .iter()
            .filter_map(|pod| {
                let owner = object::controller(pod)?;
                let sets = self.store.list(Kind::StatefulSet, Some(object::namespace(pod)));
                let set = sets.into_iter().find(|set| object::uid(set) == owner)?;
                Some((owner, object::number(set, "/spec/replicas")?))
            })
            .collect();
        sets.values().sum()
    }
}
