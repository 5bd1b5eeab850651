//! A pull request in GraphQL: what it knows at once, and what has to be worked out.
use serde_json::{Map, Value, json};

use super::{Found, actor};
use crate::rehearse::github::WEB;
use crate::rehearse::github::api::shape::{node, time};
use crate::rehearse::github::graphql::Query;
use crate::rehearse::github::graphql::connection::connection;
use crate::rehearse::github::pull::{Pull, State};
use crate::rehearse::github::refusal::Refusal;
use crate::rehearse::github::standing::{Mergeable, Standing};

impl Query<'_> {
    pub(super) fn of_pull(
        &mut self,
        object: &Value,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Found {
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

pub fn state(pull: &Pull) -> &'static str {
    match pull.state {
        State::Open => "OPEN",
        State::Closed => "CLOSED",
        State::Merged(_) => "MERGED",
    }
}

/// What a pull request knows at once.
pub fn pull_request(pull: &Pull) -> Value {
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
