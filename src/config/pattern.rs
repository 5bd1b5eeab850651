//! Where the inputs of systems are: the `systems` pattern, both ways, and walked one folder at a time.
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::run::SystemRef;

/// `clusters/{cluster}/{namespace}/{system}/dcr.yaml`: each capture stands once, alone or as a part of
/// its segment (`prod-{cluster}`), and never spans a `/`. The last segment is the file's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SystemsPattern {
    text: String,
    segments: Vec<Segment>,
}

/// Why a text is no pattern; reads on from its name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct BadPattern(String);

/// What is known of a system: from its name as asked for, or from the folders walked so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub cluster: Option<String>,
    pub namespace: Option<String>,
    pub system: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    prefix: String,
    capture: Option<Capture>,
    suffix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Capture {
    Cluster,
    Namespace,
    System,
}

impl SystemsPattern {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many segments a path has, the file's name included.
    pub fn depth(&self) -> usize {
        self.segments.len()
    }

    /// The system whose inputs are at `path`, relative to the repo.
    pub fn matches(&self, path: &str) -> Option<SystemRef> {
        let mut known = Known::default();
        let mut depth = 0;
        for name in path.split('/') {
            known = self.enter(depth, name, &known)?;
            depth += 1;
        }
        if depth == self.depth() { known.complete() } else { None }
    }

    /// Where the inputs of `system` are, relative to the repo.
    pub fn path_of(&self, system: &SystemRef) -> String {
        let known = Known::from(system);
        let names: Vec<String> =
            self.segments.iter().filter_map(|segment| segment.only(&known)).collect();
        names.join("/")
    }

    /// The one name at `depth` (from 0) that can lead to what is known; None: the folder has to be
    /// listed and each name in it offered to [`SystemsPattern::enter`].
    pub fn only(&self, depth: usize, known: &Known) -> Option<String> {
        self.segments.get(depth)?.only(known)
    }

    /// What is known once `name` at `depth` (from 0) was entered; None: it leads nowhere.
    pub fn enter(&self, depth: usize, name: &str, known: &Known) -> Option<Known> {
        let segment = self.segments.get(depth)?;
        let value = name.strip_prefix(&segment.prefix)?.strip_suffix(&segment.suffix)?;
        let mut known = known.clone();
        let Some(capture) = segment.capture else { return value.is_empty().then_some(known) };
        if value.is_empty() || value.contains('/') {
            return None;
        }
        let part = known.part_mut(capture);
        match part {
            Some(expected) if expected != value => None,
            _ => {
                *part = Some(value.to_owned());
                Some(known)
            }
        }
    }
}

impl Segment {
    fn only(&self, known: &Known) -> Option<String> {
        match self.capture {
            None => Some(self.prefix.clone()),
            Some(capture) => {
                let value = known.part(capture)?;
                Some(format!("{}{value}{}", self.prefix, self.suffix))
            }
        }
    }
}

impl Known {
    /// From `system6`, `tenant-105858-prod/system6` or `den/tenant-105858-prod/system6`; None if it is
    /// none of these.
    pub fn asked(name: &str) -> Option<Known> {
        let mut parts = name.rsplit('/').map(str::to_owned);
        let known = Known { system: parts.next(), namespace: parts.next(), cluster: parts.next() };
        let empty = name.split('/').any(str::is_empty);
        (!empty && parts.next().is_none()).then_some(known)
    }

    /// Whether `system` agrees with all that is known.
    pub fn fits(&self, system: &SystemRef) -> bool {
        let agrees = |part: &Option<String>, with: &str| part.as_deref().is_none_or(|p| p == with);
        agrees(&self.cluster, &system.cluster)
            && agrees(&self.namespace, &system.namespace)
            && agrees(&self.system, &system.system)
    }

    /// The system, if all of it is known.
    pub fn complete(self) -> Option<SystemRef> {
        Some(SystemRef { cluster: self.cluster?, namespace: self.namespace?, system: self.system? })
    }

    fn part(&self, capture: Capture) -> Option<&str> {
        match capture {
            Capture::Cluster => self.cluster.as_deref(),
            Capture::Namespace => self.namespace.as_deref(),
            Capture::System => self.system.as_deref(),
        }
    }

    fn part_mut(&mut self, capture: Capture) -> &mut Option<String> {
        match capture {
            Capture::Cluster => &mut self.cluster,
            Capture::Namespace => &mut self.namespace,
            Capture::System => &mut self.system,
        }
    }
}

impl From<&SystemRef> for Known {
    fn from(system: &SystemRef) -> Self {
        Known {
            cluster: Some(system.cluster.clone()),
            namespace: Some(system.namespace.clone()),
            system: Some(system.system.clone()),
        }
    }
}

impl Capture {
    const ALL: [Capture; 3] = [Capture::Cluster, Capture::Namespace, Capture::System];

    fn as_str(self) -> &'static str {
        match self {
            Capture::Cluster => "cluster",
            Capture::Namespace => "namespace",
            Capture::System => "system",
        }
    }
}

impl FromStr for SystemsPattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let segments =
            text.split('/').map(str::parse::<Segment>).collect::<Result<Vec<Segment>, _>>()?;
        for capture in Capture::ALL {
            let times = segments.iter().filter(|segment| segment.capture == Some(capture)).count();
            if times != 1 {
                let name = capture.as_str();
                return Err(BadPattern(format!("must hold `{{{name}}}` once, not {times} times")));
            }
        }
        match segments.last() {
            Some(Segment { capture: None, .. }) => {}
            _ => {
                return Err(BadPattern(
                    "must end in a file's name, e.g. `/dcr.yaml`: each system has its own folder"
                        .to_owned(),
                ));
            }
        }
        Ok(SystemsPattern { text: text.to_owned(), segments })
    }
}

impl FromStr for Segment {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        if text.is_empty() {
            return Err(BadPattern(
                "must be a path relative to the repo, without an empty folder name".to_owned(),
            ));
        }
        if matches!(text, "." | ".." | ".git") || text.contains(['\\', '\0']) {
            return Err(BadPattern(format!("can't lead through `{text}`")));
        }
        let Some((prefix, rest)) = text.split_once('{') else {
            if text.contains('}') {
                return Err(BadPattern(format!("has a `}}` without its `{{` in `{text}`")));
            }
            return Ok(Segment { prefix: text.to_owned(), capture: None, suffix: String::new() });
        };
        let Some((name, suffix)) = rest.split_once('}') else {
            return Err(BadPattern(format!("has a `{{` without its `}}` in `{text}`")));
        };
        let capture = Capture::ALL.into_iter().find(|capture| capture.as_str() == name);
        let Some(capture) = capture else {
            return Err(BadPattern(format!(
                "can't hold `{{{name}}}`: only `{{cluster}}`, `{{namespace}}` and `{{system}}`"
            )));
        };
        if suffix.contains(['{', '}']) || prefix.contains('}') {
            return Err(BadPattern(format!("can hold one capture in a folder's name: `{text}`")));
        }
        Ok(Segment { prefix: prefix.to_owned(), capture: Some(capture), suffix: suffix.to_owned() })
    }
}

impl Default for SystemsPattern {
    fn default() -> Self {
        let literal =
            |text: &str| Segment { prefix: text.to_owned(), capture: None, suffix: String::new() };
        let captured = |capture| Segment {
            prefix: String::new(),
            capture: Some(capture),
            suffix: String::new(),
        };
        SystemsPattern {
            text: "clusters/{cluster}/{namespace}/{system}/dcr.yaml".to_owned(),
            segments: vec![
                literal("clusters"),
                captured(Capture::Cluster),
                captured(Capture::Namespace),
                captured(Capture::System),
                literal("dcr.yaml"),
            ],
        }
    }
}

impl TryFrom<String> for SystemsPattern {
    type Error = BadPattern;
    fn try_from(text: String) -> Result<Self, BadPattern> {
        text.parse()
    }
}

impl From<SystemsPattern> for String {
    fn from(pattern: SystemsPattern) -> String {
        pattern.text
    }
}

impl fmt::Display for SystemsPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for SystemsPattern {
    fn schema_name() -> Cow<'static, str> {
        "SystemsPattern".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A path with `{cluster}`, `{namespace}` and `{system}`, each once.",
            "allOf": [
                { "pattern": r"^[^/].*[^/{}]$" },
                { "pattern": r"\{cluster\}" },
                { "pattern": r"\{namespace\}" },
                { "pattern": r"\{system\}" },
            ],
        })
    }
}
