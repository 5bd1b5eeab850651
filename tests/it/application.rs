//! Reading the Argo CD Application with the real client: what it explains, and what it never shows.
use dcr_gitops::config::{Argocd, ClusterArgocd, ClusterSettings, Settings};
use dcr_gitops::observe::argocd::application;
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::rehearse::kubernetes::access::User;
use dcr_gitops::rehearse::kubernetes::fault::Fault;
use dcr_gitops::run::argocd::{Application, ApplicationView, FailedObject, Source};
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

async fn slim(more: Value) -> Application {
    match seen(more).await {
        ApplicationView::Seen(application) => *application,
        other => panic!("{other:?}"),
    }
}

fn failed(phase: &str, retries: u32) -> Value {
    json!({"operationState": {
    "phase": phase, "retryCount": retries, "operation": {"retry": {"limit": 5}}, "message": "one or more objects failed to apply",
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
    let operation = slim(json!({"status": failed("Failed", 5)})).await.operation.unwrap();
    assert!(operation.has_failed());
    assert_eq!((operation.retries, operation.retry_limit), (5, Some(5)));
    assert_eq!(operation.revisions, ["0123abcd"]);
    let told: Vec<String> = operation.failed.iter().map(FailedObject::told).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    Job system6-dcr-trigger-7-1 could not be applied: field is immutable spec.template
    Job hook could not be applied: Job has reached the backoff limit
    ");
}

#[tokio::test]
async fn a_sync_that_is_asked_for_is_only_starting_until_it_runs() {
    let asked = json!({"sync": {}});
    let starting = slim(json!({"operation": asked, "status": failed("Failed", 5)})).await;
    assert!(starting.starting);
    let running = slim(json!({"operation": asked, "status": failed("Running", 2)})).await;
    assert!(!running.starting);
}

#[tokio::test]
async fn only_what_concerns_the_farm_is_kept() {
    let application = slim(json!({
        "metadata": {"name": "system6", "namespace": "argocd",
            "annotations": {"argocd.argoproj.io/refresh": "hard"}},
        "spec": {
            "sources": [
                {"chart": "redis", "targetRevision": "19.0.1"},
                {"path": "./a/", "targetRevision": "HEAD", "directory": {"recurse": true},
                    "kustomize": {"namePrefix": "", "images": ["a=b"], "commonLabels": {}}},
            ],
            "syncPolicy": {"automated": {"enabled": true, "allowEmpty": true}, "syncOptions": [
                "PrunePropagationPolicy=foreground", "PrunePropagationPolicy=orphan"]},
            "ignoreDifferences": [
                {"kind": "Deployment", "jsonPointers": ["/spec/replicas"]},
                {"kind": "StatefulSet", "jqPathExpressions": [".spec.replicas"],
                    "managedFieldsManagers": ["keda"]},
            ],
        },
        "status": {
            "reconciledAt": "2026-11-22T10:00:00Z", "sourceType": "Directory",
            "sync": {"status": "Synced", "revisions": ["19.0.1", "main"]},
            "resources": [
                {"kind": "StatefulSet", "namespace": "tenant-1", "name": "system6-dcr-sync"},
                {"kind": "Job", "namespace": "tenant-1", "name": "system6-dcr-trigger-7-1",
                    "requiresPruning": true},
                {"kind": "Job", "namespace": "tenant-1", "name": "system6-dcr-hook", "hook": true},
                {"kind": "StatefulSet", "namespace": "tenant-2", "name": "system6-dcr-sync"},
                {"kind": "StatefulSet", "namespace": "tenant-1", "name": "system66-dcr-sync"},
            ],
        },
    }))
    .await;
    let paths = application.sources.iter().map(|it| (it.path.as_deref(), &*it.transformers));
    let images = ["images".to_owned()];
    assert_eq!(paths.collect::<Vec<_>>(), [(None, &[][..]), (Some("./a/"), &images[..])]);
    let automated = application.automated.unwrap();
    assert!(automated.allow_empty && !automated.prune && !automated.self_heal);
    assert!(application.orphans && application.refreshing);
    let ignored = application.ignored.iter().map(|it| format!("{} {}", it.kind, it.what));
    assert_eq!(ignored.collect::<Vec<_>>(), ["StatefulSet .spec.replicas", "StatefulSet keda"]);
    assert_eq!(application.revisions, ["19.0.1", "main"]);
    let ours = application.ours.iter().map(|it| (&*it.name, it.surplus));
    let expected = [("system6-dcr-sync", false), ("system6-dcr-trigger-7-1", true)];
    assert_eq!(ours.collect::<Vec<_>>(), expected);
    assert_eq!(application.others, 2);
}

#[tokio::test]
async fn no_secret_that_a_condition_quotes_is_kept() {
    let application = slim(json!({"status": {"sync": {"status": "Unknown"}, "conditions": [
        {"type": "SharedResourceWarning", "message": "not ours"},
        {"type": "ComparisonError", "message": "failed to render\u{1b}[2J: yaml: line 3"},
        {"type": "SyncError", "message": "Secret \"x\" is invalid: data: rehearsalTOKEN"},
    ]}}))
    .await;
    let told = application.conditions.iter();
    let told = told.map(|it| format!("{}: {}", it.kind, it.message.as_deref().unwrap_or("none")));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    SharedResourceWarning: not ours
    ComparisonError: failed to render\u{1b}[2J: yaml: line 3
    SyncError: (not shown, for it speaks of a Secret)
    ");
    assert!(!format!("{application:?}").contains("rehearsalTOKEN"));
}

#[test]
fn a_folder_is_covered_by_the_paths_above_it() {
    let covers = |path: &str| {
        let path = Some(path.to_owned());
        let source = Source { path, revision: None, recurse: false, transformers: vec![] };
        source.covers("clusters/den/tenant-1/system6")
    };
    for path in ["clusters/den/tenant-1/system6", "./clusters/den/", "", ".", "/clusters"] {
        assert!(covers(path), "{path}");
    }
    for path in ["clusters/den/tenant-1/system6/dcr", "clusters/den/tenant-1/system", "apps"] {
        assert!(!covers(path), "{path}");
    }
}

#[test]
fn tracking_names_an_application_with_or_without_its_namespace() {
    for mark in ["system6", "argocd_system6"] {
        assert!(Application::tracks("argocd/system6", mark), "{mark}");
    }
    for mark in ["system66", "argocd", "argocd_", "other_system6", "argocd_system66"] {
        assert!(!Application::tracks("argocd/system6", mark), "{mark}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_can_not_be_seen_says_why_and_no_more() {
    let farm = Farm::new();
    let clusters = farm.clusters();
    let of = system("tenant-1", "system6");
    let look = async |argocd: &Argocd| match application(&clusters, &of, argocd).await {
        ApplicationView::Unseen { why } => why,
        ApplicationView::Missing { name, context } => format!("{context} has no {name}"),
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
    den has no argocd/system6
    the Application argocd/system6 can't be seen (context `den`): `get applications.argoproj.io in namespace argocd` was answered with 503: the server is currently unable to handle the request
    the Application argocd/system6 can't be seen (context `den`): no answer to `get applications.argoproj.io in namespace argocd` within 10 s
    den has no argocd/../secrets
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
