//! Pull requests: what opens, what is refused, what becomes of them.
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{ANN, Answered, BOT, PULLS, STEP, World, draft};

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

/// Path, body and what is said of it.
#[tokio::test]
async fn what_can_not_be_opened() {
    let world = World::new();
    world.git(&["branch", "dcr/empty", "main"]);
    let with = |key: &str, value: Value| {
        let mut draft = draft(STEP);
        draft[key] = value;
        draft
    };
    let too_long = |field: &str, most: usize| {
        json!({
            "resource": "Issue", "code": "custom", "field": field,
            "message": format!("{field} is too long (maximum is {most} characters)"),
        })
    };
    let table = [
        (with("body", "é".repeat(65_537).into()), too_long("body", 65_536)),
        (with("title", "x".repeat(257).into()), too_long("title", 256)),
        (
            with("title", " ".into()),
            json!({"resource": "PullRequest", "code": "missing_field", "field": "title"}),
        ),
        (
            with("head", "dcr/nowhere".into()),
            json!({"resource": "PullRequest", "field": "head", "code": "invalid"}),
        ),
        (
            with("base", "nowhere".into()),
            json!({"resource": "PullRequest", "field": "base", "code": "invalid"}),
        ),
        (
            with("head", "dcr/empty".into()),
            json!({
                "resource": "PullRequest", "code": "custom",
                "message": "No commits between main and dcr/empty",
            }),
        ),
    ];
    for (draft, error) in table {
        let refused = world.ask(BOT, "POST", PULLS, draft).await;
        assert_eq!((refused.status, &refused.body["errors"]), (422, &json!([error])));
        assert_eq!(refused.body["message"], "Validation Failed");
    }
    let fits = with("body", "é".repeat(65_536).into());
    assert_eq!(world.ask(BOT, "POST", PULLS, fits).await.status, 201);
}

#[tokio::test]
async fn lists_come_in_pages_in_the_order_that_is_asked_for() {
    let world = World::new();
    for step in 1..=5 {
        let branch = format!("dcr/den/tenant-1/system6/run-1/step-{step}");
        world.push(&branch, &format!("step: '{step}'\n"));
        world.clock.forward(SignedDuration::from_mins(1));
        world.ask(BOT, "POST", PULLS, draft(&branch)).await;
    }
    let numbers = |answered: &Answered| -> Vec<u64> {
        let all = answered.body.as_array().unwrap().iter();
        all.map(|pull| pull["number"].as_u64().unwrap()).collect()
    };
    let get =
        async |query: &str| world.ask(BOT, "GET", &format!("{PULLS}?{query}"), Value::Null).await;
    let first = get("state=all&per_page=2").await;
    assert_eq!(numbers(&first), [5, 4]);
    let link = first.headers["link"].to_str().unwrap().to_owned();
    let next = link.split(['<', '>']).nth(1).unwrap().to_owned();
    assert!(link.contains("rel=\"next\"") && link.contains("page=3>; rel=\"last\""), "{link}");
    let second = world.ask(BOT, "GET", &next, Value::Null).await;
    assert_eq!(numbers(&second), [3, 2]);
    assert_eq!(numbers(&get("sort=created&direction=asc").await), [1, 2, 3, 4, 5]);
    world.clock.forward(SignedDuration::from_mins(1));
    world.github.edit(2, "Changed", "").unwrap();
    assert_eq!(numbers(&get("sort=updated&direction=desc&per_page=1").await), [2]);
    world.github.close(3, "ann");
    assert_eq!(numbers(&get("state=closed").await), [3]);
    assert_eq!(numbers(&get("base=other").await), [0; 0]);
}

#[tokio::test]
async fn who_changes_the_branch_changes_the_pull_request() {
    let world = World::new();
    world.open().await;
    world.github.approve(1, "ann").unwrap();
    let head = world.push(STEP, "step: '1'\nticket: DCR-1\n");
    let one = format!("{PULLS}/1");
    let pull = world.ask(BOT, "GET", &one, Value::Null).await.body;
    assert_eq!(pull["head"]["sha"], head);
    assert!(world.github.pull(1).unwrap().approvals.is_empty(), "it was for another commit");
    // Deleting the branch closes it, and it can't be opened again without one.
    world.git(&["update-ref", "-d", &format!("refs/heads/{STEP}")]);
    let pull = world.ask(BOT, "GET", &one, Value::Null).await.body;
    assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(false)));
    let issue = world.ask(BOT, "GET", "/repos/acme/deployment/issues/1", Value::Null).await.body;
    assert_eq!(issue["closed_by"]["login"], "dcr[bot]");
    let reopen = world.ask(BOT, "PATCH", &one, json!({"state": "open"})).await;
    assert_eq!(reopen.status, 422, "{reopen:?}");
    world.git(&["branch", STEP, &head]);
    let reopen = world.ask(BOT, "PATCH", &one, json!({"state": "open"})).await;
    assert_eq!((reopen.status, &reopen.body["state"]), (200, &json!("open")));
}

#[tokio::test]
async fn what_is_pushed_to_the_base_counts_as_merged() {
    let world = World::new();
    world.open().await;
    let head = world.git(&["rev-parse", STEP]);
    world.git(&["update-ref", "refs/heads/main", &head]);
    let pull = world.ask(BOT, "GET", &format!("{PULLS}/1"), Value::Null).await.body;
    assert_eq!((&pull["merged"], &pull["merge_commit_sha"]), (&json!(true), &json!(head)));
}

#[tokio::test]
async fn reviewers_and_labels() {
    let world = World::new();
    world.open().await;
    world.github.add_team("database");
    let path = format!("{PULLS}/1/requested_reviewers");
    let ask = async |people: Value, teams: Value| {
        world.ask(BOT, "POST", &path, json!({"reviewers": people, "team_reviewers": teams})).await
    };
    assert_eq!(ask(json!(["nobody"]), json!([])).await.status, 422);
    assert_eq!(ask(json!(["dcr[bot]"]), json!([])).await.status, 422);
    let asked = ask(json!(["ann"]), json!(["database"])).await;
    assert_eq!(asked.status, 201, "{asked:?}");
    assert_eq!(asked.body["requested_reviewers"][0]["login"], "ann");
    assert_eq!(asked.body["requested_teams"][0]["slug"], "database");
    let labels = "/repos/acme/deployment/issues/1/labels";
    let set = world.ask(BOT, "POST", labels, json!({"labels": ["dcr", "production"]})).await;
    assert_eq!((set.status, set.body.as_array().unwrap().len()), (200, 2));
    let gone = world.ask(BOT, "DELETE", &format!("{labels}/production"), Value::Null).await;
    assert_eq!((gone.status, &gone.body[0]["name"]), (200, &json!("dcr")));
}
