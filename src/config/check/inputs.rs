//! `dcr.yaml`: values that make no sense.
use std::collections::{BTreeMap, BTreeSet};

use super::text::bad_image;
use super::{Check, admin, steps};
use crate::config::names::{is_label, is_service_name, is_subdomain, nearest};
use crate::config::{Inputs, Quantity, Resources};
use crate::run::{MAX_SYSTEM_NAME, SystemRef};

/// Looks through the inputs of a system, or through the defaults for all.
pub fn inputs(check: &mut Check<'_>, inputs: &Inputs) {
    if let Some(why) = bad_image(&inputs.image) {
        check.refuse("image", format!("`image` {why}"), None);
    }
    frontends(check, inputs);
    farmers(check, inputs);
    node(check, "synchronizer", &inputs.synchronizer.resources, &inputs.synchronizer.storage);
    node(check, "farmers", &inputs.farmers.resources, &inputs.farmers.storage);
    let rebuild = &inputs.rebuild;
    let lengths = [
        ("deadline", Some(rebuild.deadline)),
        ("stall", Some(rebuild.stall)),
        ("addFarmersWhenEtaExceeds", rebuild.add_farmers_when_eta_exceeds),
    ];
    for (key, length) in lengths {
        if length.is_some_and(|length| length.as_seconds() == 0) {
            let message = format!("`rebuild.{key}` must be longer than nothing");
            check.refuse(&format!("rebuild/{key}"), message, None);
        }
    }
    if let Some(argocd) = &inputs.argocd {
        if argocd.application.as_deref().is_some_and(|name| !is_subdomain(name)) {
            let message = "`argocd.application` is no name that Kubernetes takes";
            check.refuse("argocd/application", message, Some(SUBDOMAIN));
        }
        if !is_label(&argocd.namespace) {
            let message = "`argocd.namespace` is no name that Kubernetes takes";
            check.refuse("argocd/namespace", message, Some(LABEL));
        }
    }
    admin::admin(check, &inputs.admin);
}

pub(super) const LABEL: &str =
    "at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends";
pub(super) const SUBDOMAIN: &str = "at most 253 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of each part";

/// What the path of a `dcr.yaml` says, where Kubernetes wouldn't take it: message and hint.
pub fn system_names(system: &SystemRef) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    let name = &system.system;
    if !is_service_name(name) {
        wrong.push((
            format!("the folder's system `{name}` is no name that Kubernetes takes for a Service"),
            format!("a letter, then lower-case letters, digits and `-`; at most {MAX_SYSTEM_NAME}"),
        ));
    } else if name.len() > MAX_SYSTEM_NAME {
        wrong.push((
            format!("the system's name `{name}` has {} characters", name.len()),
            format!(
                "at most {MAX_SYSTEM_NAME}, so that the names of its Jobs' pods stay within the 63 of Kubernetes"
            ),
        ));
    }
    if !is_label(&system.namespace) {
        wrong.push((
            format!(
                "the folder's namespace `{}` is no name that Kubernetes takes",
                system.namespace
            ),
            LABEL.to_owned(),
        ));
    }
    wrong
}

fn frontends(check: &mut Check<'_>, inputs: &Inputs) {
    let frontends = &inputs.frontends;
    if frontends.count.is_some() && frontends.names.is_some() {
        check.refuse_all(
            &[&steps("frontends/names"), &steps("frontends/count")],
            "`frontends.count` and `frontends.names` are both given".to_owned(),
            Some("give one of them: the names say how many there are"),
        );
    }
    if frontends.count == Some(0) {
        check.refuse("frontends/count", "`frontends.count` must be at least 1", None);
    }
    let Some(names) = &frontends.names else { return };
    if names.is_empty() {
        check.refuse("frontends/names", "`frontends.names` is empty", None);
    }
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let path = format!("frontends/names/{index}");
        if !is_subdomain(name) {
            let message = format!("`{name}` is no name that Kubernetes takes");
            check.refuse(&path, message, Some(SUBDOMAIN));
        } else if !seen.insert(name) {
            check.refuse(&path, format!("the frontend `{name}` is given twice"), None);
        }
    }
}

fn farmers(check: &mut Check<'_>, inputs: &Inputs) {
    let farmers = &inputs.farmers;
    if farmers.initial == 0 {
        check.refuse("farmers/initial", "`farmers.initial` must be at least 1", None);
    }
    let mut ordered = |low: (&str, u32), high: (&str, u32)| {
        if low.1 > high.1 {
            check.refuse_all(
                &[&steps(&format!("farmers/{}", low.0)), &steps(&format!("farmers/{}", high.0))],
                format!(
                    "`farmers.{}` ({}) is more than `farmers.{}` ({})",
                    low.0, low.1, high.0, high.1
                ),
                Some("it must be `initial` ≤ `count` ≤ `max`, and `tolerate` ≤ `count`"),
            );
        }
    };
    let count = ("count", farmers.count);
    ordered(("initial", farmers.initial), count);
    ordered(count, ("max", farmers.max));
    ordered(("tolerate", farmers.tolerate), count);
}

fn node(check: &mut Check<'_>, key: &str, resources: &Resources, storage: &Quantity) {
    if storage.value() <= 0.0 {
        let message = format!("`{key}.storage` must be more than nothing");
        check.refuse(&format!("{key}/storage"), message, None);
    }
    for (list, quantities) in [("requests", &resources.requests), ("limits", &resources.limits)] {
        resource_names(check, key, list, quantities);
    }
    for (name, request) in &resources.requests {
        let Some(limit) = resources.limits.get(name) else { continue };
        // What differs by less is the same number, written another way.
        const NOISE: f64 = 1e-9;
        if request.value() > limit.value() * (1.0 + NOISE) {
            let path = |list: &str| {
                let mut path = steps(&format!("{key}/resources/{list}"));
                path.push(name.clone());
                path
            };
            let message = format!(
                "`{key}` requests {} of `{name}`, more than its limit of {}",
                request.0, limit.0
            );
            check.refuse_all(&[&path("requests"), &path("limits")], message, None);
        }
    }
}

/// Kubernetes refuses a resource it doesn't know, unless its name has a domain (`nvidia.com/gpu`).
fn resource_names(
    check: &mut Check<'_>,
    key: &str,
    list: &str,
    quantities: &BTreeMap<String, Quantity>,
) {
    const KNOWN: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
    for name in quantities.keys() {
        if name.contains('/') || name.starts_with("hugepages-") || KNOWN.contains(&name.as_str()) {
            continue;
        }
        let mut path = steps(&format!("{key}/resources/{list}"));
        path.push(name.clone());
        let hint = match nearest(name, KNOWN.into_iter()).first() {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                "known here: `cpu`, `memory`, `ephemeral-storage`, `hugepages-…`, and names with \
                     a domain such as `nvidia.com/gpu`"
                    .to_owned()
            }
        };
        check.refuse_all(&[&path], format!("unknown resource `{name}`"), Some(&hint));
    }
}
