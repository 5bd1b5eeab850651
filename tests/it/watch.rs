//! `watch` as people and pipelines run it: the built program against the embedded world on loopback.
mod alone;
mod goes_on;
mod many;
pub mod stage;

use std::net::TcpListener;
use std::process::{Child, Command};

use serde_json::Value;

use crate::env::Ran;
use crate::journey::base;
use stage::Stage;

const STEP: &str = "refs/heads/dcr/den/tenant-105858-prod/system6/run-1/step-2";

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn end(child: Child) -> Ran {
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap().into());
    tokio::time::timeout(std::time::Duration::from_secs(120), ended).await.unwrap().unwrap()
}

fn send(signal: &str, child: &Child) {
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_emitting_nothing_is_written_and_what_is_due_is_said() {
    let stage = Stage::due().await;
    let work = stage.folder.work();
    stage.folder.git(&work, ["fetch", "--quiet"]).unwrap();
    let before = stage.refs();
    let ran =
        stage.run(&["watch", "system6", "--no-emit", "--for", "1s", "--poll", "1s", "-o", "json"]);
    let ran = ran.await.ends(10);
    assert_eq!(stage.refs(), before);
    let line = ran.line();
    assert_eq!((&line["decision"], &line["next"]), (&"propose".into(), &"farm-up".into()));
    assert_eq!((&line["outcome"], &line["commit"]), (&Value::Null, &Value::Null), "{line}");
    assert_eq!(stage.world.ledger().writes_refused, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_names_a_run_that_is_on_is_watched_to_the_end_of_its_slice() {
    let stage = Stage::due().await;
    // Beside it there is one that never had a run.
    let path = "clusters/den/tenant-105858-prod/system7/dcr.yaml";
    base::put(&stage.folder.remote(), path, "apiVersion: dcr-gitops/v1\n");
    let watch = ["watch", "--push", "--for", "1s", "--poll", "1s", "-o", "json"];
    stage.run(&watch).await.ends(10);
    // However long a look takes: what the one emitted, the next one waits for.
    let line = stage.run(&watch).await.ends(10).line();
    assert_eq!((&line["system"], &line["decision"]), (&"system6".into(), &"wait".into()));
    assert_eq!(line["unmet"][0]["gate"], "review", "{line}");
    stage.folder.git(&stage.folder.remote(), ["rev-parse", "--verify", STEP]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_system_stops_no_other() {
    let stage = Stage::due().await;
    let path = "clusters/den/tenant-105858-prod/system7/dcr.yaml";
    base::put(&stage.folder.remote(), path, "apiVersion: dcr-gitops/v1\nimage: [\n");
    let watch =
        ["watch", "system7", "system6", "--push", "--for", "1s", "--poll", "1s", "-o", "json"];
    stage.folder.git(&stage.folder.work(), ["fetch", "--quiet"]).unwrap();
    let ran = stage.run(&watch).await.ends(3);
    let lines = lines(&ran);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["system"], "system6");
    // Looked at more than once, it is complained of once.
    assert_eq!(ran.err.matches("error: ").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("system7/dcr.yaml"), "{}", ran.err);
    stage.folder.git(&stage.folder.remote(), ["rev-parse", "--verify", STEP]).unwrap();
}

/// In two clones, and in one.
#[tokio::test(flavor = "multi_thread")]
async fn two_watchers_emit_one_commit() {
    for shared in [false, true] {
        let stage = Stage::due().await;
        let work = stage.folder.work();
        let other = if shared { work.clone() } else { stage.clone("other") };
        emit_one_commit(&stage, [work, other]).await;
    }
}

async fn emit_one_commit(stage: &Stage, dirs: [std::path::PathBuf; 2]) {
    let watch = ["watch", "system6", "--push", "--for", "1s", "--poll", "1s", "-o", "json"];
    let children = dirs.each_ref().map(|dir| stage.program(dir, &watch).spawn().unwrap());
    let remote = stage.folder.remote();
    for child in children {
        let line = end(child).await.ends(10).line();
        let head = stage.folder.git(&remote, ["rev-parse", STEP]).unwrap();
        assert_eq!(line["commit"], head.trim(), "{line}");
    }
    let count = stage.folder.git(&remote, ["rev-list", "--count", &format!("main..{STEP}")]);
    assert_eq!(count.unwrap().trim(), "1");
    stage.is_clean();
}

/// The API server takes the connection and never answers; nothing is said, so the look was still on.
#[tokio::test(flavor = "multi_thread")]
async fn signals_end_it_while_a_look_hangs() {
    let stage = Stage::due().await;
    stage.folder.git(&stage.folder.work(), ["fetch", "--quiet"]).unwrap();
    for signal in ["TERM", "INT"] {
        // A server of its own: what one program connects more than once would be taken for the next one.
        let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        stage.reach(&format!("http://{}", silent.local_addr().unwrap()));
        let before = stage.refs();
        let watch = ["watch", "system6", "--push", "-o", "json"];
        let child = stage.program(&stage.folder.work(), &watch).spawn().unwrap();
        let taken = silent.accept().unwrap();
        send(signal, &child);
        let ran = end(child).await.ends(10);
        drop(taken);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""), "{signal}");
        assert_eq!(stage.refs(), before, "{signal}");
        stage.is_clean();
    }
}
