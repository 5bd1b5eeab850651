//! Text from clusters, tickets and people, made harmless where it is printed.
use std::borrow::Cow;

/// For a terminal: control characters (escape sequences begin with one) become visible, and so do the
/// characters that reorder text. Tabs stay; a line break would forge a line and becomes `\n`.
pub fn line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '\t' => safe.push(c),
            c if is_harmful(c) => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
        safe
    })
}

/// The beginning of a text that is longer than `most` code points.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most.saturating_sub(1)) {
        Some((end, _)) if text.chars().count() > most => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

/// For Markdown outside a code block: what would be markup, a mention or HTML is shown as itself.
pub fn markdown(text: &str) -> String {
    line(text).chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // Mentions and references are looked for in what the text means, so that an entity for the sign
            // itself would hide nothing. What follows the sign here is seen by nobody.
            '@' => safe.push_str("@&#8203;"),
            '#' => safe.push_str("#&#8203;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '~' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
        safe
    })
}

/// For text inside an HTML element, where Markdown is no markup.
pub fn html(text: &str) -> String {
    line(text).chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '@' => safe.push_str("@&#8203;"),
            '#' => safe.push_str("#&#8203;"),
            c => safe.push(c),
        }
        safe
    })
}

/// The target of a link: what could end it, or begin anything else, is percent-encoded. What is no web
/// address leads nowhere.
pub fn url(url: &str) -> String {
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return "#".to_owned();
    }
    url.bytes().fold(String::with_capacity(url.len()), |mut safe, byte| {
        match byte {
            b'!' | b'#'..=b'&' | b'*'..=b';' | b'=' | b'?'..=b'Z' | b'_' | b'a'..=b'z' | b'~' => {
                safe.push(char::from(byte));
            }
            other => safe.push_str(&format!("%{other:02X}")),
        }
        safe
    })
}

/// A block of code in Markdown, each line harmless where it is printed.
pub fn fenced(language: &str, text: &str) -> String {
    let lines: String = text.lines().map(|text| line(text) + "\n").collect();
    let fence = fence(&lines);
    format!("{fence}{language}\n{lines}{fence}")
}

/// A code fence that the text itself can't close.
pub fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// For the log of a GitHub Actions job: a line that the runner would take for a command of ours to it is
/// shown with the first character of the command escaped. It looks for `::` at the beginning of a line, spaces
/// left out, and for `##[` anywhere. What comes out of JSON and goes through here means the same as before.
pub fn for_runner(text: &str) -> Cow<'_, str> {
    // Most texts hold neither, and then nothing is copied.
    if !text.contains("::") && !text.contains("##[") {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for line in text.split_inclusive(['\n', '\r']) {
        let words = line.trim_start();
        let (indent, words) = match words.strip_prefix("::") {
            Some(rest) => (format!("{}\\u003a:", &line[..line.len() - words.len()]), rest),
            None => (String::new(), line),
        };
        safe += &indent;
        safe += &words.replace("##[", "##\\u005b");
    }
    Cow::Owned(safe)
}

/// Control characters, and those that break lines, turn the direction of writing, or aren't seen at all.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
