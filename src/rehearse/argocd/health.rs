//! How healthy Argo CD finds an object, and the application made of such objects.
use serde_json::Value;

/// From best to worst: an application is as healthy as its worst object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    Healthy,
    Suspended,
    Progressing,
    Degraded,
}

impl Health {
    pub fn name(self) -> &'static str {
        match self {
            Health::Healthy => "Healthy",
            Health::Suspended => "Suspended",
            Health::Progressing => "Progressing",
            Health::Degraded => "Degraded",
        }
    }
}

/// Objects that aren't there don't count.
pub fn of_all<'a>(live: impl Iterator<Item = &'a Value>) -> Health {
    live.map(of).max().unwrap_or(Health::Healthy)
}

fn of(object: &Value) -> Health {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return Health::Progressing;
    }
    match object["kind"].as_str() {
        Some("StatefulSet") => of_stateful_set(object),
        Some("Job") => of_job(object),
        Some("PersistentVolumeClaim") => match object["status"]["phase"].as_str() {
            Some("Bound") => Health::Healthy,
            Some("Lost") => Health::Degraded,
            _ => Health::Progressing,
        },
        _ => Health::Healthy,
    }
}

/// One that is updated on delete is healthy with old pods, as long as all are ready.
fn of_stateful_set(object: &Value) -> Health {
    let number = |pointer| object.pointer(pointer).and_then(Value::as_i64);
    let observed = number("/status/observedGeneration").unwrap_or_default();
    let wanted = number("/spec/replicas").unwrap_or(1);
    let ready = number("/status/readyReplicas").unwrap_or_default();
    if observed == 0 || number("/metadata/generation") > Some(observed) || ready < wanted {
        return Health::Progressing;
    }
    let on_delete = object.pointer("/spec/updateStrategy/type") == Some(&"OnDelete".into());
    let status = &object["status"];
    if !on_delete && status["updateRevision"] != status["currentRevision"] {
        return Health::Progressing;
    }
    Health::Healthy
}

fn of_job(object: &Value) -> Health {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let is = |kind: &str| {
        conditions.into_iter().flatten().any(|it| it["type"] == kind && it["status"] == "True")
    };
    if is("Failed") {
        Health::Degraded
    } else if is("Complete") {
        Health::Healthy
    } else if is("Suspended") {
        Health::Suspended
    } else {
        Health::Progressing
    }
}
