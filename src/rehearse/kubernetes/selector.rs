//! Label and field selectors, as lists and watches take them.
use serde_json::Value;

use super::kind::Kind;
use super::object;
use super::refusal::Refusal;

/// Chooses objects of one kind; empty, it chooses all.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    labels: Vec<LabelRule>,
    fields: Vec<FieldRule>,
}

#[derive(Debug, Clone)]
struct LabelRule {
    key: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

#[derive(Debug, Clone)]
struct FieldRule {
    pointer: &'static str,
    value: String,
    equal: bool,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector` of a request.
    pub fn parse(kind: Kind, labels: &str, fields: &str) -> Result<Self, Refusal> {
        Ok(Self {
            labels: outside_parentheses(labels).map(label_rule).collect::<Result<_, _>>()?,
            fields: split(fields).map(|rule| field_rule(kind, rule)).collect::<Result<_, _>>()?,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub fn chooses(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|rule| rule.test.passes(labels.get(&rule.key)))
            && self
                .fields
                .iter()
                .all(|rule| (object::text(object, rule.pointer) == rule.value) == rule.equal)
    }
}

impl Test {
    /// As in Kubernetes, an object without the label passes `!=` and `notin`.
    fn passes(&self, value: Option<&Value>) -> bool {
        let is_among =
            |values: &[String]| value.is_some_and(|v| values.iter().any(|wanted| v == wanted));
        match self {
            Test::In(values) => is_among(values),
            Test::NotIn(values) => !is_among(values),
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
        }
    }
}

fn label_rule(rule: &str) -> Result<LabelRule, Refusal> {
    let set = |values: &str| {
        let inner = values.trim().strip_prefix('(').and_then(|values| values.strip_suffix(')'));
        inner
            .map(|inner| inner.split(',').map(|value| value.trim().to_owned()).collect::<Vec<_>>())
            .ok_or_else(|| {
                Refusal::bad_request(format!("found '{}', expected: '('", values.trim()))
            })
    };
    let one = |value: &str| vec![value.trim().to_owned()];
    let (key, test) = if let Some((key, value)) = rule.split_once("!=") {
        (key, Test::NotIn(one(value)))
    } else if let Some((key, value)) = rule.split_once("==").or_else(|| rule.split_once('=')) {
        (key, Test::In(one(value)))
    } else if let Some((key, values)) = rule.split_once(" notin") {
        (key, Test::NotIn(set(values)?))
    } else if let Some((key, values)) = rule.split_once(" in") {
        (key, Test::In(set(values)?))
    } else if let Some(key) = rule.strip_prefix('!') {
        (key, Test::Absent)
    } else {
        (rule, Test::Exists)
    };
    let key = key.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if key.is_empty() || !key.chars().all(is_name) {
        let found =
            if key.is_empty() { rule.trim_start_matches(char::is_alphanumeric) } else { key };
        return Err(Refusal::bad_request(format!(
            "found '{found}', expected: !, identifier, or 'end of string'"
        )));
    }
    Ok(LabelRule { key: key.to_owned(), test })
}

fn field_rule(kind: Kind, rule: &str) -> Result<FieldRule, Refusal> {
    let (name, value, equal) = if let Some((name, value)) = rule.split_once("!=") {
        (name, value, false)
    } else if let Some((name, value)) = rule.split_once("==").or_else(|| rule.split_once('=')) {
        (name, value, true)
    } else {
        return Err(Refusal::bad_request(format!(
            "invalid selector: '{rule}'; can't understand '{rule}'"
        )));
    };
    let pointer = match (kind, name) {
        (_, "metadata.name") => "/metadata/name",
        (_, "metadata.namespace") => "/metadata/namespace",
        (Kind::Pod, "status.phase") => "/status/phase",
        (Kind::Pod, "spec.nodeName") => "/spec/nodeName",
        (Kind::Event, "involvedObject.kind") => "/involvedObject/kind",
        (Kind::Event, "involvedObject.name") => "/involvedObject/name",
        (Kind::Event, "involvedObject.namespace") => "/involvedObject/namespace",
        (Kind::Event, "involvedObject.uid") => "/involvedObject/uid",
        (Kind::Event, "reason") => "/reason",
        (Kind::Event, "type") => "/type",
        _ => {
            let text = match kind {
                Kind::Pod | Kind::Event => format!("field label not supported: {name}"),
                _ => format!(
                    "\"{name}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                ),
            };
            return Err(Refusal::bad_request(text));
        }
    };
    Ok(FieldRule { pointer, value: value.to_owned(), equal })
}

fn split(rules: &str) -> impl Iterator<Item = &str> {
    rules.split(',').map(str::trim).filter(|rule| !rule.is_empty())
}

/// The rules of a label selector: split at commas, but not those within `(…)`.
fn outside_parentheses(rules: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    rules
        .split(move |c| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0
        })
        .map(str::trim)
        .filter(|rule| !rule.is_empty())
}
