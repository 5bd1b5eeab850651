//! Commits, and the statuses that checks give them.
use git2::{Commit, Oid};
use serde_json::{Value, json};

use super::page::page;
use super::{Asked, shape};
use crate::rehearse::github::account::Access;
use crate::rehearse::github::desk::{Desk, Status};
use crate::rehearse::github::refusal::Refusal;
use crate::rehearse::wire::Answer;

const ONE: &str = "/repos/{owner}/{repo}/commits/{ref}";
const COMBINED: &str = "/repos/{owner}/{repo}/commits/{ref}/status";
const LISTED: &str = "/repos/{owner}/{repo}/commits/{ref}/statuses";
const CREATE: &str = "/repos/{owner}/{repo}/statuses/{sha}";

pub fn answer(desk: &mut Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let access = asked.account.permissions;
    match (asked.method(), asked.route.template) {
        ("GET", ONE) => {
            asked.needs(access.contents, Access::Read)?;
            let found = find(desk, asked.route.text(2))?;
            Ok(Answer::new(200, shape::commit(desk, &found)))
        }
        ("GET", COMBINED) => {
            asked.needs(access.statuses, Access::Read)?;
            let commit = find(desk, asked.route.text(2))?.id();
            Ok(Answer::new(200, combined(desk, commit)))
        }
        ("GET", LISTED) => {
            asked.needs(access.statuses, Access::Read)?;
            let commit = find(desk, asked.route.text(2))?.id();
            let all = desk.statuses.get(&commit).map(Vec::as_slice).unwrap_or_default();
            let newest_first = all.iter().rev();
            let shown = newest_first.map(|status| shape::status(desk, commit, status)).collect();
            Ok(page(asked, shown))
        }
        ("POST", CREATE) => {
            asked.needs(access.statuses, Access::Write)?;
            let sha = asked.route.text(2);
            let commit = Oid::from_str(sha)
                .map_err(|_| Refusal::new(422, format!("No commit found for SHA: {sha}")))?;
            let status = Status {
                id: desk.next_id(),
                context: asked.text("context")?.unwrap_or_else(|| "default".to_owned()),
                state: asked.required("state")?,
                description: asked.text("description")?,
                target: asked.text("target_url")?,
                creator: asked.account.login.clone(),
                created: asked.now,
            };
            let made = desk.set_status(commit, status)?;
            Ok(Answer::new(201, shape::status(desk, commit, &made)))
        }
        _ => Err(Refusal::not_found()),
    }
}

/// A commit by its id, whole, or by a branch that holds it.
fn find<'a>(desk: &'a Desk, name: &str) -> Result<Commit<'a>, Refusal> {
    let by_id = Oid::from_str(name).ok().filter(|_| name.len() == 40);
    let id = match by_id {
        Some(id) => Some(id),
        None => desk.branch(name.trim_start_matches("heads/"))?,
    };
    let missing = || Refusal::new(422, format!("No commit found for SHA: {name}"));
    desk.repo.find_commit(id.ok_or_else(missing)?).map_err(|_| missing())
}

fn combined(desk: &Desk, commit: Oid) -> Value {
    let states: Vec<(&str, &str)> = desk.latest_states(commit).collect();
    let any = |wanted: &[&str]| states.iter().any(|(_, state)| wanted.contains(state));
    let state = if any(&["error", "failure"]) {
        "failure"
    } else if any(&["pending"]) || states.is_empty() {
        "pending"
    } else {
        "success"
    };
    let all = desk.statuses.get(&commit).map(Vec::as_slice).unwrap_or_default();
    let newest = states
        .iter()
        .filter_map(|(context, _)| all.iter().rev().find(|status| status.context == *context));
    let shown: Vec<Value> = newest.map(|status| shape::status(desk, commit, status)).collect();
    json!({
        "state": state, "statuses": shown, "sha": commit.to_string(),
        "total_count": states.len(), "repository": shape::repo(desk),
    })
}
