//! Jira Data Center's wiki markup.
use super::super::escape;
use super::{Block, Prose, Span, address};

/// The text in wiki markup.
pub fn wiki(prose: &Prose) -> String {
    prose.0.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

/// The last line of a text, as it is stored.
pub fn last_line(body: &str) -> Option<&str> {
    body.lines().map(str::trim).rfind(|line| !line.is_empty())
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(spans) => line(spans),
        Block::Bullets(items) => {
            items.iter().map(|item| format!("* {}", line(item))).collect::<Vec<_>>().join("\n")
        }
        Block::Code(text) => format!("{{noformat}}\n{}{{noformat}}", verbatim(text)),
    }
}

fn line(spans: &[Span]) -> String {
    let span = |span: &Span| match span {
        Span::Text(text) => inline(text),
        Span::Strong { strong } => format!("*{}*", inline(strong.trim())),
        Span::Link { link, to } => match address(to) {
            Some(url) => format!("[{}|{}]", inline(link), url.replace('|', "%7C")),
            None => inline(link),
        },
    };
    spans.iter().map(span).collect()
}

/// Text within a line. Jira takes a backslash before these characters for "as it is"; a backslash itself
/// can only be written as an entity, and `&` therefore, too.
pub fn inline(text: &str) -> String {
    let text = escape::line(text).replace('\t', " ");
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '-' | '#' | '*' | '_' | '+' | '?' | '^' | '~' | '|' | '%' | '{' | '}' | '[' | ']'
            | '(' | ')' | '!' | '@' => {
                safe.push('\\');
                safe.push(c);
            }
            '\\' => safe.push_str("&#92;"),
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // `:D` and its like.
            ':' if rest.peek().is_some_and(char::is_ascii_alphabetic) => safe.push_str("&#58;"),
            ';' if rest.peek() == Some(&'-') => safe.push_str("&#59;"),
            // `h1.` and `bq.` at the beginning of a line.
            '.' if ["h1", "h2", "h3", "h4", "h5", "h6", "bq"].contains(&safe.as_str()) => {
                safe.push_str("&#46;");
            }
            c => safe.push(c),
        }
    }
    safe
}

/// Lines that nothing of is markup. Only the macro's own name could end it.
fn verbatim(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    for line in text.lines() {
        let mut rest = escape::line(line);
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at + 1);
            safe += before;
            if after.get(..8).is_some_and(|name| name.eq_ignore_ascii_case("noformat")) {
                safe.push(' ');
            }
            rest = after.to_owned();
        }
        safe += &rest;
        safe.push('\n');
    }
    safe
}
