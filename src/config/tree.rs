//! A YAML text as a tree in which every key and value knows where it stands.
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_yaml::Spanned;

use super::fault::Fault;
use super::place::{Layer, Origin};

/// One value, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub origin: Origin,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Stands for a required value that is missing or wrong, so that what else is wrong is found too.
    Stub,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    pub key_origin: Origin,
    pub node: Node,
}

/// Our files are read as YAML 1.2: `no` is a word, `0755` and `1_000` are texts. Repeated keys come
/// through, because they are reported together with all the rest.
fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        duplicate_keys: serde_yaml::DuplicateKeyPolicy::PassThrough,
        budget: serde_yaml::budget! { max_nodes: 50_000, max_depth: 48 },
    }
}

/// Reads a text that holds one mapping. Beside the tree come the faults that leave it readable
/// (repeated keys: the first one counts); as an error the one that doesn't.
pub(super) fn read(layer: Layer, text: &str) -> Result<(Node, Vec<Fault>), Box<Fault>> {
    let raw: Raw = match serde_yaml::from_str_with_options(text, options()) {
        Ok(raw) => raw,
        Err(error) if matches!(error.without_snippet(), serde_yaml::Error::Eof { .. }) => {
            return Ok((Node::empty(layer), Vec::new()));
        }
        Err(error) => return Err(Box::new(syntax(layer, text, &error))),
    };
    let mut faults = Vec::new();
    let node = raw.resolve(layer, text, &mut faults);
    match node.content {
        Content::Map(_) => Ok((node, faults)),
        Content::Null => Ok((Node::empty(layer), faults)),
        _ => Err(Box::new(
            Fault::new("the file must be a mapping: `key: value` lines").located(node.origin),
        )),
    }
}

fn syntax(layer: Layer, text: &str, error: &serde_yaml::Error) -> Fault {
    let origin = error.location().map_or(Origin::nowhere(layer), |at| Origin::of(layer, text, at));
    let fault = match error.without_snippet() {
        serde_yaml::Error::MultipleDocuments { .. } => {
            Fault::new("there is more than one YAML document")
                .hint("one file holds one document: remove `---` and what follows it")
        }
        serde_yaml::Error::Budget { .. } => Fault::new("the file is too large or nested too deep"),
        _ => Fault::new(format!("this is no valid YAML: {}", first_line(error))),
    };
    fault.located(origin)
}

/// What is wrong, without the snippet that serde-saphyr prints with it.
fn first_line(error: &serde_yaml::Error) -> String {
    let text = error.without_snippet().to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

/// A value as it was read, its place still in the words of the YAML reader.
struct Raw(Spanned<RawContent>);

enum RawContent {
    Scalar(Content),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl Raw {
    fn resolve(self, layer: Layer, text: &str, faults: &mut Vec<Fault>) -> Node {
        let origin = Origin::of(layer, text, self.0.defined);
        let content = match self.0.value {
            RawContent::Scalar(content) => content,
            RawContent::List(items) => Content::List(
                items.into_iter().map(|item| item.resolve(layer, text, faults)).collect(),
            ),
            RawContent::Map(pairs) => {
                let mut first = std::collections::HashMap::with_capacity(pairs.len());
                let mut entries = Vec::with_capacity(pairs.len());
                for (key, value) in pairs {
                    let key_origin = Origin::of(layer, text, key.defined);
                    let node = value.resolve(layer, text, faults);
                    let line = key.defined.line();
                    if let Some(before) = first.get(&key.value) {
                        faults.push(
                            Fault::new(format!("`{}` is given twice", key.value))
                                .hint(format!("it stands in line {before} already"))
                                .located(key_origin),
                        );
                    } else {
                        first.insert(key.value.clone(), line);
                        entries.push(Entry { key: key.value, key_origin, node });
                    }
                }
                Content::Map(entries)
            }
        };
        Node { origin, content }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyContent)
    }
}

struct AnyContent;

impl<'de> Visitor<'de> for AnyContent {
    type Value = RawContent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E: de::Error>(self) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(Content::Null))
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(Content::Bool(value)))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(Content::Number(value.into())))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(Content::Number(value.into())))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawContent, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(RawContent::Scalar(Content::Number(number)))
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(Content::Text(value.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawContent, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawContent::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<RawContent, A::Error> {
        let mut map = Vec::new();
        while let Some(pair) = pairs.next_entry()? {
            map.push(pair);
        }
        Ok(RawContent::Map(map))
    }
}

impl Node {
    pub fn empty(layer: Layer) -> Self {
        Node { origin: Origin::nowhere(layer), content: Content::Map(Vec::new()) }
    }

    /// A value of the program itself.
    pub fn builtin(value: Value) -> Self {
        let content = match value {
            Value::Null => Content::Null,
            Value::Bool(value) => Content::Bool(value),
            Value::Number(value) => Content::Number(value),
            Value::String(value) => Content::Text(value),
            Value::Array(items) => Content::List(items.into_iter().map(Node::builtin).collect()),
            Value::Object(map) => Content::Map(
                map.into_iter()
                    .map(|(key, value)| Entry {
                        key,
                        key_origin: Origin::nowhere(Layer::Builtin),
                        node: Node::builtin(value),
                    })
                    .collect(),
            ),
        };
        Node { origin: Origin::nowhere(Layer::Builtin), content }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub fn child(&self, step: &str) -> Option<&Node> {
        match &self.content {
            Content::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => self.entry(step).map(|entry| &entry.node),
        }
    }

    pub fn find(&self, path: &[String]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| node.child(step))
    }

    fn find_mut(&mut self, path: &[String]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, step| match &mut node.content {
            Content::List(items) => items.get_mut(step.parse::<usize>().ok()?),
            Content::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == *step).map(|entry| &mut entry.node)
            }
            _ => None,
        })
    }

    /// Takes the value at `path` out; false if there is none.
    pub fn remove(&mut self, path: &[String]) -> bool {
        let Some((last, parents)) = path.split_last() else { return false };
        match self.find_mut(parents).map(|parent| &mut parent.content) {
            Some(Content::Map(entries)) => {
                let before = entries.len();
                entries.retain(|entry| entry.key != *last);
                entries.len() < before
            }
            Some(Content::List(items)) => match last.parse::<usize>() {
                Ok(index) if index < items.len() => {
                    items.remove(index);
                    true
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Puts a [`Content::Stub`] at `path`; false if nothing can stand there.
    pub fn stub(&mut self, path: &[String]) -> bool {
        let Some((last, parents)) = path.split_last() else { return false };
        let Some(parent) = self.find_mut(parents) else { return false };
        if matches!(parent.content, Content::Stub) {
            parent.content = Content::Map(Vec::new());
        }
        let Content::Map(entries) = &mut parent.content else { return false };
        let origin = Origin::nowhere(parent.origin.layer);
        let node = Node { origin, content: Content::Stub };
        entries.push(Entry { key: last.clone(), key_origin: origin, node });
        true
    }

    /// This value under `upper`: mappings merge key by key, everything else is replaced, by `null` too.
    pub fn under(self, upper: Node) -> Node {
        let (lower, upper_entries) = match (self.content, upper.content) {
            (Content::Map(lower), Content::Map(upper)) => (lower, upper),
            (_, content) => return Node { origin: upper.origin, content },
        };
        let mut merged = lower;
        for entry in upper_entries {
            match merged.iter_mut().find(|below| below.key == entry.key) {
                Some(below) => {
                    let lower = std::mem::replace(&mut below.node, Node::empty(Layer::Builtin));
                    below.node = lower.under(entry.node);
                    below.key_origin = entry.key_origin;
                }
                None => merged.push(entry),
            }
        }
        Node { origin: upper.origin, content: Content::Map(merged) }
    }
}
