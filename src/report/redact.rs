//! Takes secrets out of an object's two states before they are compared for people: what they are is hidden, that
//! one was changed is not.
use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::git::without_credentials;

const SAME: &str = "(hidden)";
const BEFORE: &str = "(hidden, before)";
const AFTER: &str = "(hidden, changed)";

/// Both states of an object, or the one there is, fit to be shown.
pub fn states(before: Option<&Value>, after: Option<&Value>) -> (Option<Value>, Option<Value>) {
    let (mut before, mut after) = (before.cloned(), after.cloned());
    let secret = |state: &Option<Value>| {
        state
            .as_ref()
            .is_some_and(|object| object.get("kind").and_then(Value::as_str) == Some("Secret"))
    };
    if secret(&before) || secret(&after) {
        for key in ["data", "stringData"] {
            let part = |state: &mut Option<Value>| state.as_mut()?.get_mut(key).map(Value::take);
            let (mut old, mut new) = (part(&mut before), part(&mut after));
            walk(old.as_mut(), new.as_mut(), true);
            for (state, part) in [(&mut before, old), (&mut after, new)] {
                if let (Some(state), Some(part)) = (state, part) {
                    state[key] = part;
                }
            }
        }
    }
    walk(before.as_mut(), after.as_mut(), false);
    (before, after)
}

/// Walks both states side by side; within `all`, every value is a secret.
fn walk(before: Option<&mut Value>, after: Option<&mut Value>, all: bool) {
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => fields(before, after, all),
        (Some(Value::Object(only)), None) | (None, Some(Value::Object(only))) => {
            fields(only, &mut Map::new(), all);
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => items(before, after, all),
        (Some(Value::Array(only)), None) | (None, Some(Value::Array(only))) => {
            items(only, &mut Vec::new(), all);
        }
        // One turned from a map or a list into something else.
        (Some(before), Some(after))
            if before.is_object() || before.is_array() || after.is_object() || after.is_array() =>
        {
            walk(Some(before), None, all);
            walk(Some(after), None, all);
        }
        (before, after) => leaves(before, after, all),
    }
}

fn fields(before: &mut Map<String, Value>, after: &mut Map<String, Value>, all: bool) {
    // An entry of `env`, whose name says what its value is.
    let named = |map: &Map<String, Value>| {
        map.get("name").and_then(Value::as_str).is_some_and(is_credential)
    };
    let is_entry = before.contains_key("value") || after.contains_key("value");
    let value_is_secret = is_entry && (named(before) || named(after));
    let keys: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    for key in keys {
        let (old, new) = (before.get_mut(&key), after.get_mut(&key));
        let sounds = old.iter().chain(new.iter()).any(|value| conceals(&key, value));
        walk(old, new, all || sounds || key == "value" && value_is_secret);
    }
}

fn items(before: &mut [Value], after: &mut [Value], all: bool) {
    hide_after_flag(before);
    hide_after_flag(after);
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
    let names: Vec<Option<String>> = after.iter().map(name).collect();
    let mut paired = BTreeSet::new();
    for (at, item) in before.iter_mut().enumerate() {
        // Entries with names are the same entry wherever they stand.
        let other = match name(item) {
            Some(name) => names.iter().position(|other| other.as_deref() == Some(&*name)),
            None => Some(at).filter(|at| names.get(*at).is_some_and(Option::is_none)),
        };
        let other = other.filter(|other| paired.insert(*other));
        walk(Some(item), other.and_then(|other| after.get_mut(other)), all);
    }
    for (at, item) in after.iter_mut().enumerate() {
        if !paired.contains(&at) {
            walk(None, Some(item), all);
        }
    }
}

/// `--password`, and the word after it.
fn hide_after_flag(items: &mut [Value]) {
    for at in 1..items.len() {
        let flag = items[at - 1].as_str().is_some_and(|word| {
            word.starts_with('-')
                && !word.contains('=')
                && is_credential(word.trim_start_matches('-'))
        });
        if flag && items[at].as_str().is_some_and(|word| !word.starts_with('-')) {
            items[at] = SAME.into();
        }
    }
}

fn leaves(before: Option<&mut Value>, after: Option<&mut Value>, all: bool) {
    let same = before.as_deref() == after.as_deref();
    let hide = |leaf: Option<&mut Value>, as_what: &str| {
        let Some(leaf) = leaf else { return };
        if all && !matches!(leaf, Value::Null | Value::Bool(_)) {
            *leaf = as_what.into();
        } else if let Value::String(text) = leaf {
            *text = within(text, as_what);
        }
    };
    let both = before.is_some() && after.is_some();
    hide(before, if both && !same { BEFORE } else { SAME });
    hide(after, if both && !same { AFTER } else { SAME });
}

/// Secrets within a text: `password=…` and what is written like it, private keys, and what stands before the `@` of
/// an address.
fn within(text: &str, as_what: &str) -> String {
    static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let name = format!(r"([\w.-]*(?:{CREDENTIAL})[\w.-]*)");
        let value = r#"("[^"]*"|'[^']*'|[^\s,;&"']+)"#;
        Regex::new(&format!(r#"(?i){name}("?'?[ \t]*[=:][ \t]*){value}"#)).ok()
    });
    static PRIVATE_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|$)").ok()
    });
    let (Some(assigned), Some(key)) = (ASSIGNED.as_ref(), PRIVATE_KEY.as_ref()) else {
        return as_what.to_owned();
    };
    let text = key.replace_all(text, as_what);
    let text = assigned.replace_all(&text, |found: &regex::Captures<'_>| {
        let (name, sign) = (&found[1], &found[2]);
        match NAMES_ONLY.contains(&name.trim_start_matches('-').to_lowercase().as_str()) {
            true => found[0].to_owned(),
            false => format!("{name}{sign}{as_what}"),
        }
    });
    if text.contains("://") { without_credentials(&text) } else { text.into_owned() }
}

/// Names of what is likely to let somebody in.
const CREDENTIAL: &str = r"passw|passphrase|secret|token|credential|api[-_.]?key|private[-_.]?key|access[-_.]?key|signing[-_.]?key|encryption[-_.]?key|pwd\b|\bauth\b|authorization\b|cookie\b";

/// Keys of Kubernetes that sound like it, and name or steer something.
const NAMES_ONLY: [&str; 4] =
    ["secretname", "automountserviceaccounttoken", "tokenexpirationseconds", "existingsecret"];

/// Keys of Kubernetes below which something is referred to by its name.
const REFERENCES: [&str; 7] = [
    "secret",
    "secrets",
    "secretref",
    "secretkeyref",
    "imagepullsecrets",
    "serviceaccounttoken",
    "nodepublishsecretref",
];

/// Whether all that stands under this key is to be hidden.
fn conceals(key: &str, value: &Value) -> bool {
    let lower = key.to_lowercase();
    let refers = match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().all(Value::is_object),
        _ => false,
    };
    !(refers && REFERENCES.contains(&lower.as_str())) && is_credential(key)
}

fn is_credential(name: &str) -> bool {
    static PATTERN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!("(?i){CREDENTIAL}")).ok());
    !NAMES_ONLY.contains(&name.to_lowercase().as_str())
        && PATTERN.as_ref().is_none_or(|pattern| pattern.is_match(name))
}
