//! Merging without a person, where the settings want it and GitHub's rules are met; and taking that back.
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::github::{Document, Error, Writer};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auto {
    /// GitHub merges it as soon as its rules are met, or is about to.
    Armed,
    /// Its rules were met already.
    Merged,
    /// It waits for a person, for this reason.
    Left(String),
}

const LOOK: Document<'static> = Document(
    "
query Auto($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    autoMergeAllowed
    mergeCommitAllowed
    squashMergeAllowed
    rebaseMergeAllowed
    pullRequest(number: $number) {
      id
      state
      isDraft
      headRefOid
      mergeStateStatus
      autoMergeRequest { enabledAt }
      mergeQueueEntry { id }
    }
  }
}",
);

const ARM: Document<'static> = Document(
    "
mutation Arm($request: ID!, $method: PullRequestMergeMethod!, $head: GitObjectID!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $request, mergeMethod: $method, expectedHeadOid: $head}) {
    pullRequest { number }
  }
}",
);

const ENQUEUE: Document<'static> = Document(
    "
mutation Enqueue($request: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $request, expectedHeadOid: $head}) { mergeQueueEntry { id } }
}",
);

const DISARM: Document<'static> = Document(
    "
mutation Disarm($request: ID!) {
  disablePullRequestAutoMerge(input: {pullRequestId: $request}) { pullRequest { number } }
}",
);

const DEQUEUE: Document<'static> = Document(
    "
mutation Dequeue($request: ID!) {
  dequeuePullRequest(input: {id: $request}) { mergeQueueEntry { id } }
}",
);

#[derive(Deserialize)]
struct Looked {
    repository: Repository,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    auto_merge_allowed: bool,
    merge_commit_allowed: bool,
    squash_merge_allowed: bool,
    rebase_merge_allowed: bool,
    pull_request: Option<Request>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    id: String,
    state: String,
    is_draft: bool,
    head_ref_oid: String,
    merge_state_status: String,
    auto_merge_request: Option<Value>,
    merge_queue_entry: Option<Value>,
}

/// Has GitHub merge the request at `commit` once its rules are met.
///
/// # Errors
/// GitHub can't be asked.
pub async fn arm(writer: &Writer, number: u64, commit: &str) -> Result<Auto, Error> {
    let repository = look(writer, number).await?;
    let left = |why: &str| Ok(Auto::Left(why.to_owned()));
    let Some(request) = repository.pull_request else { return left("it isn't there") };
    if request.state != "OPEN" || request.head_ref_oid != commit {
        return left("it isn't what it was any more");
    }
    if request.auto_merge_request.is_some() || request.merge_queue_entry.is_some() {
        return Ok(Auto::Armed);
    }
    if request.is_draft {
        return left("it is a draft");
    }
    let ways = [
        ("merge", repository.merge_commit_allowed),
        ("squash", repository.squash_merge_allowed),
        ("rebase", repository.rebase_merge_allowed),
    ];
    let Some((method, _)) = ways.into_iter().find(|(_, allowed)| *allowed) else {
        return left("the repo allows no way of merging");
    };
    // Whoever allows it only with a person at it means what is clean already, too.
    if !repository.auto_merge_allowed {
        return left("the repo doesn't allow auto-merge (see its settings)");
    }
    // GitHub arms nothing that could be merged at once.
    if matches!(request.merge_state_status.as_str(), "CLEAN" | "HAS_HOOKS") {
        return merge(writer, number, &request.id, commit, method).await;
    }
    let method_name = method.to_uppercase();
    let variables = json!({"request": request.id, "method": method_name, "head": commit});
    match writer.mutate::<Value>(ARM, variables).await {
        Ok(_) => Ok(Auto::Armed),
        Err(Error::Graphql { errors })
            if errors.iter().any(|error| error.message.contains("clean status")) =>
        {
            merge(writer, number, &request.id, commit, method).await
        }
        Err(error) => Ok(Auto::Left(error.to_string())),
    }
}

/// Merges what is clean, if its head is still `commit`. Where there is a queue, it goes there.
async fn merge(
    writer: &Writer,
    number: u64,
    id: &str,
    commit: &str,
    method: &str,
) -> Result<Auto, Error> {
    let body = json!({"sha": commit, "merge_method": method});
    match writer.send::<Value>(Method::PUT, &format!("pulls/{number}/merge"), &body).await {
        Ok(_) => Ok(Auto::Merged),
        Err(error) if error.status() == Some(405) => {
            let variables = json!({"request": id, "head": commit});
            match writer.mutate::<Value>(ENQUEUE, variables).await {
                Ok(_) => Ok(Auto::Armed),
                // The first answer is about the rules.
                Err(_) => Ok(Auto::Left(error.to_string())),
            }
        }
        Err(error) => Ok(Auto::Left(error.to_string())),
    }
}

/// Has GitHub not merge the request by itself any more, and takes it out of the queue.
///
/// # Errors
/// GitHub refuses, and it is still armed.
pub async fn disarm(writer: &Writer, number: u64) -> Result<(), Error> {
    let Some(request) = look(writer, number).await?.pull_request else { return Ok(()) };
    let variables = || json!({"request": request.id});
    if request.merge_queue_entry.is_some() {
        writer.mutate::<Value>(DEQUEUE, variables()).await?;
    }
    if request.auto_merge_request.is_some() {
        writer.mutate::<Value>(DISARM, variables()).await?;
    }
    Ok(())
}

async fn look(writer: &Writer, number: u64) -> Result<Repository, Error> {
    let place = writer.reader().place();
    let variables = json!({"owner": place.owner, "name": place.name, "number": number});
    let looked: Looked = writer.reader().query(LOOK, variables).await?;
    Ok(looked.repository)
}
