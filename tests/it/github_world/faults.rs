//! What goes wrong on demand, and what is kept of every request.
use std::time::Duration;

use dcr_gitops::rehearse::wire::Fault;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{BOT, PULLS, STEP, World, draft};

const ROUTE: &str = "/repos/{owner}/{repo}/pulls";

#[tokio::test]
async fn an_answer_may_be_lost_before_or_after_the_work() {
    let world = World::new();
    let wire = world.github.wire();
    wire.fail_next("POST", ROUTE, 1, Fault::Refused(502));
    let before = world.ask(BOT, "POST", PULLS, draft(STEP)).await;
    assert_eq!((before.status, world.github.pulls().len()), (502, 0));
    assert!(before.body.as_str().unwrap().starts_with("<html>"), "a proxy says so: {before:?}");
    wire.fail_next("POST", ROUTE, 1, Fault::Reset);
    assert!(world.ask_with(BOT, "POST", PULLS, draft(STEP), &[]).await.is_none());
    assert_eq!(world.github.pulls().len(), 0);
    wire.fail_next("POST", ROUTE, 1, Fault::Cut);
    assert!(world.ask_with(BOT, "POST", PULLS, draft(STEP), &[]).await.is_none());
    assert_eq!(world.github.pulls().len(), 1);
    wire.fail_next("PATCH", "*", 1, Fault::Lost(500));
    let after = world.ask(BOT, "PATCH", &format!("{PULLS}/1"), json!({"title": "Changed"})).await;
    assert_eq!((after.status, world.github.pull(1).unwrap().title.as_str()), (500, "Changed"));
}

#[tokio::test]
async fn lists_may_lag() {
    let world = World::new();
    world.open().await;
    world.github.close(1, "ann");
    world.github.wire().fail_next("GET", ROUTE, 2, Fault::Stale(1));
    let list = format!("{PULLS}?state=all");
    let stale = world.ask(BOT, "GET", &list, Value::Null).await.body;
    assert_eq!(stale[0]["state"], "open");
    let one = world.ask(BOT, "GET", &format!("{PULLS}/1"), Value::Null).await.body;
    assert_eq!(one["state"], "closed", "only lists do");
    world.github.wire().mend();
    assert_eq!(world.ask(BOT, "GET", &list, Value::Null).await.body[0]["state"], "closed");
}

#[tokio::test]
async fn it_may_want_to_be_left_alone_or_be_down_or_slow() {
    let world = World::new();
    let wire = world.github.wire();
    let limited = Fault::Limited { status: 403, retry_after: Some(60) };
    wire.fail_next("*", "*", 1, limited);
    let refused = world.ask(BOT, "GET", PULLS, Value::Null).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (403, "60"));
    assert!(refused.body["message"].as_str().unwrap().contains("secondary rate limit"));
    let now = world.clock.now();
    wire.down(now, now + SignedDuration::from_hours(1));
    assert_eq!(world.ask(BOT, "GET", PULLS, Value::Null).await.status, 503);
    world.clock.forward(SignedDuration::from_hours(1));
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    wire.fail_next("GET", ROUTE, 1, Fault::Slow(Duration::from_secs(90)));
    assert_eq!(world.ask(BOT, "GET", PULLS, Value::Null).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_secs(90));
}

#[tokio::test]
async fn every_request_is_counted_and_written_down_without_its_secret() {
    let world = World::new();
    world.open().await;
    world.ask(BOT, "GET", &format!("/api/v3{PULLS}/1?x=a%20b"), Value::Null).await;
    world.graphql(BOT, "{ viewer { login } }", Value::Null).await;
    world.ask(BOT, "GET", "/nowhere", Value::Null).await;
    let counts = world.github.wire().counts();
    assert_eq!(
        counts.iter().map(|(what, count)| (what.as_str(), *count)).collect::<Vec<_>>(),
        [
            ("GET /repos/{owner}/{repo}/pulls/{pull_number}", 1),
            ("GET ?", 1),
            ("POST /graphql viewer", 1),
            ("POST /repos/{owner}/{repo}/pulls", 1),
        ]
    );
    let log = world.github.wire().log();
    assert_eq!(
        (log[1].path.as_str(), log[1].query["x"].as_str()),
        ("/repos/acme/deployment/pulls/1", "a b")
    );
    assert_eq!((log[0].body.clone(), log[0].answer.as_ref().unwrap().0), (draft(STEP), 201));
    assert!(!format!("{log:?}").contains("rehearsalTOKEN"));
}

#[tokio::test]
async fn graphql_says_what_it_does_not_understand() {
    let world = World::new();
    let message = async |query: &str| {
        let answered = world.graphql(BOT, query, Value::Null).await;
        answered["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(
        message("{ viewer { shoeSize } }").await,
        "Field 'shoeSize' doesn't exist on type 'User'"
    );
    assert_eq!(
        message("{ repository(owner: \"acme\", name: \"other\") { id } }").await,
        "Could not resolve to a Repository with the name 'acme/other'."
    );
    let unpaged =
        "{ repository(owner: \"acme\", name: \"deployment\") { pullRequests { totalCount } } }";
    assert!(message(unpaged).await.starts_with("You must provide a `first` or `last` value"));
    let greedy = unpaged.replace("pullRequests", "pullRequests(first: 101)");
    assert!(message(&greedy).await.contains("exceeds the `first` limit of 100 records"));
    assert!(message("{ viewer { ").await.starts_with("Unexpected end"));
    assert!(message("{ viewer }").await.starts_with("Field must have selections"));
    assert!(message("query($id: ID!) { node(id: $id) { id } }").await.contains("$id of type ID!"));
}
