//! What a commit changes, as a unified diff that `git apply` takes.
use anstyle::AnsiColor;
use similar::{ChangeTag, DiffOp, TextDiff};

use super::{Style, escape};
use crate::render::{Change, FileChange};

const CONTEXT: usize = 3;

/// The whole change, file by file; with colours, changed words stand out in their lines.
pub fn unified(change: &Change, style: Style) -> String {
    change.files.iter().map(|file| of_file(file, style)).collect()
}

/// Added and removed lines of a file.
pub fn counts(file: &FileChange) -> (usize, usize) {
    let (before, after) =
        (file.before.as_deref().unwrap_or(""), file.after.as_deref().unwrap_or(""));
    let diff = TextDiff::from_lines(before, after);
    diff.iter_all_changes().fold((0, 0), |(added, removed), change| match change.tag() {
        ChangeTag::Insert => (added + 1, removed),
        ChangeTag::Delete => (added, removed + 1),
        ChangeTag::Equal => (added, removed),
    })
}

/// One file's part of the diff, with git's extended header.
pub fn of_file(file: &FileChange, style: Style) -> String {
    let (before, after) =
        (file.before.as_deref().unwrap_or(""), file.after.as_deref().unwrap_or(""));
    if file.before == file.after {
        return String::new();
    }
    let path = escape::line(&file.path);
    let mut text = style.bold(&format!("diff --git a/{path} b/{path}")) + "\n";
    let (old, new) = match (&file.before, &file.after) {
        (None, _) => {
            text += &(style.bold("new file mode 100644") + "\n");
            ("/dev/null".to_owned(), format!("b/{path}"))
        }
        (_, None) => {
            text += &(style.bold("deleted file mode 100644") + "\n");
            (format!("a/{path}"), "/dev/null".to_owned())
        }
        _ => (format!("a/{path}"), format!("b/{path}")),
    };
    if before.is_empty() && after.is_empty() {
        return text;
    }
    text += &(style.bold(&format!("--- {old}")) + "\n");
    text += &(style.bold(&format!("+++ {new}")) + "\n");
    let diff = TextDiff::from_lines(before, after);
    for group in diff.grouped_ops(CONTEXT) {
        text += &(style.color(AnsiColor::Cyan, &hunk_header(&group)) + "\n");
        for op in &group {
            text += &lines_of(&diff, op, style);
        }
    }
    text
}

fn hunk_header(group: &[DiffOp]) -> String {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return String::new() };
    let range = |start: usize, end: usize| match end - start {
        1 => format!("{}", start + 1),
        0 => format!("{start},0"),
        length => format!("{},{length}", start + 1),
    };
    let old = range(first.old_range().start, last.old_range().end);
    let new = range(first.new_range().start, last.new_range().end);
    format!("@@ -{old} +{new} @@")
}

fn lines_of<'a>(diff: &TextDiff<'a, 'a, str>, op: &DiffOp, style: Style) -> String {
    let mut text = String::new();
    for change in diff.iter_inline_changes(op) {
        let (sign, color) = match change.tag() {
            ChangeTag::Equal => (" ", None),
            ChangeTag::Insert => ("+", Some(AnsiColor::Green)),
            ChangeTag::Delete => ("-", Some(AnsiColor::Red)),
        };
        text += &color.map_or(sign.to_owned(), |color| style.color(color, sign));
        for (changed, words) in change.iter_strings_lossy() {
            let words = escape_keeping_end(&words, style);
            text += &match color {
                Some(color) if changed => style.emphasis(color, &words),
                Some(color) => style.color(color, &words),
                None => words,
            };
        }
        text += "\n";
        if change.missing_newline() {
            text += "\\ No newline at end of file\n";
        }
    }
    text
}

/// Without its line break. Only what goes to a terminal needs escaping: a patch has to stay exact.
fn escape_keeping_end(words: &str, style: Style) -> String {
    let words = words.strip_suffix('\n').unwrap_or(words);
    if style.colored || style.on_terminal { escape::line(words) } else { words.to_owned() }
}
