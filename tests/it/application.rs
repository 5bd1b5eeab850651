//! Reading the Argo CD Application with the real client: what it explains, and what it never shows.
use dcr_gitops::config::{Argocd, ClusterArgocd, ClusterSettings, Settings};
use dcr_gitops::observe::argocd::application;
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::rehearse::kubernetes::access::User;
use dcr_gitops::rehearse::kubernetes::fault::Fault;
use dcr_gitops::run::argocd::ApplicationView;
use kube::Client;
use serde_json::{Value, json};

use crate::farm::{Farm, system};

/// What is seen of an Application whose spec and status are these.
async fn seen(more: Value) -> ApplicationView {
    let farm = Farm::new();
    let mut object = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "system6", "namespace": "argocd"},
        "spec": {"syncPolicy": {"automated": {"prune": true}}},
    });
    for (key, value) in more.as_object().unwrap() {
        object[key] = value.clone();
    }
    farm.apply(&object);
    application(&farm.clusters(), &system("tenant-1", "system6"), &Argocd::default()).await
}

async fn told(more: Value) -> String {
    seen(more).await.explanation().join("\n")
}

fn failed(phase: &str, retries: u32) -> Value {
    json!({"operationState": {
    "phase": phase, "retryCount": retries, "message": "one or more objects failed to apply",
    "startedAt": "2026-11-22T10:00:00Z", "finishedAt": "2026-11-22T10:00:05Z",
    "syncResult": {"revision": "0123abcd", "resources": [
        {"kind": "Job", "namespace": "tenant-1", "name": "system6-dcr-trigger-7-1",
            "status": "SyncFailed", "message": "field is immutable\nspec.template"},
        {"kind": "Service", "namespace": "tenant-1", "name": "a", "status": "Synced",
            "hookPhase": "Running"},
        {"kind": "Job", "namespace": "tenant-1", "name": "hook", "hookType": "PostSync",
            "hookPhase": "Failed", "message": "Job has reached the backoff limit"},
    ]}}})
}

#[tokio::test]
async fn a_failed_sync_names_what_it_failed_at() {
    insta::assert_snapshot!(told(json!({"status": failed("Failed", 5)})).await, @r"
    the last sync of argocd/system6 failed: one or more objects failed to apply
    Job system6-dcr-trigger-7-1 could not be applied: field is immutable spec.template
    Job hook could not be applied: Job has reached the backoff limit
    ");
}

#[tokio::test]
async fn only_a_sync_that_has_ended_has_failed_for_good() {
    let trigger = async |more: Value| {
        seen(more).await.failed_for_good("Job", "tenant-1", "system6-dcr-trigger-7-1")
    };
    let failed_for_good = trigger(json!({"status": failed("Failed", 5)})).await;
    assert_eq!(
        failed_for_good.unwrap(),
        "Job system6-dcr-trigger-7-1 could not be applied: field is immutable spec.template"
    );
    assert_eq!(trigger(json!({"status": failed("Running", 2)})).await, None, "between two tries");
    assert_eq!(trigger(json!({"status": failed("Succeeded", 0)})).await, None);
    let again = json!({"status": failed("Failed", 5), "operation": {"sync": {}}});
    assert_eq!(trigger(again).await, None, "the next one is asked for");
    let seen = seen(json!({"status": failed("Failed", 5)})).await;
    assert_eq!(seen.failed_for_good("Service", "tenant-1", "a"), None);
    assert_eq!(seen.failed_for_good("Job", "tenant-2", "system6-dcr-trigger-7-1"), None);
}

#[tokio::test]
async fn a_sync_that_goes_on_is_told_as_such() {
    let retried = told(json!({"status": failed("Running", 2), "operation": {"sync": {}}})).await;
    assert!(
        retried.starts_with("the sync of argocd/system6 failed and is tried again (2): "),
        "{retried}"
    );
    let starting = json!({"operation": {"sync": {}}, "status": {"sync": {"status": "OutOfSync"}}});
    assert_eq!(
        told(starting).await,
        "a sync of argocd/system6 is about to start\nargocd/system6 is OutOfSync"
    );
    let wedged = json!({"status": {"operationState": {"phase": "Succeeded"}}});
    assert_eq!(
        told(wedged).await,
        "the sync of argocd/system6 is said to have succeeded, and never ended"
    );
}

#[tokio::test]
async fn its_conditions_are_told_but_no_secret_in_them() {
    let conditions = json!({"status": {"sync": {"status": "Unknown"}, "conditions": [
        {"type": "SharedResourceWarning", "message": "not ours"},
        {"type": "ComparisonError", "message": "failed to render\u{1b}[2J: yaml: line 3"},
        {"type": "SyncError", "message": "Secret \"x\" is invalid: data: rehearsalTOKEN"},
    ]}});
    insta::assert_snapshot!(told(conditions.clone()).await, @r"
    the Application argocd/system6: ComparisonError: failed to render\u{1b}[2J: yaml: line 3
    the Application argocd/system6: SyncError: (not shown, for it speaks of a Secret)
    ");
    assert!(!format!("{:?}", seen(conditions).await).contains("rehearsalTOKEN"));
}

#[tokio::test]
async fn what_is_left_to_people_is_told() {
    let policy = |policy: Value| json!({"spec": {"syncPolicy": policy}});
    let by_hand = "argocd/system6 isn't synced automatically";
    assert_eq!(told(policy(json!({}))).await, by_hand);
    let off = json!({"automated": {"enabled": false, "prune": true}});
    assert_eq!(told(policy(off)).await, by_hand);
    assert_eq!(
        told(policy(json!({"automated": {}}))).await,
        "argocd/system6 doesn't prune: what a teardown removes stays live"
    );
    assert_eq!(told(policy(json!({"automated": {"prune": true}}))).await, "");
}

#[tokio::test(start_paused = true)]
async fn an_application_that_can_not_be_seen_says_why_and_no_more() {
    let farm = Farm::new();
    let clusters = farm.clusters();
    let of = system("tenant-1", "system6");
    let look = async |argocd: &Argocd| match application(&clusters, &of, argocd).await {
        ApplicationView::Unseen { why } => why,
        other => panic!("{other:?}"),
    };
    let mut told = vec![look(&Argocd::default()).await];
    for fault in [Fault::Unavailable, Fault::Slow(std::time::Duration::from_secs(60))] {
        farm.kubernetes.fail_next("get", "applications", 1, fault);
        told.push(look(&Argocd::default()).await);
    }
    told.push(look(&Argocd { application: Some("../secrets".into()), ..Argocd::default() }).await);
    farm.kubernetes.set_users(vec![User::new("other", "rehearsalTOKEN").unwrap()]);
    told.push(look(&Argocd::default()).await);
    insta::assert_snapshot!(told.join("\n"), @r"
    the Application argocd/system6 can't be seen (context `den`): there is none of this name
    the Application argocd/system6 can't be seen (context `den`): `get applications.argoproj.io in namespace argocd` was answered with 503: the server is currently unable to handle the request
    the Application argocd/system6 can't be seen (context `den`): no answer to `get applications.argoproj.io in namespace argocd` within 10 s
    the Application argocd/../secrets can't be seen (context `den`): there is none of this name
    the Application argocd/system6 can't be seen (context `den`): it doesn't accept the credentials (401)
    ");
    assert_eq!(farm.kubernetes.requests().keys().collect::<Vec<_>>(), ["get applications"]);
}

#[tokio::test]
async fn it_is_looked_for_where_its_argocd_runs() {
    let (hub, farm) = (Farm::new(), Farm::new());
    hub.apply(&json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "system6", "namespace": "argocd"}, "spec": {}}));
    let client = |farm: &Farm| Client::new(farm.kubernetes.clone(), "default");
    let clients = [("den".to_owned(), client(&farm)), ("hub".to_owned(), client(&hub))];
    let mut settings = Settings::default();
    let argocd = ClusterArgocd { context: Some("hub".into()) };
    settings.clusters.insert("den".into(), ClusterSettings { context: None, argocd });
    let clusters = Clusters::over(clients.into(), &settings, farm.clock());
    let view = application(&clusters, &system("tenant-1", "system6"), &Argocd::default()).await;
    assert!(matches!(view, ApplicationView::Seen(_)), "{view:?}");
    assert!(farm.kubernetes.requests().is_empty());
}
