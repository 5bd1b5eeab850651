//! Collects what is wrong with one object, field by field.
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::typed;

/// The labels that something has to carry, or is selected by.
pub(super) type Labels = BTreeMap<&'static str, String>;

/// What is wrong with one object: the field and why.
pub(super) struct Flaw {
    pub field: String,
    pub message: String,
    pub hint: Option<String>,
}

/// All that is wrong with one object.
#[derive(Default)]
pub(super) struct Flaws {
    pub found: Vec<Flaw>,
}

impl Flaws {
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        self.found.push(Flaw { field: field.to_owned(), message: message.into(), hint: None });
    }

    pub fn typed<T: DeserializeOwned>(&mut self, object: &Value) -> Option<T> {
        let misfits = match typed::read(object) {
            Ok(read) => return Some(read),
            Err(misfits) => misfits,
        };
        self.found.extend(misfits.into_iter().map(|misfit| Flaw {
            field: misfit.path,
            message: misfit.message,
            hint: misfit.hint.map(str::to_owned),
        }));
        None
    }

    pub fn check(&mut self, field: &str, checked: Result<(), String>) {
        if let Err(message) = checked {
            self.add(field, message);
        }
    }

    pub fn equal(&mut self, field: &str, found: Option<&str>, expected: &str) {
        if found != Some(expected) {
            let found = found.map_or("missing".to_owned(), |found| format!("`{found}`"));
            self.add(field, format!("is {found}, expected `{expected}`"));
        }
    }

    pub fn carries(
        &mut self,
        field: &str,
        found: Option<&BTreeMap<String, String>>,
        labels: &Labels,
    ) {
        for (key, value) in labels {
            let found = found.and_then(|found| found.get(*key)).map(String::as_str);
            self.equal(&format!("{field}.metadata.labels[\"{key}\"]"), found, value);
        }
    }

    pub fn selects(&mut self, field: &str, found: &LabelSelector, selector: &Labels) {
        self.same(&format!("{field}.matchLabels"), found.match_labels.as_ref(), selector);
        if found.match_expressions.as_ref().is_some_and(|list| !list.is_empty()) {
            self.add(&format!("{field}.matchExpressions"), "must not be set");
        }
    }

    pub fn same(&mut self, field: &str, found: Option<&BTreeMap<String, String>>, labels: &Labels) {
        let same = found.is_some_and(|found| {
            found.len() == labels.len()
                && labels.iter().all(|(key, value)| found.get(*key) == Some(value))
        });
        if !same {
            let labels: Vec<String> =
                labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            self.add(field, format!("expected exactly {}", labels.join(", ")));
        }
    }
}
