//! `wiring: kustomize`: our own kustomization file, and the one entry in the file of the people next door.
use std::str::FromStr;

use serde_json::{Map, Value, json};
use yaml_edit::Document;

use super::Problem;
use super::manifests::document;
use crate::manifest::objects;

/// The entry in the parent's `resources`.
const ENTRY: &str = "dcr";

/// The kustomization file that lists our own files.
pub(super) fn listing<'a>(
    path: &str,
    files: impl Iterator<Item = &'a String>,
) -> Result<String, Problem> {
    let mut files: Vec<&String> = files.collect();
    files.sort();
    let fields = [
        ("apiVersion", json!("kustomize.config.k8s.io/v1beta1")),
        ("kind", json!("Kustomization")),
        ("resources", json!(files)),
    ];
    document(path, fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
}

/// Refuses what would give our objects other names, another namespace or other selectors.
pub(super) fn check_names(path: &str, text: &str, namespace: &str) -> Result<(), Problem> {
    let parent = read(path, text)?;
    let set = |key: &str| parent.get(key).filter(|value| !is_empty(value));
    let selecting = set("labels").and_then(Value::as_array).is_some_and(|labels| {
        labels.iter().any(|label| label.get("includeSelectors") == Some(&json!(true)))
    });
    let mut changes: Vec<&str> = ["namePrefix", "nameSuffix", "commonLabels"]
        .into_iter()
        .filter(|key| set(key).is_some())
        .collect();
    if set("namespace").is_some_and(|other| *other != json!(namespace)) {
        changes.push("namespace");
    }
    if selecting {
        changes.push("labels (includeSelectors)");
    }
    match changes.as_slice() {
        [] => Ok(()),
        keys => Err(Problem::new(
            path,
            format!(
                "`{}` would change our objects' names, namespace or selectors",
                keys.join("`, `")
            ),
        )
        .hint(
            "move it into a kustomization of your own manifests, so that it doesn't reach `dcr`",
        )),
    }
}

/// The parent's file with our entry in `resources`; untouched if it is there.
pub(super) fn with_entry(path: &str, text: &str) -> Result<String, Problem> {
    let before = read(path, text)?;
    let mut after = before.clone();
    match after.get_mut("resources") {
        Some(Value::Array(entries)) if entries.iter().any(is_entry) => return Ok(text.to_owned()),
        Some(Value::Array(entries)) => entries.push(json!(ENTRY)),
        Some(Value::Null) | None => {
            after.insert("resources".to_owned(), json!([ENTRY]));
        }
        Some(_) => return Err(Problem::new(path, "`resources` is no list")),
    }
    edited(path, text, &after, |document| {
        if let Some(entries) = document.get_sequence("resources") {
            entries.push(ENTRY);
            return;
        }
        if let Ok(list) = Document::from_str(&format!("- {ENTRY}\n"))
            && let Some(list) = list.as_sequence()
        {
            document.set("resources", list);
        }
    })
}

/// The parent's file without our entry.
pub(super) fn without_entry(path: &str, text: &str) -> Result<String, Problem> {
    let mut after = read(path, text)?;
    let Some(Value::Array(entries)) = after.get_mut("resources") else {
        return Ok(text.to_owned());
    };
    let places: Vec<usize> =
        entries.iter().enumerate().filter(|(_, entry)| is_entry(entry)).map(|(at, _)| at).collect();
    if places.is_empty() {
        return Ok(text.to_owned());
    }
    entries.retain(|entry| !is_entry(entry));
    edited(path, text, &after, |document| {
        if let Some(entries) = document.get_sequence("resources") {
            for at in places.into_iter().rev() {
                entries.remove(at);
            }
        }
    })
}

/// Applies an edit and proves that the file says just what was meant.
fn edited(
    path: &str,
    text: &str,
    meant: &Map<String, Value>,
    edit: impl FnOnce(&Document),
) -> Result<String, Problem> {
    let fail = |why: &str| {
        Problem::new(path, format!("the entry `{ENTRY}` of `resources` can't be edited: {why}"))
            .hint(format!(
                "write `resources` as a plain list with one entry a line, `{ENTRY}` among them"
            ))
    };
    let document = Document::from_str(text).map_err(|error| fail(&error.to_string()))?;
    edit(&document);
    let edited = with_line_ends_of(text, document.to_string());
    match read(path, &edited) {
        Ok(read) if read == *meant => Ok(edited),
        Ok(_) | Err(_) => Err(fail("more than the entry would change")),
    }
}

/// A file whose lines all end in CRLF keeps it so.
fn with_line_ends_of(original: &str, edited: String) -> String {
    let ends = original.matches('\n').count();
    if ends > 0 && original.matches("\r\n").count() == ends {
        edited.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        edited
    }
}

fn read(path: &str, text: &str) -> Result<Map<String, Value>, Problem> {
    let mut documents =
        objects(text).map_err(|error| Problem::new(path, format!("can't be read: {error}")))?;
    match (documents.pop().map(|document| document.0), documents.is_empty()) {
        (Some(Value::Object(fields)), true) => Ok(fields),
        (None, _) => Ok(Map::new()),
        _ => Err(Problem::new(path, "expected one document that is a map")),
    }
}

fn is_entry(entry: &Value) -> bool {
    let path = entry.as_str().unwrap_or_default();
    path.strip_prefix("./").unwrap_or(path).trim_end_matches('/') == ENTRY
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
