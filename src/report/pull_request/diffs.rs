//! The diff of each object, folded, as many of them as there is room for.
use serde_json::Value;

use crate::render::{Content, Difference, FileChange, Problem, RenderError};
use crate::report::{Style, diff, escape, redact};

/// What a note about what was cut may take.
const NOTE: usize = 1_500;

/// A diff that would be cut to less than this is left out.
const WORTH_SHOWING: usize = 2_000;

/// The diffs of all objects; those that don't fit into `room` code points are cut or left out, by name.
/// `elsewhere`: where they are whole, as a sentence.
pub fn folded(
    differences: &[Difference],
    room: usize,
    elsewhere: &str,
) -> Result<String, RenderError> {
    let mut blocks = Vec::new();
    for difference in differences {
        blocks.push((&difference.name, summary(difference)?, patch(difference)?));
    }
    let whole: String = blocks.iter().map(|(_, summary, patch)| block(summary, patch)).collect();
    if whole.chars().count() <= room {
        return Ok(whole);
    }
    let (mut shown, mut left_out) = (String::new(), Vec::new());
    let mut left = room.saturating_sub(NOTE);
    for (name, summary, patch) in &blocks {
        let text = block(summary, patch);
        let length = text.chars().count();
        let around = block(summary, "").chars().count() + 100;
        if length <= left {
            shown += &text;
            left -= length;
            continue;
        }
        if left >= around + WORTH_SHOWING {
            shown += &block(&format!("{summary}, cut"), &cut(patch, left - around));
        }
        left = 0;
        left_out.push(escape::markdown(name));
    }
    shown += &note(&left_out, elsewhere);
    Ok(shown)
}

/// What a row of the table says of it.
pub fn in_short(difference: &Difference) -> String {
    if let Some((old, new)) = difference.replicas() {
        return format!("replicas {old} → {new}");
    }
    let (added, removed) = states(difference).map_or((0, 0), |file| diff::counts(&file));
    format!("+{added} −{removed}")
}

fn summary(difference: &Difference) -> Result<String, RenderError> {
    let (added, removed) = diff::counts(&states(difference)?);
    let fate = difference.fate().as_str().to_lowercase();
    Ok(format!("{}: {fate}, +{added} −{removed}", escape::html(&difference.name)))
}

/// What becomes of one object, line by line.
pub fn patch(difference: &Difference) -> Result<String, RenderError> {
    // What would turn the direction of writing, or isn't seen at all, is shown as what it is.
    let visible = Style { colored: false, on_terminal: true };
    Ok(diff::of_file(&states(difference)?, visible))
}

/// Both states as text, without their secrets.
fn states(difference: &Difference) -> Result<FileChange, RenderError> {
    let value = |content: &Option<Content>| match content {
        Some(Content::Object(object)) => Some(object.0.clone()),
        Some(Content::Text(text)) => Some(Value::from(text.as_str())),
        None => None,
    };
    let (before, after) = (value(&difference.before), value(&difference.after));
    let (before, after) = redact::states(before.as_ref(), after.as_ref());
    let text = |value: Option<Value>| match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(value) => serde_yaml::to_string(&value).map(Some).map_err(|error| {
            let problem = format!("what changes can't be shown: {error}");
            RenderError::from(Problem::new(difference.path.clone(), problem))
        }),
    };
    Ok(FileChange { path: difference.path.clone(), before: text(before)?, after: text(after)? })
}

fn block(summary: &str, patch: &str) -> String {
    let fence = escape::fence(patch);
    format!(
        "<details><summary>{summary}</summary>\n\n{fence}diff\n{patch}{fence}\n\n</details>\n\n"
    )
}

/// As much of a text as `room` holds, cut after a line where that is possible.
fn cut(text: &str, room: usize) -> String {
    let beginning: String = text.chars().take(room).collect();
    let lines = beginning.rfind('\n').map_or(beginning.as_str(), |end| &beginning[..end]);
    let missing = text.lines().count().saturating_sub(lines.lines().count());
    format!("{lines}\n… {missing} more lines\n")
}

fn note(left_out: &[String], elsewhere: &str) -> String {
    let mut names = String::new();
    let mut more = left_out.len();
    for name in left_out {
        if names.chars().count() + name.chars().count() > NOTE - 300 {
            break;
        }
        names += &format!("{}{name}", if names.is_empty() { "" } else { ", " });
        more -= 1;
    }
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("Cut for want of room: {names}{more}. {elsewhere}\n\n")
}
