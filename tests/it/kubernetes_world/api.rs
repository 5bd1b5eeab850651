//! The API as the real client meets it: lists, pages, watches, selectors, rights and errors.
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::kubernetes::access::{Rule, User};
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::{Kubernetes, Propagation, Timing};
use futures::{FutureExt, StreamExt, TryStreamExt};
use http::Request;
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::watcher;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Lab, NAMESPACE, config_map, farmers};

/// An error answer as recorded: its HTTP status and its text.
fn recorded(title: &str) -> (u16, String) {
    let text = std::fs::read_to_string("fixtures/responses/kubernetes/status-bodies.txt").unwrap();
    let (_, rest) = text.split_once(&format!("# {title}\n")).unwrap();
    let block = rest.split("\n# ").next().unwrap().trim();
    let (body, code) = block.rsplit_once('\n').unwrap();
    (code.parse().unwrap(), body.trim().to_owned())
}

/// What the API answers to a plain GET: its HTTP status and its text.
pub async fn get(lab: &Lab, path: &str, token: Option<&str>) -> (u16, String) {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(String::new()).unwrap();
    let response = lab.kubernetes.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap().trim().to_owned())
}

fn same_json(ours: (u16, String), real: (u16, String)) {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!((ours.0, parse(&ours.1)), (real.0, parse(&real.1)));
}

async fn found(api: &Api<ConfigMap>, labels: &str) -> String {
    let list = api.list(&ListParams::default().labels(labels)).await.unwrap();
    let names = list.items.into_iter().map(|map| map.metadata.name.unwrap());
    names.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn labels_select() {
    let lab = Lab::new();
    lab.apply(&config_map("a", json!({"system": "system6", "run": "1"})));
    lab.apply(&config_map("b", json!({"system": "system6", "run": "2"})));
    lab.apply(&config_map("c", json!({"system": "other"})));
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client());
    assert_eq!(found(&api, "").await, "a b c");
    assert_eq!(found(&api, "system=system6").await, "a b");
    assert_eq!(found(&api, "system==system6,run!=1").await, "b");
    assert_eq!(found(&api, "run in (1, 2),system=system6").await, "a b");
    assert_eq!(found(&api, "run notin (2)").await, "a c");
    assert_eq!(found(&api, "run").await, "a b");
    assert_eq!(found(&api, "!run").await, "c");
    let by_name = ListParams::default().fields("metadata.name=b");
    assert_eq!(api.list(&by_name).await.unwrap().items.len(), 1);
    let everywhere: Api<ConfigMap> = Api::all(lab.client());
    assert_eq!(found(&everywhere, "system=other").await, "c");
    let elsewhere: Api<ConfigMap> = Api::namespaced(lab.client(), "elsewhere");
    assert_eq!(found(&elsewhere, "").await, "");
}

#[tokio::test]
async fn fields_select_pods_and_events() {
    let lab = Lab::new();
    lab.apply(&farmers(2));
    lab.pass(4).await;
    let pods: Api<Pod> = Api::default_namespaced(lab.client());
    let pending = ListParams::default().fields("status.phase=Pending");
    assert_eq!(pods.list(&pending).await.unwrap().items.len(), 2);
    lab.pass(60).await;
    assert_eq!(pods.list(&pending).await.unwrap().items.len(), 0);
    let events: Api<Event> = Api::default_namespaced(lab.client());
    let about = "involvedObject.kind=StatefulSet,involvedObject.name=system6-dcr-farmer";
    let events = events.list(&ListParams::default().fields(about)).await.unwrap();
    assert_eq!(events.items.len(), 4, "a claim and a pod for each farmer");
    let error = pods.list(&ListParams::default().fields("spec.host=x")).await.unwrap_err();
    let kube::Error::Api(status) = error else { panic!("{error}") };
    assert_eq!(
        (status.code, status.message.as_str()),
        (400, "field label not supported: spec.host")
    );
}

#[tokio::test]
async fn pages_show_one_version_and_expire() {
    let lab = Lab::new();
    for name in ["a", "b", "c"] {
        lab.apply(&config_map(name, json!({})));
    }
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client());
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.items.len(), 2);
    assert_eq!(first.metadata.remaining_item_count, Some(1));
    let token = first.metadata.continue_.unwrap();
    // What is written between two pages isn't seen by the second.
    lab.apply(&config_map("d", json!({})));
    let next = ListParams::default().limit(2).continue_token(&token);
    let second = api.list(&next).await.unwrap();
    assert_eq!(second.items.len(), 1);
    assert_eq!(second.items[0].metadata.name.as_deref(), Some("c"));
    assert_eq!(second.metadata.continue_, None);
    assert_eq!(second.metadata.resource_version, first.metadata.resource_version);
    lab.kubernetes.compact();
    let kube::Error::Api(status) = api.list(&next).await.unwrap_err() else { panic!() };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    let rest = status.metadata.unwrap().continue_.unwrap();
    let rest = api.list(&ListParams::default().continue_token(&rest)).await.unwrap();
    assert_eq!(rest.items.len(), 2, "an inconsistent rest, as was asked for");
}

#[tokio::test]
async fn versions_are_kept_to() {
    let lab = Lab::new();
    let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
    let current = get(&lab, &path, None).await.1;
    assert_eq!(
        current,
        r#"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"300"},"items":[]}"#
    );
    let (code, _) = get(&lab, &format!("{path}?resourceVersion=0"), None).await;
    assert_eq!(code, 200);
    let (status, body) = get(&lab, &format!("{path}?resourceVersion=999999999"), None).await;
    let real = recorded("504/500 too large version");
    assert_eq!(
        (status, body.replace("current: 300", "current: 670")),
        (real.0, {
            let real: Value = serde_json::from_str(&real.1).unwrap();
            real.to_string()
        })
    );
    lab.apply(&config_map("a", json!({})));
    let exact = format!("{path}?resourceVersion=300&resourceVersionMatch=Exact");
    assert!(get(&lab, &exact, None).await.1.ends_with(r#""items":[]}"#));
    lab.kubernetes.compact();
    assert_eq!(get(&lab, &exact, None).await.0, 410);
}

async fn events(api: &Api<ConfigMap>, params: &WatchParams, version: &str) -> Vec<String> {
    let stream = api.watch(params, version).await.unwrap();
    let named = |map: ConfigMap| map.metadata.name.unwrap();
    stream
        .map_ok(|event| match event {
            WatchEvent::Added(map) => format!("+{}", named(map)),
            WatchEvent::Modified(map) => format!("~{}", named(map)),
            WatchEvent::Deleted(map) => format!("-{}", named(map)),
            WatchEvent::Bookmark(mark) => format!("@{}", mark.metadata.resource_version),
            WatchEvent::Error(status) => format!("!{} {}", status.code, status.message),
        })
        .try_collect()
        .await
        .unwrap()
}

#[tokio::test]
async fn watches_follow_from_a_version_and_end_with_a_bookmark() {
    let lab = Lab::new();
    let mark = json!({"chosen": "yes"});
    lab.apply(&config_map("a", mark.clone()));
    lab.apply(&config_map("b", json!({})));
    lab.apply(&config_map("b", mark.clone()));
    lab.apply(&config_map("a", json!({})));
    lab.apply(&config_map("b", mark.clone()));
    let mut changed = config_map("b", mark);
    changed["data"]["a"] = json!("2");
    lab.apply(&changed);
    lab.kubernetes.delete(Kind::ConfigMap, NAMESPACE, "b", Propagation::Background);
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client());
    let all = WatchParams::default().timeout(1);
    let chosen = all.clone().labels("chosen=yes");
    let (from_300, of_chosen, from_304, from_now) = futures::join!(
        events(&api, &all, "300"),
        events(&api, &chosen, "300"),
        events(&api, &all, "304"),
        events(&api, &all, "0"),
    );
    assert_eq!(from_300.join(" "), "+a +b ~b ~a ~b -b @306", "what changes nothing is no event");
    assert_eq!(
        of_chosen.join(" "),
        "+a +b -a ~b -b @306",
        "objects come to be chosen and cease to be"
    );
    assert_eq!(from_304.join(" "), "~b -b @306");
    assert_eq!(from_now.join(" "), "+a @306");
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_ends_with_410() {
    let lab = Lab::new();
    lab.apply(&config_map("a", json!({})));
    lab.kubernetes.compact();
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client());
    let told = events(&api, &WatchParams::default(), "300").await;
    assert_eq!(told, ["!410 too old resource version: 300 (301)"]);
    let line = get(
        &lab,
        &format!("/api/v1/namespaces/{NAMESPACE}/configmaps?watch=1&resourceVersion=1"),
        None,
    )
    .await;
    let real = recorded_line();
    assert_eq!((line.0, line.1.replace("1 (301)", "1 (2438)")), (200, real));
}

fn recorded_line() -> String {
    let text = std::fs::read_to_string("fixtures/responses/kubernetes/status-bodies.txt").unwrap();
    text.lines().find(|line| line.starts_with(r#"{"type":"ERROR""#)).unwrap().to_owned()
}

#[tokio::test]
async fn a_watcher_survives_a_cut_and_a_410() {
    let lab = Lab::new();
    lab.apply(&config_map("a", json!({})));
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client());
    let mut watcher = watcher(api, watcher::Config::default()).boxed();
    let mut next = async || match watcher.next().await.unwrap() {
        Ok(watcher::Event::Init) => "init".to_owned(),
        Ok(watcher::Event::InitApply(map)) => format!("has {}", map.metadata.name.unwrap()),
        Ok(watcher::Event::InitDone) => "done".to_owned(),
        Ok(watcher::Event::Apply(map)) => format!("~{}", map.metadata.name.unwrap()),
        Ok(watcher::Event::Delete(map)) => format!("-{}", map.metadata.name.unwrap()),
        Err(error) => format!("error: {}", error.to_string().split(':').next().unwrap()),
    };
    assert_eq!([next().await, next().await, next().await], ["init", "has a", "done"]);
    lab.apply(&config_map("b", json!({})));
    assert_eq!(next().await, "~b");
    lab.kubernetes.cut_watches();
    assert_eq!(next().await, "error: watch stream failed");
    lab.apply(&config_map("c", json!({})));
    assert_eq!(next().await, "~c", "it resumes where it was");
    lab.kubernetes.cut_watches();
    assert_eq!(next().await, "error: watch stream failed");
    lab.kubernetes.delete(Kind::ConfigMap, NAMESPACE, "a", Propagation::Background);
    lab.kubernetes.compact();
    assert_eq!(next().await, "error: error returned by apiserver during watch");
    assert_eq!(
        [next().await, next().await, next().await, next().await],
        ["init", "has b", "has c", "done"]
    );
}

#[tokio::test]
async fn a_watch_can_begin_with_the_list() {
    let lab = Lab::new();
    lab.apply(&config_map("a", json!({})));
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client());
    let watcher = watcher(api, watcher::Config::default().streaming_lists());
    let events: Vec<_> = watcher.take(3).try_collect().await.unwrap();
    assert!(matches!(
        events[..],
        [watcher::Event::Init, watcher::Event::InitApply(_), watcher::Event::InitDone]
    ));
    assert_eq!(lab.kubernetes.requests().keys().collect::<Vec<_>>(), ["watch configmaps"]);
}

#[tokio::test]
async fn an_open_watch_lets_time_pass_in_the_world() {
    let clock = WorldClock::running("2026-11-22T17:07:02Z".parse().unwrap(), 10_000.0);
    let kubernetes = Kubernetes::new(clock.reader(), clock.pace(), Timing::default());
    kubernetes.apply(&farmers(1)).unwrap();
    let pods: Api<Pod> = Api::namespaced(Client::new(kubernetes, NAMESPACE), NAMESPACE);
    let stream = pods.watch(&WatchParams::default(), "300").await.unwrap();
    let ready = |event: &WatchEvent<Pod>| match event {
        WatchEvent::Modified(pod) => {
            let conditions = pod.status.as_ref().unwrap().conditions.as_deref().unwrap();
            conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True")
        }
        _ => false,
    };
    let mut ready = stream.try_filter(|event| std::future::ready(ready(event))).boxed();
    assert!(ready.next().await.unwrap().is_ok(), "nobody else asked for anything");
}

#[tokio::test]
async fn an_open_watch_sees_what_becomes_due() {
    let lab = Lab::new();
    lab.apply(&farmers(1));
    lab.pass(3).await;
    let pods: Api<Pod> = Api::default_namespaced(lab.client());
    let stream = pods.watch(&WatchParams::default(), "0").await.unwrap();
    let mut stream = stream.boxed();
    let phase = |event: WatchEvent<Pod>| match event {
        WatchEvent::Added(pod) | WatchEvent::Modified(pod) => pod.status.unwrap().phase.unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(phase(stream.next().await.unwrap().unwrap()), "Pending");
    assert!(stream.next().now_or_never().is_none(), "nothing happens while time stands still");
    lab.pass(60).await;
    assert_eq!(phase(stream.next().await.unwrap().unwrap()), "Running");
}

#[tokio::test]
async fn errors_read_as_recorded() {
    let lab = Lab::new();
    let base = format!("/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets");
    same_json(get(&lab, &format!("{base}/none"), None).await, recorded("404"));
    let (_, real) = recorded("404 no such kind");
    assert_eq!(get(&lab, "/apis/apps/v1/deployments", None).await, (404, real.clone()));
    assert_eq!(
        get(&lab, &format!("/api/v1/namespaces/{NAMESPACE}/secrets"), None).await,
        (404, real)
    );
    let selector = format!("/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=%3D%3D");
    same_json(get(&lab, &selector, None).await, recorded("400 bad selector"));
}

#[tokio::test]
async fn rights_are_kept_to_in_the_recorded_words() {
    let lab = Lab::new();
    let read = Rule {
        namespace: Some(NAMESPACE.to_owned()),
        resources: vec!["pods"],
        verbs: vec!["get", "list", "watch"],
        ..Rule::default()
    };
    let node = Rule {
        resources: vec!["pods/proxy"],
        names: vec!["system6-fe1:9100".to_owned()],
        verbs: vec!["get"],
        ..Rule::default()
    };
    lab.kubernetes.set_users(vec![
        User::new("lab-noaccess", "no-rehearsalTOKEN").unwrap().limited_to(vec![]),
        User::new("lab-readonly", "read-rehearsalTOKEN").unwrap().limited_to(vec![read, node]),
    ]);
    let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
    same_json(get(&lab, &pods, Some("stolen")).await, recorded("401"));
    same_json(get(&lab, &pods, None).await, recorded("401"));
    same_json(get(&lab, &pods, Some("no-rehearsalTOKEN")).await, recorded("403"));
    let read = Some("read-rehearsalTOKEN");
    assert_eq!(get(&lab, &pods, read).await.0, 200);
    let proxy = format!("{pods}/x:9100/proxy/");
    same_json(get(&lab, &proxy, read).await, recorded("403 proxy"));
    let named = format!("{pods}/system6-fe1:9100/proxy/");
    assert_eq!(get(&lab, &named, read).await.0, 404, "allowed by name, but there is no such pod");
    let (code, everywhere) = get(&lab, "/api/v1/pods", read).await;
    assert_eq!(code, 403, "the rule holds in one namespace");
    assert!(everywhere.contains("at the cluster scope"), "{everywhere}");
    assert!(User::new("x", "secret").is_err());
    assert!(!format!("{:?}", User::new("x", "a-rehearsalTOKEN")).contains("TOKEN"));
}

#[tokio::test]
async fn whoever_writes_is_refused_and_counted() {
    let lab = Lab::new();
    lab.apply(&config_map("a", json!({})));
    let api: Api<ConfigMap> = Api::default_namespaced(lab.client());
    let map = api.get("a").await.unwrap();
    assert_eq!(lab.kubernetes.writes_refused(), 0);
    for error in [
        api.create(&PostParams::default(), &map).await.unwrap_err(),
        api.replace("a", &PostParams::default(), &map).await.unwrap_err(),
        api.delete("a", &DeleteParams::default()).await.unwrap_err(),
    ] {
        let kube::Error::Api(status) = error else { panic!("{error}") };
        assert_eq!(status.code, 405);
    }
    assert_eq!(lab.kubernetes.writes_refused(), 3);
    let counted = lab.kubernetes.requests();
    let counted: Vec<_> = counted.iter().map(|(what, n)| format!("{n} {what}")).collect();
    assert_eq!(
        counted,
        ["1 create configmaps", "1 delete configmaps", "1 get configmaps", "1 update configmaps"]
    );
    assert_eq!(lab.names(Kind::ConfigMap), ["a"]);
}
