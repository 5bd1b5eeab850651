//! When the trigger is sent, and what it says then.
use dcr_gitops::admin::{Kind, LONGEST_MESSAGE};
use tokio::net::TcpListener;

use super::{job, run, says, without_echo};
use crate::node::{Node, Reply, State, ok};

/// The trigger against every kind of status. Attempt, whether the answer names runs, the answer; then how
/// many commands may arrive, the exit code and part of the message.
#[tokio::test]
async fn the_trigger_is_sent_only_if_the_status_allows_it() {
    let html = "<html><body><h1>Bad Gateway</h1></body></html>";
    let no_answer = "gives no usable answer to rebuildStatus";
    let mapped = "doesn't map";
    let table: &[(u32, bool, Reply, usize, u8, &str)] = &[
        // It knows of none.
        (
            1,
            true,
            ok(r#"{"state":null}"#),
            1,
            0,
            "accepted the command of attempt 1 of run 7: `STARTED`",
        ),
        (1, true, ok(r#"{"state":""}"#), 1, 0, "accepted"),
        (1, true, ok("{}"), 1, 0, "accepted"),
        (1, true, ok(r#"{"state":null,"percent":0,"run":0,"error":[]}"#), 1, 0, "accepted"),
        (1, false, ok("{}"), 1, 0, "accepted"),
        (2, false, ok("{}"), 1, 0, "accepted"),
        // It says no state, yet knows of something.
        (1, true, ok(r#"{"percent":12.5}"#), 0, 1, "isn't understood"),
        (1, true, ok(r#"{"startedAt":"2026-11-22T09:00:00Z"}"#), 0, 1, "isn't understood"),
        (1, false, ok(r#"{"error":"node is starting"}"#), 0, 1, "isn't understood"),
        // This very attempt.
        (1, true, ok(r#"{"state":"RUNNING","run":"7-1"}"#), 0, 0, "nothing was sent"),
        (1, true, ok(r#"{"state":"RUNNING","run":7}"#), 0, 0, "attempt 1 of run 7 is running"),
        (1, true, ok(r#"{"state":"COMPLETE","run":"7/1"}"#), 0, 0, "is complete"),
        (2, true, ok(r#"{"state":"NOTHING","run":"7-2"}"#), 0, 0, "is not needed"),
        (
            1,
            true,
            ok(r#"{"state":"FAILED","run":"7-1"}"#),
            0,
            1,
            "attempt 1 of run 7 was triggered before",
        ),
        (1, true, ok(r#"{"state":null,"run":"7-1"}"#), 0, 1, "was triggered before"),
        // Another one is running.
        (
            1,
            true,
            ok(r#"{"state":"RUNNING","run":"6-1"}"#),
            0,
            1,
            "a rebuild is running (run 6, attempt 1)",
        ),
        (2, true, ok(r#"{"state":"RUNNING","run":"7-1"}"#), 0, 1, "a rebuild is running"),
        (2, true, ok(r#"{"state":"RUNNING","run":"7"}"#), 0, 1, "a rebuild is running"),
        (1, true, ok(r#"{"state":"RUNNING"}"#), 0, 1, "a rebuild is running"),
        (1, false, ok(r#"{"state":"RUNNING"}"#), 0, 1, "a rebuild is running"),
        (2, false, ok(r#"{"state":"RUNNING"}"#), 0, 1, "a rebuild is running"),
        // An earlier one is over.
        (1, true, ok(r#"{"state":"COMPLETE","run":"6-3"}"#), 1, 0, "accepted"),
        (
            2,
            true,
            ok(r#"{"state":"FAILED","run":"7-1"}"#),
            1,
            0,
            "accepted the command of attempt 2",
        ),
        (2, true, ok(r#"{"state":"COMPLETE","run":"7-1"}"#), 1, 0, "accepted"),
        // A later one was there: this Job is from the past.
        (1, true, ok(r#"{"state":"FAILED","run":"7-2"}"#), 0, 1, "later than attempt 1 of run 7"),
        (1, true, ok(r#"{"state":"COMPLETE","run":"8-1"}"#), 0, 1, "later than"),
        (1, true, ok(r#"{"state":null,"run":"8-1"}"#), 0, 1, "later than"),
        // Nobody knows which one.
        (1, true, ok(r#"{"state":"COMPLETE"}"#), 0, 1, "not of which attempt"),
        (1, false, ok(r#"{"state":"COMPLETE"}"#), 0, 1, "not of which attempt"),
        (1, false, ok(r#"{"state":"FAILED"}"#), 0, 1, "not of which attempt"),
        (2, false, ok(r#"{"state":"COMPLETE"}"#), 0, 1, "not of which attempt"),
        (2, false, ok(r#"{"state":"NOTHING"}"#), 0, 1, "not of which attempt"),
        (2, false, ok(r#"{"state":"FAILED"}"#), 1, 0, "accepted"),
        (2, true, ok(r#"{"state":"FAILED","run":7}"#), 1, 0, "accepted"),
        (2, true, ok(r#"{"state":"COMPLETE","run":7}"#), 0, 1, "not of which attempt"),
        // Words outside the map, also in another case.
        (1, true, ok(r#"{"state":"DRAINING"}"#), 0, 1, mapped),
        (1, false, ok(r#"{"state":"running"}"#), 0, 1, "`running`"),
        (1, false, ok(r#"{"state":{"name":"RUNNING"}}"#), 0, 1, mapped),
        (2, true, ok(r#"{"state":"IDLE","run":"7-1"}"#), 0, 1, mapped),
        // No answer.
        (1, true, ok(r#"{"state":null,"run":"the nightly one"}"#), 0, 1, "names no run"),
        (1, true, ok(""), 0, 1, no_answer),
        (1, true, ok("null"), 0, 1, no_answer),
        (1, true, ok(r#""UP""#), 0, 1, no_answer),
        (1, true, ok(r#"{"state":null"#), 0, 1, "no JSON document"),
        (1, false, ok(html), 0, 1, "<html><body><h1>Bad Gateway</h1></body></html>"),
        (1, true, Reply::Answer(404, html.to_owned()), 0, 1, "it answered 404"),
        (1, true, Reply::Answer(500, "{}".to_owned()), 0, 1, "it answered 500: `{}`"),
        (1, true, Reply::Answer(204, String::new()), 0, 1, "it answered 204"),
        (1, true, Reply::Redirect("/.admin?cmd=startRebuild".to_owned()), 0, 1, "it answered 302"),
        (1, true, Reply::Cut(r#"{"state":null}"#.to_owned()), 0, 1, "the answer was lost"),
        (1, true, Reply::Closed, 0, 1, no_answer),
        (1, true, Reply::Garbage, 0, 1, no_answer),
        (1, true, ok(&format!("{{}}{}", " ".repeat(1 << 20))), 0, 1, "more than 1048576 bytes"),
    ];
    for (attempt, echo, reply, commands, exit, part) in table {
        let node = Node::start(State { status: [reply.clone()].into(), ..State::default() }).await;
        let job = job(&node, *attempt);
        let job = if *echo { job } else { without_echo(job) };
        let outcome = run(Kind::Trigger, &job).await;
        says(&outcome, *exit, part);
        assert_eq!(node.commands().len(), *commands, "attempt {attempt}: {outcome:?}");
        assert_eq!(*commands == 0, outcome.message.starts_with("nothing was sent: "));
    }
}

#[tokio::test]
async fn the_command_says_what_it_is_for() {
    let node = Node::start(State::default()).await;
    let mut job = job(&node, 3);
    job.command.path += "&system={system}";
    job.system = "a/b&force=false".to_owned();
    assert_eq!(run(Kind::Trigger, &job).await.exit, 0);
    assert_eq!(
        node.commands(),
        ["/.admin?cmd=startRebuild&force=true&run=7&attempt=3&system=a%2Fb%26force%3Dfalse"]
    );
}

#[tokio::test]
async fn a_job_that_runs_again_sends_nothing() {
    for word in ["RUNNING", "COMPLETE", "NOTHING"] {
        let node = Node::start(State::default()).await;
        let job = job(&node, 1);
        says(&run(Kind::Trigger, &job).await, 0, "accepted");
        node.state.lock().unwrap().rebuild = Some((7, 1, word));
        says(&run(Kind::Trigger, &job).await, 0, "nothing was sent");
        assert_eq!(node.commands().len(), 1);
    }
    let node = Node::start(State::default()).await;
    let blind = without_echo(job(&node, 1));
    says(&run(Kind::Trigger, &blind).await, 0, "accepted");
    says(&run(Kind::Trigger, &blind).await, 1, "a rebuild is running");
    assert_eq!(node.commands().len(), 1);
}

#[tokio::test]
async fn what_the_answer_must_contain_is_looked_for() {
    let node = Node::start(State::default()).await;
    let mut job = job(&node, 1);
    job.command.expect = Some("STARTED".to_owned());
    says(&run(Kind::Trigger, &job).await, 0, "`STARTED`");
    let node =
        Node::start(State { command: Some(ok("Queued?\u{1b}[31m")), ..State::default() }).await;
    job.port = node.address.port();
    let outcome = run(Kind::Trigger, &job).await;
    says(&outcome, 1, "doesn't contain `STARTED`: `Queued?\\u{1b}[31m`");
    assert_eq!(node.commands().len(), 1);
}

#[tokio::test]
async fn the_last_words_fit_and_hide_nothing() {
    let node = Node::start(State::default()).await;
    let mut job = job(&node, 1);
    job.command.expect = Some("é\u{202e}\n".repeat(4_000));
    let outcome = run(Kind::Trigger, &job).await;
    assert!(
        outcome.message.len() <= LONGEST_MESSAGE && outcome.message.len() > LONGEST_MESSAGE - 8
    );
    assert!(outcome.message.contains("é\\u{202e}\\u{a}é") && outcome.message.ends_with('…'));

    // Nor do they show what a path holds: it may be a token.
    let mut job = job.clone();
    job.rebuild_status.path = "/.admin?cmd=nothing&CMD_CENTER_CSRF_TOKEN=s3cret".to_owned();
    assert!(!run(Kind::Trigger, &job).await.message.contains("s3cret"));
}

/// A synchronizer that was started anew and knows of nothing, and a frontend that has been there all the time.
/// Attempt, whether the answers name runs, the frontend's answer; then how many commands may arrive, the exit
/// code and part of the message.
#[tokio::test]
async fn what_a_frontend_remembers_is_not_triggered_again() {
    let table: &[(u32, bool, Reply, usize, u8, &str)] = &[
        // It remembers this very attempt, or a later one.
        (1, true, ok(r#"{"state":"RUNNING","run":"7-1"}"#), 0, 0, "attempt 1 of run 7 is running"),
        (1, true, ok(r#"{"state":"COMPLETE","run":"7-1"}"#), 0, 0, "is complete"),
        (1, true, ok(r#"{"state":"FAILED","run":"7-1"}"#), 0, 1, "was triggered before"),
        (1, true, ok(r#"{"state":"FAILED","run":"7-2"}"#), 0, 1, "later than attempt 1 of run 7"),
        (1, true, ok(r#"{"state":"RUNNING","run":"8-1"}"#), 0, 1, "a rebuild is running (run 8"),
        // It remembers one before, or knows of none: the last rebuild is all that a frontend may know.
        (1, true, ok("{}"), 1, 0, "accepted"),
        (1, true, ok(r#"{"state":"COMPLETE","run":"6-3"}"#), 1, 0, "accepted"),
        (2, true, ok(r#"{"state":"RUNNING","run":"7-1"}"#), 1, 0, "accepted"),
        (1, false, ok(r#"{"state":"COMPLETE"}"#), 1, 0, "accepted"),
        (1, false, ok(r#"{"state":"FAILED"}"#), 1, 0, "accepted"),
        // It might be this one.
        (1, false, ok(r#"{"state":"RUNNING"}"#), 0, 1, "a rebuild is running"),
        (1, true, ok(r#"{"state":"DRAINING"}"#), 0, 1, "doesn't map"),
        // No frontend says anything that can be read, or has such a page.
        (1, true, Reply::Answer(503, String::new()), 0, 1, "gives no usable answer"),
        (1, true, Reply::Garbage, 0, 1, "gives no usable answer"),
        (1, true, Reply::Answer(404, String::new()), 1, 0, "accepted"),
    ];
    for (attempt, echo, reply, commands, exit, part) in table {
        let node = Node::start(State::default()).await;
        let frontend = beside(&node, State { status: [reply.clone()].into(), ..State::default() });
        let mut job = job(&node, *attempt);
        job.frontends = vec![frontend.await.address.ip().to_string()];
        let job = if *echo { job } else { without_echo(job) };
        let outcome = run(Kind::Trigger, &job).await;
        says(&outcome, *exit, part);
        assert_eq!(node.commands().len(), *commands, "{reply:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn one_frontend_that_answers_speaks_for_those_that_do_not() {
    let node = Node::start(State::default()).await;
    let unusable = State { status: [Reply::Garbage].into(), ..State::default() };
    let frontend = beside(&node, unusable).await.address.ip().to_string();
    // Nothing listens on the first one.
    let absent = "127.0.0.3".to_owned();
    let synchronizer = node.address.ip().to_string();
    let mut job = job(&node, 1);
    job.frontends = vec![absent.clone(), frontend.clone()];
    says(&run(Kind::Trigger, &job).await, 1, &format!("{absent}, {frontend} gives no usable"));
    job.frontends = vec![absent, frontend, synchronizer];
    says(&run(Kind::Trigger, &job).await, 0, "accepted");
    assert_eq!(node.commands().len(), 1);
}

/// Another node on the same port.
async fn beside(node: &Node, state: State) -> Node {
    let listener = TcpListener::bind(("127.0.0.2", node.address.port())).await.unwrap();
    Node::serve(listener, state)
}
