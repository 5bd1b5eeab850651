//! Merges `pod:` of the inputs into the PodSpec that a template gave.
use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Map, Value, json};

use super::Problem;
use super::typed;

/// The container of a node.
pub(super) const EXPRESS: &str = "express";

/// Keys that stand in `pod:` for short, but belong to the container `express`.
const OF_THE_CONTAINER: [&str; 3] = ["env", "envFrom", "volumeMounts"];

/// Merges `pod` (the value of the input `key`, e.g. `farmers.pod`) into `spec`: maps field by field, lists
/// of named things by name, everything else replaced; `null` removes a field.
pub(super) fn merge(
    spec: &mut Value,
    pod: &Map<String, Value>,
    key: &str,
) -> Result<(), Vec<Problem>> {
    let pod = spelled_out(pod);
    typed::read::<PodSpec>(&pod).map_err(|misfits| {
        let problem = |misfit: typed::Misfit| Problem {
            place: format!("`{key}.{}`", misfit.path),
            message: misfit.message,
            hint: Some(misfit.hint.unwrap_or("`pod` is merged into a PodSpec").to_owned()),
        };
        misfits.into_iter().map(problem).collect::<Vec<_>>()
    })?;
    merge_value(spec, &pod, None, key).map_err(|problem| vec![problem])
}

/// `pod:` with what belongs to the container `express` moved there.
fn spelled_out(pod: &Map<String, Value>) -> Value {
    let mut spelled_out = pod.clone();
    let mut express = Map::new();
    for key in OF_THE_CONTAINER {
        if let Some(value) = spelled_out.shift_remove(key) {
            express.insert(key.to_owned(), value);
        }
    }
    if !express.is_empty() {
        express.insert("name".to_owned(), json!(EXPRESS));
        let containers = spelled_out.entry("containers").or_insert_with(|| json!([]));
        if let Some(containers) = containers.as_array_mut() {
            containers.push(Value::Object(express));
        }
    }
    Value::Object(spelled_out)
}

/// `field` is the name of the list or map that is merged, `path` where it stands in the inputs.
fn merge_value(
    into: &mut Value,
    from: &Value,
    field: Option<&str>,
    path: &str,
) -> Result<(), Problem> {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                if value.is_null() {
                    into.shift_remove(key);
                    continue;
                }
                let path = format!("{path}.{key}");
                // What isn't there yet is merged into an empty one of its kind, so that nulls and doubles go.
                let into = into.entry(key.as_str()).or_insert_with(|| match value {
                    Value::Object(_) => json!({}),
                    Value::Array(_) => json!([]),
                    _ => Value::Null,
                });
                merge_value(into, value, Some(key), &path)?;
            }
        }
        (into @ Value::Array(_), Value::Array(from)) => {
            match (field.and_then(merge_key), into.as_array_mut()) {
                (Some(key), Some(into)) => merge_named(into, from, key, path)?,
                _ => *into = Value::Array(from.clone()),
            }
        }
        (into, from) => *into = from.clone(),
    }
    Ok(())
}

fn merge_named(
    into: &mut Vec<Value>,
    from: &[Value],
    key: &str,
    path: &str,
) -> Result<(), Problem> {
    for (at, item) in from.iter().enumerate() {
        let Some(name) = item.get(key) else {
            return Err(Problem::new(format!("`{path}[{at}]`"), format!("`{key}` is missing"))
                .hint(format!("items of this list are told apart by `{key}`")));
        };
        let place = match into.iter().position(|other| other.get(key) == Some(name)) {
            Some(place) => place,
            None => {
                into.push(json!({}));
                into.len() - 1
            }
        };
        let path = format!("{path}[{at}]");
        merge_value(&mut into[place], item, None, &path)?;
    }
    Ok(())
}

/// What the items of a list are told apart by: the `patchMergeKey` of the Kubernetes API.
fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "resourceClaims"
        | "schedulingGates" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "ports" => Some("containerPort"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        _ => None,
    }
}
