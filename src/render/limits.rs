//! What Kubernetes allows in names, label values and quantities.
use std::sync::LazyLock;

use regex::Regex;

/// The longest DNS-1123 label, and the longest label value, in bytes.
const LABEL: usize = 63;

/// What the StatefulSet controller appends to a set's name for the label `controller-revision-hash`:
/// `-` and up to ten characters.
const REVISION: usize = 11;

/// A DNS-1123 label: names of namespaces, containers and host names.
pub(super) fn label(name: &str) -> Result<(), String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = name.bytes().all(|byte| inner(byte) || byte == b'-')
        && name.bytes().next().is_some_and(inner)
        && name.bytes().last().is_some_and(inner);
    if !fits {
        return Err(format!("`{name}` is no DNS-1123 label: a-z, 0-9 and, inside, `-`"));
    }
    at_most(name, LABEL)
}

/// A DNS-1035 label: names of Services.
pub(super) fn service_name(name: &str) -> Result<(), String> {
    if !name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase()) {
        return Err(format!("`{name}` can't name a Service: it must begin with a letter"));
    }
    label(name)
}

/// The name of a StatefulSet that may come to have `most` pods.
pub(super) fn set_name(name: &str, most: u32) -> Result<(), String> {
    label(name)?;
    at_most(name, LABEL - REVISION)?;
    at_most(&format!("{name}-{}", most.saturating_sub(1)), LABEL)
}

/// The value of a label.
pub(super) fn label_value(value: &str) -> Result<(), String> {
    let edge = |byte: u8| byte.is_ascii_alphanumeric();
    let fits = value.bytes().all(|byte| edge(byte) || b"-_.".contains(&byte))
        && value.bytes().next().is_none_or(edge)
        && value.bytes().last().is_none_or(edge);
    if !fits {
        return Err(format!("`{value}` is no label value: letters, digits and, inside, `-_.`"));
    }
    at_most(value, LABEL)
}

/// The amount of a resource that is asked for.
pub(super) fn quantity(text: &str) -> Result<(), String> {
    static QUANTITY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\+?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$").ok()
    });
    if QUANTITY.as_ref().is_some_and(|quantity| quantity.is_match(text)) {
        Ok(())
    } else {
        Err(format!("`{text}` is no quantity: write e.g. `2`, `500m` or `64Gi`"))
    }
}

fn at_most(name: &str, most: usize) -> Result<(), String> {
    if name.len() > most {
        return Err(format!("`{name}` has {} characters, {most} are allowed", name.len()));
    }
    Ok(())
}
