//! The objects of GraphQL: what each knows at once, and what is looked up when somebody asks.
mod pull_request;
mod repository;

use git2::Oid;
use serde_json::{Map, Value, json};

use super::Query;
use super::connection::connection;
use crate::rehearse::github::WEB;
use crate::rehearse::github::api::shape::{id_of, node, time};
use crate::rehearse::github::refusal::Refusal;

pub use pull_request::pull_request;

type Found = Result<Option<Value>, Refusal>;

impl Query<'_> {
    /// What an object doesn't hold, but has.
    pub(super) fn lookup(
        &mut self,
        object: &Value,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Found {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = object["__typename"].as_str().unwrap_or_default();
        match (kind, name) {
            ("Query", "viewer") => Ok(Some(viewer(&self.account.login))),
            ("Query", "rateLimit") => Ok(Some(self.rate_limit())),
            ("Query", "repository") => self.repository_named(text("owner"), text("name")).map(Some),
            ("Query", "node") => self.node(text("id")),
            ("Query", "search") => {
                let found = self.search(text("query"));
                connection(name, "SearchResultItem", found, arguments).map(Some)
            }
            ("Repository", _) => self.of_repository(name, arguments),
            ("PullRequest", _) => self.of_pull(object, name, arguments),
            ("Ref", "target") => {
                let commit = object["#commit"].as_str().and_then(|id| Oid::from_str(id).ok());
                commit.map(|commit| self.commit(commit)).transpose()
            }
            ("Ref", "associatedPullRequests") => {
                let head = object["name"].as_str().unwrap_or_default();
                let head = arguments.get("headRefName").and_then(Value::as_str).unwrap_or(head);
                self.pulls(name, arguments, Some(head)).map(Some)
            }
            ("Commit" | "IssueComment" | "Ref" | "MergeQueueEntry", "repository") => {
                Ok(Some(self.repository()))
            }
            _ => Ok(None),
        }
    }

    fn rate_limit(&self) -> Value {
        let limit = self.desk.rules.limits.map_or(0, |limits| limits.graphql);
        json!({
            "__typename": "RateLimit", "limit": limit, "cost": 1, "nodeCount": 1,
            "remaining": limit, "used": 0, "resetAt": time(self.now),
        })
    }

    fn node(&mut self, id: &str) -> Found {
        let missing = || {
            let message = format!("Could not resolve to a node with the global id of '{id}'");
            Refusal::new(404, message)
        };
        let number = self.pull_number(id).map_err(|_| missing())?;
        Ok(Some(pull_request(self.desk.pull(number).map_err(|_| missing())?)))
    }

    /// The number of the pull request with this id.
    pub(super) fn pull_number(&self, id: &str) -> Result<u64, Refusal> {
        let number = id.strip_prefix("PR_").and_then(|number| number.parse().ok());
        let number = number.filter(|number| self.desk.pulls.contains_key(number));
        number.ok_or_else(|| {
            let message = format!("Could not resolve to a node with the global id of '{id}'");
            Refusal::new(404, message)
        })
    }

    pub(super) fn reference(&self, qualified: &str) -> Found {
        let Some(commit) = self.desk.reference(qualified)? else { return Ok(Some(Value::Null)) };
        Ok(Some(branch(qualified, "refs/heads/", commit)))
    }

    pub(super) fn commit(&self, id: Oid) -> Result<Value, Refusal> {
        let desk = &self.desk;
        let commit = desk.repo.find_commit(id)?;
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        let (headline, body) = message.split_once('\n').unwrap_or((&message, ""));
        let signature = desk.verified.contains(&id).then(|| {
            json!({
                "__typename": "GpgSignature", "isValid": true, "state": "VALID",
                "wasSignedByGitHub": true,
            })
        });
        Ok(json!({
            "__typename": "Commit",
            "id": node("C", id),
            "oid": id.to_string(),
            "message": message,
            "messageHeadline": headline,
            "messageBody": body.trim(),
            "url": format!("{WEB}/{}/commit/{id}", desk.full_name()),
            "signature": signature,
        }))
    }
}

fn branch(qualified: &str, prefix: &str, commit: Oid) -> Value {
    json!({
        "__typename": "Ref",
        "id": node("REF", qualified),
        "name": qualified.strip_prefix(prefix).unwrap_or(qualified),
        "prefix": prefix,
        "#commit": commit.to_string(),
    })
}

/// Somebody who did something. A bot's name is without its mark here.
pub(super) fn actor(login: &str) -> Value {
    let (kind, login) = match login.strip_suffix("[bot]") {
        Some(slug) => ("Bot", slug),
        None => ("User", login),
    };
    let url = format!("{WEB}/{login}");
    json!({"__typename": kind, "id": node("U", id_of(login)), "login": login, "url": url})
}

/// Who asks: as a user, whatever they are, with the mark of a bot.
fn viewer(login: &str) -> Value {
    let id = node("U", id_of(login));
    json!({"__typename": "User", "id": id, "login": login, "url": format!("{WEB}/{login}")})
}
