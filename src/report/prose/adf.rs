//! Jira Cloud's Atlassian Document Format. Words are in text nodes only, and no text in those is markup.
use serde_json::{Value, json};

use super::super::escape;
use super::{Block, Prose, Span, address};

/// The text as a document.
pub fn adf(prose: &Prose) -> Value {
    let content: Vec<Value> = prose.0.iter().map(block).collect();
    json!({"version": 1, "type": "doc", "content": content})
}

/// The text of a document's last block.
pub fn last_line(body: &Value) -> Option<String> {
    let last = body["content"].as_array()?.last()?;
    let mut text = String::new();
    collect(last, &mut text);
    Some(text.trim().to_owned())
}

fn collect(node: &Value, text: &mut String) {
    text.push_str(node["text"].as_str().unwrap_or_default());
    node["content"].as_array().into_iter().flatten().for_each(|node| collect(node, text));
}

fn block(block: &Block) -> Value {
    match block {
        Block::Paragraph(spans) => paragraph(spans),
        Block::Bullets(items) => {
            let item =
                |spans: &Vec<Span>| json!({"type": "listItem", "content": [paragraph(spans)]});
            json!({"type": "bulletList", "content": items.iter().map(item).collect::<Vec<_>>()})
        }
        Block::Code(code) => {
            let lines: Vec<String> = code.lines().map(escape::line).collect();
            json!({"type": "codeBlock", "content": text(&lines.join("\n"), None)})
        }
    }
}

fn paragraph(spans: &[Span]) -> Value {
    let nodes = spans.iter().flat_map(|span| match span {
        Span::Text(words) => text(&escape::line(words), None),
        Span::Strong { strong } => text(&escape::line(strong), Some(json!({"type": "strong"}))),
        Span::Link { link, to } => {
            let mark = address(to).map(|to| json!({"type": "link", "attrs": {"href": to}}));
            text(&escape::line(link), mark)
        }
    });
    json!({"type": "paragraph", "content": nodes.collect::<Vec<_>>()})
}

/// A text node; an empty one is none at all.
fn text(text: &str, mark: Option<Value>) -> Vec<Value> {
    if text.is_empty() {
        return Vec::new();
    }
    match mark {
        Some(mark) => vec![json!({"type": "text", "text": text, "marks": [mark]})],
        None => vec![json!({"type": "text", "text": text})],
    }
}
