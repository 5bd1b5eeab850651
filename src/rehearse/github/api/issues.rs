//! What pull requests have in common with issues: labels and comments.
use serde_json::{Value, json};

use super::page::page;
use super::{Asked, shape};
use crate::rehearse::github::account::Access;
use crate::rehearse::github::acts::check_comment;
use crate::rehearse::github::desk::Desk;
use crate::rehearse::github::refusal::Refusal;
use crate::rehearse::wire::Answer;

const ISSUE: &str = "/repos/{owner}/{repo}/issues/{issue_number}";
const LABELS: &str = "/repos/{owner}/{repo}/issues/{issue_number}/labels";
const LABEL: &str = "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}";
const COMMENTS: &str = "/repos/{owner}/{repo}/issues/{issue_number}/comments";
const COMMENT: &str = "/repos/{owner}/{repo}/issues/comments/{comment_id}";

pub fn answer(desk: &mut Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let access = asked.account.permissions;
    let least = if asked.method() == "GET" { Access::Read } else { Access::Write };
    // Either will do for a pull request.
    asked.needs(access.issues.max(access.pull_requests), least)?;
    let number = asked.route.number(2)?;
    match (asked.method(), asked.route.template) {
        ("GET", ISSUE) => issue(desk, number),
        ("GET", LABELS) => Ok(page(asked, labels(desk, number)?)),
        ("POST" | "PUT", LABELS) => {
            let given = asked.texts("labels")?;
            let pull = desk.pull_mut(number)?;
            if asked.method() == "PUT" {
                pull.labels.clear();
            }
            pull.labels.extend(given);
            pull.updated = asked.now;
            Ok(Answer::new(200, Value::Array(labels(desk, number)?)))
        }
        ("DELETE", LABEL) => {
            let pull = desk.pull_mut(number)?;
            if !pull.labels.remove(asked.route.text(3)) {
                return Err(Refusal::new(404, "Label does not exist"));
            }
            Ok(Answer::new(200, Value::Array(labels(desk, number)?)))
        }
        ("GET", COMMENTS) => {
            desk.pull(number)?;
            let found = desk.comments.values().filter(|comment| comment.pull == number);
            let found = found.map(|comment| shape::comment(desk, comment)).collect();
            Ok(page(asked, found))
        }
        ("POST", COMMENTS) => {
            let body = asked.required("body")?;
            let made = desk.comment(number, &asked.account.login, &body, asked.now)?;
            Ok(Answer::new(201, shape::comment(desk, &made)))
        }
        (_, COMMENT) => comment(desk, asked, number),
        _ => Err(Refusal::not_found()),
    }
}

fn issue(desk: &Desk, number: u64) -> Result<Answer, Refusal> {
    let pull = desk.pull(number)?;
    let mut shown = shape::pull(desk, pull);
    if let Value::Object(shown) = &mut shown {
        for not_of_issues in ["head", "base", "auto_merge", "merged_at", "merge_commit_sha"] {
            shown.shift_remove(not_of_issues);
        }
    }
    shown["closed_by"] = json!(pull.ending().map(|ending| shape::user(&ending.by)));
    Ok(Answer::new(200, shown))
}

fn labels(desk: &Desk, number: u64) -> Result<Vec<Value>, Refusal> {
    Ok(desk.pull(number)?.labels.iter().map(|name| shape::label(desk, name)).collect())
}

fn comment(desk: &mut Desk, asked: &Asked<'_>, id: u64) -> Result<Answer, Refusal> {
    let found = desk.comments.get_mut(&id).ok_or_else(Refusal::not_found)?;
    match asked.method() {
        "GET" => {}
        "PATCH" => {
            let body = asked.required("body")?;
            check_comment(&body)?;
            if found.body != body {
                (found.body, found.updated) = (body, asked.now);
            }
        }
        "DELETE" => {
            desk.comments.remove(&id);
            return Ok(Answer::nothing());
        }
        _ => return Err(Refusal::not_found()),
    }
    let found = found.clone();
    Ok(Answer::new(200, shape::comment(desk, &found)))
}
