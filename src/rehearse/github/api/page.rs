//! Lists in pages, with the links from one to the next.
use serde_json::Value;

use super::Asked;
use crate::rehearse::wire::Answer;

/// How many there are on a page if nothing is said, and at most.
const USUAL: usize = 30;
const MOST: usize = 100;

/// The page of a list that is asked for.
pub fn page(asked: &Asked<'_>, all: Vec<Value>) -> Answer {
    let number = |name: &str| asked.call.query.get(name).and_then(|it| it.parse::<usize>().ok());
    let size = number("per_page").unwrap_or(USUAL).clamp(1, MOST);
    let page = number("page").unwrap_or(1).max(1);
    let pages = all.len().div_ceil(size).max(1);
    let on_it: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    let link = |page: usize, rel: &str| {
        let mut query: Vec<String> = Vec::new();
        for (key, value) in &asked.call.query {
            if key != "page" {
                query.push(format!("{key}={}", encoded(value)));
            }
        }
        query.push(format!("page={page}"));
        format!("<{}{}?{}>; rel=\"{rel}\"", asked.call.root, asked.call.path, query.join("&"))
    };
    let mut links = Vec::new();
    if page > 1 {
        links.push(link(page - 1, "prev"));
        links.push(link(1, "first"));
    }
    if page < pages {
        links.push(link(page + 1, "next"));
        links.push(link(pages, "last"));
    }
    let answer = Answer::new(200, Value::Array(on_it));
    if links.is_empty() { answer } else { answer.with("link", links.join(", ")) }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
