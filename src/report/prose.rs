//! A short text with a little structure, to be written in whichever format a ticket takes: the words come
//! from one template, and each format puts them where they can be nothing but words.
mod adf;
mod wiki;

use serde::Deserialize;

pub use adf::{adf, last_line as adf_last_line};
pub use wiki::{inline as wiki_inline, last_line as wiki_last_line, wiki};

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Prose(pub Vec<Block>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    Paragraph(Vec<Span>),
    /// Each item is one line.
    Bullets(Vec<Vec<Span>>),
    /// Somebody else's words, line by line.
    Code(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Span {
    Text(String),
    Strong {
        strong: String,
    },
    /// What is no web address is shown as text.
    Link {
        link: String,
        to: String,
    },
}

/// What stands in place of what was cut off the beginning of a text.
const CUT: &str = "… the beginning is left out …";

/// A text this short isn't worth cutting.
const SHORT: usize = 200;

impl Prose {
    /// The text shortened until `length` of it is no more than `most`: the longest of its texts lose their
    /// beginnings first, because what went wrong is said at the end. Its last block stays.
    pub fn within(mut self, most: usize, length: impl Fn(&Prose) -> usize) -> Prose {
        loop {
            let over = length(&self).saturating_sub(most);
            if over == 0 {
                return self;
            }
            let last = self.0.len().saturating_sub(1);
            let texts = self.0.iter_mut().take(last).flat_map(Block::texts);
            let longest = texts.max_by_key(|text| text.len());
            match longest.filter(|text| text.chars().count() > SHORT) {
                Some(text) => shorten(text, over),
                // Many short ones.
                None if last > 0 => drop(self.0.remove(last - 1)),
                None => return self,
            }
        }
    }

    /// The text with each of its words passed through `change`.
    pub fn map(mut self, change: impl Fn(&str) -> String) -> Prose {
        self.0.iter_mut().flat_map(Block::texts).for_each(|text| *text = change(text));
        self
    }
}

impl Block {
    /// All that is text in it; not where links lead.
    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Block::Paragraph(spans) => spans.iter_mut().map(Span::text).collect(),
            Block::Bullets(items) => items.iter_mut().flatten().map(Span::text).collect(),
            Block::Code(text) => vec![text],
        }
    }
}

impl Span {
    fn text(&mut self) -> &mut String {
        match self {
            Span::Text(text) | Span::Strong { strong: text } | Span::Link { link: text, .. } => {
                text
            }
        }
    }
}

/// Cuts at least `over` characters off the beginning, and leaves at least half of [`SHORT`].
fn shorten(text: &mut String, over: usize) {
    let count = text.chars().count();
    let keep = count.saturating_sub(over + CUT.chars().count() + 1).max(SHORT / 2);
    let tail: String = text.chars().skip(count - keep).collect();
    *text = format!("{CUT} {tail}");
}

/// A web address, if it is one.
fn address(url: &str) -> Option<String> {
    Some(super::escape::url(url)).filter(|url| url.starts_with("http"))
}
