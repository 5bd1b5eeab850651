//! How the embedded Jira's REST says what it knows.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Comment, Kind, RemoteLink, Ticket};

/// As Jira writes times: with milliseconds, and an offset without a colon.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

pub fn user(kind: Kind, root: &str, mail: &str) -> Value {
    let name = mail.split('@').next().unwrap_or(mail);
    match kind {
        Kind::DataCenter => json!({
            "self": format!("{root}/user?username={name}"), "name": name, "key": name,
            "emailAddress": mail, "displayName": name, "active": true, "timeZone": "UTC",
        }),
        Kind::Cloud => {
            let id = account(mail);
            json!({
                "self": format!("{root}/user?accountId={id}"), "accountId": id,
                "accountType": "atlassian", "emailAddress": mail, "displayName": name,
                "active": true, "timeZone": "UTC",
            })
        }
    }
}

/// The id that Cloud knows somebody by.
fn account(mail: &str) -> String {
    let name = mail.split('@').next().unwrap_or(mail);
    format!("5b10a2844c20165700ede{name}")
}

pub fn comment(kind: Kind, root: &str, ticket: u64, comment: &Comment, properties: bool) -> Value {
    let author = user(kind, root, &comment.author);
    let mut shown = json!({
        "self": format!("{root}/issue/{ticket}/comment/{}", comment.id),
        "id": comment.id.to_string(),
        "author": author,
        "body": comment.body,
        "updateAuthor": author,
        "created": time(comment.created),
        "updated": time(comment.updated),
    });
    if kind == Kind::Cloud {
        shown["jsdPublic"] = true.into();
    }
    if properties {
        let all = comment.properties.iter();
        let all: Vec<Value> = all.map(|(key, value)| json!({"key": key, "value": value})).collect();
        shown["properties"] = all.into();
    }
    shown
}

pub fn ticket(kind: Kind, root: &str, ticket: &Ticket) -> Value {
    let comments = ticket.comments.iter();
    let comments: Vec<Value> =
        comments.map(|it| comment(kind, root, ticket.id, it, false)).collect();
    json!({
        "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
        "id": ticket.id.to_string(),
        "self": format!("{root}/issue/{}", ticket.id),
        "key": ticket.key,
        "fields": {
            "summary": ticket.summary,
            "status": {"name": "In Progress", "id": "3", "statusCategory": {"key": "indeterminate"}},
            "issuetype": {"name": "Task", "subtask": false},
            "comment": {
                "comments": comments, "maxResults": ticket.comments.len(),
                "total": ticket.comments.len(), "startAt": 0,
            },
        },
    })
}

pub fn link(root: &str, key: &str, link: &RemoteLink) -> Value {
    json!({
        "id": link.id,
        "self": format!("{root}/issue/{key}/remotelink/{}", link.id),
        "globalId": link.global_id,
        "relationship": link.relationship,
        "object": link.object,
    })
}
