//! Several systems at once: none holds up another, and what nobody asked for isn't spoken of.
use std::fs;
use std::net::TcpListener;

use dcr_gitops::rehearse::kubernetes::Propagation;
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use serde_json::{Value, json};

use super::stage::Stage;
use super::{STEP, lines};
use crate::journey::base;

const NAMESPACE: &str = "tenant-105858-prod";

fn folder(system: &str) -> String {
    format!("clusters/den/{NAMESPACE}/{system}")
}

/// A system on the base whose run was torn down.
fn torn_down(stage: &Stage, system: &str) {
    let remote = stage.folder.remote();
    let inputs = format!("main:{}/dcr.yaml", folder("system6"));
    let inputs = stage.folder.git(&remote, ["show", &inputs]).unwrap();
    base::put(&remote, &format!("{}/dcr.yaml", folder(system)), &inputs);
    let last = "run: 3\nstep: 5\nkind: rebuild\noutcome: complete\n";
    base::put(&remote, &format!("{}/dcr/last-run", folder(system)), last);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_names_a_teardown_is_watched_until_it_is_gone() {
    let stage = Stage::new().await;
    torn_down(&stage, "system7");
    torn_down(&stage, "system8");
    let claim = "cache-system7-dcr-sync-0";
    let labels = json!({"app.kubernetes.io/managed-by": "dcr-gitops", "dcr-gitops/system": "system7",
        "dcr-gitops/run": "3", "app.kubernetes.io/component": "synchronizer"});
    let metadata = json!({"name": claim, "namespace": NAMESPACE, "labels": labels});
    let claim_object = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": metadata, "spec": {}});
    stage.world.kubernetes.apply(&claim_object).unwrap();
    let watch = ["watch", "--push", "--for", "1s", "--poll", "1s", "-o", "json"];
    let line = stage.run(&watch).await.ends(10).line();
    assert_eq!((&line["system"], &line["phase"]), (&"system7".into(), &"teardown".into()));
    assert_eq!(line["unmet"][0]["gate"], "gone", "{line}");

    let kubernetes = &stage.world.kubernetes;
    kubernetes.delete(Kind::PersistentVolumeClaim, NAMESPACE, claim, Propagation::Background);
    stage.pass(1).await;
    let ran = stage.run(&watch).await.ends(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_its_inputs_is_an_error_of_its_own() {
    let stage = Stage::due().await;
    let path = format!("{}/dcr/run.yaml", folder("system9"));
    base::put(&stage.folder.remote(), &path, "apiVersion: v1\nkind: ConfigMap\n");
    let ran = stage.run(&["watch", "--push", "--for", "1s", "--poll", "1s", "-o", "json"]).await;
    let ran = ran.ends(3);
    assert_eq!(ran.line()["system"], "system6");
    assert_eq!(
        ran.err.matches("error: clusters/den/tenant-105858-prod/system9/dcr/ ").count(),
        1,
        "{}",
        ran.err
    );
    assert!(stage.pushed(STEP).is_some());
    let planned = stage.run(&["plan", "-o", "json"]).await.ends(3);
    assert_eq!(planned.line()["system"], "system6");
    assert!(planned.err.contains("system9/dcr"), "{}", planned.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_systems_are_a_line_each_in_the_order_they_were_named() {
    let stage = Stage::due().await;
    torn_down(&stage, "system7");
    stage.folder.git(&stage.folder.work(), ["fetch", "--quiet"]).unwrap();
    let whole = format!("den/{NAMESPACE}/system6");
    let watch = ["watch", "system7", "system6", &whole, "--no-emit"];
    let all = [&watch[..], &["--for", "1s", "--poll", "1s", "-o", "json"]].concat();
    let lines = lines(&stage.run(&all).await.ends(10));
    let said: Vec<(&Value, &Value)> =
        lines.iter().map(|line| (&line["system"], &line["decision"])).collect();
    assert_eq!(
        said,
        [(&"system7".into(), &"finished".into()), (&"system6".into(), &"propose".into())]
    );
}

/// Its API server takes connections and never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_answer_holds_up_no_other() {
    let stage = Stage::due().await;
    let remote = stage.folder.remote();
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let inputs = format!("main:{}/dcr.yaml", folder("system6"));
    let inputs = stage.folder.git(&remote, ["show", &inputs]).unwrap();
    base::put(&remote, "clusters/ams/tenant-1/system7/dcr.yaml", &inputs);
    let last = "run: 3\nstep: 5\nkind: rebuild\noutcome: complete\n";
    base::put(&remote, "clusters/ams/tenant-1/system7/dcr/last-run", last);
    stage.folder.git(&stage.folder.work(), ["fetch", "--quiet"]).unwrap();
    let kubeconfig = stage.folder.root().join("kubeconfig");
    let mut config: Value =
        serde_json::from_str(&fs::read_to_string(&kubeconfig).unwrap()).unwrap();
    let silent_server = format!("http://{}", silent.local_addr().unwrap());
    let add = |list: &mut Value, item: Value| list.as_array_mut().unwrap().push(item);
    add(&mut config["clusters"], json!({"name": "ams", "cluster": {"server": silent_server}}));
    add(
        &mut config["contexts"],
        json!({"name": "ams", "context": {"cluster": "ams", "user": "rehearsal"}}),
    );
    fs::write(&kubeconfig, config.to_string()).unwrap();

    let mut watch = stage.start(&["watch", "system7", "system6", "--push", "--poll", "100h"]);
    watch.says("pushed ").await;
    assert!(
        watch.heard.iter().all(|line| !line.contains("ams/tenant-1/system7")),
        "{:#?}",
        watch.heard
    );
    watch.says("no answer to `list ").await;
    let (code, heard) = watch.end_by("TERM").await;
    assert_eq!(code, Some(10), "{heard:#?}");
}
