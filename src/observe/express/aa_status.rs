//! Reads the A/A status, a table printed for people, by its vocabulary.
//!
//! Columns don't line up, a version stands in some rows only, groups may be missing. So a line is a
//! heading if it is a known one, a row if it is `<node> : <words>`, and otherwise unknown; a word means
//! the same wherever in its row it stands. Nothing is guessed and nothing dropped: what the vocabulary
//! doesn't have is kept with its line.
use jiff::Timestamp;

use crate::run::express::{AaGroup, AaRow, AaState, AaStatus, Detail, Readiness, UnknownWord};

/// Reads what `node` printed at `at`. Total: any bytes give a status, if need be one without rows and
/// with nothing but unknown lines.
pub fn parse(text: impl AsRef<[u8]>, node: &str, at: Timestamp) -> AaStatus {
    let text = String::from_utf8_lossy(text.as_ref());
    let mut status = AaStatus { node: node.to_owned(), at, rows: Vec::new(), unknown: Vec::new() };
    let mut group = None;
    for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        match Line::of(text) {
            Line::Blank => {}
            Line::Heading(heading) => group = heading,
            Line::Row { node, words } => {
                let row = row(group, node, words);
                status.unknown.extend(
                    row.unknown.iter().map(|word| UnknownWord { line, word: word.clone() }),
                );
                status.rows.push(row);
            }
            Line::Unknown(text) => {
                // Perhaps a heading: then the rows below are no longer in the group above it.
                group = None;
                status.unknown.push(UnknownWord { line, word: text.to_owned() });
            }
        }
    }
    status
}

enum Line<'a> {
    Blank,
    /// `None`: the heading of the whole.
    Heading(Option<AaGroup>),
    Row {
        node: &'a str,
        words: &'a str,
    },
    Unknown(&'a str),
}

impl Line<'_> {
    fn of(line: &str) -> Line<'_> {
        let line = line.trim();
        if line.is_empty() {
            return Line::Blank;
        }
        let heading: Vec<&str> =
            line.strip_suffix(':').unwrap_or(line).split_whitespace().collect();
        match heading.as_slice() {
            ["A/A", "Status"] => return Line::Heading(None),
            ["Classic", "Frontends"] => return Line::Heading(Some(AaGroup::ClassicFrontends)),
            ["DCR", "Dynamic", "Synchronizers"] => {
                return Line::Heading(Some(AaGroup::DynamicSynchronizers));
            }
            ["DCR", "Dynamic", "Farmers"] => {
                return Line::Heading(Some(AaGroup::DynamicFarmers));
            }
            _ => {}
        }
        match line.split_once(':').map(|(node, words)| (node.trim_end(), words.trim_start())) {
            Some((node, words)) if is_host_name(node) && !words.is_empty() => {
                Line::Row { node, words }
            }
            _ => Line::Unknown(line),
        }
    }
}

fn is_host_name(node: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    node.bytes().all(allowed) && node.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn row(group: Option<AaGroup>, node: &str, words: &str) -> AaRow {
    let mut row = AaRow {
        group,
        node: node.to_owned(),
        state: None,
        visible: None,
        sync: None,
        version: None,
        readiness: None,
        detail: None,
        unknown: Vec::new(),
    };
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        let known = match word {
            // Unknown to the node that printed it: the field stays `None`, whichever it is.
            "?" => true,
            "SYNCHRONIZED" => fill(&mut row.state, AaState::Synchronized),
            "BOOTING" => fill(&mut row.state, AaState::Booting),
            "DOWN" => fill(&mut row.state, AaState::Down),
            "visible" => fill(&mut row.visible, true),
            "invisible" => fill(&mut row.visible, false),
            "sync" => fill(&mut row.sync, true),
            // Only `not sync` is known. Before any other word it mustn't be read without its `not`.
            "not" => {
                let negated = words.next().unwrap_or_default();
                if negated != "sync" || !fill(&mut row.sync, false) {
                    row.unknown.push(format!("not {negated}").trim_end().to_owned());
                }
                continue;
            }
            "ready" => fill(&mut row.readiness, Readiness::Ready),
            "waiting" => fill(&mut row.readiness, Readiness::Waiting),
            "hidden" => fill(&mut row.readiness, Readiness::Hidden),
            "unreachable" => fill(&mut row.readiness, Readiness::Unreachable),
            "Inactive" => fill(&mut row.detail, Detail::Inactive),
            hash if is_hash(hash) => fill(&mut row.detail, Detail::Hash(hash.to_owned())),
            name if is_exception(name) => fill(&mut row.detail, Detail::Exception(name.to_owned())),
            version if is_version(version) => fill(&mut row.version, version.to_owned()),
            _ => false,
        };
        if !known {
            row.unknown.push(word.to_owned());
        }
    }
    row
}

/// Takes a value for a field that has none yet. Of two the row doesn't say which holds.
fn fill<T>(field: &mut Option<T>, value: T) -> bool {
    let free = field.is_none();
    if free {
        *field = Some(value);
    }
    free
}

fn is_hash(word: &str) -> bool {
    word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The name of a Java throwable, with or without its package.
fn is_exception(word: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let name = word.rsplit('.').next().unwrap_or(word);
    word.split('.').all(|name| !name.is_empty() && name.bytes().all(part))
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && (name.ends_with("Exception") || name.ends_with("Error"))
}

/// `e686.131`, also without its letter or with a suffix (`e686.131-rc1`).
fn is_version(word: &str) -> bool {
    let bare = word.strip_prefix(|letter: char| letter.is_ascii_lowercase()).unwrap_or(word);
    let (numbers, suffix) = bare.split_once('-').unwrap_or((bare, "0"));
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.contains('.')
        && numbers.split('.').all(number)
        && !suffix.is_empty()
        && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}
