//! What doesn't fit, in the words of the person who wrote it: the errors of deserialising a tree.
use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::names::nearest;
use super::place::Origin;

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// From the root of the tree to the value.
    pub path: Vec<String>,
    pub origin: Option<Origin>,
    pub what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Missing(&'static str),
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    /// About the value at the path: `message` begins after its name, e.g. `must be text`.
    Unfit {
        message: String,
        hint: Option<String>,
    },
    /// A whole sentence.
    Wrong {
        message: String,
        hint: Option<String>,
    },
}

impl Fault {
    fn from_what(what: What) -> Self {
        Fault { path: Vec::new(), origin: None, what }
    }

    /// A whole sentence about a place in the tree.
    pub fn new(message: impl Into<String>) -> Self {
        Fault::from_what(What::Wrong { message: message.into(), hint: None })
    }

    fn unfit(message: impl Into<String>, hint: Option<String>) -> Self {
        Fault::from_what(What::Unfit { message: message.into(), hint })
    }

    pub fn hint(mut self, text: impl Into<String>) -> Self {
        if let What::Unfit { hint, .. } | What::Wrong { hint, .. } = &mut self.what {
            *hint = Some(text.into());
        }
        self
    }

    /// Stands at `origin`, unless it is known better already.
    pub fn located(mut self, origin: Origin) -> Self {
        self.origin.get_or_insert(origin);
        self
    }

    /// The same, seen from one level up.
    pub fn below(mut self, step: &str) -> Self {
        self.path.insert(0, step.to_owned());
        self
    }

    /// Message and hint.
    pub fn describe(&self) -> (String, Option<String>) {
        match &self.what {
            What::Missing(key) => {
                let mut path = self.path.clone();
                path.push((*key).to_owned());
                (format!("`{}` is missing", dotted(&path)), None)
            }
            What::UnknownKey { key, known } => {
                (format!("unknown key `{key}`"), one_of(key, known.iter().copied()))
            }
            What::Unfit { message, hint } if self.path.is_empty() => {
                (format!("the file {message}"), hint.clone())
            }
            What::Unfit { message, hint } => {
                (format!("`{}` {message}", dotted(&self.path)), hint.clone())
            }
            What::Wrong { message, hint } => (message.clone(), hint.clone()),
        }
    }
}

/// A hint with the known word that is meant, or else with all of them.
fn one_of<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(meant) = nearest(word, known.clone()).first() {
        return Some(format!("did you mean `{meant}`?"));
    }
    let all: Vec<String> = known.map(|word| format!("`{word}`")).collect();
    (!all.is_empty()).then(|| format!("known here: {}", all.join(", ")))
}

/// `admin.trigger.path`, `frontends.names[1]`.
pub(super) fn dotted(path: &[String]) -> String {
    let mut text = String::new();
    for step in path {
        if !text.is_empty() && step.bytes().all(|b| b.is_ascii_digit()) {
            text.push_str(&format!("[{step}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(step);
        }
    }
    text
}

/// serde's words for a type, in those of YAML.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        other if other.starts_with("struct ") => "a mapping".to_owned(),
        other if other.starts_with("enum ") => "a word".to_owned(),
        _ => text,
    }
}

/// A text is never repeated: it may be one that nobody should see.
fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(_) => "text".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        _ => "something else".to_owned(),
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe().0)
    }
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Fault::unfit(message.to_string(), None)
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let wanted = wanted(expected);
        let hint = match unexpected {
            Unexpected::Unit => {
                let hint = Some("give it a value, or leave the key out".to_owned());
                return Fault::unfit(format!("is empty, but must be {wanted}"), hint);
            }
            Unexpected::Str(text) if wanted.contains("number") && text.parse::<u32>().is_ok() => {
                Some("write it without quotes".to_owned())
            }
            Unexpected::Unsigned(_)
            | Unexpected::Signed(_)
            | Unexpected::Float(_)
            | Unexpected::Bool(_)
                if wanted == "text" =>
            {
                Some("put it in quotes".to_owned())
            }
            _ => None,
        };
        Fault::unfit(format!("must be {wanted}, not {}", found(unexpected)), hint)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Fault::unfit(format!("must be {}, not {}", wanted(expected), found(unexpected)), None)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Fault::unfit(format!("can't be `{variant}`"), one_of(variant, expected.iter().copied()))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Fault::from_what(What::UnknownKey { key: field.to_owned(), known: expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Fault::from_what(What::Missing(field))
    }
}
