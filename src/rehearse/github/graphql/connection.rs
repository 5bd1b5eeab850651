//! Lists of GraphQL: a part of them, and whether there is more.
use serde_json::{Map, Value, json};

use crate::rehearse::github::refusal::Refusal;

/// The most that may be asked for at once.
const MOST: u64 = 100;

/// The part of a list that is asked for.
pub fn connection(
    name: &str,
    kind: &str,
    nodes: Vec<Value>,
    arguments: &Map<String, Value>,
) -> Result<Value, Refusal> {
    let number = |name: &str| arguments.get(name).and_then(Value::as_u64);
    let cursor = |name: &str| {
        arguments.get(name).and_then(Value::as_str).and_then(|it| it.parse::<usize>().ok())
    };
    let (first, last) = (number("first"), number("last"));
    let Some(size) = first.or(last) else {
        let message = format!(
            "You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        );
        return Err(Refusal::new(422, message));
    };
    if size > MOST {
        let message = format!(
            "Requesting {size} records on the `{name}` connection exceeds the `first` limit of {MOST} records."
        );
        return Err(Refusal::new(422, message));
    }
    let size = usize::try_from(size).unwrap_or_default();
    let total = nodes.len();
    let from = cursor("after").map_or(0, |after| after + 1).min(total);
    let to = cursor("before").unwrap_or(total).clamp(from, total);
    let (from, to) = match first {
        Some(_) => (from, to.min(from + size)),
        None => (to.saturating_sub(size).max(from), to),
    };
    let part: Vec<Value> = nodes.into_iter().skip(from).take(to - from).collect();
    let edges: Vec<Value> = part
        .iter()
        .enumerate()
        .map(|(at, node)| {
            let cursor = (from + at).to_string();
            json!({"__typename": format!("{kind}Edge"), "node": node, "cursor": cursor})
        })
        .collect();
    let is_empty = part.is_empty();
    Ok(json!({
        "__typename": format!("{kind}Connection"),
        "nodes": part,
        "edges": edges,
        "totalCount": total,
        "pageInfo": {
            "__typename": "PageInfo",
            "hasNextPage": to < total,
            "hasPreviousPage": from > 0,
            "startCursor": (!is_empty).then(|| from.to_string()),
            "endCursor": (!is_empty).then(|| (to - 1).to_string()),
        },
    }))
}
