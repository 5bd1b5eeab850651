//! When propagate is sent, and what no Job does on its own account.
use std::time::Duration;

use dcr_gitops::admin::{self, Kind};
use dcr_gitops::admin_job::{AdminJob, Order};
use dcr_gitops::config::Admin;
use dcr_gitops::observe::express::http::{Http, Limits};

use super::{Virtual, job, run, says};
use crate::node::{Node, Reply, State, ok};

fn propagate(node: &Node) -> AdminJob {
    let command = Order {
        path: Admin::default().propagate.path,
        to: "synchronizer".to_owned(),
        expect: None,
    };
    AdminJob { rebuild_attempt: Some(2), command, ..job(node, 1) }
}

const READY: &str = "DCR Dynamic Synchronizers:\n  \
    system6-dcr-sync-0 : SYNCHRONIZED visible sync ready 5f5e38d65f5e38d6\n";

#[tokio::test]
async fn propagate_is_sent_only_by_a_synchronizer_that_serves_its_complete_rebuild() {
    let complete = r#"{"state":"COMPLETE","run":"7-2"}"#;
    let serving = READY.to_owned();
    let without = |word: &str| READY.replace(word, "");
    let instead = |word: &str, other: &str| READY.replace(word, other);
    let row = "isn't `SYNCHRONIZED visible sync ready` with a hash";
    let table = [
        (serving.clone(), complete, 1, 0, "accepted the command of attempt 1 of run 7"),
        (serving.clone(), r#"{"state":"NOTHING","run":"7-2"}"#, 1, 0, "accepted"),
        (serving.clone(), r#"{"state":"COMPLETE","run":7}"#, 1, 0, "accepted"),
        (serving.clone(), r#"{"state":"COMPLETE"}"#, 1, 0, "accepted"),
        (serving.clone(), r#"{"state":"COMPLETE","run":"7-1"}"#, 0, 1, "not that attempt 2"),
        (
            serving.clone(),
            r#"{"state":"COMPLETE","run":"6-2"}"#,
            0,
            1,
            "complete (run 6, attempt 2)",
        ),
        (serving.clone(), r#"{"state":"RUNNING","run":"7-2"}"#, 0, 1, "says running"),
        (serving.clone(), r#"{"state":"FAILED","run":"7-2"}"#, 0, 1, "says failed"),
        (serving.clone(), r#"{"state":"ODD","run":"7-2"}"#, 0, 1, "says `ODD`"),
        (serving.clone(), "{}", 0, 1, "says no state"),
        (serving, "<html>", 0, 1, "no JSON document"),
        (instead("SYNCHRONIZED", "BOOTING"), complete, 0, 1, row),
        (instead("visible", "invisible"), complete, 0, 1, row),
        (instead(" sync ", " not sync "), complete, 0, 1, row),
        (instead("ready", "waiting"), complete, 0, 1, row),
        (instead("5f5e38d65f5e38d6", "Inactive"), complete, 0, 1, row),
        (without("5f5e38d65f5e38d6"), complete, 0, 1, row),
        (without("visible"), complete, 0, 1, row),
        (instead("visible", "?"), complete, 0, 1, row),
        (instead("ready", "ready STALE"), complete, 0, 1, "unknown words: `STALE`"),
        (instead("sync-0", "sync-1"), complete, 0, 1, "system6-dcr-sync-0 has no (single) row"),
        (format!("{READY}{}", instead("SYNCHRONIZED", "DOWN")), complete, 0, 1, "no (single) row"),
        (String::new(), complete, 0, 1, "gives no usable answer to aaStatus"),
        ("<html>Bad Gateway</html>".to_owned(), complete, 0, 1, "Bad Gateway"),
    ];
    for (aa_status, status, commands, exit, part) in table {
        let node = Node::start(State {
            status: [ok(status)].into(),
            aa_status: aa_status.clone(),
            ..State::default()
        })
        .await;
        let outcome = run(Kind::Propagate, &propagate(&node)).await;
        says(&outcome, exit, part);
        assert_eq!(node.commands().len(), commands, "{aa_status} {status}");
    }
}

#[tokio::test]
async fn what_a_job_isnt_told_it_doesnt_make_up() {
    let state = || State {
        rebuild: Some((7, 2, "COMPLETE")),
        aa_status: READY.to_owned(),
        ..State::default()
    };
    let node = Node::start(state()).await;
    let untold = AdminJob { aa_status: None, ..propagate(&node) };
    says(&run(Kind::Propagate, &untold).await, 1, "isn't told the path of the A/A status");
    let untold = AdminJob { rebuild_attempt: None, ..propagate(&node) };
    says(&run(Kind::Propagate, &untold).await, 1, "isn't told which rebuild");
    for (path, part) in [
        ("@elsewhere/", "doesn't begin with `/`"),
        ("/?ticket={ticket}", "`{ticket}`"),
        ("/?run={run", "without its `}`"),
    ] {
        let mut strange = propagate(&node);
        strange.command.path = path.to_owned();
        says(&run(Kind::Propagate, &strange).await, 1, part);
    }
    let mut lost = propagate(&node);
    lost.command.to = "no-such-node.invalid".to_owned();
    says(&run(Kind::Propagate, &lost).await, 1, "nothing was sent: no-such-node.invalid");
    let http = Http::new(Limits::default()).unwrap();
    let time = Virtual::new(Duration::ZERO);
    says(&admin::run(Kind::Trigger, None, &http, &time).await, 1, "DCR_ADMIN_JOB isn't set");
    says(&admin::run(Kind::Trigger, Some("{"), &http, &time).await, 1, "can't be read");
    assert_eq!(node.commands(), [""; 0]);

    // A propagation whose answer is lost can't be asked for.
    let node = Node::start(State { command: Some(Reply::Closed), ..state() }).await;
    says(&run(Kind::Propagate, &propagate(&node)).await, 1, "it is not known");
    assert_eq!(node.commands().len(), 1);
}
