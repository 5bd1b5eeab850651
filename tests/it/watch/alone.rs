//! One system watched for a while: what wakes the watch, what it says, what it acts upon, what ends it.
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dcr_gitops::rehearse::kubernetes::Trouble;
use dcr_gitops::rehearse::kubernetes::node::{NodeHttp, Unreachable};
use dcr_gitops::rehearse::wiring::Nodes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Bytes;
use serde_json::json;

use super::STEP;
use super::stage::Stage;
use crate::journey::base;

const SETTINGS: &str = "dcr-gitops.yaml";
const INPUTS: &str = "clusters/den/tenant-105858-prod/system6/dcr.yaml";
const FARMER: &str = "system6-dcr-farmer-0";

/// A stage on which a farmer can't come up: the step is merged and applied, and its nodes aren't ready.
async fn not_ready() -> Stage {
    let stage = Stage::new().await;
    base::edit(&stage.folder.remote(), INPUTS, |inputs| inputs["admin"]["history"] = json!(null));
    base::edit(&stage.folder.remote(), SETTINGS, |settings| {
        settings["attention"] = json!({"nodes": "2h"});
    });
    stage.world.kubernetes.trouble("tenant-105858-prod", FARMER, Some(Trouble::ImagePull));
    stage.run(&["next-phase", "system6", "--push"]).await.ends(0);
    stage.pass(12).await;
    stage
}

fn recover(stage: &Stage) {
    let kubernetes = &stage.world.kubernetes;
    kubernetes.trouble("tenant-105858-prod", FARMER, None);
    kubernetes.delete(
        dcr_gitops::rehearse::kubernetes::kind::Kind::Pod,
        "tenant-105858-prod",
        FARMER,
        dcr_gitops::rehearse::kubernetes::Propagation::Background,
    );
}

/// The next poll is days away: only what happens in the cluster can wake it.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_the_cluster_is_acted_upon_without_a_poll() {
    let stage = not_ready().await;
    let mut watch = stage.start(&["watch", "system6", "--push", "--poll", "100h"]);
    watch.says("nodes: ").await;
    let lists = |stage: &Stage| stage.world.kubernetes.requests()["list pods"];
    let before = lists(&stage);
    recover(&stage);
    stage.pass(1).await;
    watch.says("pushed ").await;
    assert!(stage.pushed(STEP).is_some());
    assert_eq!(lists(&stage), before + 1, "looked at once more before it was emitted");
    let (code, heard) = watch.end_by("TERM").await;
    assert_eq!(code, Some(10), "{heard:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_pause() {
    let stage = Stage::due().await;
    for signal in ["TERM", "INT"] {
        let mut watch = stage.start(&["watch", "system6", "--no-emit", "--poll", "100h"]);
        watch.says("because ").await;
        let (code, heard) = watch.end_by(signal).await;
        assert_eq!(code, Some(10), "{heard:#?}");
    }
    stage.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_a_warning_said_once() {
    let stage = not_ready().await;
    let ran =
        stage.run(&["watch", "system6", "--push", "--for", "2s", "--poll", "1s"]).await.ends(10);
    let warnings: Vec<&str> =
        ran.err.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 1, "{}", ran.err);
    let about = "warning: den/tenant-105858-prod/system6: 0 of 1 farmers are ready";
    assert!(warnings[0].starts_with(about), "{}", ran.err);
    assert_eq!(ran.out.matches("waiting, next is farm-up").count(), 1, "{}", ran.out);
    assert!(ran.err.contains("the time of this slice is over, run it again: "), "{}", ran.err);
    let quiet = stage.run(&["watch", "system6", "--for", "1s", "--poll", "1s", "-q"]).await;
    assert_eq!(quiet.ends(10).out, "");
}

/// Long waits leave a sign of life in a log; the clock of this one runs an hour in two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn now_and_then_it_says_that_it_is_still_on() {
    let stage = not_ready().await;
    let mut fast = stage.program(
        &stage.folder.work(),
        &["watch", "system6", "--poll", "30m", "--for", "24h", "-o", "json"],
    );
    let args: Vec<_> = fast.get_args().map(|arg| arg.to_str().unwrap().to_owned()).collect();
    let clock = args[1].strip_suffix("x1").unwrap().to_owned() + "x9000";
    fast = {
        let mut faster = std::process::Command::new(env!("CARGO_BIN_EXE_dcr-gitops"));
        faster.arg("--clock").arg(clock).args(&args[2..]);
        faster.env_clear().envs(stage.folder.environment()).current_dir(stage.folder.work());
        faster.stdin(std::process::Stdio::null());
        faster.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        faster
    };
    let ran: crate::env::Ran =
        tokio::task::spawn_blocking(move || fast.output().unwrap().into()).await.unwrap();
    let ran = ran.ends(10);
    let signs: Vec<&str> =
        ran.err.lines().filter(|line| line.contains(" still watching, next look by ")).collect();
    assert!((2..=5).contains(&signs.len()), "{}", ran.err);
    let waits = "den/tenant-105858-prod/system6 waits for nodes: 0 of 1 farmers are ready";
    assert!(signs.iter().all(|sign| sign.contains(waits)), "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
}

/// Answers on a port of its own, and notes what was asked.
fn listener(status: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/ping/rehearsalTOKEN-key", listener.local_addr().unwrap());
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 2048];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /ping/rehearsalTOKEN-key HTTP/1.1\r\n"));
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_is_called_at_every_poll_and_never_in_the_way() {
    let stage = Stage::due().await;
    let watch = ["-v", "watch", "system6", "--no-emit", "--for", "2s", "--poll", "1s"];
    for (status, warnings) in [("200 OK", 0), ("503 Service Unavailable", 1)] {
        let (url, calls) = listener(status);
        base::edit(&stage.folder.remote(), SETTINGS, |settings| {
            settings["heartbeat"] = json!({ "url": url });
        });
        let ran = stage.run(&watch).await.ends(10);
        assert!((2..=4).contains(&calls.load(Ordering::SeqCst)), "{calls:?}");
        assert_eq!(
            ran.err.matches("warning: the heartbeat failed: it answered 503").count(),
            warnings
        );
        let said = format!("{}{}", ran.out, ran.err);
        assert!(!said.contains("rehearsalTOKEN") && !said.contains("/ping/"), "{said}");
    }
}

/// A node that says at first that it is done, and then that it isn't.
struct Wavering {
    inner: Nodes,
    asked: AtomicUsize,
}

impl NodeHttp for Wavering {
    fn call(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<Bytes>, Unreachable>> {
        if !request.uri().query().is_some_and(|query| query.contains("cmd=historyStatus")) {
            return self.inner.call(namespace, pod, port, request);
        }
        // Four nodes are asked at a time.
        let state =
            if self.asked.fetch_add(1, Ordering::SeqCst) < 4 { "COMPLETE" } else { "RUNNING" };
        let body = json!({"state": state, "run": "1-1"}).to_string();
        async move { Ok(Response::new(Bytes::from(body))) }.boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_lapsed_when_it_looks_again_is_not_emitted() {
    let stage = Stage::new().await;
    base::edit(&stage.folder.remote(), INPUTS, |inputs| {
        inputs["admin"]["history"] = json!({
            "path": "/.admin?cmd=historyStatus",
            "fields": {"run": "/run"},
        });
    });
    stage.run(&["next-phase", "system6", "--push"]).await.ends(0);
    stage.pass(12).await;
    let inner = Nodes(stage.world.express.clone());
    let wavering = Arc::new(Wavering { inner, asked: AtomicUsize::new(0) });
    stage.world.kubernetes.set_nodes(Arc::clone(&wavering) as _);
    let watch = ["watch", "system6", "--push", "--for", "1s", "--poll", "1s", "-o", "json"];
    let line = stage.run(&watch).await.ends(10).line();
    assert_eq!((&line["decision"], &line["unmet"][0]["gate"]), (&"wait".into(), &"history".into()));
    assert_eq!(wavering.asked.load(Ordering::SeqCst), 8, "once to wait by, once to act upon");
    assert_eq!(stage.pushed(STEP), None);
}
