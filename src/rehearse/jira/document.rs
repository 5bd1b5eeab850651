//! Documents as Jira Cloud has them (ADF): whether one is of the shape, and what of it is to be read.
use serde_json::Value;

/// Blocks that may stand at the top of a document.
const BLOCKS: [&str; 10] = [
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "blockquote",
    "rule",
    "panel",
    "table",
    "expand",
];
const INLINE: [&str; 6] = ["text", "hardBreak", "inlineCard", "mention", "emoji", "status"];
const IN_ITEMS: [&str; 4] = ["paragraph", "bulletList", "orderedList", "codeBlock"];
const IN_PANELS: [&str; 5] = ["paragraph", "heading", "bulletList", "orderedList", "rule"];
const IN_CELLS: [&str; 8] = [
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "blockquote",
    "rule",
    "panel",
];
const MARKS: [&str; 7] = ["strong", "em", "code", "link", "strike", "underline", "textColor"];

/// What may stand in a node of this kind; `None` where there is no such kind.
fn inside(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "doc" => &BLOCKS,
        "paragraph" | "heading" => &INLINE,
        "bulletList" | "orderedList" => &["listItem"],
        "listItem" => &IN_ITEMS,
        "codeBlock" => &["text"],
        "blockquote" => &IN_ITEMS,
        "panel" => &IN_PANELS,
        "expand" => &BLOCKS,
        "table" => &["tableRow"],
        "tableRow" => &["tableCell", "tableHeader"],
        "tableCell" | "tableHeader" => &IN_CELLS,
        "text" | "hardBreak" | "inlineCard" | "mention" | "emoji" | "status" | "rule" => &[],
        _ => return None,
    })
}

/// What is wrong with the shape of a document, if anything.
///
/// # Errors
/// The first thing that is, with where it is.
pub fn check(document: &Value) -> Result<(), String> {
    if document["type"] != "doc" || document["version"] != 1 {
        return Err("the document isn't {\"type\": \"doc\", \"version\": 1}".to_owned());
    }
    node(document, "doc", "/")
}

fn node(value: &Value, kind: &str, at: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{kind} at {at} {what}"));
    let Some(allowed) = inside(kind) else { return wrong("is no node") };
    let known = ["type", "version", "content", "text", "marks", "attrs"];
    let odd =
        value.as_object().into_iter().flatten().find(|(key, _)| !known.contains(&key.as_str()));
    if let Some((key, _)) = odd {
        return wrong(&format!("has a `{key}`"));
    }
    let attribute = |name: &str| &value["attrs"][name];
    let fits = match kind {
        "text" => value["text"].as_str().is_some_and(|text| !text.is_empty()),
        "heading" => attribute("level").as_u64().is_some_and(|level| (1..=6).contains(&level)),
        "panel" => attribute("panelType")
            .as_str()
            .is_some_and(|it| ["info", "note", "warning", "success", "error"].contains(&it)),
        "inlineCard" => attribute("url").is_string(),
        "mention" | "emoji" | "status" => value["attrs"].is_object(),
        _ => true,
    };
    if !fits {
        return wrong("lacks what it is about");
    }
    if kind != "text" && !value["text"].is_null() {
        return wrong("has a text");
    }
    for mark in value["marks"].as_array().into_iter().flatten() {
        let name = mark["type"].as_str().unwrap_or_default();
        if kind != "text" || !MARKS.contains(&name) {
            return wrong(&format!("can't be marked `{name}`"));
        }
        if name == "link" && !mark["attrs"]["href"].is_string() {
            return wrong("links nowhere");
        }
    }
    let content = value["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let needs_content =
        ["bulletList", "orderedList", "listItem", "table", "tableRow", "blockquote"];
    if content.is_empty() && needs_content.contains(&kind) {
        return wrong("is empty");
    }
    if !value["content"].is_null() && !value["content"].is_array() {
        return wrong("has no list in it");
    }
    for (number, child) in content.iter().enumerate() {
        let kind_of_child = child["type"].as_str().unwrap_or_default();
        if !allowed.contains(&kind_of_child) {
            return wrong(&format!("can't hold `{kind_of_child}`"));
        }
        node(child, kind_of_child, &format!("{at}{kind}/{number}/"))?;
    }
    if kind == "codeBlock" && content.iter().any(|text| !text["marks"].is_null()) {
        return wrong("has marks in it");
    }
    Ok(())
}

/// The text of a document, a line for each block, or wiki text as it is.
pub fn plain(body: &Value) -> String {
    if let Value::String(text) = body {
        return without_markup(text);
    }
    let mut text = String::new();
    read(body, &mut text);
    text
}

/// Wiki markup as it is shown, as far as words in bold and escapes go.
fn without_markup(wiki: &str) -> String {
    let mut text = String::with_capacity(wiki.len());
    let mut rest = wiki.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.extend(rest.next()),
            '*' => {}
            c => text.push(c),
        }
    }
    text
}

fn read(node: &Value, text: &mut String) {
    match node["type"].as_str() {
        Some("text") => *text += node["text"].as_str().unwrap_or_default(),
        Some("hardBreak") => text.push('\n'),
        Some("inlineCard") => *text += node["attrs"]["url"].as_str().unwrap_or_default(),
        _ => {}
    }
    for child in node["content"].as_array().into_iter().flatten() {
        read(child, text);
    }
    if matches!(node["type"].as_str(), Some("paragraph" | "heading" | "codeBlock")) {
        text.push('\n');
    }
}
