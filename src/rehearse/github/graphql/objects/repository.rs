//! The repo in GraphQL, and the lists of its pull requests.
use git2::Oid;
use serde_json::{Map, Value, json};

use super::pull_request::{pull_request, state};
use super::{Found, actor, branch};
use crate::rehearse::github::WEB;
use crate::rehearse::github::account::Access;
use crate::rehearse::github::api::shape::{id_of, node};
use crate::rehearse::github::graphql::Query;
use crate::rehearse::github::graphql::connection::connection;
use crate::rehearse::github::pull::{Method, Pull, State};
use crate::rehearse::github::refusal::Refusal;

impl Query<'_> {
    pub(super) fn repository_named(&self, owner: &str, name: &str) -> Result<Value, Refusal> {
        let named = format!("{owner}/{name}");
        let sees = self.account.permissions.sees();
        if !sees || !named.eq_ignore_ascii_case(&self.desk.full_name()) {
            let message = format!("Could not resolve to a Repository with the name '{named}'.");
            return Err(Refusal::new(404, message));
        }
        Ok(self.repository())
    }

    pub(super) fn repository(&self) -> Value {
        let desk = &self.desk;
        let full = desk.full_name();
        let allows = |method: Method| desk.rules.methods.contains(&method);
        let permission = match self.account.permissions.contents {
            Access::Write => "WRITE",
            Access::Read | Access::None => "READ",
        };
        json!({
            "__typename": "Repository",
            "id": node("R", id_of(&full)),
            "databaseId": id_of(&full),
            "name": desk.name,
            "nameWithOwner": full,
            "owner": actor(&desk.owner),
            "url": format!("{WEB}/{full}"),
            "isPrivate": true,
            "isArchived": false,
            "autoMergeAllowed": desk.rules.allow_auto_merge,
            "deleteBranchOnMerge": desk.rules.delete_branch_on_merge,
            "mergeCommitAllowed": allows(Method::Merge),
            "squashMergeAllowed": allows(Method::Squash),
            "rebaseMergeAllowed": allows(Method::Rebase),
            "viewerPermission": permission,
            "viewerDefaultMergeMethod": desk.rules.methods.first().map(|it| it.as_str().to_uppercase()),
        })
    }

    pub(super) fn of_repository(&mut self, name: &str, arguments: &Map<String, Value>) -> Found {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        match name {
            "pullRequests" => self.pulls(name, arguments, None).map(Some),
            "pullRequest" => {
                let number = arguments.get("number").and_then(Value::as_u64).unwrap_or_default();
                let pull = self.desk.pulls.get(&number).ok_or_else(|| {
                    let message =
                        format!("Could not resolve to a PullRequest with the number of {number}.");
                    Refusal::new(404, message)
                })?;
                Ok(Some(pull_request(pull)))
            }
            "defaultBranchRef" => self.reference(&format!("refs/heads/{}", self.desk.base)),
            "ref" => {
                let given = text("qualifiedName");
                let qualified = match given.starts_with("refs/") {
                    true => given.to_owned(),
                    false => format!("refs/heads/{given}"),
                };
                self.reference(&qualified)
            }
            "refs" => {
                let prefix = text("refPrefix");
                let mut found = Vec::new();
                for reference in self.desk.repo.references_glob(&format!("{prefix}*"))? {
                    let reference = reference?;
                    if let (Ok(name), Some(commit)) = (reference.name(), reference.target()) {
                        found.push(branch(name, prefix, commit));
                    }
                }
                connection(name, "Ref", found, arguments).map(Some)
            }
            "object" => {
                let named = arguments.get("oid").and_then(Value::as_str);
                let named = named.unwrap_or_else(|| text("expression"));
                let commit = match Oid::from_str(named) {
                    Ok(id) => Some(id),
                    Err(_) => self.desk.branch(named.trim_start_matches("refs/heads/"))?,
                };
                match commit.filter(|id| self.desk.repo.find_commit(*id).is_ok()) {
                    Some(commit) => self.commit(commit).map(Some),
                    None => Ok(Some(Value::Null)),
                }
            }
            _ => Ok(None),
        }
    }

    /// Pull requests in the order and the states that are asked for.
    pub(super) fn pulls(
        &self,
        name: &str,
        arguments: &Map<String, Value>,
        head: Option<&str>,
    ) -> Result<Value, Refusal> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let states = arguments.get("states");
        // One value stands for a list of it.
        let fits = |state: &str| match states {
            None | Some(Value::Null) => true,
            Some(Value::Array(states)) => states.iter().any(|it| it == state),
            Some(one) => one == state,
        };
        let head = head.or(text("headRefName"));
        let pulls = self.desk.pulls_before(self.stale).values();
        let mut found: Vec<&Pull> = pulls
            .filter(|pull| fits(state(pull)))
            .filter(|pull| head.is_none_or(|head| head == pull.head_ref))
            .filter(|pull| text("baseRefName").is_none_or(|base| base == pull.base_ref))
            .collect();
        let order = arguments.get("orderBy").unwrap_or(&Value::Null);
        if order["field"] == "UPDATED_AT" {
            found.sort_by_key(|pull| (pull.updated, pull.number));
        }
        if order["direction"] == "DESC" {
            found.reverse();
        }
        connection(name, "PullRequest", found.into_iter().map(pull_request).collect(), arguments)
    }

    /// Pull requests that a search finds, newest first: by the beginning of their branch's name (`head:`),
    /// and by whether they are open.
    pub(super) fn search(&self, query: &str) -> Vec<Value> {
        let pulls = self.desk.pulls_before(self.stale).values().rev();
        let repo = self.desk.full_name();
        let fits = |pull: &&Pull| {
            query.split_whitespace().all(|term| match term.split_once(':') {
                Some(("head", prefix)) => pull.head_ref.starts_with(prefix),
                Some(("base", name)) => pull.base_ref == name,
                Some(("repo", named)) => named.eq_ignore_ascii_case(&repo),
                Some(("is" | "state", "open")) => pull.is_open(),
                Some(("is" | "state", "closed")) => !pull.is_open(),
                Some(("is", "merged")) => matches!(pull.state, State::Merged(_)),
                _ => true,
            })
        };
        pulls.filter(fits).map(pull_request).collect()
    }
}
