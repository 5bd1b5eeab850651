//! Answers lists: versions, selectors and pages.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::target::Target;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::refusal::Refusal;
use crate::rehearse::kubernetes::selector::Selector;
use crate::rehearse::kubernetes::store::Store;

/// Where the next page of a list begins.
#[derive(Serialize, Deserialize)]
struct Continue {
    v: String,
    /// The version that the list shows; -1: the newest there is, which may not fit the pages before.
    rv: i64,
    /// Namespace and name of the last object shown.
    start: (String, String),
}

/// Answers a list. `stale` is how many writes ago a list shows that may be old.
pub fn list(
    store: &Store,
    target: &Target,
    query: &BTreeMap<String, String>,
    stale: u64,
) -> Result<Value, Refusal> {
    let parameter = |key: &str| query.get(key).map(String::as_str).unwrap_or_default();
    let kind = target.kind;
    let selector = Selector::parse(kind, parameter("labelSelector"), parameter("fieldSelector"))?;
    let from =
        match parameter("continue") {
            "" => None,
            token => Some(serde_json::from_str::<Continue>(token).map_err(|_| {
                Refusal::bad_request("continue key is not valid: illegal base64 data")
            })?),
        };
    let version = version(store, &from, parameter, stale)?;
    let all = store.list_at(kind, target.namespace.as_deref(), version);
    let chosen: Vec<&Arc<Value>> = all
        .iter()
        .filter(|object| from.as_ref().is_none_or(|from| place(object) > from.start))
        .filter(|object| selector.chooses(object))
        .collect();
    let limit = match parameter("limit").parse() {
        Ok(limit) if limit > 0 => limit,
        _ => usize::MAX,
    };
    let (page, rest) = chosen.split_at(limit.min(chosen.len()));
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let (Some(last), false) = (page.last(), rest.is_empty()) {
        metadata["continue"] = json!(token(i64::try_from(version).unwrap_or(-1), place(last)));
        // With a selector the server doesn't count what it would have to read first.
        if selector.is_empty() {
            metadata["remainingItemCount"] = json!(rest.len());
        }
    }
    let items: Vec<Value> = page.iter().map(|object| in_list(kind, object)).collect();
    Ok(json!({
        "kind": format!("{}List", kind.name()),
        "apiVersion": kind.api_version(),
        "metadata": metadata,
        "items": items,
    }))
}

/// The version that a list shows.
fn version<'a>(
    store: &Store,
    from: &Option<Continue>,
    parameter: impl Fn(&str) -> &'a str,
    stale: u64,
) -> Result<u64, Refusal> {
    let current = store.version();
    if let Some(from) = from {
        return match u64::try_from(from.rv) {
            Ok(version) if version < store.forgotten() => Err(Refusal {
                continue_at: Some(token(-1, from.start.clone())),
                ..Refusal::new(
                    410,
                    "Expired",
                    "The provided continue parameter is too old to display a consistent list result. \
                     You can start a new list without the continue parameter, or use the continue \
                     token in this response to retrieve the remainder of the results. Continuing with \
                     the provided token results in an inconsistent list - objects that were created, \
                     modified, or deleted between the time the first chunk was returned and now may \
                     show up in the list.",
                )
            }),
            Ok(version) => Ok(version),
            Err(_) => Ok(current),
        };
    }
    let asked = match parameter("resourceVersion") {
        "" => return Ok(current),
        asked => asked.parse::<u64>().map_err(|_| {
            Refusal::bad_request(format!("resourceVersion: Invalid value: \"{asked}\": strconv.ParseUint: parsing \"{asked}\": invalid syntax"))
        })?,
    };
    match asked {
        0 => Ok(current.saturating_sub(stale).max(store.forgotten())),
        asked if asked > current => Err(Refusal::too_large(asked, current)),
        asked if parameter("resourceVersionMatch") == "Exact" && asked < store.forgotten() => {
            Err(Refusal::new(
                410,
                "Expired",
                format!(
                    "The resourceVersion for the provided list is too old: {asked} ({})",
                    store.forgotten()
                ),
            ))
        }
        asked if parameter("resourceVersionMatch") == "Exact" => Ok(asked),
        _ => Ok(current),
    }
}

fn token(version: i64, start: (String, String)) -> String {
    json!(Continue { v: "meta.k8s.io/v1".to_owned(), rv: version, start }).to_string()
}

fn place(object: &Value) -> (String, String) {
    (object::namespace(object).to_owned(), object::name(object).to_owned())
}

/// Built-in kinds are listed without their kind; custom resources keep it.
fn in_list(kind: Kind, object: &Value) -> Value {
    let mut item = object.clone();
    if kind != Kind::Application
        && let Some(item) = item.as_object_mut()
    {
        item.shift_remove("kind");
        item.shift_remove("apiVersion");
    }
    item
}
