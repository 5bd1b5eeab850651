//! Kubernetes objects as they stand in files: read the way Kubernetes reads them, with their digest.
pub mod spec;

use std::cell::RefCell;
use std::collections::VecDeque;

use serde::Deserialize as _;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::run::deployment::Wanted;
use spec::Template;

/// The annotation that carries an object's digest.
pub const DIGEST: &str = "dcr-gitops/digest";

/// One object of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Object(pub Value);

/// How many texts are remembered, and how long they may be (bytes). To render the steps of a run, to carry them
/// forward, to check and to compare them, each of some ten short files is read several times.
const REMEMBERED: usize = 16;
const LONGEST_REMEMBERED: usize = 64 * 1024;

thread_local! {
    /// What was made of the texts that were asked for last, the oldest first.
    static READ: RefCell<VecDeque<(String, Vec<Object>)>> = const { RefCell::new(VecDeque::new()) };
}

/// Reads all documents of a YAML file; empty ones are left out. Values are what YAML 1.1, as Kubernetes
/// tools read it, makes of them.
pub fn objects(text: &str) -> Result<Vec<Object>, serde_yaml::Error> {
    let known = READ.with_borrow_mut(|read| read.remove(read.iter().position(|it| it.0 == text)?));
    let (text, objects) = match known {
        Some(known) => known,
        None => (text.to_owned(), parsed(text)?),
    };
    if text.len() <= LONGEST_REMEMBERED {
        READ.with_borrow_mut(|read| {
            read.drain(..(read.len() + 1).saturating_sub(REMEMBERED));
            read.push_back((text, objects.clone()));
        });
    }
    Ok(objects)
}

fn parsed(text: &str) -> Result<Vec<Object>, serde_yaml::Error> {
    let as_kubernetes_sees_it = serde_yaml::options! { legacy_octal_numbers: true, };
    let documents: Vec<Value> =
        serde_yaml::from_multiple_with_options(text, as_kubernetes_sees_it)?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).map(Object).collect())
}

/// Whether a key with this value might as well not be there.
pub fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Object {
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// The digest the object carries, if it does.
    pub fn carried_digest(&self) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(DIGEST)?.as_str()
    }

    /// SHA-256, in lower-case hex, over the object as compact JSON with sorted keys and without
    /// `metadata.annotations` (which hold nothing but the digest): what
    /// `jq -cSj 'del(.metadata.annotations)' | sha256sum` prints.
    pub fn digest(&self) -> String {
        let mut bare = self.0.clone();
        if let Some(metadata) = bare.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("annotations");
        }
        bare.sort_all_objects();
        format!("{:x}", Sha256::digest(bare.to_string()))
    }

    /// Whether the object is exactly as it was rendered: its digest is right and its only annotation.
    pub fn is_as_rendered(&self) -> bool {
        let annotations = self.0.pointer("/metadata/annotations").and_then(Value::as_object);
        annotations.is_some_and(|annotations| annotations.len() == 1)
            && self.carried_digest() == Some(self.digest().as_str())
    }

    /// What the base branch wants, if this object stands in `file` on it.
    pub fn wanted(&self, file: &str) -> Wanted {
        Wanted {
            kind: self.kind().to_owned(),
            name: self.name().to_owned(),
            file: file.to_owned(),
            digest: self.carried_digest().unwrap_or_default().to_owned(),
            replicas: self
                .0
                .pointer("/spec/replicas")
                .and_then(Value::as_u64)
                .and_then(|n| u32::try_from(n).ok()),
            images: self.images(),
            settings: spec::settings(self.kind(), &self.0["spec"]),
        }
    }

    fn images(&self) -> Vec<String> {
        let template = self.0.pointer("/spec/template");
        let template = template.and_then(|template| Template::deserialize(template).ok());
        template.unwrap_or_default().images()
    }

    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}
