//! Names: which Kubernetes takes, which system a person means, and what else they may have meant.
use thiserror::Error;

use super::Known;
use crate::run::SystemRef;

/// Why a name on the command line names no system.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// A short name that fits several systems.
    #[error("`{asked}` fits several systems: {}", list(.fits))]
    Several { asked: String, fits: Vec<SystemRef> },
    /// Nothing has this name; these come close.
    #[error("there is no system `{asked}`")]
    Unknown { asked: String, close: Vec<SystemRef> },
}

impl NameError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            NameError::Several { fits, .. } => {
                fits.first().map(|system| format!("say which one, e.g. `{system}`"))
            }
            NameError::Unknown { close, .. } if close.is_empty() => None,
            NameError::Unknown { close, .. } => Some(format!("did you mean {}?", list(close))),
        }
    }
}

fn list(systems: &[SystemRef]) -> String {
    let names: Vec<String> = systems.iter().map(|system| format!("`{system}`")).collect();
    names.join(", ")
}

/// The system meant by `system6`, `tenant-105858-prod/system6` or `den/tenant-105858-prod/system6`.
pub fn resolve_name<'a>(
    asked: &str,
    known: impl Iterator<Item = &'a SystemRef>,
) -> Result<SystemRef, NameError> {
    let systems: Vec<&SystemRef> = known.collect();
    let named = Known::asked(asked);
    let mut fits: Vec<SystemRef> = systems
        .iter()
        .filter(|system| named.as_ref().is_some_and(|named| named.fits(system)))
        .map(|system| (*system).clone())
        .collect();
    fits.sort();
    fits.dedup();
    match (fits.pop(), fits.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            fits.push(last);
            Err(NameError::Several { asked: asked.to_owned(), fits })
        }
        (None, _) => {
            Err(NameError::Unknown { asked: asked.to_owned(), close: close(asked, &systems) })
        }
    }
}

/// The system that `cluster/namespace/system` names; None for a short name.
pub fn qualified(asked: &str) -> Option<SystemRef> {
    Known::asked(asked)?.complete()
}

/// The systems whose name, in as many parts as were asked for, comes close.
fn close(asked: &str, systems: &[&SystemRef]) -> Vec<SystemRef> {
    let short = |system: &SystemRef| match asked.matches('/').count() {
        0 => system.system.clone(),
        1 => format!("{}/{}", system.namespace, system.system),
        _ => system.to_string(),
    };
    let names: Vec<String> = systems.iter().map(|system| short(system)).collect();
    let close = nearest(asked, names.iter().map(String::as_str));
    let mut found: Vec<SystemRef> = systems
        .iter()
        .zip(&names)
        .filter(|(_, name)| close.contains(&name.as_str()))
        .map(|(system, _)| (*system).clone())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// At most three of `known` that `word` is probably a slip for, the likeliest first.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const LIKELY: f64 = 0.85;
    let mut likely: Vec<(f64, &str)> = known
        .map(|name| (strsim::jaro_winkler(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKELY)
        .collect();
    likely.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
    likely.dedup();
    likely.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Whether `name` is a DNS-1123 label, as namespaces are: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, at most 63.
pub(super) fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether `name` is a DNS-1123 subdomain, as most names are: labels with dots between them, at most 253.
pub(super) fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether `name` is a DNS-1035 label, as names of Services are: a label that begins with a letter.
pub(super) fn is_service_name(name: &str) -> bool {
    is_label(name) && name.starts_with(|first: char| first.is_ascii_lowercase())
}
