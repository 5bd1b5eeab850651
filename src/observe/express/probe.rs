//! Reads an answer that says how a rebuild (or the history update, or the propagation) stands, by the
//! fields and state words of the inputs.
use std::borrow::Cow;

use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;
use thiserror::Error;

use super::LONGEST_ANSWER;
use super::excerpt::excerpt;
use crate::config::{Field, Fields, States};
use crate::run::express::{Echo, ProbeAnswer, ProbeState};

/// Why a body is no answer. It says nothing then, least of all that the node knows of no rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProbeError {
    #[error("the answer is longer than {LONGEST_ANSWER} bytes")]
    TooLong,
    #[error("the answer is no JSON document ({why}): `{beginning}`")]
    NotJson { why: String, beginning: String },
    #[error("`fields.state` isn't configured")]
    NoStateField,
    #[error("`fields.state` matches nothing in the answer `{beginning}`")]
    NoStateMatch { beginning: String },
    #[error("`fields.run` finds `{found}`, which names no run (`7`, `7-2` or `7/2`)")]
    Run { found: String },
    /// Settings that were checked before don't lead here.
    #[error("`fields.{field}` can't be used: {why}")]
    Field { field: &'static str, why: String },
}

/// Reads what `node` answered at `at`.
///
/// A missing, null or empty state means that the node knows of none. With a regular expression for it
/// the expression has to match, if need be with an empty group: an error page matches nothing, and
/// doesn't mean "none". A percentage outside 0 to 100 and an unreadable start are absent: they only serve
/// estimates, or count as evidence when present. A run that names none is an error, for it might be ours.
pub fn read(
    body: &[u8],
    fields: &Fields,
    states: &States,
    node: &str,
    at: Timestamp,
) -> Result<ProbeAnswer, ProbeError> {
    if body.len() > LONGEST_ANSWER {
        return Err(ProbeError::TooLong);
    }
    let answer = Answer::of(body, fields)?;
    let state = fields.state.as_ref().ok_or(ProbeError::NoStateField)?;
    let state = match answer.find("state", Some(state))? {
        Found::NoMatch => return Err(ProbeError::NoStateMatch { beginning: excerpt(body) }),
        Found::Nothing => ProbeState::None,
        Found::Text(word) => mapped(&word, states),
    };
    let percent = answer.find("percent", fields.percent.as_ref())?.text();
    let started_at = answer.find("startedAt", fields.started_at.as_ref())?.text();
    let run = answer.find("run", fields.run.as_ref())?.text();
    let error = answer.find("error", fields.error.as_ref())?.text();
    Ok(ProbeAnswer {
        node: node.to_owned(),
        at,
        state,
        percent: percent.and_then(|text| percentage(&text)),
        started_at: started_at.and_then(|text| moment(&text)),
        of: run.as_deref().map(echo).transpose()?.flatten(),
        error,
    })
}

fn mapped(word: &str, states: &States) -> ProbeState {
    let is = |words: &[String]| words.iter().any(|known| known.trim() == word);
    if is(&states.running) {
        ProbeState::Running
    } else if is(&states.failed) {
        ProbeState::Failed
    } else if is(&states.complete) {
        ProbeState::Complete
    } else if is(&states.not_needed) {
        ProbeState::NotNeeded
    } else {
        ProbeState::Unmapped(word.to_owned())
    }
}

fn percentage(text: &str) -> Option<f64> {
    let number: f64 = text.strip_suffix('%').unwrap_or(text).trim_end().parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}

/// RFC 3339, or seconds or milliseconds since 1970.
fn moment(text: &str) -> Option<Timestamp> {
    /// Seconds up to here reach the year 5138, milliseconds from here begin in 1973.
    const MILLISECONDS_FROM: f64 = 1e11;
    let Ok(number) = text.parse::<f64>() else {
        return text.parse().ok();
    };
    let milliseconds = if number < MILLISECONDS_FROM { number * 1_000.0 } else { number };
    // 0 and below stand for "not started", and what isn't finite for nothing.
    (milliseconds.is_finite() && milliseconds > 0.0)
        .then(|| Timestamp::from_millisecond(milliseconds as i64).ok())
        .flatten()
}

/// `7`, `7-2` or `7/2`. Runs and attempts count from 1, so `0` names none.
fn echo(text: &str) -> Result<Option<Echo>, ProbeError> {
    let unreadable = || ProbeError::Run { found: excerpt(text.as_bytes()) };
    let number = |digits: &str| {
        let digits_only = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| digits_only)
    };
    let (run, attempt) = match text.split_once(['-', '/']) {
        Some((run, attempt)) => {
            (run, Some(number(attempt).filter(|attempt| *attempt > 0).ok_or_else(unreadable)?))
        }
        None => (text, None),
    };
    match number(run).ok_or_else(unreadable)? {
        0 if attempt.is_none() => Ok(None),
        0 => Err(unreadable()),
        run => Ok(Some(Echo { run, attempt })),
    }
}

/// An answer, as far as the fields need it taken apart.
struct Answer<'a> {
    text: Cow<'a, str>,
    /// Present if a field is a JSON Pointer.
    json: Option<Value>,
}

/// What a field finds.
enum Found {
    /// Nothing there, null or empty.
    Nothing,
    /// The regular expression doesn't match at all.
    NoMatch,
    /// As text, trimmed, never empty.
    Text(String),
}

impl Found {
    fn text(self) -> Option<String> {
        match self {
            Found::Text(text) => Some(text),
            Found::Nothing | Found::NoMatch => None,
        }
    }

    fn of(text: &str) -> Found {
        match text.trim() {
            "" => Found::Nothing,
            text => Found::Text(text.to_owned()),
        }
    }
}

impl<'a> Answer<'a> {
    fn of(body: &'a [u8], fields: &Fields) -> Result<Self, ProbeError> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let Fields { state, percent, started_at, run, error } = fields;
        let pointers: Vec<&str> = [state, percent, started_at, run, error]
            .into_iter()
            .filter_map(|field| match field {
                Some(Field::Pointer(pointer)) => Some(pointer.as_str()),
                Some(Field::Regex { .. }) | None => None,
            })
            .collect();
        let not_json = |why: String| ProbeError::NotJson { why, beginning: excerpt(body) };
        let json = if pointers.is_empty() {
            None
        } else {
            let json: Value =
                serde_json::from_slice(body).map_err(|error| not_json(error.to_string()))?;
            // `null` or `"bad gateway"` holds no field at all, which is not the same as an empty one.
            let inside = pointers.iter().any(|pointer| !pointer.is_empty());
            if inside && !(json.is_object() || json.is_array()) {
                return Err(not_json("neither an object nor an array".to_owned()));
            }
            Some(json)
        };
        Ok(Answer { text: String::from_utf8_lossy(body), json })
    }

    fn find(&self, name: &'static str, field: Option<&Field>) -> Result<Found, ProbeError> {
        let unusable = |why: String| ProbeError::Field { field: name, why };
        match field {
            None => Ok(Found::Nothing),
            Some(Field::Pointer(pointer)) => {
                if !pointer.is_empty() && !pointer.starts_with('/') {
                    return Err(unusable(format!("`{pointer}` doesn't begin with `/`")));
                }
                let value = self.json.as_ref().and_then(|json| json.pointer(pointer));
                Ok(value.map_or(Found::Nothing, |value| found(name, value)))
            }
            Some(Field::Regex { regex }) => {
                let regex = Regex::new(regex).map_err(|error| unusable(error.to_string()))?;
                if regex.captures_len() != 2 {
                    return Err(unusable("it hasn't exactly one group".to_owned()));
                }
                Ok(match regex.captures(&self.text) {
                    None => Found::NoMatch,
                    Some(captures) => {
                        captures.get(1).map_or(Found::Nothing, |group| Found::of(group.as_str()))
                    }
                })
            }
        }
    }
}

fn found(name: &str, value: &Value) -> Found {
    match value {
        Value::Null => Found::Nothing,
        Value::String(text) => Found::of(text),
        // "No error" has more than one spelling.
        Value::Bool(false) if name == "error" => Found::Nothing,
        Value::Array(list) if name == "error" && list.is_empty() => Found::Nothing,
        Value::Object(map) if name == "error" && map.is_empty() => Found::Nothing,
        Value::Array(list) if name == "error" && list.iter().all(Value::is_string) => {
            let errors: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            Found::of(&errors.join("; "))
        }
        other => Found::Text(other.to_string()),
    }
}
