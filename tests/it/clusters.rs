//! Reading clusters with the real client: lists, watches, permissions, and trouble with the API server.
use std::time::Duration;

use dcr_gitops::config::{ClusterSettings, Settings};
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::rehearse::kubernetes::Trouble;
use dcr_gitops::rehearse::kubernetes::access::{Rule, User};
use dcr_gitops::rehearse::kubernetes::fault::Fault;
use dcr_gitops::run::SystemRef;
use dcr_gitops::run::cluster::{Cluster, ClusterView};
use kube::config::Kubeconfig;
use serde_json::{from_value, json};
use tokio::sync::Notify;

use crate::farm::{Farm, system};

const TOKEN: &str = "rehearsalTOKEN-of-the-watcher";

fn system6() -> SystemRef {
    system("tenant-1", "system6")
}

fn kubeconfig(server: &str) -> Kubeconfig {
    from_value(json!({
        "contexts": [{"name": "den", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
    }))
    .unwrap()
}

const READ: [&str; 3] = ["get", "list", "watch"];

fn rule(namespace: Option<&str>, group: &'static str, resources: &[&'static str]) -> Rule {
    Rule {
        namespace: namespace.map(str::to_owned),
        group,
        resources: resources.to_vec(),
        names: vec![],
        verbs: READ.to_vec(),
    }
}

/// What the program has to read, but for Events.
fn needed(namespace: Option<&str>) -> Vec<Rule> {
    vec![
        rule(namespace, "", &["pods", "configmaps", "services", "persistentvolumeclaims"]),
        rule(namespace, "apps", &["statefulsets"]),
        rule(namespace, "batch", &["jobs"]),
        rule(namespace, "policy", &["poddisruptionbudgets"]),
    ]
}

fn pods(cluster: &Cluster) -> Vec<(&str, bool)> {
    cluster.pods.iter().map(|pod| (pod.name.as_str(), pod.ready)).collect()
}

#[tokio::test]
async fn one_list_of_each_kind_serves_all_systems() {
    let (farm, system6, system7) = (Farm::new(), system6(), system("tenant-2", "system7"));
    farm.set(&system6, "farmer", 2);
    farm.set(&system7, "synchronizer", 1);
    farm.record(&system6, 3);
    farm.record(&system7, 1);
    farm.pass(60).await;
    let clusters = farm.clusters();
    clusters.once(&[system6.clone(), system7.clone()]).await;

    let ClusterView::Seen(seen) = farm.view(&clusters, &system6) else { panic!() };
    assert_eq!(pods(&seen), [("system6-dcr-farmer-0", true), ("system6-dcr-farmer-1", true)]);
    assert_eq!(seen.pods[0].run, Some(7));
    assert_eq!(seen.read_at, farm.clock.now());
    let objects: Vec<_> = seen.objects.iter().map(|live| (&*live.kind, &*live.name)).collect();
    assert_eq!(objects, [("StatefulSet", "system6-dcr-farmer"), ("ConfigMap", "system6-dcr-run")]);
    let set = &seen.objects[0];
    assert_eq!(set.digest.as_deref(), Some("farmers of 2"));
    assert_eq!(set.observed_generation, set.generation);
    assert!(set.update_revision.is_some() && set.update_revision == seen.pods[0].revision);
    assert_eq!(seen.runs.len(), 2, "all runs of the cluster");

    let ClusterView::Seen(seen) = farm.view(&clusters, &system7) else { panic!() };
    assert_eq!(pods(&seen), [("system7-dcr-sync-0", true)]);
    let requests = farm.kubernetes.requests();
    assert_eq!(requests.len(), 8, "{requests:?}");
    assert!(requests.iter().all(|(what, count)| what.starts_with("list ") && *count == 1));
    assert_eq!(farm.kubernetes.writes_refused(), 0);
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let farm = Farm::new();
    for number in 0..1_100 {
        farm.record(&system("tenant-1", &format!("system{number}")), 1);
    }
    let seen = farm.read(&farm.clusters(), &system6()).await;
    assert_eq!(seen.runs.len(), 1_100);
    assert_eq!(farm.kubernetes.requests()["list configmaps"], 3);
}

#[tokio::test]
async fn an_unknown_context_is_not_an_unreachable_cluster() {
    let farm = Farm::new();
    let elsewhere = SystemRef { cluster: "ams".into(), ..system6() };
    let clusters = farm.clusters();
    clusters.once(std::slice::from_ref(&elsewhere)).await;
    assert_eq!(farm.view(&clusters, &elsewhere), ClusterView::NoContext { context: "ams".into() });
    assert_eq!(
        farm.view(&clusters, &system6()),
        ClusterView::Unreachable { context: "den".into(), why: "pods weren't read yet".into() }
    );
}

#[tokio::test]
async fn the_settings_name_the_context() {
    let mut settings = Settings::default();
    let den = ClusterSettings { context: Some("den-admin".into()), ..ClusterSettings::default() };
    settings.clusters.insert("den".into(), den);
    let clusters = Clusters::new(kubeconfig("http://127.0.0.1:1"), &settings, Farm::new().clock());
    assert_eq!(
        clusters.cluster(&system6(), "2026-11-22T17:00:00Z".parse().unwrap()),
        ClusterView::NoContext { context: "den-admin".into() }
    );
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_asked_again_and_what_stays_is_told() {
    let farm = Farm::new();
    let clusters = farm.clusters();
    let fail = |count, fault| farm.kubernetes.fail_next("list", "pods", count, fault);

    let before = tokio::time::Instant::now();
    fail(1, Fault::TooManyRequests { retry_after: 3 });
    farm.read(&clusters, &system6()).await;
    assert_eq!(before.elapsed(), Duration::from_secs(3), "as long as the server asked for");
    for fault in [Fault::Unavailable, Fault::InternalError, Fault::Reset, Fault::Gone] {
        fail(2, fault);
        farm.read(&clusters, &system6()).await;
    }

    let mut told = Vec::new();
    for (count, fault) in [
        (3, Fault::TooManyRequests { retry_after: 1 }),
        (3, Fault::Unavailable),
        (3, Fault::InternalError),
        (3, Fault::Reset),
        (3, Fault::Gone),
        (1, Fault::Slow(Duration::from_secs(11))),
    ] {
        fail(count, fault);
        told.push(farm.why(&clusters, &system6()).await);
    }
    farm.read(&clusters, &system6()).await;
    insta::assert_snapshot!(told.join("\n"), @r"
    `list pods in all namespaces` was answered with 429: Too many requests, please try again later.
    `list pods in all namespaces` was answered with 503: the server is currently unable to handle the request
    `list pods in all namespaces` was answered with 500: Internal error occurred: etcdserver: request timed out
    connection reset by peer
    `list pods in all namespaces` was answered with 410: The provided resource version is too old to display a consistent result.
    no answer to `list pods in all namespaces` within 10 s
    ");
}

#[tokio::test]
async fn a_refused_connection_is_told_as_such() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let farm = Farm::new();
    let kubeconfig = kubeconfig(&format!("http://{closed}"));
    let clusters = Clusters::new(kubeconfig, &Settings::default(), farm.clock());
    let why = farm.why(&clusters, &system6()).await;
    assert!(why.contains("Connection refused"), "{why}");
    assert!(!why.contains(TOKEN) && !format!("{clusters:?}").contains(TOKEN));
}

#[tokio::test]
async fn wrong_credentials_are_told_without_them() {
    let farm = Farm::new();
    farm.kubernetes.set_users(vec![User::new("other", "rehearsalTOKEN-other").unwrap()]);
    let server = farm.kubernetes.listen().await.unwrap();
    let clusters = Clusters::new(kubeconfig(&server.url()), &Settings::default(), farm.clock());
    let why = farm.why(&clusters, &system6()).await;
    assert_eq!(why, "it doesn't accept the credentials (401)");
}

#[tokio::test]
async fn where_only_namespaces_may_be_read_each_is() {
    let (farm, system7) = (Farm::new(), system("tenant-2", "system7"));
    farm.set(&system6(), "farmer", 1);
    farm.set(&system7, "farmer", 1);
    farm.pass(60).await;
    let user = User::new("watcher", TOKEN).unwrap();
    farm.kubernetes.set_users(vec![user.limited_to(needed(Some("tenant-1")))]);
    let server = farm.kubernetes.listen().await.unwrap();
    let clusters = Clusters::new(kubeconfig(&server.url()), &Settings::default(), farm.clock());
    clusters.once(&[system6(), system7.clone()]).await;

    let ClusterView::Seen(seen) = farm.view(&clusters, &system6()) else { panic!() };
    assert_eq!(pods(&seen), [("system6-dcr-farmer-0", true)]);
    assert_eq!(
        seen.limits,
        [
            "runs are counted only in the namespaces that may be read, tenant-1 among them",
            "why a pod isn't created can't be told: not allowed to list events in namespace \
             tenant-1, which takes the rule {apiGroups: [\"\"], resources: [events], verbs: [list, \
             watch]} (403)",
        ]
    );
    assert_eq!(
        farm.view(&clusters, &system7),
        ClusterView::Unreachable {
            context: "den".into(),
            why: "not allowed to list pods in namespace tenant-2, which takes the rule \
                {apiGroups: [\"\"], resources: [pods], verbs: [list, watch]} (403)"
                .into()
        }
    );
}

#[tokio::test]
async fn one_kind_that_may_not_be_read_is_enough_to_see_nothing() {
    let farm = Farm::new();
    let rules = needed(None).into_iter().filter(|rule| rule.group != "batch").collect();
    farm.kubernetes.set_users(vec![User::new("watcher", TOKEN).unwrap().limited_to(rules)]);
    let server = farm.kubernetes.listen().await.unwrap();
    let clusters = Clusters::new(kubeconfig(&server.url()), &Settings::default(), farm.clock());
    let why = farm.why(&clusters, &system6()).await;
    assert_eq!(
        why,
        "not allowed to list jobs in namespace tenant-1, which takes the rule \
         {apiGroups: [\"batch\"], resources: [jobs], verbs: [list, watch]} (403)"
    );
}

#[tokio::test]
async fn a_troubled_farm_says_why() {
    let (farm, of) = (Farm::new(), system6());
    let trouble = |pod: u32, trouble| {
        farm.kubernetes.trouble(&of.namespace, &format!("system6-dcr-farmer-{pod}"), Some(trouble));
    };
    trouble(0, Trouble::ImagePull);
    trouble(1, Trouble::CrashLoop { code: 137, reason: "OOMKilled".into() });
    trouble(2, Trouble::Unschedulable { message: "0/3 nodes are available".into() });
    farm.apply(&json!({"apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "q", "namespace": of.namespace}, "spec": {"hard": {"pods": "3"}}}));
    farm.set(&of, "farmer", 4);
    for _ in 0..60 {
        farm.pass(5).await;
    }
    let seen = farm.read(&farm.clusters(), &of).await;
    let told: Vec<String> = seen
        .pods
        .iter()
        .map(|pod| format!("{}: {}", pod.name, pod.trouble.as_deref().unwrap_or_default()))
        .chain(seen.objects.iter().filter_map(|live| live.trouble.clone()))
        .collect();
    insta::with_settings!({filters => vec![("[0-9a-f-]{36}", "<uid>")]}, {
        insta::assert_snapshot!(told.join("\n"), @r#"
    system6-dcr-farmer-0: ImagePullBackOff: Back-off pulling image "express:1"
    system6-dcr-farmer-1: CrashLoopBackOff: back-off 2m40s restarting failed container=express pod=system6-dcr-farmer-1_tenant-1(<uid>) (before that OOMKilled, exit code 137)
    system6-dcr-farmer-2: Unschedulable: 0/3 nodes are available
    Create Pod system6-dcr-farmer-3 in StatefulSet system6-dcr-farmer failed error: pods "system6-dcr-farmer-3" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3
    "#);
    });
}

/// Waits for news until `until` is seen.
async fn seen_when(
    farm: &Farm,
    clusters: &Clusters,
    changed: &Notify,
    until: impl Fn(&Cluster) -> bool,
) -> Cluster {
    loop {
        if let ClusterView::Seen(cluster) = farm.view(clusters, &system6())
            && until(&cluster)
        {
            return *cluster;
        }
        changed.notified().await;
    }
}

/// Watches system6 in virtual time while `story` is told.
async fn watched(farm: &Farm, story: impl AsyncFnOnce(&Clusters, &Notify)) {
    let (clusters, changed) = (farm.clusters(), Notify::new());
    clusters.follow(&[system6()]);
    let story = async {
        seen_when(farm, &clusters, &changed, |seen| seen.pods.is_empty()).await;
        story(&clusters, &changed).await;
    };
    tokio::select! {
        () = clusters.watch(&changed) => unreachable!(),
        () = story => {}
    }
}

fn ready(wanted: usize) -> impl Fn(&Cluster) -> bool {
    move |seen| pods(seen).iter().filter(|pod| pod.1).count() == wanted
}

async fn scale(farm: &Farm, farmers: u32) {
    farm.set(&system6(), "farmer", farmers);
    farm.pass(60).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_keeps_up_through_cuts_and_forgotten_history() {
    let farm = Farm::new();
    watched(&farm, async |clusters, changed| {
        scale(&farm, 1).await;
        seen_when(&farm, clusters, changed, ready(1)).await;
        farm.kubernetes.cut_watches();
        scale(&farm, 2).await;
        seen_when(&farm, clusters, changed, ready(2)).await;
        let lists = farm.kubernetes.requests()["list pods"];
        assert_eq!(lists, 1, "what happened came by the watch, and so did what a cut left out");

        farm.kubernetes.cut_watches();
        farm.kubernetes.compact();
        scale(&farm, 3).await;
        let seen = seen_when(&farm, clusters, changed, ready(3)).await;
        assert_eq!(seen.read_at, farm.clock.now());
        assert_eq!(seen.objects[0].replicas, Some(3));
        assert_eq!(farm.kubernetes.requests()["list pods"], 2, "410 takes a new list");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_again_is_no_news_and_one_that_stays_away_is() {
    let farm = Farm::new();
    watched(&farm, async |clusters, changed| {
        let out_of_service = |times| {
            farm.kubernetes.fail_next("watch", "pods", 1, Fault::Unavailable);
            farm.kubernetes.fail_next("list", "pods", times, Fault::Unavailable);
            farm.kubernetes.cut_watches();
        };
        out_of_service(3);
        scale(&farm, 1).await;
        let always = async {
            loop {
                changed.notified().await;
                match farm.view(clusters, &system6()) {
                    ClusterView::Seen(seen) if ready(1)(&seen) => break,
                    ClusterView::Seen(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        always.await;

        out_of_service(100);
        let why = loop {
            if let ClusterView::Unreachable { why, .. } = farm.view(clusters, &system6()) {
                break why;
            }
            changed.notified().await;
        };
        assert!(why.contains("`list pods in all namespaces` was answered with 503"), "{why}");
        scale(&farm, 2).await;
        seen_when(&farm, clusters, changed, ready(2)).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_patience_gets_it() {
    let farm = Farm::new();
    watched(&farm, async |clusters, changed| {
        farm.kubernetes.fail_next("watch", "pods", 1, Fault::TooManyRequests { retry_after: 40 });
        let before = tokio::time::Instant::now();
        farm.kubernetes.cut_watches();
        scale(&farm, 1).await;
        seen_when(&farm, clusters, changed, ready(1)).await;
        let passed = before.elapsed().as_secs();
        assert!((40..50).contains(&passed), "{passed}");
        assert_eq!(farm.kubernetes.requests()["list pods"], 2, "nobody asked meanwhile");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_gone_deaf_is_found_out_sooner_than_it_would_have_ended() {
    let farm = Farm::new();
    watched(&farm, async |clusters, changed| {
        let opened = async |times: u64| {
            while farm.kubernetes.requests().get("watch pods").is_none_or(|count| *count < times) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        opened(1).await;
        for (farmers, deaf) in [(1, Fault::Silent), (2, Fault::Slow(Duration::from_secs(3600)))] {
            farm.kubernetes.fail_next("watch", "pods", 1, deaf);
            farm.kubernetes.cut_watches();
            let before = tokio::time::Instant::now();
            opened(2 * u64::from(farmers)).await;
            scale(&farm, farmers).await;
            seen_when(&farm, clusters, changed, ready(farmers as usize)).await;
            let passed = before.elapsed().as_secs();
            assert!((140..295).contains(&passed), "{passed}");
        }
        // Silence twice in a row: a list tells what the watch doesn't.
        farm.kubernetes.fail_next("watch", "pods", 1000, Fault::Silent);
        farm.kubernetes.cut_watches();
        scale(&farm, 3).await;
        seen_when(&farm, clusters, changed, ready(3)).await;
    })
    .await;
}

/// What an hour of watching costs the API server, in lists and watches.
async fn an_hour(systems: u32) -> u64 {
    let (farm, changed) = (Farm::new(), Notify::new());
    let of = |n| system(&format!("tenant-{}", n % 7), &format!("system{n}"));
    let systems: Vec<SystemRef> = (0..systems).map(of).collect();
    for system in &systems {
        farm.record(system, 1);
        farm.set(system, "synchronizer", 1);
    }
    farm.pass(60).await;
    let clusters = farm.clusters();
    clusters.follow(&systems);
    let hour = tokio::time::sleep(Duration::from_secs(3600));
    tokio::select! {
        () = clusters.watch(&changed) => unreachable!(),
        () = hour => {}
    }
    let all_seen = |system| matches!(farm.view(&clusters, system), ClusterView::Seen(seen) if seen.pods.len() == 1);
    assert!(systems.iter().all(all_seen));
    farm.kubernetes.requests().values().sum()
}

#[tokio::test(start_paused = true)]
async fn what_is_watched_costs_nothing_only_what_changes() {
    let one = an_hour(1).await;
    assert_eq!(an_hour(40).await, one);
    // Eight kinds, each with a list and a watch every ten minutes at the most.
    assert!(one <= 8 * (1 + 7), "{one}");
}

#[tokio::test]
async fn credentials_that_are_refused_are_read_again() {
    let farm = Farm::new();
    let user = |token: &str| farm.kubernetes.set_users(vec![User::new("watcher", token).unwrap()]);
    user(TOKEN);
    let server = farm.kubernetes.listen().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credential");
    let credential = |token: &str| {
        let status = json!({"apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential", "status": {"token": token}});
        std::fs::write(&file, status.to_string()).unwrap();
    };
    credential(TOKEN);
    let mut kubeconfig = kubeconfig(&server.url());
    kubeconfig.auth_infos = from_value(json!([{"name": "u", "user": {"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "cat", "args": [file],
        "interactiveMode": "Never",
    }}}]))
    .unwrap();
    let clusters = Clusters::new(kubeconfig, &Settings::default(), farm.clock());
    let changed = Notify::new();
    clusters.follow(&[system6()]);
    let story = async {
        seen_when(&farm, &clusters, &changed, |seen| seen.pods.is_empty()).await;
        let other = "rehearsalTOKEN-another";
        user(other);
        farm.kubernetes.cut_watches();
        while matches!(farm.view(&clusters, &system6()), ClusterView::Seen(_)) {
            changed.notified().await;
        }
        credential(other);
        scale(&farm, 1).await;
        seen_when(&farm, &clusters, &changed, ready(1)).await;
    };
    tokio::select! {
        () = clusters.watch(&changed) => unreachable!(),
        () = story => {}
    }
}

#[tokio::test]
async fn what_is_read_anew_leaves_alone_what_is_kept_up() {
    let farm = Farm::new();
    let clusters = farm.clusters();
    let elsewhere = SystemRef { cluster: "ams".into(), ..system6() };
    let views = clusters.anew(&[system6(), elsewhere]).await;
    assert!(matches!(&views[0], ClusterView::Seen(seen) if seen.read_at == farm.clock.now()));
    assert_eq!(views[1], ClusterView::NoContext { context: "ams".into() });
    assert!(!clusters.is_read(&system6()) && !clusters.has(&system6()));
    farm.record(&system6(), 1);
    clusters.once(&[system6()]).await;
    assert!(clusters.is_read(&system6()) && clusters.has(&system6()));
    assert!(!clusters.has(&system("tenant-1", "system7")));
}

#[tokio::test]
async fn a_watch_of_single_namespaces_keeps_up_too() {
    let farm = Farm::new();
    let user = User::new("watcher", TOKEN).unwrap();
    farm.kubernetes.set_users(vec![user.limited_to(needed(Some("tenant-1")))]);
    let server = farm.kubernetes.listen().await.unwrap();
    let clusters = Clusters::new(kubeconfig(&server.url()), &Settings::default(), farm.clock());
    let changed = Notify::new();
    let watched = [system6(), system("tenant-2", "system7")];
    clusters.follow(&watched[..1]);
    let story = async {
        seen_when(&farm, &clusters, &changed, |seen| seen.pods.is_empty()).await;
        farm.set(&system6(), "farmer", 1);
        farm.pass(60).await;
        seen_when(&farm, &clusters, &changed, |seen| pods(seen).iter().any(|pod| pod.1)).await;
        // A namespace that comes to be of interest later is read, too.
        assert!(!clusters.is_read(&watched[1]));
        clusters.follow(&watched);
        while !clusters.is_read(&watched[1]) {
            changed.notified().await;
        }
        assert!(matches!(
            farm.view(&clusters, &watched[1]),
            ClusterView::Unreachable { why, .. } if why.contains("in namespace tenant-2,")
        ));
    };
    tokio::select! {
        () = clusters.watch(&changed) => unreachable!(),
        () = story => {}
    }
}
