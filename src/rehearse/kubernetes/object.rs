//! Reading and editing Kubernetes objects as JSON.
use jiff::Timestamp;
use serde_json::{Value, json};

/// The text at a JSON Pointer; empty where there is none.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

pub fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// `metadata.resourceVersion`; 0 where there is none.
pub fn version(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion").parse().unwrap_or_default()
}

pub fn is_terminating(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// Whether a pod has come to its end.
pub fn is_terminal(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether the pod's condition `Ready` is true.
pub fn is_ready(pod: &Value) -> bool {
    list(pod, "/status/conditions")
        .iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Whether the containers of a pod run.
pub fn is_running(pod: &Value) -> bool {
    list(pod, "/status/containerStatuses")
        .iter()
        .any(|container| !container["state"]["running"].is_null())
}

/// The UID of the owner that controls the object.
pub fn controller(object: &Value) -> Option<&str> {
    list(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| owner["controller"] == true)
        .and_then(|owner| owner["uid"].as_str())
}

pub fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    list(object, "/metadata/finalizers").iter().any(|held| held == finalizer)
}

pub fn add_finalizer(object: &mut Value, finalizer: &str) {
    let mut held = list(object, "/metadata/finalizers").to_vec();
    if !held.iter().any(|other| other == finalizer) {
        held.push(json!(finalizer));
    }
    object["metadata"]["finalizers"] = json!(held);
}

pub fn remove_finalizer(object: &mut Value, finalizer: &str) {
    if let Some(held) = object.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
        held.retain(|other| other != finalizer);
    }
}

/// The reference that `owner` leaves on what it controls.
pub fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// Whether all of `wanted` (a map of labels) are among the object's labels. No labels select nothing.
pub fn has_labels(object: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|wanted| {
        !wanted.is_empty()
            && wanted
                .iter()
                .all(|(key, value)| object["metadata"]["labels"].get(key) == Some(value))
    })
}

/// A time as Kubernetes writes it: UTC, whole seconds.
pub fn time(at: Timestamp) -> Value {
    json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Sets a condition of a status, keeping the time of its last transition where it didn't change.
pub fn set_condition(conditions: &mut Vec<Value>, mut condition: Value) {
    let old = conditions.iter_mut().find(|old| old["type"] == condition["type"]);
    match old {
        Some(old) => {
            if old["status"] == condition["status"] {
                condition["lastTransitionTime"] = old["lastTransitionTime"].take();
            }
            *old = condition;
        }
        None => conditions.push(condition),
    }
}
