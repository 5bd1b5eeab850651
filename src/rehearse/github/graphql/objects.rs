//! The objects of GraphQL: what each knows at once, and what is looked up when somebody asks.
use git2::Oid;
use serde_json::{Map, Value, json};

use super::Query;
use super::connection::connection;
use crate::rehearse::github::WEB;
use crate::rehearse::github::account::Access;
use crate::rehearse::github::api::shape::{id_of, node, time};
use crate::rehearse::github::pull::{Method, Pull, State};
use crate::rehearse::github::refusal::Refusal;
use crate::rehearse::github::standing::{Mergeable, Standing};

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

    fn repository_named(&self, owner: &str, name: &str) -> Result<Value, Refusal> {
        let named = format!("{owner}/{name}");
        let sees = self.account.permissions.sees();
        if !sees || !named.eq_ignore_ascii_case(&self.desk.full_name()) {
            let message = format!("Could not resolve to a Repository with the name '{named}'.");
            return Err(Refusal::new(404, message));
        }
        Ok(self.repository())
    }

    fn repository(&self) -> Value {
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

    fn of_repository(&mut self, name: &str, arguments: &Map<String, Value>) -> Found {
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

    fn of_pull(&mut self, object: &Value, name: &str, arguments: &Map<String, Value>) -> Found {
        let number = object["number"].as_u64().unwrap_or_default();
        let pull = self.desk.pull(number)?.clone();
        let list =
            |kind: &str, nodes: Vec<Value>| connection(name, kind, nodes, arguments).map(Some);
        match name {
            "repository" | "headRepository" | "baseRepository" => Ok(Some(self.repository())),
            "headRepositoryOwner" => Ok(Some(actor(&self.desk.owner))),
            "url" | "permalink" => {
                Ok(Some(format!("{WEB}/{}/pull/{number}", self.desk.full_name()).into()))
            }
            "mergeable" => Ok(Some(match self.look(number)?.0 {
                Mergeable::Unknown => "UNKNOWN".into(),
                Mergeable::Yes => "MERGEABLE".into(),
                Mergeable::No => "CONFLICTING".into(),
            })),
            "mergeStateStatus" => Ok(Some(self.look(number)?.1.as_str().into())),
            "reviewDecision" => Ok(Some(self.decision(&pull))),
            "mergeCommit" => match pull.state {
                State::Merged(commit) => self.commit(commit).map(Some),
                State::Open | State::Closed => Ok(Some(Value::Null)),
            },
            "headRef" => self.reference(&format!("refs/heads/{}", pull.head_ref)),
            "baseRef" => self.reference(&format!("refs/heads/{}", pull.base_ref)),
            "mergeQueueEntry" => Ok(Some(self.queue_entry(&pull))),
            "viewerDidAuthor" => Ok(Some((pull.author == self.account.login).into())),
            "comments" => {
                let all = self.desk.comments.values().filter(|it| it.pull == number);
                let all = all.map(|comment| {
                    let url = format!(
                        "{WEB}/{}/pull/{number}#issuecomment-{}",
                        self.desk.full_name(),
                        comment.id
                    );
                    json!({
                        "__typename": "IssueComment", "id": node("IC", comment.id),
                        "databaseId": comment.id, "fullDatabaseId": comment.id.to_string(),
                        "author": actor(&comment.author), "body": comment.body, "url": url,
                        "createdAt": time(comment.created), "updatedAt": time(comment.updated),
                        "viewerDidAuthor": comment.author == self.account.login,
                        "isMinimized": false,
                    })
                });
                list("IssueComment", all.collect())
            }
            "labels" => {
                let labels = pull.labels.iter();
                let labels = labels.map(|name| json!({"__typename": "Label", "name": name}));
                list("Label", labels.collect())
            }
            "reviewRequests" => {
                let asked = pull.reviewers.iter().map(|login| {
                    json!({"__typename": "ReviewRequest", "requestedReviewer": actor(login)})
                });
                list("ReviewRequest", asked.collect())
            }
            "timelineItems" => {
                let kinds: Vec<&str> = arguments
                    .get("itemTypes")
                    .and_then(Value::as_array)
                    .map(|kinds| kinds.iter().filter_map(Value::as_str).collect())
                    .unwrap_or_default();
                let items = self.timeline(&pull)?.into_iter();
                let items = items.filter(|(kind, _)| kinds.is_empty() || kinds.contains(kind));
                list("PullRequestTimelineItems", items.map(|(_, item)| item).collect())
            }
            _ => Ok(None),
        }
    }

    /// Pull requests in the order and the states that are asked for.
    fn pulls(
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
    fn search(&self, query: &str) -> Vec<Value> {
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

    fn look(&mut self, number: u64) -> Result<(Mergeable, Standing), Refusal> {
        if let Some(look) = self.looks.get(&number) {
            return Ok(*look);
        }
        let look = self.desk.look(number)?;
        self.looks.insert(number, look);
        Ok(look)
    }

    fn decision(&self, pull: &Pull) -> Value {
        let approved = u32::try_from(pull.approvals.len()).unwrap_or(u32::MAX);
        if !pull.objections.is_empty() {
            "CHANGES_REQUESTED".into()
        } else if self.desk.rules.approvals == 0 {
            Value::Null
        } else if approved >= self.desk.rules.approvals {
            "APPROVED".into()
        } else {
            "REVIEW_REQUIRED".into()
        }
    }

    fn queue_entry(&self, pull: &Pull) -> Value {
        let Some(queued) = &pull.queued else { return Value::Null };
        let before = self.desk.pulls.values().filter_map(|other| other.queued.as_ref());
        let position = 1 + before.filter(|other| other.at < queued.at).count();
        let state = if queued.trial.is_some() { "AWAITING_CHECKS" } else { "QUEUED" };
        json!({
            "__typename": "MergeQueueEntry",
            "id": node("MQE", pull.number),
            "position": position,
            "state": state,
            "enqueuedAt": time(queued.at),
            "enqueuer": actor(&queued.by),
            "jump": false,
            "solo": false,
            "estimatedTimeToMerge": null,
        })
    }

    /// What happened to it, by the name of its kind.
    fn timeline(&self, pull: &Pull) -> Result<Vec<(&'static str, Value)>, Refusal> {
        let mut items = Vec::new();
        let last = pull.endings.len();
        for (at, ending) in pull.endings.iter().enumerate() {
            let (by, when) = (actor(&ending.by), time(ending.at));
            if let State::Merged(commit) = pull.state
                && at + 1 == last
            {
                let merged = json!({
                    "__typename": "MergedEvent", "id": node("ME", format!("{}-{at}", pull.number)),
                    "actor": by, "createdAt": when, "mergeRefName": pull.base_ref,
                    "commit": self.commit(commit)?,
                });
                items.push(("MERGED_EVENT", merged));
            }
            let closed = json!({
                "__typename": "ClosedEvent", "id": node("CE", format!("{}-{at}", pull.number)),
                "actor": by, "createdAt": when,
            });
            items.push(("CLOSED_EVENT", closed));
        }
        Ok(items)
    }
}

fn state(pull: &Pull) -> &'static str {
    match pull.state {
        State::Open => "OPEN",
        State::Closed => "CLOSED",
        State::Merged(_) => "MERGED",
    }
}

/// What a pull request knows at once.
pub(super) fn pull_request(pull: &Pull) -> Value {
    let ended = pull.ending();
    let merged = ended.filter(|_| matches!(pull.state, State::Merged(_)));
    let auto = pull.auto_merge.as_ref().map(|auto| {
        json!({
            "__typename": "AutoMergeRequest",
            "enabledAt": time(auto.at),
            "enabledBy": actor(&auto.by),
            "mergeMethod": auto.method.as_str().to_uppercase(),
            "commitHeadline": null,
            "commitBody": null,
        })
    });
    json!({
        "__typename": "PullRequest",
        "id": node("PR", pull.number),
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "state": state(pull),
        "closed": !pull.is_open(),
        "merged": merged.is_some(),
        "isDraft": pull.draft,
        "locked": false,
        "isCrossRepository": false,
        "author": actor(&pull.author),
        "headRefName": pull.head_ref,
        "headRefOid": pull.head.to_string(),
        "baseRefName": pull.base_ref,
        "baseRefOid": pull.base.to_string(),
        "createdAt": time(pull.created),
        "updatedAt": time(pull.updated),
        "closedAt": ended.map(|ending| time(ending.at)),
        "mergedAt": merged.map(|ending| time(ending.at)),
        "mergedBy": merged.map(|ending| actor(&ending.by)),
        "autoMergeRequest": auto,
        "isInMergeQueue": pull.queued.is_some(),
    })
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
