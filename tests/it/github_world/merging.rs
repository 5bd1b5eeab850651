//! What stands between a pull request and its base: approvals, conflicts, auto-merge, the queue.
use dcr_gitops::rehearse::github::TRIAL;
use dcr_gitops::rehearse::github::pull::{Method, State};
use dcr_gitops::rehearse::github::refusal::Refusal;
use serde_json::{Value, json};

use super::{ANN, Answered, BOT, PULLS, RECORD, STEP, World};

const ARM: &str = "mutation($id: ID!, $head: GitObjectID!) {
    enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: SQUASH, expectedHeadOid: $head}) {
        pullRequest { autoMergeRequest { mergeMethod enabledBy { login } } } } }";
const DISARM: &str = "mutation($id: ID!) {
    disablePullRequestAutoMerge(input: {pullRequestId: $id}) { pullRequest { number } } }";

async fn merge(world: &World, body: Value) -> Answered {
    world.ask(BOT, "PUT", &format!("{PULLS}/1/merge"), body).await
}

fn error(answered: &Value) -> (&Value, &Value) {
    (&answered["errors"][0]["type"], &answered["errors"][0]["message"])
}

#[tokio::test]
async fn a_merge_needs_approval_and_the_expected_head() {
    let world = World::new();
    let opened = world.open().await;
    let head = opened["head"]["sha"].clone();
    let early = merge(&world, json!({"sha": head})).await;
    assert_eq!(
        (early.status, &early.body["message"]),
        (405, &json!("At least 1 approving review is required by reviewers with write access."))
    );
    let own = world.github.approve(1, "dcr[bot]");
    assert!(matches!(own, Err(Refusal { status: 422, .. })), "{own:?}");
    assert!(world.github.approve(1, "a stranger").is_err());
    world.github.approve(1, "ann").unwrap();
    let other = merge(&world, json!({"sha": "0".repeat(40)})).await;
    assert_eq!(
        (other.status, &other.body["message"]),
        (409, &json!("Head branch was modified. Review and try the merge again."))
    );
    let merged = merge(&world, json!({"sha": head, "merge_method": "squash"})).await;
    assert_eq!((merged.status, &merged.body["merged"]), (200, &json!(true)));
    let tip = world.git(&["rev-parse", "main"]);
    assert_eq!(merged.body["sha"], tip);
    assert_eq!(world.github.pull(1).unwrap().state, State::Merged(tip.parse().unwrap()));
    assert_eq!(world.git(&["show", &format!("main:{RECORD}")]), "step: '1'");
    assert_eq!(merge(&world, json!({})).await.status, 405, "it is merged once");
}

#[tokio::test]
async fn the_repo_says_which_ways_there_are() {
    let world = World::new();
    world.open().await;
    world.github.approve(1, "ann").unwrap();
    world.github.set_rules(|rules| rules.methods = vec![Method::Squash]);
    let refused = merge(&world, json!({})).await;
    assert_eq!(
        (refused.status, &refused.body["message"]),
        (405, &json!("Merge commits are not allowed on this repository."))
    );
    let repo = world.ask(BOT, "GET", "/repos/acme/deployment", Value::Null).await.body;
    let allowed =
        ["allow_merge_commit", "allow_squash_merge", "allow_auto_merge"].map(|it| &repo[it]);
    assert_eq!(allowed, [&json!(false), &json!(true), &json!(true)]);
}

#[tokio::test]
async fn what_conflicts_is_dirty_and_is_not_merged() {
    let world = World::new();
    world.open().await;
    world.github.approve(1, "ann").unwrap();
    world.land(RECORD, "somebody's hands\n");
    assert_eq!(merge(&world, json!({})).await.status, 405);
    let one = format!("{PULLS}/1");
    let first = world.ask(BOT, "GET", &one, Value::Null).await.body;
    assert_eq!((&first["mergeable"], &first["mergeable_state"]), (&Value::Null, &json!("unknown")));
    let second = world.ask(BOT, "GET", &one, Value::Null).await.body;
    assert_eq!(
        (&second["mergeable"], &second["mergeable_state"]),
        (&json!(false), &json!("dirty"))
    );
}

#[tokio::test]
async fn auto_merge_merges_when_the_last_approval_is_there() {
    let world = World::new();
    let opened = world.open().await;
    let ids = json!({"id": opened["node_id"], "head": opened["head"]["sha"]});
    let armed = world.graphql(BOT, ARM, ids.clone()).await;
    assert_eq!(
        armed["enablePullRequestAutoMerge"]["pullRequest"]["autoMergeRequest"],
        json!({"mergeMethod": "SQUASH", "enabledBy": {"login": "dcr"}})
    );
    let pull = world.ask(BOT, "GET", &format!("{PULLS}/1"), Value::Null).await.body;
    assert_eq!(pull["auto_merge"]["merge_method"], "squash");
    assert!(world.github.pull(1).unwrap().is_open());
    world.github.approve(1, "ann").unwrap();
    assert!(matches!(world.github.pull(1).unwrap().state, State::Merged(_)));
    assert_eq!(world.git(&["log", "-1", "--format=%s", "main"]), "Starting (#1)");
}

#[tokio::test]
async fn auto_merge_is_refused_where_it_makes_no_sense() {
    let world = World::new();
    let opened = world.open().await;
    let id = &opened["node_id"];
    let ids = json!({"id": id, "head": opened["head"]["sha"]});
    let stale = world.graphql(BOT, ARM, json!({"id": id, "head": "0".repeat(40)})).await;
    let unprocessable = json!("UNPROCESSABLE");
    assert_eq!(error(&stale), (&unprocessable, &json!("Head sha didn't match expected head sha")));
    let none = world.graphql(BOT, DISARM, json!({"id": id})).await;
    assert_eq!(error(&none).0, &unprocessable);
    world.github.set_rules(|rules| rules.allow_auto_merge = false);
    let forbidden = world.graphql(BOT, ARM, ids.clone()).await;
    let message = "Pull request Auto merge is not allowed for this repository";
    assert_eq!(error(&forbidden), (&unprocessable, &json!(message)));
    world.github.set_rules(|rules| rules.allow_auto_merge = true);
    world.github.approve(1, "ann").unwrap();
    let clean = world.graphql(BOT, ARM, ids).await;
    assert_eq!(
        error(&clean),
        (&unprocessable, &json!("Pull request Pull request is in clean status"))
    );
    assert_eq!(clean["data"]["enablePullRequestAutoMerge"], Value::Null);
    assert!(world.github.pull(1).unwrap().is_open());
}

#[tokio::test]
async fn auto_merge_can_be_taken_back() {
    let world = World::new();
    let opened = world.open().await;
    let ids = json!({"id": opened["node_id"], "head": opened["head"]["sha"]});
    world.graphql(BOT, ARM, ids).await;
    let back = world.graphql(BOT, DISARM, json!({"id": opened["node_id"]})).await;
    assert_eq!(back["disablePullRequestAutoMerge"]["pullRequest"]["number"], 1);
    world.github.approve(1, "ann").unwrap();
    assert!(world.github.pull(1).unwrap().is_open());
}

#[tokio::test]
async fn required_checks_are_waited_for() {
    let world = World::new();
    let opened = world.open().await;
    world.github.set_rules(|rules| {
        rules.approvals = 0;
        rules.required_checks = vec!["dcr/check".to_owned()];
    });
    let expected = merge(&world, json!({})).await;
    assert_eq!(expected.body["message"], "Required status check \"dcr/check\" is expected.");
    let head = opened["head"]["sha"].as_str().unwrap().parse().unwrap();
    world.github.check(head, "dcr/check", "failure").unwrap();
    let failing = merge(&world, json!({})).await;
    assert_eq!(failing.body["message"], "Required status check \"dcr/check\" is failing.");
    world.github.check(head, "dcr/check", "success").unwrap();
    assert_eq!(merge(&world, json!({})).await.status, 200);
}

#[tokio::test]
async fn a_queue_takes_what_is_ready_and_lands_it_later() {
    let world = World::new();
    let opened = world.open().await;
    world.github.set_rules(|rules| rules.merge_queue = Some(Method::Squash));
    let ids = json!({"id": opened["node_id"], "head": opened["head"]["sha"]});
    world.graphql(BOT, ARM, ids).await;
    world.github.approve(1, "ann").unwrap();
    let direct = merge(&world, json!({})).await;
    assert_eq!(direct.status, 405, "{direct:?}");
    let query = "query($id: ID!) { node(id: $id) { ... on PullRequest {
        state isInMergeQueue mergeQueueEntry { state position enqueuer { login } } } } }";
    let id = json!({"id": opened["node_id"]});
    let queued = world.graphql(ANN, query, id.clone()).await;
    let entry = json!({"state": "AWAITING_CHECKS", "position": 1, "enqueuer": {"login": "dcr"}});
    assert_eq!(
        queued["node"],
        json!({"state": "OPEN", "isInMergeQueue": true, "mergeQueueEntry": entry})
    );
    world.clock.forward(TRIAL);
    let landed = world.graphql(ANN, query, id).await;
    assert_eq!(landed["node"]["state"], "MERGED");
    assert_eq!(world.git(&["branch", "--list", "gh-readonly-queue/*"]), "");
}

#[tokio::test]
async fn a_branch_is_deleted_on_merge_where_the_repo_is_set_up_so() {
    let world = World::new();
    world.open().await;
    world.github.set_rules(|rules| rules.delete_branch_on_merge = true);
    world.github.approve(1, "ann").unwrap();
    world.github.merge(1, "ann", Method::Rebase).unwrap();
    assert_eq!(world.git(&["branch", "--list", STEP]), "");
    assert_eq!(world.git(&["log", "-1", "--format=%b", "main"]), "Dcr-Step: 1");
}
