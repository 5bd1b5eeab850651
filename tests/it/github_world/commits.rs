//! What is made in git by way of the API: references, commits, statuses, comments.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{ANN, BOT, PULLS, RECORD, STEP, World};

const REFS: &str = "/repos/acme/deployment/git/refs";
const COMMIT: &str =
    "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) {
    commit { oid messageHeadline signature { isValid wasSignedByGitHub } } ref { name } } }";

#[tokio::test]
async fn references_are_made_moved_and_deleted_by_the_rules() {
    let world = World::new();
    let (base, step) = (world.git(&["rev-parse", "main"]), world.git(&["rev-parse", STEP]));
    let ask = async |method: &str, path: &str, body: Value| {
        let answered = world.ask(BOT, method, path, body).await;
        (answered.status, answered.body["message"].as_str().unwrap_or_default().to_owned())
    };
    let make = |name: &str, sha: &str| json!({"ref": format!("refs/heads/{name}"), "sha": sha});
    assert_eq!(ask("POST", REFS, make("dcr/a", &base)).await.0, 201);
    let again = ask("POST", REFS, make("dcr/a", &step)).await;
    assert_eq!(again, (422, "Reference already exists".to_owned()));
    let nothing = ask("POST", REFS, make("dcr/b", &"1".repeat(40))).await;
    assert_eq!(nothing, (422, "Object does not exist".to_owned()));
    let one = format!("{REFS}/heads/dcr/a");
    assert_eq!(ask("PATCH", &one, json!({"sha": step})).await.0, 200);
    let back = ask("PATCH", &one, json!({"sha": base})).await;
    assert_eq!(back, (422, "Update is not a fast forward".to_owned()));
    assert_eq!(ask("PATCH", &one, json!({"sha": base, "force": true})).await.0, 200);
    let get = "/repos/acme/deployment/git/ref/heads/dcr/a";
    assert_eq!(ask("GET", get, Value::Null).await.0, 200);
    assert_eq!(ask("DELETE", &one, Value::Null).await.0, 204);
    assert_eq!(
        ask("DELETE", &one, Value::Null).await,
        (422, "Reference does not exist".to_owned())
    );
    assert_eq!(ask("GET", get, Value::Null).await.0, 404);
}

fn input(head: &str, additions: Value, deletions: Value) -> Value {
    json!({"input": {
        "branch": {"repositoryNameWithOwner": "acme/deployment", "branchName": STEP},
        "expectedHeadOid": head,
        "message": {"headline": "More", "body": "Dcr-Step: 1"},
        "fileChanges": {"additions": additions, "deletions": deletions},
    }})
}

#[tokio::test]
async fn a_commit_made_by_github_is_real_and_verified() {
    let world = World::new();
    let head = world.git(&["rev-parse", STEP]);
    let additions = json!([{"path": "a/b.yaml", "contents": STANDARD.encode("b: 1\n")}]);
    let variables = input(&head, additions, json!([{"path": RECORD}]));
    let made = world.graphql(BOT, COMMIT, variables.clone()).await;
    let commit = &made["createCommitOnBranch"]["commit"];
    let tip = world.git(&["rev-parse", STEP]);
    assert_eq!(
        commit,
        &json!({"oid": tip, "messageHeadline": "More",
            "signature": {"isValid": true, "wasSignedByGitHub": true}})
    );
    assert_eq!(made["createCommitOnBranch"]["ref"]["name"], STEP);
    assert_eq!(world.git(&["rev-parse", &format!("{STEP}^")]), head);
    assert_eq!(world.git(&["ls-tree", "-r", "--name-only", STEP]), "README\na/b.yaml");
    assert_eq!(world.git(&["log", "-1", "--format=%an|%b", STEP]), "dcr[bot]|Dcr-Step: 1");
    world.sandbox.fsck(&world.origin);
    let seen = async |sha: String| {
        let path = format!("/repos/acme/deployment/commits/{sha}");
        world.ask(BOT, "GET", &path, Value::Null).await.body["commit"]["verification"].clone()
    };
    assert_eq!(seen(tip).await["verified"], true);
    assert_eq!(seen(head.clone()).await["reason"], "unsigned");
    // Whoever asks second expected another head.
    let again = world.graphql(BOT, COMMIT, variables).await;
    let message =
        format!("Expected branch to point to \"{head}\" but it did not.  Pull and try again.");
    assert_eq!(again["errors"][0]["type"], "STALE_DATA");
    assert_eq!(again["errors"][0]["message"], message);
}

#[tokio::test]
async fn what_can_not_be_committed() {
    let world = World::new();
    let head = world.git(&["rev-parse", STEP]);
    let text = STANDARD.encode("x");
    let odd = [
        input(&head, json!([{"path": "../x", "contents": text}]), json!([])),
        input(&head, json!([{"path": "x", "contents": "not base64!"}]), json!([])),
        input(&head, json!([]), json!([{"path": "nowhere"}])),
    ];
    for odd in odd {
        let refused = world.graphql(BOT, COMMIT, odd).await;
        assert_eq!(refused["errors"][0]["type"], "UNPROCESSABLE", "{refused}");
    }
    let mut elsewhere = input(&head, json!([]), json!([]));
    elsewhere["input"]["branch"]["branchName"] = "nowhere".into();
    let refused = world.graphql(BOT, COMMIT, elsewhere).await;
    assert_eq!(refused["errors"][0]["type"], "NOT_FOUND");
    assert_eq!(world.git(&["rev-parse", STEP]), head);
}

#[tokio::test]
async fn a_commit_has_at_most_a_thousand_statuses_of_one_context() {
    let world = World::new();
    let head = world.git(&["rev-parse", STEP]);
    let id = head.parse().unwrap();
    for _ in 0..1000 {
        world.github.check(id, "dcr/gate", "pending").unwrap();
    }
    let path = format!("/repos/acme/deployment/statuses/{head}");
    let status =
        |context: &str| json!({"state": "success", "context": context, "description": "met"});
    let full = world.ask(BOT, "POST", &path, status("dcr/gate")).await;
    assert_eq!(full.status, 422);
    assert_eq!(
        full.body["errors"][0]["message"],
        "This SHA and context has reached the maximum number of statuses."
    );
    assert_eq!(world.ask(BOT, "POST", &path, status("dcr/other")).await.status, 201);
    let long = json!({"state": "success", "description": "x".repeat(141)});
    assert_eq!(world.ask(BOT, "POST", &path, long).await.status, 422);
    let combined = format!("/repos/acme/deployment/commits/{head}/status");
    let combined = world.ask(BOT, "GET", &combined, Value::Null).await.body;
    assert_eq!((&combined["state"], &combined["total_count"]), (&json!("pending"), &json!(2)));
}

#[tokio::test]
async fn comments_are_listed_changed_and_deleted() {
    let world = World::new();
    world.open().await;
    let all = "/repos/acme/deployment/issues/1/comments";
    for number in 0..31 {
        world.github.comment(1, "ann", &format!("comment {number}")).unwrap();
    }
    let made = world.ask(BOT, "POST", all, json!({"body": "<!-- marker -->"})).await;
    assert_eq!((made.status, &made.body["user"]["login"]), (201, &json!("dcr[bot]")));
    let first = world.ask(BOT, "GET", all, Value::Null).await;
    assert_eq!(first.body.as_array().unwrap().len(), 30);
    let second = world.ask(BOT, "GET", &format!("{all}?page=2"), Value::Null).await;
    assert_eq!(second.body.as_array().unwrap().len(), 2);
    let one = format!("/repos/acme/deployment/issues/comments/{}", made.body["id"]);
    let changed = world.ask(BOT, "PATCH", &one, json!({"body": "changed"})).await;
    assert_eq!(changed.body["body"], "changed");
    let long = json!({"body": "x".repeat(262_145)});
    let refused = world.ask(BOT, "PATCH", &one, long).await;
    assert_eq!(
        refused.body["errors"][0],
        json!({"resource": "IssueComment", "code": "unprocessable", "field": "data",
            "message": "Body is too long (maximum is 65536 characters)"})
    );
    assert_eq!(world.ask(BOT, "DELETE", &one, Value::Null).await.status, 204);
    assert_eq!(world.ask(BOT, "GET", &one, Value::Null).await.status, 404);
    let none =
        world.ask(ANN, "POST", "/repos/acme/deployment/issues/9/comments", json!({"body": "x"}));
    assert_eq!(none.await.status, 404);
    assert_eq!(world.ask(ANN, "GET", &format!("{PULLS}/9"), Value::Null).await.status, 404);
}
