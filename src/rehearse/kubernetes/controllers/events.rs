//! Events: what controllers tell people about an object; the same words again only raise a count.
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::rehearse::kubernetes::cluster::{Cluster, Due};
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

/// How long an event is kept after it was told last: the API server's default.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// What is told.
pub(super) struct Said<'a> {
    pub warns: bool,
    pub reason: &'a str,
    pub message: &'a str,
    /// Who says it: `statefulset-controller`, `kubelet`.
    pub by: &'a str,
}

impl Cluster {
    /// Tells something about `about`.
    pub(super) fn tell(&mut self, about: &Value, said: &Said<'_>) {
        let words = [object::uid(about), said.reason, said.message, said.by].join("\n");
        let at = object::time(self.at);
        if let Some(key) = self.memory.events.get(&words).cloned()
            && self.store.get(&key).is_some()
        {
            self.store.update(&key, |event| {
                let count = object::number(event, "/count").unwrap_or_default();
                event["count"] = json!(count + 1);
                event["lastTimestamp"] = at;
            });
            return;
        }
        let name = format!("{}.{}", object::name(about), hex_time(self.at, self.store.version()));
        let mut involved = json!({
            "kind": about["kind"],
            "namespace": about["metadata"]["namespace"],
            "name": about["metadata"]["name"],
            "uid": about["metadata"]["uid"],
            "apiVersion": about["apiVersion"],
            "resourceVersion": about["metadata"]["resourceVersion"],
        });
        let mut source = json!({"component": said.by});
        if said.by == "kubelet" {
            let container = object::text(about, "/spec/containers/0/name");
            involved["fieldPath"] = json!(format!("spec.containers{{{container}}}"));
            source["host"] = about["spec"]["nodeName"].clone();
        }
        let event = json!({
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": name, "namespace": about["metadata"]["namespace"]},
            "involvedObject": involved,
            "reason": said.reason,
            "message": said.message,
            "source": source,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
            "type": if said.warns { "Warning" } else { "Normal" },
            "eventTime": null,
            "reportingComponent": said.by,
            "reportingInstance": "",
        });
        let key = Key::of(Kind::Event, &event);
        self.store.create(Kind::Event, event, self.at, |_| {});
        self.plan(Due::Forget { event: key.clone() }, KEPT);
        self.memory.events.insert(words, key);
    }

    /// Removes an event, unless it was told again in the meantime.
    pub(in super::super) fn forget(&mut self, event: &Key) {
        let told = self.store.get(event).map(|event| object::text(event, "/lastTimestamp"));
        let Some(Ok(told)) = told.map(str::parse::<Timestamp>) else { return };
        let left = told.checked_add(KEPT).unwrap_or(Timestamp::MAX).duration_since(self.at);
        if left.is_positive() {
            self.plan(Due::Forget { event: event.clone() }, left);
        } else {
            self.store.remove(event);
        }
    }
}

/// The nanoseconds in a name; the version keeps apart what is told in one moment.
fn hex_time(at: Timestamp, version: u64) -> String {
    format!("{:016x}", at.as_nanosecond() + i128::from(version))
}
