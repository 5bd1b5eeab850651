//! What a change does to each object, or to the file where it holds none that has a name.
use super::{Change, FileChange, Problem, RenderError};
use crate::manifest::{Object, objects};

/// One object, or one file, that a change adds, changes or removes.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Of the file, relative to the repo.
    pub path: String,
    /// `StatefulSet system6-dcr-farmer`, or the path of the file.
    pub name: String,
    pub before: Option<Content>,
    pub after: Option<Content>,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Object(Object),
    Text(String),
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Added,
    Changed,
    Removed,
}

impl Fate {
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Added => "Added",
            Fate::Changed => "Changed",
            Fate::Removed => "Removed",
        }
    }
}

impl Difference {
    pub fn fate(&self) -> Fate {
        match (&self.before, &self.after) {
            (None, _) => Fate::Added,
            (Some(_), Some(_)) => Fate::Changed,
            (Some(_), None) => Fate::Removed,
        }
    }

    /// From how many replicas to how many, where that changes.
    pub fn replicas(&self) -> Option<(u64, u64)> {
        let replicas = |content: &Option<Content>| match content {
            Some(Content::Object(object)) => object.0.pointer("/spec/replicas")?.as_u64(),
            _ => None,
        };
        let (old, new) = (replicas(&self.before)?, replicas(&self.after)?);
        (old != new).then_some((old, new))
    }
}

/// All that a change does, in the order of its files.
///
/// # Errors
/// A manifest can't be read: what it changes is then not known, which isn't nothing.
pub fn differences(change: &Change) -> Result<Vec<Difference>, RenderError> {
    let mut all = Vec::new();
    for file in &change.files {
        all.extend(of_file(file)?);
    }
    Ok(all)
}

fn of_file(file: &FileChange) -> Result<Vec<Difference>, RenderError> {
    let read = |text: &Option<String>| match text {
        Some(text) if is_yaml(&file.path) => objects(text).map_err(|error| {
            RenderError::from(Problem::new(file.path.clone(), format!("can't be read: {error}")))
        }),
        _ => Ok(Vec::new()),
    };
    let (before, after) = (read(&file.before)?, read(&file.after)?);
    let unnamed = |objects: &[Object]| objects.iter().any(|object| object.name().is_empty());
    let difference =
        |name: String, before, after| Difference { path: file.path.clone(), name, before, after };
    if before.is_empty() && after.is_empty() || unnamed(&before) || unnamed(&after) {
        let content = |text: &Option<String>, mut objects: Vec<Object>| {
            let text = Content::Text(text.clone()?);
            let only = objects.pop().filter(|_| objects.is_empty());
            Some(only.map_or(text, Content::Object))
        };
        let (before, after) = (content(&file.before, before), content(&file.after, after));
        return Ok(vec![difference(file.path.clone(), before, after)]);
    }
    let same =
        |one: &Object, other: &Object| (one.kind(), one.name()) == (other.kind(), other.name());
    let name = |object: &Object| format!("{} {}", object.kind(), object.name());
    let object = |object: &Object| Some(Content::Object(object.clone()));
    let mut found = Vec::new();
    for new in &after {
        let old = before.iter().find(|old| same(old, new));
        if old != Some(new) {
            found.push(difference(name(new), old.and_then(object), object(new)));
        }
    }
    for old in before.iter().filter(|old| !after.iter().any(|new| same(old, new))) {
        found.push(difference(name(old), object(old), None));
    }
    Ok(found)
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}
