//! A ticket of the embedded Jira, with all that hangs on it.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    pub id: u64,
    pub key: String,
    pub summary: String,
    /// Oldest first.
    pub comments: Vec<Comment>,
    pub links: Vec<RemoteLink>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    pub id: u64,
    /// The mail address of whoever wrote it.
    pub author: String,
    /// Wiki text as a string (v2), or a document (v3).
    pub body: Value,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub properties: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RemoteLink {
    pub id: u64,
    pub global_id: Option<String>,
    /// Address, title and what else there is, as it was given.
    pub object: Value,
    pub relationship: Option<String>,
}

impl Ticket {
    pub fn new(id: u64, key: &str, summary: &str) -> Self {
        let (key, summary) = (key.to_owned(), summary.to_owned());
        Ticket { id, key, summary, comments: Vec::new(), links: Vec::new() }
    }
}

impl Comment {
    pub fn new(id: u64, by: &str, body: Value, at: Timestamp) -> Self {
        let properties = BTreeMap::new();
        Comment { id, author: by.to_owned(), body, created: at, updated: at, properties }
    }
}
