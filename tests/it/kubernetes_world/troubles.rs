//! What can befall a farm, and what the controllers make of it.
use std::sync::{Arc, Mutex};

use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::node::{Exit, JobRunner};
use dcr_gitops::rehearse::kubernetes::{Propagation, Trouble};
use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Lab, NAMESPACE, config_map, farmers, job};

const FARMER: &str = "system6-dcr-farmer-0";

fn container(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

fn ready(lab: &Lab) -> String {
    let set = lab.get(Kind::StatefulSet, "system6-dcr-farmer");
    format!("{}/{}", set["status"]["readyReplicas"], set["spec"]["replicas"])
}

#[tokio::test]
async fn controllers_notice_a_moment_later() {
    let lab = Lab::new();
    lab.apply(&farmers(1));
    lab.pass(60).await;
    lab.apply(&farmers(2));
    let set = lab.get(Kind::StatefulSet, "system6-dcr-farmer");
    assert_eq!(set["metadata"]["generation"], 2);
    assert_eq!(set["status"]["observedGeneration"], 1);
    lab.pass(1).await;
    let set = lab.get(Kind::StatefulSet, "system6-dcr-farmer");
    assert_eq!(set["status"]["observedGeneration"], 2);
}

#[tokio::test]
async fn an_apply_sets_what_it_gives_and_keeps_the_rest() {
    let lab = Lab::new();
    lab.apply(&config_map("a", json!({"ours": "1", "old": "1"})));
    lab.kubernetes.edit(Kind::ConfigMap, NAMESPACE, "a", |map| {
        map["metadata"]["labels"]["theirs"] = json!("1");
    });
    lab.apply(&config_map("a", json!({"ours": "2"})));
    let labels = lab.get(Kind::ConfigMap, "a")["metadata"]["labels"].clone();
    assert_eq!(labels, json!({"ours": "2", "theirs": "1"}));
    lab.apply(&farmers(1));
    lab.pass(60).await;
    let before = lab.get(Kind::StatefulSet, "system6-dcr-farmer");
    lab.apply(&farmers(1));
    let after = lab.get(Kind::StatefulSet, "system6-dcr-farmer");
    assert_eq!(before, after, "the same again is no write");
    let mounts =
        json!([{"name": "cache", "mountPath": "/a"}, {"name": "cache", "mountPath": "/b"}]);
    let mut twice = farmers(1);
    twice["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = mounts.clone();
    let written = lab.apply(&twice);
    assert_eq!(written["spec"]["template"]["spec"]["containers"][0]["volumeMounts"], mounts);
}

#[tokio::test]
async fn what_cannot_change_is_refused() {
    let lab = Lab::new();
    lab.apply(&farmers(1));
    let mut set = farmers(1);
    set["spec"]["serviceName"] = json!("other");
    let refusal = lab.kubernetes.apply(&set).unwrap_err();
    assert_eq!(refusal.code, 422);
    assert!(refusal.message.starts_with("StatefulSet.apps \"system6-dcr-farmer\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas'"), "{refusal}");
    lab.apply(&job("j"));
    let mut changed = job("j");
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = json!("x:2");
    let refusal = lab.kubernetes.apply(&changed).unwrap_err();
    assert!(refusal.message.ends_with("field is immutable"), "{refusal}");
    let mut wrong = farmers(1);
    wrong["spec"]["replicas"] = json!("three");
    assert_eq!(lab.kubernetes.apply(&wrong).unwrap_err().code, 400);
}

#[tokio::test]
async fn a_changed_image_moves_the_revision_and_no_pod() {
    let lab = Lab::new();
    lab.apply(&farmers(2));
    lab.pass(60).await;
    let uids = |lab: &Lab| {
        let pods = lab.kubernetes.list(Kind::Pod, NAMESPACE);
        pods.iter().map(|pod| pod["metadata"]["uid"].clone()).collect::<Vec<_>>()
    };
    let before = uids(&lab);
    let mut changed = farmers(2);
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = json!("x:2");
    lab.apply(&changed);
    lab.pass(60).await;
    assert_eq!(uids(&lab), before);
    let status = lab.get(Kind::StatefulSet, "system6-dcr-farmer")["status"].clone();
    assert_ne!(status["currentRevision"], status["updateRevision"]);
    lab.kubernetes.delete(Kind::Pod, NAMESPACE, FARMER, Propagation::Background);
    lab.pass(60).await;
    let pod = lab.get(Kind::Pod, FARMER);
    assert_eq!(pod["metadata"]["labels"]["controller-revision-hash"], status["updateRevision"]);
    assert_eq!(pod["spec"]["containers"][0]["image"], "x:2");
    // The default strategy is another matter: it replaces every pod.
    changed["spec"]["updateStrategy"] = json!({"type": "RollingUpdate"});
    lab.apply(&changed);
    lab.pass(120).await;
    assert!(uids(&lab).iter().all(|uid| !before.contains(uid)));
    let status = lab.get(Kind::StatefulSet, "system6-dcr-farmer")["status"].clone();
    assert_eq!(status["currentRevision"], status["updateRevision"]);
}

#[tokio::test]
async fn a_pod_that_cannot_start_says_why() {
    let lab = Lab::new();
    let full = "0/3 nodes are available: 3 Insufficient memory.";
    let unschedulable = Trouble::Unschedulable { message: full.to_owned() };
    lab.kubernetes.trouble(NAMESPACE, FARMER, Some(unschedulable));
    lab.apply(&farmers(1));
    lab.pass(300).await;
    let pod = lab.get(Kind::Pod, FARMER);
    assert_eq!(pod["status"]["conditions"][0]["reason"], "Unschedulable");
    assert_eq!(pod["status"]["conditions"][0]["message"], full);
    lab.kubernetes.trouble(NAMESPACE, FARMER, Some(Trouble::ImagePull));
    let mut reasons = Vec::new();
    for _ in 0..12 {
        lab.pass(3).await;
        let pod = lab.get(Kind::Pod, FARMER);
        let reason = container(&pod)["state"]["waiting"]["reason"].clone();
        if !reason.is_null() && reasons.last() != Some(&reason) {
            reasons.push(reason);
        }
    }
    assert_eq!(reasons, ["ContainerCreating", "ErrImagePull", "ImagePullBackOff"]);
    lab.kubernetes.trouble(NAMESPACE, FARMER, None);
    lab.pass(120).await;
    assert_eq!(ready(&lab), "1/1");
}

#[tokio::test]
async fn a_crash_loop_backs_off_and_recovers() {
    let lab = Lab::new();
    lab.apply(&farmers(1));
    lab.pass(60).await;
    let crashes = Trouble::CrashLoop { code: 1, reason: "Error".to_owned() };
    lab.kubernetes.trouble(NAMESPACE, FARMER, Some(crashes));
    lab.pass(25).await;
    let pod = lab.get(Kind::Pod, FARMER);
    let state = &container(&pod)["state"]["waiting"];
    assert_eq!(state["reason"], "CrashLoopBackOff");
    let message = state["message"].as_str().unwrap();
    assert!(message.starts_with("back-off 10s restarting failed container=express pod=system6-dcr-farmer-0_tenant-105858-prod("), "{message}");
    assert_eq!(container(&pod)["restartCount"], 1);
    assert_eq!(container(&pod)["lastState"]["terminated"]["exitCode"], 1);
    assert_eq!(pod["status"]["phase"], "Running");
    lab.pass(3600).await;
    assert_eq!(
        lab.get(Kind::StatefulSet, "system6-dcr-farmer")["status"].get("readyReplicas"),
        None
    );
    lab.kubernetes.trouble(NAMESPACE, FARMER, None);
    lab.pass(3600).await;
    assert_eq!(ready(&lab), "1/1");
}

#[tokio::test]
async fn a_pod_can_be_unready_late_or_stuck() {
    let lab = Lab::new();
    lab.kubernetes.delay_boot(NAMESPACE, "system6-dcr-farmer-1", SignedDuration::from_hours(1));
    lab.apply(&farmers(2));
    lab.pass(60).await;
    assert_eq!(ready(&lab), "1/2");
    lab.pass(3600).await;
    assert_eq!(ready(&lab), "2/2");
    lab.kubernetes.trouble(NAMESPACE, FARMER, Some(Trouble::NotReady));
    lab.pass(3600).await;
    assert_eq!(ready(&lab), "1/2");
    lab.kubernetes.trouble(NAMESPACE, FARMER, Some(Trouble::Stuck));
    lab.pass(60).await;
    assert_eq!(ready(&lab), "2/2");
    lab.kubernetes.delete(
        Kind::StatefulSet,
        NAMESPACE,
        "system6-dcr-farmer",
        Propagation::Background,
    );
    lab.pass(3600).await;
    assert_eq!(lab.names(Kind::Pod), [FARMER], "its node is lost");
    assert_eq!(lab.names(Kind::PersistentVolumeClaim), ["cache-system6-dcr-farmer-0"]);
    lab.kubernetes.trouble(NAMESPACE, FARMER, None);
    lab.pass(60).await;
    assert!(lab.names(Kind::Pod).is_empty());
    assert!(lab.names(Kind::PersistentVolumeClaim).is_empty());
}

#[tokio::test]
async fn claims_outlive_their_set_unless_its_policy_says_otherwise() {
    for (policy, left_after_scaling, left_at_the_end) in [
        (json!({}), 2, 2),
        (json!({"whenDeleted": "Delete"}), 2, 0),
        (json!({"whenScaled": "Delete"}), 1, 1),
        (json!({"whenDeleted": "Delete", "whenScaled": "Delete"}), 1, 0),
    ] {
        let lab = Lab::new();
        let set = |replicas| {
            let mut set = farmers(replicas);
            set["spec"]["persistentVolumeClaimRetentionPolicy"] = policy.clone();
            set
        };
        lab.apply(&set(2));
        lab.pass(60).await;
        lab.apply(&set(1));
        lab.pass(60).await;
        assert_eq!(lab.names(Kind::Pod), [FARMER]);
        let claims = lab.names(Kind::PersistentVolumeClaim);
        assert_eq!(claims.len(), left_after_scaling, "{policy}: {claims:?}");
        lab.kubernetes.delete(
            Kind::StatefulSet,
            NAMESPACE,
            "system6-dcr-farmer",
            Propagation::Background,
        );
        lab.pass(60).await;
        let claims = lab.names(Kind::PersistentVolumeClaim);
        assert_eq!(claims.len(), left_at_the_end, "{policy}: {claims:?}");
    }
}

#[tokio::test]
async fn deletion_goes_by_its_propagation() {
    let lab = Lab::new();
    lab.apply(&farmers(1));
    lab.pass(60).await;
    let delete = |how| {
        lab.kubernetes.delete(Kind::StatefulSet, NAMESPACE, "system6-dcr-farmer", how);
    };
    delete(Propagation::Orphan);
    lab.pass(60).await;
    assert!(lab.names(Kind::StatefulSet).is_empty());
    let orphan = lab.get(Kind::Pod, FARMER);
    assert_eq!(orphan["metadata"].get("ownerReferences"), None);
    lab.apply(&farmers(1));
    lab.pass(60).await;
    let adopted = lab.get(Kind::Pod, FARMER);
    assert_eq!(adopted["metadata"]["uid"], orphan["metadata"]["uid"], "taken over, not replaced");
    delete(Propagation::Foreground);
    lab.pass(2).await;
    let set = lab.get(Kind::StatefulSet, "system6-dcr-farmer");
    assert_eq!(set["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    lab.pass(60).await;
    assert!(lab.names(Kind::StatefulSet).is_empty());
    assert!(lab.names(Kind::Pod).is_empty());
}

#[tokio::test]
async fn a_pod_without_an_owner_runs_once() {
    let lab = Lab::new();
    lab.apply(&json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "system6-fe1", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "express", "image": "x:1"}]},
    }));
    lab.pass(60).await;
    assert_eq!(container(&lab.get(Kind::Pod, "system6-fe1"))["ready"], true);
    lab.kubernetes.delete(Kind::Pod, NAMESPACE, "system6-fe1", Propagation::Background);
    lab.pass(60).await;
    assert!(lab.names(Kind::Pod).is_empty());
}

/// Runs Jobs that end when, and as, the test says; or at once, badly.
struct Runner(Mutex<Option<oneshot::Receiver<Exit>>>);

impl JobRunner for Runner {
    fn run(&self, _: &Value) -> BoxFuture<'static, Exit> {
        let told = self.0.lock().unwrap().take();
        Box::pin(async move {
            match told {
                Some(told) => told.await.unwrap(),
                None => Exit { code: 10, message: "a rebuild is running".to_owned() },
            }
        })
    }
}

fn conditions(job: &Value) -> Vec<String> {
    let conditions = job["status"]["conditions"].as_array();
    let conditions = conditions.map(Vec::as_slice).unwrap_or_default();
    conditions.iter().map(|c| format!("{} {}", c["type"], c["reason"]).replace('"', "")).collect()
}

#[tokio::test]
async fn a_job_that_fails_once_has_failed() {
    let lab = Lab::new();
    lab.kubernetes.set_jobs(Arc::new(Runner(Mutex::default())));
    lab.apply(&job("trigger"));
    lab.pass(3600).await;
    let ended = lab.get(Kind::Job, "trigger");
    assert_eq!(
        conditions(&ended),
        ["FailureTarget BackoffLimitExceeded", "Failed BackoffLimitExceeded"]
    );
    assert_eq!(ended["status"]["failed"], 1);
    let pods = lab.kubernetes.list(Kind::Pod, NAMESPACE);
    assert_eq!(pods.len(), 1);
    let state = &container(&pods[0])["state"]["terminated"];
    assert_eq!(
        (&state["exitCode"], &state["message"]),
        (&json!(10), &json!("a rebuild is running"))
    );
    assert_eq!(
        state["startedAt"], state["finishedAt"],
        "it ended when it ran, not when it was asked about"
    );
    assert_eq!(pods[0]["status"]["phase"], "Failed");
    assert_eq!(lab.said("BackoffLimitExceeded"), ["Job has reached the specified backoff limit"]);
}

#[tokio::test]
async fn a_job_with_retries_gets_another_pod_for_each() {
    let lab = Lab::new();
    lab.kubernetes.set_jobs(Arc::new(Runner(Mutex::default())));
    let mut retried = job("trigger");
    retried["spec"]["backoffLimit"] = json!(1);
    lab.apply(&retried);
    lab.pass(3600).await;
    assert_eq!(lab.names(Kind::Pod).len(), 2);
    assert_eq!(lab.get(Kind::Job, "trigger")["status"]["failed"], 2);
}

#[tokio::test]
async fn a_job_may_run_on_while_the_world_does() {
    let lab = Lab::new();
    let (end, told) = oneshot::channel();
    lab.kubernetes.set_jobs(Arc::new(Runner(Mutex::new(Some(told)))));
    lab.apply(&job("trigger"));
    lab.pass(3600).await;
    let running = lab.get(Kind::Job, "trigger");
    assert_eq!((&running["status"]["active"], &running["status"]["ready"]), (&json!(1), &json!(1)));
    end.send(Exit { code: 0, message: "started run 7".to_owned() }).unwrap();
    lab.kubernetes.settle().await;
    let ended = lab.get(Kind::Job, "trigger");
    assert_eq!(
        conditions(&ended),
        ["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"]
    );
    assert_eq!(ended["status"]["completionTime"], "2026-11-22T18:07:02Z");
}

#[tokio::test]
async fn a_job_deleted_while_it_runs_takes_its_pod_along() {
    let lab = Lab::new();
    let (end, told) = oneshot::channel();
    lab.kubernetes.set_jobs(Arc::new(Runner(Mutex::new(Some(told)))));
    lab.apply(&job("trigger"));
    lab.pass(60).await;
    lab.kubernetes.delete(Kind::Job, NAMESPACE, "trigger", Propagation::Background);
    lab.pass(60).await;
    assert!(lab.names(Kind::Pod).is_empty(), "no finalizer holds it");
    lab.kubernetes.settle().await;
    assert!(end.is_closed(), "its program is killed");
    lab.kubernetes.set_jobs(Arc::new(Runner(Mutex::default())));
    let mut late = job("late");
    late["spec"]["activeDeadlineSeconds"] = json!(3);
    lab.apply(&late);
    lab.pass(60).await;
    assert_eq!(
        conditions(&lab.get(Kind::Job, "late")),
        ["FailureTarget DeadlineExceeded", "Failed DeadlineExceeded"]
    );
}

#[tokio::test]
async fn a_full_quota_is_told_and_tried_again() {
    let lab = Lab::new();
    let quota = |pods: &str| json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": NAMESPACE}, "spec": {"hard": {"pods": pods}}});
    lab.apply(&quota("1"));
    lab.apply(&farmers(2));
    lab.pass(60).await;
    assert_eq!(lab.names(Kind::Pod), [FARMER]);
    let events = lab.kubernetes.list(Kind::Event, NAMESPACE);
    let failed = events.iter().find(|event| event["reason"] == "FailedCreate").unwrap();
    assert_eq!(failed["type"], "Warning");
    assert!(failed["count"].as_i64().unwrap() > 3, "{failed}");
    assert_ne!(failed["firstTimestamp"], failed["lastTimestamp"]);
    lab.apply(&quota("9"));
    lab.pass(120).await;
    assert_eq!(ready(&lab), "2/2");
}

#[tokio::test]
async fn events_are_kept_for_an_hour() {
    let lab = Lab::new();
    lab.apply(&farmers(1));
    lab.pass(3500).await;
    assert!(!lab.said("SuccessfulCreate").is_empty());
    lab.pass(3700).await;
    assert!(lab.names(Kind::Event).is_empty());
}

#[tokio::test]
async fn the_same_story_leaves_the_same_world() {
    let mut worlds = Vec::new();
    for steps in [vec![300], vec![1; 300]] {
        let lab = Lab::new();
        lab.apply(&farmers(3));
        lab.apply(&job("trigger"));
        lab.kubernetes.crash(NAMESPACE, FARMER, 137, "OOMKilled");
        for step in steps {
            lab.pass(step).await;
        }
        let all = Kind::ALL.map(|kind| lab.kubernetes.list(kind, NAMESPACE));
        worlds.push(all);
    }
    assert_eq!(worlds[0], worlds[1], "however often it was looked at");
}

#[tokio::test]
async fn every_write_of_an_application_counts() {
    let lab = Lab::new();
    lab.apply(&json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "system6", "namespace": NAMESPACE},
        "spec": {"project": "default"},
    }));
    let edit = |edit: fn(&mut Value)| {
        let written = lab.kubernetes.edit(Kind::Application, NAMESPACE, "system6", edit).unwrap();
        written["metadata"]["generation"].as_i64().unwrap()
    };
    assert_eq!(edit(|app| app["status"] = json!({"sync": {"status": "Synced"}})), 2);
    assert_eq!(edit(|app| app["operation"] = json!({"sync": {}})), 3);
    assert_eq!(edit(|app| app["metadata"]["annotations"] = json!({"refresh": "normal"})), 3);
}

#[tokio::test]
async fn a_budget_counts_healthy_pods() {
    let lab = Lab::new();
    lab.apply(&json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "namespace": NAMESPACE},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"role": "farmer"}}},
    }));
    lab.apply(&farmers(3));
    lab.pass(60).await;
    let text = std::fs::read_to_string("fixtures/responses/kubernetes/pdbs-list.json").unwrap();
    let real: Value = serde_json::from_str(&text).unwrap();
    let mut real = real["items"][0]["status"].clone();
    let mut ours = lab.get(Kind::PodDisruptionBudget, "b")["status"].clone();
    for status in [&mut real, &mut ours] {
        status["conditions"][0]["lastTransitionTime"].take();
    }
    assert_eq!(ours, real);
    lab.kubernetes.trouble(NAMESPACE, FARMER, Some(Trouble::NotReady));
    lab.pass(1).await;
    let status = lab.get(Kind::PodDisruptionBudget, "b")["status"].clone();
    assert_eq!(
        (&status["disruptionsAllowed"], &status["conditions"][0]["status"]),
        (&json!(0), &json!("False"))
    );
}

#[tokio::test]
async fn what_changes_nothing_wakes_nobody() {
    let lab = Lab::new();
    lab.apply(&config_map("one", json!({})));
    lab.pass(60).await;
    assert_eq!(lab.kubernetes.due(), None);
    lab.kubernetes.edit(Kind::ConfigMap, NAMESPACE, "one", |_| {});
    assert_eq!(lab.kubernetes.due(), None);
    lab.kubernetes.edit(Kind::ConfigMap, NAMESPACE, "one", |map| map["data"]["a"] = json!("2"));
    assert!(lab.kubernetes.due().is_some());
}
