//! `status --watch` as people run it: the built program against the embedded world on loopback.
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Command;

use dcr_gitops::rehearse::kubernetes::Propagation;
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use serde_json::Value;

use crate::watch::stage::{Running, Stage};

const NAMESPACE: &str = "tenant-105858-prod";
const FARMER: &str = "system6-dcr-farmer-0";

/// A first step that is landed and done, as far as the clone knows.
async fn stage() -> Stage {
    let stage = Stage::due().await;
    stage.folder.git(&stage.folder.work(), ["fetch", "--quiet"]).unwrap();
    stage
}

/// The farmer is started again.
async fn restart(stage: &Stage) {
    stage.world.kubernetes.delete(Kind::Pod, NAMESPACE, FARMER, Propagation::Background);
    stage.pass(1).await;
}

/// The next poll is days away: what is new comes from the cluster's watch.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_said_again_and_nothing_is_written() {
    let stage = stage().await;
    let before = stage.refs();
    let mut status = stage.start(&["status", "system6", "--watch", "--poll", "100h"]);
    status.says("  base ").await;
    let first = status.heard.join("\n");
    assert!(first.contains("next: farm-up"), "{first}");
    assert!(first.contains(FARMER), "{first}");
    assert!(!first.contains('\u{1b}'), "{first}");
    restart(&stage).await;
    status.says("  base ").await;
    let (code, heard) = status.end_by("INT").await;
    assert_eq!(code, Some(0), "{heard:#?}");
    assert_eq!(stage.refs(), before);
    assert_eq!(stage.world.ledger().writes_refused, 0);
    stage.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_a_line_for_programs() {
    let stage = stage().await;
    let mut status = stage.start(&["status", "--watch", "--poll", "100h", "-o", "json"]);
    status.says("\"decision\":\"propose\"").await;
    restart(&stage).await;
    status.says("\"observed\"").await;
    let (code, heard) = status.end_by("TERM").await;
    assert_eq!(code, Some(0));
    let started = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        let pods = line["observed"]["world"]["cluster"]["seen"]["pods"].as_array().unwrap().clone();
        pods.iter().find(|pod| pod["name"] == FARMER).map(|pod| pod["uid"].to_string())
    };
    let seen: Vec<_> = heard.iter().map(started).collect();
    assert!(seen.windows(2).any(|two| two[0] != two[1]), "{seen:?}");
}

/// What others fetch beside it is seen at the next poll.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_with_what_is_fetched() {
    let stage = Stage::new().await;
    let mut status = stage.start(&["status", "system6", "--watch", "--poll", "1s"]);
    status.says("idle: ").await;
    stage.run(&["next-phase", "system6", "--push"]).await.ends(0);
    status.says("waiting").await;
    stage.pass(12).await;
    stage.folder.git(&stage.folder.work(), ["fetch", "--quiet"]).unwrap();
    status.says("next: farm-up").await;
    assert_eq!(status.end_by("TERM").await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_nobody_reads_it() {
    let stage = stage().await;
    let work = stage.folder.work();
    let mut command = stage.program(&work, &["status", "system6", "--watch", "--poll", "1s"]);
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    restart(&stage).await;
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap().code());
    assert_eq!(ended.await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_while_a_look_hangs() {
    let stage = stage().await;
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    stage.reach(&format!("http://{}", silent.local_addr().unwrap()));
    let status = stage.start(&["status", "system6", "-w"]);
    let taken = silent.accept().unwrap();
    let (code, heard) = status.end_by("INT").await;
    drop(taken);
    assert_eq!((code, heard.is_empty()), (Some(0), true), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_ends_it() {
    let stage = stage().await;
    let ran = stage.run(&["status", "system9", "--watch"]).await.ends(3);
    assert!(ran.err.contains("there is no system `system9`"), "{}", ran.err);
    let ran = stage.run(&["status", "--watch", "--observed", "seen.json"]).await.ends(2);
    assert!(ran.err.contains("--observed can't go with --watch"), "{}", ran.err);
    stage.run(&["status", "--watch", "-o", "html"]).await.ends(2);
    stage.run(&["status", "--poll", "1s"]).await.ends(2);
    // A system that is broken is complained of, and the other one is shown.
    let path = "clusters/den/tenant-105858-prod/system7/dcr.yaml";
    crate::journey::base::put(
        &stage.folder.remote(),
        path,
        "apiVersion: dcr-gitops/v1\nimage: [\n",
    );
    stage.folder.git(&stage.folder.work(), ["fetch", "--quiet"]).unwrap();
    let mut command: Command = stage.program(
        &stage.folder.work(),
        &["status", "system7", "system6", "--watch", "--poll", "1s"],
    );
    command.env("NO_COLOR", "1");
    let mut status = Running::start(command);
    status.says("  base ").await;
    let (code, heard) = status.end_by("TERM").await;
    assert_eq!(code, Some(3), "{heard:#?}");
    assert_eq!(heard.iter().filter(|line| line.starts_with("error: ")).count(), 1, "{heard:#?}");
}
