//! Pull requests: what opens, what is refused, what becomes of them.
use serde_json::{Value, json};

use super::{ANN, BOT, PULLS, STEP, World, draft};

#[tokio::test]
async fn a_pull_request_is_opened_once_and_found_by_its_head() {
    let world = World::new();
    let opened = world.open().await;
    let head = world.git(&["rev-parse", STEP]);
    assert_eq!(opened["number"], 1);
    assert_eq!((&opened["head"]["sha"], &opened["head"]["ref"]), (&json!(head), &json!(STEP)));
    assert_eq!(
        (&opened["user"]["login"], &opened["user"]["type"]),
        (&json!("dcr[bot]"), &json!("Bot"))
    );
    let again = world.ask(BOT, "POST", PULLS, draft(STEP)).await;
    assert_eq!(again.status, 422);
    assert_eq!(
        again.body["errors"][0]["message"],
        format!("A pull request already exists for acme:{STEP}.")
    );
    let path = format!("/api/v3{PULLS}?head=acme:{STEP}&state=all");
    let found = world.ask(BOT, "GET", &path, Value::Null).await;
    assert_eq!(found.body.as_array().unwrap().len(), 1);
    let other = format!("{PULLS}?head=acme:dcr/other&state=all");
    assert_eq!(world.ask(BOT, "GET", &other, Value::Null).await.body, json!([]));
}

#[tokio::test]
async fn one_list_of_graphql_says_where_all_stand() {
    let world = World::new();
    let opened = world.open().await;
    let query = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {
        autoMergeAllowed
        pullRequests(first: 10, orderBy: {field: UPDATED_AT, direction: DESC}) {
            pageInfo { hasNextPage endCursor }
            nodes { ...All timelineItems(last: 1, itemTypes: [CLOSED_EVENT]) { nodes { ... on ClosedEvent { actor { login } } } } }
        } } }
        fragment All on PullRequest { id number state headRefOid mergeStateStatus mergeable reviewDecision
            autoMergeRequest { mergeMethod } mergeQueueEntry { position } mergeCommit { oid } author { login } }";
    let names = json!({"owner": "acme", "name": "deployment"});
    let first = world.graphql(BOT, query, names.clone()).await;
    let pull = |all: &Value| all["repository"]["pullRequests"]["nodes"][0].clone();
    assert_eq!(pull(&first)["mergeable"], "UNKNOWN", "{first}");
    let second = world.graphql(BOT, query, names.clone()).await;
    assert_eq!(
        pull(&second),
        json!({
            "id": opened["node_id"], "number": 1, "state": "OPEN", "headRefOid": opened["head"]["sha"],
            "mergeStateStatus": "BLOCKED", "mergeable": "MERGEABLE", "reviewDecision": "REVIEW_REQUIRED",
            "autoMergeRequest": null, "mergeQueueEntry": null, "mergeCommit": null,
            "author": {"login": "dcr"}, "timelineItems": {"nodes": []},
        })
    );
    let close = format!("{PULLS}/1");
    world.ask(ANN, "PATCH", &close, json!({"state": "closed"})).await;
    let third = world.graphql(BOT, query, names).await;
    assert_eq!(pull(&third)["state"], "CLOSED");
    assert_eq!(pull(&third)["timelineItems"]["nodes"][0]["actor"]["login"], "ann");
}
