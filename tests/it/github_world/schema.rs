//! What GitHub itself says of its API: every request a client makes of the embedded one, and every answer it
//! gets, is held against GitHub's published descriptions (trimmed, in `fixtures/github`).
mod graphql;
mod rest;

use dcr_gitops::rehearse::github::GitHub;
use dcr_gitops::rehearse::wire::Asked;
use serde_json::{Value, json};

use super::{ANN, BOT, PULLS, STEP, World, draft};

/// What of the recorded requests and answers isn't as GitHub describes it.
pub fn violations(log: &[Asked]) -> Vec<String> {
    let (rest, graphql) = (rest::Api::read(), graphql::Schema::read());
    let of = |asked: &Asked| match asked.route.starts_with("/graphql") {
        true => graphql.violations(asked),
        false => rest.violations(asked),
    };
    let said = |asked: &Asked| {
        let what = format!("{} {}", asked.method, asked.path);
        of(asked).into_iter().map(move |why| format!("{what}: {why}"))
    };
    log.iter().flat_map(said).collect()
}

/// Asserts that there is none.
#[track_caller]
pub fn holds(github: &GitHub) {
    let violations = violations(&github.wire().log());
    assert!(violations.is_empty(), "{violations:#?}");
}

/// Everything that can be asked, asked once and answered well.
#[tokio::test]
async fn requests_and_answers_are_as_github_describes_them() {
    let world = World::new();
    let opened = world.open().await;
    let head = opened["head"]["sha"].as_str().unwrap();
    world.github.add_team("database");
    world.github.comment(1, "ann", "a comment").unwrap();
    let repo = "/repos/acme/deployment";
    let comments = format!("{repo}/issues/1/comments");
    let comment =
        world.ask(BOT, "POST", &comments, json!({"body": "text"})).await.body["id"].clone();
    let with = |name: &str| json!({"ref": format!("refs/heads/{name}"), "sha": head});
    let status = json!({"state": "pending", "context": "dcr", "description": "waits", "target_url": "https://example.com"});
    let requests = [
        ("GET", "/user".to_owned(), Value::Null),
        ("GET", repo.to_owned(), Value::Null),
        ("GET", format!("{repo}/branches/main"), Value::Null),
        (
            "GET",
            format!(
                "{PULLS}?state=all&head=acme:{STEP}&base=main&sort=updated&direction=desc&per_page=5&page=1"
            ),
            Value::Null,
        ),
        ("GET", format!("{PULLS}/1"), Value::Null),
        ("GET", format!("{PULLS}/1"), Value::Null),
        ("GET", format!("{PULLS}/1/commits"), Value::Null),
        (
            "PATCH",
            format!("{PULLS}/1"),
            json!({"title": "t", "body": "b", "state": "open", "base": "main"}),
        ),
        (
            "POST",
            format!("{PULLS}/1/requested_reviewers"),
            json!({"reviewers": ["ann"], "team_reviewers": ["database"]}),
        ),
        ("GET", format!("{PULLS}/1/requested_reviewers"), Value::Null),
        ("DELETE", format!("{PULLS}/1/requested_reviewers"), json!({"reviewers": ["ann"]})),
        ("POST", format!("{repo}/issues/1/labels"), json!({"labels": ["dcr"]})),
        ("PUT", format!("{repo}/issues/1/labels"), json!({"labels": ["dcr"]})),
        ("GET", format!("{repo}/issues/1/labels"), Value::Null),
        ("DELETE", format!("{repo}/issues/1/labels/dcr"), Value::Null),
        ("GET", format!("{repo}/issues/1"), Value::Null),
        ("GET", format!("{comments}?per_page=100&page=1&since=2026-11-22T00:00:00Z"), Value::Null),
        ("GET", format!("{repo}/issues/comments/{comment}"), Value::Null),
        ("PATCH", format!("{repo}/issues/comments/{comment}"), json!({"body": "other"})),
        ("DELETE", format!("{repo}/issues/comments/{comment}"), Value::Null),
        ("POST", format!("{repo}/statuses/{head}"), status),
        ("GET", format!("{repo}/commits/{head}"), Value::Null),
        ("GET", format!("{repo}/commits/{head}/status"), Value::Null),
        ("GET", format!("{repo}/commits/{head}/statuses"), Value::Null),
        ("POST", format!("{repo}/git/refs"), with("dcr/a")),
        ("PATCH", format!("{repo}/git/refs/heads/dcr/a"), json!({"sha": head, "force": true})),
        ("GET", format!("{repo}/git/ref/heads/dcr/a"), Value::Null),
        ("GET", format!("{repo}/git/matching-refs/heads/dcr"), Value::Null),
        ("DELETE", format!("{repo}/git/refs/heads/dcr/a"), Value::Null),
    ];
    for (method, path, body) in requests {
        // Only people have a page of their own.
        let who = if path == "/user" { ANN } else { BOT };
        let answered = world.ask(who, method, &path, body).await;
        assert!(answered.status < 300, "{method} {path}: {answered:?}");
    }
    let refused = world.ask(BOT, "POST", PULLS, draft("nowhere")).await;
    assert_eq!(refused.status, 422);
    assert_eq!(
        world.ask(BOT, "PUT", &format!("{PULLS}/1/merge"), json!({"sha": head})).await.status,
        405
    );
    world.github.approve(1, "ann").unwrap();
    let merge =
        json!({"sha": head, "merge_method": "merge", "commit_title": "t", "commit_message": "m"});
    assert_eq!(world.ask(BOT, "PUT", &format!("{PULLS}/1/merge"), merge).await.status, 200);
    assert_eq!(world.ask(BOT, "GET", &format!("{PULLS}/1/merge"), Value::Null).await.status, 204);
    world.ask(BOT, "GET", &format!("{PULLS}/1"), Value::Null).await;
    holds(&world.github);
    let counts = world.github.wire().counts();
    let left = rest::Api::read().operations();
    let left: Vec<_> = left.into_iter().filter(|it| !counts.contains_key(it)).collect();
    // These take an App, or tell nothing that anybody asks.
    assert_eq!(
        left,
        ["GET /app", "GET /rate_limit", "POST /app/installations/{installation_id}/access_tokens"]
    );
}

#[tokio::test]
async fn queries_and_their_answers_are_as_github_describes_them() {
    let world = World::new();
    world.open().await;
    world.github.comment(1, "ann", "a comment").unwrap();
    let query = "query($owner: String!, $name: String!, $branch: String!) {
        viewer { login }
        rateLimit { cost remaining resetAt }
        search(query: \"repo:acme/deployment is:pr head:dcr/\", type: ISSUE, first: 5) { nodes { ... on PullRequest { number } } }
        repository(owner: $owner, name: $name) {
            id nameWithOwner owner { login } autoMergeAllowed viewerDefaultMergeMethod
            defaultBranchRef { name target { oid } }
            ref(qualifiedName: $branch) { name associatedPullRequests(first: 3, states: [OPEN, CLOSED]) { nodes { number } } }
            refs(refPrefix: \"refs/heads/dcr/\", first: 10) { nodes { name } totalCount pageInfo { hasNextPage } }
            pullRequests(first: 10, headRefName: $branch, states: [OPEN], orderBy: {field: CREATED_AT, direction: ASC}) {
                totalCount edges { cursor node { __typename number } }
                nodes { id number title body url state isDraft merged closed mergedAt closedAt createdAt updatedAt
                    headRefName headRefOid baseRefName mergeable mergeStateStatus reviewDecision
                    author { login url } mergedBy { login } headRepositoryOwner { login }
                    autoMergeRequest { enabledAt mergeMethod enabledBy { login } }
                    mergeQueueEntry { state position } mergeCommit { oid }
                    labels(first: 5) { nodes { name } }
                    comments(first: 5) { nodes { id databaseId body author { login } viewerDidAuthor } }
                    timelineItems(last: 2, itemTypes: [CLOSED_EVENT, MERGED_EVENT]) {
                        nodes { __typename ... on ClosedEvent { actor { login } createdAt } ... on MergedEvent { commit { oid } } } }
                } } } }";
    let names = json!({"owner": "acme", "name": "deployment", "branch": STEP});
    world.graphql(BOT, query, names.clone()).await;
    world.github.approve(1, "ann").unwrap();
    world.github.merge(1, "ann", dcr_gitops::rehearse::github::pull::Method::Merge).unwrap();
    world.graphql(BOT, &query.replace("[OPEN]", "[MERGED]"), names).await;
    holds(&world.github);
}

/// The check itself can fail.
#[tokio::test]
async fn what_github_does_not_describe_is_noticed() {
    let world = World::new();
    world.open().await;
    let graphql = async |query: &str, variables: Value| {
        let body = json!({"query": query, "variables": variables});
        world.ask(BOT, "POST", "/graphql", body).await;
    };
    world.ask(BOT, "GET", &format!("{PULLS}?statee=all"), Value::Null).await;
    world.ask(BOT, "GET", &format!("{PULLS}?state=closedd"), Value::Null).await;
    world.ask(BOT, "PATCH", &format!("{PULLS}/1"), json!({"title": 7})).await;
    world.ask(BOT, "PATCH", &format!("{PULLS}/1"), json!({"titel": "t"})).await;
    world.ask(BOT, "GET", "/nowhere", Value::Null).await;
    graphql("{ viewer { shoeSize } }", Value::Null).await;
    graphql("{ repository(owner: \"acme\") { id } }", Value::Null).await;
    graphql("query($id: String!) { node(id: $id) { id } }", json!({"id": "PR_1"})).await;
    graphql("{ repository(owner: \"acme\", name: \"deployment\") { pullRequests(first: 1, states: OPNE) { totalCount } } }", Value::Null).await;
    graphql(
        "mutation { dequeuePullRequest(input: {pullRequestId: \"PR_1\"}) { clientMutationId } }",
        Value::Null,
    )
    .await;
    let found = violations(&world.github.wire().log()).join("\n");
    for why in [
        "no parameter `statee`",
        "`state`: \"closedd\"",
        "/title",
        "no property `titel`",
        "no such operation",
        "User has no field `shoeSize`",
        "repository lacks `name`",
        "$id is a String!, and ID! is needed",
        "OPNE is no PullRequestState",
        "DequeuePullRequestInput has no `pullRequestId`",
    ] {
        assert!(found.contains(why), "no `{why}` in:\n{found}");
    }
}
