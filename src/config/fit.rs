//! Fits a tree to a type, and tells everything that doesn't fit, not only the first.
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::fault::{Fault, What};
use super::tree::{Content, Entry, Node};

/// A file that needs more isn't one that a person wrote; each round costs reading it once.
const ROUNDS: usize = 100;

/// What came of fitting.
pub(super) struct Fitted<T> {
    /// The value, as far as it fits: what doesn't is left out or stubbed.
    pub value: Option<T>,
    /// The tree the value was read from.
    pub tree: Node,
    pub faults: Vec<Fault>,
    /// What was left out or stubbed: nothing more can be said about these.
    pub unsure: Vec<Vec<String>>,
}

/// Fits `tree` to `T`. What doesn't fit is noted and taken out, then the rest is tried again. What only
/// follows from that isn't told.
pub(super) fn fit<T: DeserializeOwned>(mut tree: Node) -> Fitted<T> {
    let (mut faults, mut unsure) = (Vec::new(), Vec::<Vec<String>>::new());
    let mut value = None;
    for _ in 0..ROUNDS {
        let fault = match T::deserialize(&tree) {
            Ok(fits) => {
                value = Some(fits);
                break;
            }
            Err(fault) => fault.located(tree.origin),
        };
        let mut path = fault.path.clone();
        let (follows, went_on) = if let What::Missing(key) = fault.what {
            path.push(key.to_owned());
            (unsure.iter().any(|unsure| path.starts_with(unsure)), tree.stub(&path))
        } else {
            let follows = unsure.iter().any(|unsure| unsure.starts_with(&path));
            if follows {
                path.pop();
            }
            (follows, tree.remove(&path))
        };
        unsure.push(path);
        if !follows {
            faults.push(fault);
        }
        if !went_on {
            break;
        }
    }
    Fitted { value, tree, faults, unsure }
}

impl<'de> Deserializer<'de> for &Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(value) => visitor.visit_bool(*value),
            Content::Number(number) => {
                if let Some(value) = number.as_u64() {
                    visitor.visit_u64(value)
                } else if let Some(value) = number.as_i64() {
                    visitor.visit_i64(value)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            Content::Text(text) => visitor.visit_str(text),
            Content::List(items) => visitor.visit_seq(Items { rest: items.iter().enumerate() }),
            Content::Map(entries) => visitor.visit_map(Pairs { rest: entries.iter(), at: None }),
            Content::Stub => Err(Fault::custom("is missing")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.content {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.content {
            Content::Text(word) => {
                let word: StrDeserializer<'_, Fault> = word.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            Content::Null => Err(Fault::invalid_type(Unexpected::Unit, &"a word")),
            Content::Bool(value) => Err(Fault::invalid_type(Unexpected::Bool(*value), &"text")),
            Content::List(_) => Err(Fault::invalid_type(Unexpected::Seq, &"a word")),
            Content::Map(_) => Err(Fault::invalid_type(Unexpected::Map, &"a word")),
            Content::Number(_) | Content::Stub => Err(Fault::custom("must be a word")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.content {
            Content::Stub => visitor.visit_str(""),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.content {
            Content::Stub => visitor.visit_map(Pairs { rest: [].iter(), at: None }),
            // A derived struct would take a list for its fields in their order.
            Content::List(_) => Err(Fault::invalid_type(Unexpected::Seq, &"a mapping")),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'a> {
    rest: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((index, node)) = self.rest.next() else { return Ok(None) };
        let place = |fault: Fault| fault.located(node.origin).below(&index.to_string());
        seed.deserialize(node).map(Some).map_err(place)
    }
}

struct Pairs<'a> {
    rest: std::slice::Iter<'a, Entry>,
    at: Option<&'a Entry>,
}

impl<'de> MapAccess<'de> for Pairs<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.at = self.rest.next();
        let Some(entry) = self.at else { return Ok(None) };
        let key: StrDeserializer<'_, Fault> = entry.key.as_str().into_deserializer();
        let place = |fault: Fault| fault.located(entry.key_origin).below(&entry.key);
        seed.deserialize(key).map(Some).map_err(place)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(entry) = self.at else {
            return Err(de::Error::custom("has a value without a key"));
        };
        seed.deserialize(&entry.node).map_err(|fault| {
            // A value that isn't there has no text to point at: its key has.
            let absent = matches!(fault.what, What::Missing(_))
                || matches!(entry.node.content, Content::Null);
            let origin = if absent { entry.key_origin } else { entry.node.origin };
            fault.located(origin).below(&entry.key)
        })
    }
}
