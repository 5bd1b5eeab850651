//! The outputs of a step (`GITHUB_OUTPUT`): the fields of the JSON line, in kebab-case.
//!
//! - Of a single system: every field of its line; an absent fact is empty, a list or an object is JSON.
//! - `systems` is always a JSON array of all lines, the weightiest first (halted, waiting, proposed, at rest),
//!   and `systems-left-out` says how many didn't fit into what GitHub keeps.
//! - `decision` is always there: of several systems the weightiest.
//! - `exit-code` is what the program ends with, for a step that is allowed to fail.
use serde_json::{Map, Value};

use super::super::json::Line;

/// GitHub keeps 1 MiB of a job's outputs, in UTF-16. This leaves half of it to the job's other steps.
const MOST_SYSTEMS: usize = 250_000;

/// Of one text, in characters.
const LONGEST_TEXT: usize = 10_000;

/// All outputs, in the order they are written. `lines`: the weightiest first.
pub fn outputs(lines: &[&Line], code: u8) -> Vec<(String, String)> {
    let mut outputs = Vec::new();
    let lines: Vec<Map<String, Value>> = lines.iter().filter_map(|line| fields(line)).collect();
    if let [line] = lines.as_slice() {
        outputs.extend(line.iter().map(|(key, value)| (kebab(key), text(value))));
    } else if let Some(decision) = lines.first().and_then(|line| line.get("decision")) {
        outputs.push(("decision".to_owned(), text(decision)));
    }
    let (systems, left_out) = array(&lines);
    outputs.push(("systems".to_owned(), systems));
    outputs.push(("systems-left-out".to_owned(), left_out.to_string()));
    outputs.push(("exit-code".to_owned(), code.to_string()));
    outputs
}

/// The outputs as the runner reads them from its file. `delimiter` must be nothing that any text could
/// foresee.
pub fn file(outputs: &[(String, String)], delimiter: &str) -> String {
    let entry =
        |(key, value): &(String, String)| format!("{key}<<{delimiter}\n{value}\n{delimiter}\n");
    outputs.iter().map(entry).collect()
}

/// What was observed is left out: it is for replaying, and long.
fn fields(line: &Line) -> Option<Map<String, Value>> {
    let line = Line { observed: None, ..line.clone() };
    match serde_json::to_value(&line) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

fn array(lines: &[Map<String, Value>]) -> (String, usize) {
    let mut fitting = Vec::new();
    let mut length = 2;
    for line in lines {
        let text = Value::Object(line.clone()).to_string();
        length += text.encode_utf16().count() + 1;
        if length > MOST_SYSTEMS {
            break;
        }
        fitting.push(text);
    }
    (format!("[{}]", fitting.join(",")), lines.len() - fitting.len())
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.chars().take(LONGEST_TEXT).collect(),
        other => other.to_string(),
    }
}

/// `pullRequest` → `pull-request`.
fn kebab(key: &str) -> String {
    key.chars().fold(String::new(), |mut name, c| {
        if c.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
        name
    })
}
