//! A YAML text as a tree in which every key and value knows where it stands.
use std::collections::{HashMap, hash_map};
use std::fmt;
use std::ops::Range;

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

/// A text that was read.
pub(super) struct Reading {
    pub tree: Node,
    /// What is wrong and leaves it readable: repeated keys, of which the first counts.
    pub faults: Vec<Fault>,
    /// The bytes of all scalars below a key at the top that holds secrets.
    pub hidden: Vec<Range<usize>>,
}

/// The keys at the top whose values are shown to nobody.
const SECRET: [&str; 1] = ["heartbeat"];

/// Reads a text that holds one mapping; as an error the one fault that leaves it unreadable.
pub(super) fn read(layer: Layer, text: &str) -> Result<Reading, Box<Fault>> {
    let mut reader =
        Reader { layer, text, faults: Vec::new(), hidden: Vec::new(), depth: 0, secret: false };
    let tree = match serde_yaml::from_str_with_options::<Raw>(text, options()) {
        Ok(raw) => reader.resolve(raw),
        Err(error) if matches!(error.without_snippet(), serde_yaml::Error::Eof { .. }) => {
            Node::empty(layer)
        }
        Err(error) => return Err(Box::new(syntax(layer, text, &error))),
    };
    let tree = match tree.content {
        Content::Map(_) => tree,
        Content::Null => Node::empty(layer),
        _ => {
            let fault = Fault::new("the file must be a mapping: `key: value` lines");
            return Err(Box::new(fault.located(tree.origin)));
        }
    };
    Ok(Reading { tree, faults: reader.faults, hidden: reader.hidden })
}

fn syntax(layer: Layer, text: &str, error: &serde_yaml::Error) -> Fault {
    let origin = error.location().map_or(Origin::nowhere(layer), |at| Origin::of(layer, text, at));
    // The place is shown with the line; serde-saphyr also writes it into its message.
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or_default();
    let fault = if matches!(error.without_snippet(), serde_yaml::Error::MultipleDocuments { .. }) {
        Fault::new("there is more than one YAML document")
            .hint("one file holds one document: remove `---` and what follows it")
    } else if message.starts_with("budget breached") || message.ends_with("limit exceeded") {
        Fault::new("the file is too large, or nested too deep")
    } else {
        Fault::new(format!("this is no valid YAML: {message}"))
    };
    fault.located(origin)
}

/// A value as it was read, its place still in the words of the YAML reader.
struct Raw(Spanned<RawContent>);

enum RawContent {
    Scalar(Content),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

/// Turns what was read into a tree.
struct Reader<'a> {
    layer: Layer,
    text: &'a str,
    faults: Vec<Fault>,
    hidden: Vec<Range<usize>>,
    /// In how many mappings and lists.
    depth: usize,
    /// Below one of the [`SECRET`] keys.
    secret: bool,
}

impl Reader<'_> {
    fn resolve(&mut self, Raw(raw): Raw) -> Node {
        let origin = Origin::of(self.layer, self.text, raw.defined);
        self.depth += 1;
        let content = match raw.value {
            RawContent::Scalar(content) => {
                if self.secret {
                    self.hidden.push(origin.range());
                }
                content
            }
            RawContent::List(items) => {
                Content::List(items.into_iter().map(|item| self.resolve(item)).collect())
            }
            RawContent::Map(pairs) => Content::Map(self.entries(pairs)),
        };
        self.depth -= 1;
        Node { origin, content }
    }

    /// The pairs of a mapping, the first of each key.
    fn entries(&mut self, pairs: Vec<(Spanned<String>, Raw)>) -> Vec<Entry> {
        let mut lines = HashMap::with_capacity(pairs.len());
        let mut entries = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let key_origin = Origin::of(self.layer, self.text, key.defined);
            if self.depth == 1 {
                self.secret = SECRET.contains(&key.value.as_str());
            }
            let node = self.resolve(value);
            match lines.entry(key.value.clone()) {
                hash_map::Entry::Occupied(first) => self.faults.push(
                    Fault::new(format!("`{}` is given twice", key.value))
                        .hint(format!("it stands in line {} already", first.get()))
                        .located(key_origin),
                ),
                hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(key.defined.line());
                    entries.push(Entry { key: key.value, key_origin, node });
                }
            }
        }
        entries
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

    fn child_mut(&mut self, step: &str) -> Option<&mut Node> {
        match &mut self.content {
            Content::List(items) => items.get_mut(step.parse::<usize>().ok()?),
            Content::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == step).map(|entry| &mut entry.node)
            }
            _ => None,
        }
    }

    fn find_mut(&mut self, path: &[String]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, step| node.child_mut(step))
    }

    /// Takes the value at `path` out; false if there is none. A list keeps its length, so that the rest
    /// of it stays where it was: a stub takes the place.
    pub fn remove(&mut self, path: &[String]) -> bool {
        let Some((last, parents)) = path.split_last() else { return false };
        let Some(parent) = self.find_mut(parents) else { return false };
        if let Content::Map(entries) = &mut parent.content {
            let before = entries.len();
            entries.retain(|entry| entry.key != *last);
            return entries.len() < before;
        }
        match parent.child_mut(last) {
            Some(item) if !matches!(item.content, Content::Stub) => {
                item.content = Content::Stub;
                true
            }
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
