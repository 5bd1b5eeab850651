//! How open requests stand, and who closed those that were turned down: one GraphQL query for all of them.
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;

use super::Pull;
use crate::github::{Document, Error, Github};

/// What is asked of each request.
const STANDING: &str = "
fragment Standing on PullRequest {
  number
  state
  headRefOid
  mergeable
  autoMergeRequest { enabledAt }
  mergeQueueEntry { id }
  timelineItems(last: 1, itemTypes: [CLOSED_EVENT]) { nodes { ... on ClosedEvent { actor { login } } } }
}";

/// How many requests one query asks about.
const AT_A_TIME: usize = 50;

/// How a request stands now.
#[derive(Debug, Clone)]
pub struct Now {
    pub state: State,
    pub head: String,
    pub conflicts: bool,
    pub armed: bool,
    pub queued: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    Open,
    Closed,
    Merged,
}

#[derive(Deserialize)]
struct Answer {
    repository: BTreeMap<String, Option<Request>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    number: u64,
    state: State,
    head_ref_oid: String,
    mergeable: String,
    auto_merge_request: Option<Armed>,
    merge_queue_entry: Option<Queued>,
    timeline_items: Nodes,
}

#[derive(Deserialize)]
struct Armed {}

#[derive(Deserialize)]
struct Queued {}

#[derive(Deserialize)]
struct Nodes {
    nodes: Vec<Option<Closed>>,
}

#[derive(Deserialize)]
struct Closed {
    actor: Option<Actor>,
}

#[derive(Deserialize)]
struct Actor {
    login: String,
}

/// Asks about the open ones, and about those of the `wanted` branches that were closed by nobody knows whom.
pub async fn ask(
    github: &Github,
    pulls: &[Pull],
    closed_by: &mut BTreeMap<u64, Option<String>>,
    wanted: &BTreeSet<String>,
) -> Result<BTreeMap<u64, Now>, Error> {
    let turned_down = |pull: &Pull| {
        let closed = !pull.is_open() && pull.merged_at.is_none();
        closed && wanted.contains(&pull.head.name) && !closed_by.contains_key(&pull.number)
    };
    let open = pulls.iter().filter(|pull| pull.is_open() || turned_down(pull));
    let numbers: Vec<u64> = open.map(|pull| pull.number).collect();
    let mut found = BTreeMap::new();
    for numbers in numbers.chunks(AT_A_TIME) {
        for request in about(github, numbers).await?.repository.into_values().flatten() {
            if request.state == State::Closed {
                let event = request.timeline_items.nodes.into_iter().flatten().next();
                let by = event.and_then(|event| event.actor).map(|actor| actor.login);
                closed_by.insert(request.number, by);
            } else {
                // It may be opened again, and be closed by somebody else after that.
                closed_by.remove(&request.number);
            }
            let now = Now {
                state: request.state,
                head: request.head_ref_oid,
                conflicts: request.mergeable == "CONFLICTING",
                armed: request.auto_merge_request.is_some(),
                queued: request.merge_queue_entry.is_some(),
            };
            found.insert(request.number, now);
        }
    }
    Ok(found)
}

async fn about(github: &Github, numbers: &[u64]) -> Result<Answer, Error> {
    let each = numbers
        .iter()
        .map(|number| format!("p{number}: pullRequest(number: {number}) {{ ...Standing }}\n"));
    let query = format!(
        "query Standing($owner: String!, $name: String!) {{\nrepository(owner: $owner, name: $name) {{\n{}}}\n}}\n{STANDING}",
        each.collect::<String>()
    );
    let place = github.place();
    github.query(Document(&query), json!({"owner": place.owner, "name": place.name})).await
}
