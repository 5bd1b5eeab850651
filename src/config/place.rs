//! Where in which file a value stands, and what of that file may be shown.
use std::ops::Range;

/// Which of the layers of the inputs a value comes from. Later ones lie over earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// The program's own defaults.
    Builtin,
    /// `dcr-gitops.yaml`.
    Settings,
    /// `dcr.yaml`.
    Inputs,
}

/// The bytes of a file that hold a key or a value; none if it stands in no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub layer: Layer,
    pub start: usize,
    pub end: usize,
}

impl Origin {
    pub fn nowhere(layer: Layer) -> Self {
        Origin { layer, start: 0, end: 0 }
    }

    pub fn of(layer: Layer, text: &str, at: serde_yaml::Location) -> Self {
        let span = at.span();
        let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let start = match span.byte_offset() {
            Some(start) => bytes(start),
            None => offset(text, at.line(), at.column()),
        };
        let length = span.byte_len().map_or(1, bytes).max(1);
        let start = start.min(text.len());
        Origin { layer, start, end: start.saturating_add(length).min(text.len()) }
    }

    /// Whether there is a text to point at.
    pub fn is_somewhere(self) -> bool {
        self.end > self.start
    }

    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// The byte at a line and column, both counted from 1, the column in characters.
fn offset(text: &str, line: u64, column: u64) -> usize {
    let line = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut start = 0;
    for (number, content) in text.split_inclusive('\n').enumerate() {
        if number == line {
            let within = content.char_indices().nth(column).map_or(content.len(), |(at, _)| at);
            return start + within;
        }
        start += content.len();
    }
    text.len()
}

/// A file's text, with the parts of it that must not be shown.
#[derive(Clone)]
pub(super) struct Source {
    pub path: String,
    pub text: String,
    pub hidden: Vec<Range<usize>>,
}

/// One line of a file as it may be shown: numbers from 1, columns in characters, `marked` in bytes of
/// `line`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub number: usize,
    pub column: usize,
    pub line: String,
    pub marked: Range<usize>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Source { path: path.to_owned(), text: text.to_owned(), hidden: Vec::new() }
    }

    /// Hides what follows `://`, up to where a URL ends: such an address is often a key to somewhere.
    pub fn hide_urls(&mut self) {
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ']');
        for (at, scheme) in self.text.match_indices("://") {
            let start = at + scheme.len();
            let length = self.text[start..].find(ends).unwrap_or(self.text.len() - start);
            self.hidden.push(start..start + length);
        }
    }

    /// Hides whatever may be the heartbeat's URL in a text that can't be read as YAML.
    pub fn hide_heartbeat_lines(&mut self) {
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            if line.contains("heartbeat") || line.contains("url") {
                self.hidden.push(start..start + line.trim_end().len());
            }
            start += line.len();
        }
    }

    /// The line in which `range` begins. What is hidden shows as `*`.
    pub fn excerpt(&self, range: Range<usize>) -> Excerpt {
        let text = self.text.as_str();
        let start = text.floor_char_boundary(range.start);
        let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let to = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let number = text[..from].matches('\n').count() + 1;
        let mut line = String::with_capacity(to - from);
        let (mut column, mut marked) = (1, None);
        let mut marked_end = None;
        for (at, letter) in text[from..to].char_indices().map(|(at, letter)| (from + at, letter)) {
            if at < start {
                column += 1;
            } else if marked.is_none() {
                marked = Some(line.len());
            }
            if at >= range.end && marked_end.is_none() && marked.is_some() {
                marked_end = Some(line.len());
            }
            if letter == '\r' && at + 1 == to {
                break;
            }
            let hide = self.hidden.iter().any(|hidden| hidden.contains(&at));
            line.push(if hide { '*' } else { letter });
        }
        let marked = marked.unwrap_or(line.len()).min(line.len());
        let shown = line.trim_end().len().max(marked);
        let end = marked_end.unwrap_or(shown).clamp(marked, shown.max(marked));
        Excerpt { number, column, marked: marked..end, line }
    }
}
