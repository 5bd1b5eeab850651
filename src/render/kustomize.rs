//! `wiring: kustomize`: our own kustomization file, and the one entry in the file of the people next door.
use std::str::FromStr;

use serde_json::{Map, Value, json};
use yaml_edit::{Document, YamlFile};

use super::Problem;
use super::manifests::{OUR_LABELS, document};
use crate::manifest::{objects, says_nothing};

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

/// Refuses what would give our objects other names, another namespace, other labels or selectors.
pub(super) fn check_names(path: &str, text: &str, namespace: &str) -> Result<(), Problem> {
    let parent = read(path, text)?;
    let set = |key: &str| parent.get(key).filter(|value| !says_nothing(value));
    let any = |key: &str, is: &dyn Fn(&Value) -> bool| {
        set(key).and_then(Value::as_array).is_some_and(|items| items.iter().any(is))
    };
    let mut changes: Vec<&str> = ["namePrefix", "nameSuffix", "commonLabels"]
        .into_iter()
        .filter(|key| set(key).is_some())
        .collect();
    if set("namespace").is_some_and(|other| *other != json!(namespace)) {
        changes.push("namespace");
    }
    if any("labels", &|label| label.get("includeSelectors") == Some(&json!(true))) {
        changes.push("labels: includeSelectors");
    }
    let is_ours = |key: &String| OUR_LABELS.contains(&key.as_str());
    let pairs = |label: &Value| label.get("pairs").and_then(Value::as_object).cloned();
    if any("labels", &|label| pairs(label).is_some_and(|pairs| pairs.keys().any(is_ours))) {
        changes.push("labels: pairs");
    }
    if any("buildMetadata", &|item| item == "managedByLabel") {
        changes.push("buildMetadata: managedByLabel");
    }
    match changes.as_slice() {
        [] => Ok(()),
        keys => Err(Problem::new(
            path,
            format!(
                "`{}` would change our objects' names, namespace, labels or selectors",
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
    let has_key = before.contains_key("resources");
    edited(path, text, &after, |text| {
        if !has_key {
            let apart = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            return Some(format!("{text}{apart}resources:\n- {ENTRY}\n"));
        }
        let file = YamlFile::from_str(text).ok()?;
        let document = file.document()?;
        match document.get_sequence("resources") {
            Some(entries) => entries.push(ENTRY),
            None => {
                let list = Document::from_str(&format!("- {ENTRY}\n")).ok()?;
                document.set("resources", list.as_sequence()?);
            }
        }
        Some(file.to_string())
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
    edited(path, text, &after, |text| {
        let file = YamlFile::from_str(text).ok()?;
        let entries = file.document()?.get_sequence("resources")?;
        for at in places.into_iter().rev() {
            entries.remove(at);
        }
        Some(file.to_string())
    })
}

/// Applies an edit and proves that the file says just what was meant.
fn edited(
    path: &str,
    text: &str,
    meant: &Map<String, Value>,
    edit: impl FnOnce(&str) -> Option<String>,
) -> Result<String, Problem> {
    let edited = edit(text).map(|edited| with_line_ends_of(text, &edited));
    match edited {
        Some(edited) if read(path, &edited).as_ref() == Ok(meant) && keeps(text, &edited) => {
            Ok(edited)
        }
        _ => Err(Problem::new(
            path,
            format!("the entry `{ENTRY}` of `resources` can't be edited without changing more"),
        )
        .hint("write `resources` as a plain list, one entry a line")),
    }
}

/// Whether what was added, if anything was, stands in one place with all of the old text around it.
fn keeps(text: &str, edited: &str) -> bool {
    let (old, new) = (text.as_bytes(), edited.as_bytes());
    let head = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    new.len() < old.len() || new.ends_with(&old[head..])
}

/// A file whose lines all end in CRLF keeps it so.
fn with_line_ends_of(original: &str, edited: &str) -> String {
    let ends = original.matches('\n').count();
    if ends > 0 && original.matches("\r\n").count() == ends {
        edited.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        edited.to_owned()
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
