//! A watch that outlives trouble: broken inputs, a kubeconfig that changes, a remote that is away.
use std::fs;

use super::STEP;
use super::stage::Stage;
use crate::journey::base;

const INPUTS: &str = "clusters/den/tenant-105858-prod/system6/dcr.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn inputs_broken_on_the_way_are_complained_of_until_they_are_put_right() {
    let stage = Stage::due().await;
    let remote = stage.folder.remote();
    let right = stage.folder.git(&remote, ["show", &format!("main:{INPUTS}")]).unwrap();
    let mut watch = stage.start(&["watch", "system6", "--no-emit", "--poll", "1s"]);
    watch.says("would commit").await;
    base::put(&remote, INPUTS, "apiVersion: dcr-gitops/v1\nimage: [\n");
    watch.says("system6/dcr.yaml").await;
    base::put(&remote, INPUTS, &right);
    watch.says("would commit").await;
    let (code, heard) = watch.end_by("TERM").await;
    assert_eq!(code, Some(10));
    assert_eq!(heard.iter().filter(|line| line.starts_with("error: ")).count(), 1, "{heard:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_changes_is_read_again() {
    let stage = Stage::due().await;
    let right = stage.url();
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    stage.reach(&format!("http://{closed}"));
    let mut watch = stage.start(&["watch", "system6", "--push", "--poll", "1s"]);
    watch.says("the cluster can't be seen").await;
    let kubeconfig = stage.folder.root().join("kubeconfig");
    fs::write(&kubeconfig, "contexts: [\n").unwrap();
    stage.folder.write_kubeconfig(&right).unwrap();
    watch.says("pushed ").await;
    assert!(stage.pushed(STEP).is_some());
    watch.end_by("TERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_is_away_for_a_while_is_waited_for() {
    let stage = Stage::due().await;
    let (remote, away) = (stage.folder.remote(), stage.folder.root().join("away.git"));
    let mut watch = stage.start(&["watch", "system6", "--no-emit", "--poll", "1s"]);
    watch.says("would commit").await;
    fs::rename(&remote, &away).unwrap();
    watch.says("error: ").await;
    fs::rename(&away, &remote).unwrap();
    base::put(&remote, INPUTS, "apiVersion: dcr-gitops/v1\nimage: [\n");
    watch.says("system6/dcr.yaml").await;
    let (code, heard) = watch.end_by("TERM").await;
    assert_eq!(code, Some(10));
    assert_eq!(heard.iter().filter(|line| line.starts_with("error: ")).count(), 2, "{heard:#?}");
}
