//! Reading the live objects: what is kept of recorded answers, and what they come to.
use std::collections::BTreeMap;

use dcr_gitops::observe::objects::{
    Budget, Claim, Job, Kind, Listed, Object, Objects, Pod, Refusal, RunRecord, StatefulSet, View,
    view::AsOf,
};
use dcr_gitops::run::SystemRef;
use dcr_gitops::run::cluster::{self, Cluster, JobResult, JobState, Live, LiveRun};
use jiff::Timestamp;
use kube::core::{ObjectList, WatchEvent};
use serde_json::{Value, json};

const RECORDED: &str = "2026-11-22T17:08:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn system6() -> SystemRef {
    SystemRef {
        cluster: "den".into(),
        namespace: "tenant-105858-prod".into(),
        system: "system6".into(),
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/responses/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

fn listed<K: Kind>(name: &str) -> Vec<Object<K>> {
    let list: ObjectList<Listed<K>> = serde_json::from_str(&fixture(name)).unwrap();
    list.items.into_iter().map(|listed| listed.object).collect()
}

fn one<K: Kind>(value: Value) -> Object<K> {
    serde_json::from_value::<Listed<K>>(value).unwrap().object
}

fn fill<K: Kind>(view: &View<K>, objects: Vec<Object<K>>) {
    view.fill(None, objects, AsOf::At(time(RECORDED)));
}

/// A cluster without any object, read once.
fn empty() -> Objects {
    let objects = Objects::default();
    fill(&objects.pods, vec![]);
    fill(&objects.stateful_sets, vec![]);
    fill(&objects.jobs, vec![]);
    fill(&objects.records, vec![]);
    fill(&objects.services, vec![]);
    fill(&objects.budgets, vec![]);
    fill(&objects.claims, vec![]);
    fill(&objects.refusals, vec![]);
    objects
}

fn recorded() -> Objects {
    let objects = empty();
    fill(&objects.pods, listed::<Pod>("pods-list.json"));
    fill(&objects.stateful_sets, listed::<StatefulSet>("statefulsets-list.json"));
    fill(&objects.jobs, listed::<Job>("jobs-list.json"));
    fill(&objects.budgets, listed::<Budget>("pdbs-list.json"));
    fill(&objects.claims, listed::<Claim>("pvcs-list.json"));
    fill(&objects.refusals, listed::<Refusal>("events-list.json"));
    objects
}

fn cluster(objects: &Objects) -> Cluster {
    objects.cluster(&system6(), time("2026-11-22T18:00:00Z")).unwrap()
}

#[test]
fn the_recorded_cluster_is_seen_as_it_was() {
    let seen = cluster(&recorded());

    assert_eq!(seen.read_at, time(RECORDED));
    assert_eq!(seen.limits, Vec::<String>::new());
    let set = Live {
        kind: "StatefulSet".into(),
        name: "system6-dcr-farmer".into(),
        uid: "fd8a0f5b-f760-4560-ba0a-2bdade12254f".into(),
        run: Some(1),
        digest: Some("def".into()),
        created: Some(time("2026-11-22T17:07:02Z")),
        terminating: false,
        generation: Some(4),
        observed_generation: Some(4),
        replicas: Some(5),
        update_revision: Some("system6-dcr-farmer-7fb4c8867".into()),
        images: vec!["registry.example.com/express:e686.132".into()],
        settings: map(&[("updateStrategy", "OnDelete")]),
        tracked_by: None,
        job: None,
        trouble: Some(
            "Create Pod system6-dcr-farmer-3 in StatefulSet system6-dcr-farmer failed error: pods \
             \"system6-dcr-farmer-3\" is forbidden: exceeded quota: q, requested: pods=1, used: \
             pods=3, limited: pods=3"
                .into(),
        ),
    };
    let budget = Live {
        kind: "PodDisruptionBudget".into(),
        uid: "e46b1c74-0169-421c-b851-7e1fab7e9a5c".into(),
        digest: None,
        generation: Some(1),
        observed_generation: Some(1),
        replicas: None,
        update_revision: None,
        images: vec![],
        settings: map(&[]),
        trouble: None,
        ..set.clone()
    };
    let job = Live {
        kind: "Job".into(),
        name: "system6-dcr-trigger-1-1".into(),
        uid: "1029973d-b948-4067-8b95-10224d6533c2".into(),
        digest: None,
        created: Some(time("2026-11-22T17:07:13Z")),
        generation: None,
        observed_generation: None,
        replicas: None,
        update_revision: None,
        images: vec!["x:1".into()],
        settings: map(&[
            ("suspend", "false"),
            ("parallelism", "1"),
            ("completions", "1"),
            ("backoffLimit", "6"),
            ("activeDeadlineSeconds", "none"),
            ("ttlSecondsAfterFinished", "none"),
            ("restartPolicy", "Never"),
            ("command of system6-dcr-trigger-1-1", "none"),
            ("args of system6-dcr-trigger-1-1", "none"),
        ]),
        job: Some(JobState {
            result: JobResult::Complete,
            ended: Some(time("2026-11-22T17:07:16Z")),
            message: None,
        }),
        trouble: None,
        ..set.clone()
    };
    assert_eq!(seen.objects, [set, budget, job]);

    let second = |second: u32| time(&format!("2026-11-22T17:07:{second:02}Z"));
    let farmer = |number: u32, uid: &str, started: u32, running: u32, restarts| cluster::Pod {
        name: format!("system6-dcr-farmer-{number}"),
        uid: uid.into(),
        component: "farmer".into(),
        run: Some(1),
        terminating: false,
        ready: true,
        started: Some(second(started)),
        running_since: Some(second(running)),
        restarts,
        revision: Some("system6-dcr-farmer-6d6c7c8db".into()),
        trouble: None,
    };
    let trigger = cluster::Pod {
        name: "system6-dcr-trigger-1-1-ct9w9".into(),
        component: "trigger".into(),
        ready: false,
        revision: None,
        running_since: None,
        ..farmer(0, "d630bc7d-2091-43ed-a89a-af3f34b91279", 13, 0, 0)
    };
    assert_eq!(
        seen.pods,
        [
            farmer(0, "712fb887-cee9-4536-9cda-3ac7ba0da2d7", 2, 2, 0),
            farmer(1, "239bcbf6-f45b-4868-9634-b824f271ca68", 9, 10, 0),
            farmer(2, "47ebb3a3-d3e2-4d1a-b326-a92d021695f3", 6, 17, 1),
            trigger,
        ]
    );
    let claim = |number: u32| cluster::Claim {
        name: format!("cache-system6-dcr-farmer-{number}"),
        run: Some(1),
        terminating: false,
        trouble: None,
    };
    assert_eq!(seen.claims, (0..5).map(claim).collect::<Vec<_>>());
}

/// What the pod of the story would have been told as, at every event of the watch.
fn life_of(name: &str) -> Vec<String> {
    let objects = empty();
    let mut life = Vec::new();
    for line in fixture("watch-pods.jsonl").lines() {
        let listed = match serde_json::from_str(line).unwrap() {
            WatchEvent::<Listed<Pod>>::Added(pod) | WatchEvent::Modified(pod) => pod,
            WatchEvent::Deleted(_) => continue,
            other => panic!("{other:?}"),
        };
        fill(&objects.pods, vec![listed.object]);
        for pod in cluster(&objects).pods.iter().filter(|pod| pod.name == name) {
            let is = if pod.ready { "ready" } else { "not ready" };
            let why = pod.trouble.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            let told = format!("{is}, {} restarts{why}", pod.restarts);
            if life.last() != Some(&told) {
                life.push(told);
            }
        }
    }
    life
}

#[test]
fn a_killed_farmer_is_told_by_what_killed_it() {
    insta::assert_snapshot!(life_of("system6-dcr-farmer-2").join("\n"), @r"
    not ready, 0 restarts
    not ready, 0 restarts: Unschedulable: 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
    not ready, 0 restarts
    not ready, 0 restarts: ContainerCreating
    not ready, 0 restarts: ContainersNotReady: containers with unready status: [express]
    ready, 0 restarts
    not ready, 0 restarts: OOMKilled, exit code 137
    not ready, 1 restarts: ContainersNotReady: containers with unready status: [express]
    ready, 1 restarts
    ready, 1 restarts: it is being deleted
    not ready, 1 restarts: it is being deleted
    ");
}

#[test]
fn a_pod_that_is_deleted_is_no_failure() {
    let objects = empty();
    fill(
        &objects.pods,
        vec![one::<Pod>(pod(
            json!({"deletionTimestamp": "2026-11-22T17:07:58Z"}),
            json!({"phase": "Failed", "containerStatuses": [
                {"state": {"terminated": {"exitCode": 143, "reason": "Error"}}}]}),
        ))],
    );
    let pod = &cluster(&objects).pods[0];
    assert!(pod.terminating && !pod.ready);
    assert_eq!(pod.trouble.as_deref(), Some("it is being deleted"));
}

fn metadata(more: Value) -> Value {
    let mut metadata = json!({
        "name": "system6-dcr-farmer-0", "namespace": "tenant-105858-prod", "uid": "u1",
        "resourceVersion": "7",
        "labels": {"dcr-gitops/system": "system6", "dcr-gitops/run": "7",
            "app.kubernetes.io/component": "farmer"},
    });
    for (key, value) in more.as_object().unwrap() {
        metadata[key] = value.clone();
    }
    metadata
}

fn pod(more: Value, status: Value) -> Value {
    json!({"metadata": metadata(more), "spec": {}, "status": status})
}

fn trouble(status: Value) -> Option<String> {
    one::<Pod>(pod(json!({}), status)).body.trouble
}

#[test]
fn a_pod_that_is_not_ready_says_why() {
    let not_ready = json!({"type": "Ready", "status": "False", "reason": "ContainersNotReady",
        "message": "containers with unready status: [express]"});
    let container = |state: Value, last: Value| {
        json!({"phase": "Pending", "conditions": [not_ready],
            "containerStatuses": [{"restartCount": 1, "state": state, "lastState": last}]})
    };
    let waiting =
        |reason: &str, message: &str| json!({"waiting": {"reason": reason, "message": message}});
    let crashed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});

    assert_eq!(
        trouble(container(
            waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container"),
            crashed.clone()
        ))
        .unwrap(),
        "CrashLoopBackOff: back-off 5m0s restarting failed container (before that OOMKilled, exit \
         code 137)"
    );
    assert_eq!(
        trouble(container(
            waiting("ImagePullBackOff", "Back-off pulling image \"x:1\""),
            json!({})
        ))
        .unwrap(),
        "ImagePullBackOff: Back-off pulling image \"x:1\""
    );
    assert_eq!(trouble(container(waiting("ErrImagePull", ""), json!({}))).unwrap(), "ErrImagePull");
    assert_eq!(trouble(container(crashed, json!({}))).unwrap(), "OOMKilled, exit code 137");
    assert_eq!(
        trouble(container(waiting("ContainerCreating", ""), json!({}))).unwrap(),
        "ContainerCreating"
    );
    assert_eq!(
        trouble(container(json!({"running": {}}), json!({}))).unwrap(),
        "ContainersNotReady: containers with unready status: [express]"
    );
    let unschedulable = json!({"type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient memory."});
    assert_eq!(
        trouble(json!({"phase": "Pending", "conditions": [unschedulable]})).unwrap(),
        "Unschedulable: 0/3 nodes are available: 3 Insufficient memory."
    );
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"});
    assert_eq!(trouble(evicted).unwrap(), "Evicted: low on memory");
    assert_eq!(trouble(json!({"phase": "Pending"})), None);
}

#[test]
fn text_of_the_cluster_is_one_line_with_nothing_hidden_in_it() {
    let hostile = format!("\u{1b}[2J::error::\u{202e}\r\n{}", "x".repeat(5_000));
    let told =
        trouble(json!({"phase": "Failed", "reason": "Evicted", "message": hostile})).unwrap();
    assert!(told.starts_with("Evicted: \\u{1b}[2J::error::\\u{202e} xxx"), "{told}");
    assert!(told.len() < 500 && !told.contains(['\n', '\r', '\u{1b}', '\u{202e}']), "{told}");
}

fn job(conditions: Value, pods: Vec<Value>) -> Live {
    let objects = empty();
    let job = json!({"metadata": metadata(json!({"name": "system6-dcr-trigger-7-1", "uid": "job"})),
        "spec": {"template": {"spec": {"containers": [{"image": "client:1"}]}}},
        "status": {"conditions": conditions}});
    fill(&objects.jobs, vec![one::<Job>(job)]);
    fill(&objects.pods, pods.into_iter().map(one::<Pod>).collect());
    let refused = json!({"metadata": metadata(json!({"name": "e"})), "reason": "FailedCreate",
        "involvedObject": {"kind": "Job", "uid": "job"}, "message": "exceeded quota"});
    fill(&objects.refusals, vec![one::<Refusal>(refused)]);
    cluster(&objects).objects.remove(0)
}

fn job_pod(name: &str, container: Value) -> Value {
    let owner = json!([{"uid": "other"}, {"uid": "job", "controller": true}]);
    pod(json!({"name": name, "ownerReferences": owner}), json!({"containerStatuses": [container]}))
}

#[test]
fn a_job_has_ended_when_its_conditions_say_so() {
    let condition = |name: &str, minute: u32| {
        json!({"type": name, "status": "True", "reason": "BackoffLimitExceeded",
            "message": "Job has reached the specified backoff limit",
            "lastTransitionTime": format!("2026-11-22T10:{minute:02}:00Z")})
    };
    let state = |conditions: Value| job(conditions, vec![]).job.unwrap();

    let running = state(json!([condition("SuccessCriteriaMet", 1)]));
    assert_eq!((running.result, running.ended), (JobResult::Running, None));
    assert_eq!(state(json!([])).result, JobResult::Running);

    let failing = state(json!([condition("FailureTarget", 2)]));
    assert_eq!(failing.result, JobResult::Failed);
    assert_eq!(failing.ended, Some(time("2026-11-22T10:02:00Z")));
    assert_eq!(
        failing.message.unwrap(),
        "BackoffLimitExceeded: Job has reached the specified backoff limit"
    );
    let failed = state(json!([condition("FailureTarget", 2), condition("Failed", 3)]));
    assert_eq!(failed.ended, Some(time("2026-11-22T10:03:00Z")));

    let complete = state(json!([condition("SuccessCriteriaMet", 1), condition("Complete", 4)]));
    assert_eq!(complete.result, JobResult::Complete);
    assert_eq!(complete.ended, Some(time("2026-11-22T10:04:00Z")));
    assert_eq!(complete.message, None, "a condition's text isn't what the node answered");
}

#[test]
fn a_job_tells_the_last_words_of_its_newest_container() {
    let ended = |message: &str, at: &str| json!({"state": {"terminated": {"exitCode": 1, "message": message, "finishedAt": at}}});
    let failed = json!([{"type": "Failed", "status": "True"}]);
    let seen = job(
        failed,
        vec![
            job_pod("b", ended("posted nothing: a rebuild is running\n", "2026-11-22T10:02:00Z")),
            job_pod("a", ended("older", "2026-11-22T10:01:00Z")),
        ],
    );
    assert_eq!(seen.job.unwrap().message.unwrap(), "posted nothing: a rebuild is running");
    assert_eq!(seen.images, ["client:1"]);
}

#[test]
fn a_job_whose_pod_does_not_come_up_says_why() {
    let pulling = json!({"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}});
    let seen = job(json!([]), vec![job_pod("a", pulling)]);
    assert_eq!(seen.trouble.unwrap(), "ErrImagePull: not found");
    assert_eq!(job(json!([]), vec![]).trouble.unwrap(), "exceeded quota");
}

#[test]
fn a_refusal_counts_only_while_a_pod_is_missing() {
    let set = |replicas: u32| {
        let objects = recorded();
        let mut sets = listed::<StatefulSet>("statefulsets-list.json");
        sets[0].body.replicas = Some(replicas);
        fill(&objects.stateful_sets, sets);
        cluster(&objects).objects.remove(0)
    };
    assert!(set(4).trouble.is_some());
    assert_eq!(set(3).trouble, None, "three pods are there");
}

#[test]
fn what_no_controller_has_seen_is_not_taken_for_seen() {
    let objects = empty();
    let set = json!({"metadata": metadata(json!({"generation": 1})), "status": {"replicas": 0},
        "spec": {"template": {"spec": {"initContainers": [{"image": "i:1"}],
            "containers": [{"image": "c:1"}]}}}});
    fill(&objects.stateful_sets, vec![one::<StatefulSet>(set)]);
    let seen = cluster(&objects).objects.remove(0);
    assert_eq!((seen.generation, seen.observed_generation), (Some(1), Some(0)));
    assert_eq!(seen.images, ["i:1", "c:1"]);
}

#[test]
fn every_run_in_the_cluster_is_counted_whatever_its_record_says() {
    let record = |namespace: &str, component: &str, data: Value| {
        let mut metadata = metadata(json!({"name": "system6-dcr-run", "namespace": namespace}));
        metadata["labels"]["app.kubernetes.io/component"] = component.into();
        one::<RunRecord>(json!({"metadata": metadata, "data": data}))
    };
    let good = json!({"run": "8", "kind": "rebuild", "step": "3", "phase": "farm-up",
        "attempt": "1", "forced": "false", "farmers": "4", "frontends": "a,b", "cluster": "den",
        "namespace": "elsewhere", "system": "system9", "inputs": "sha256:1"});
    let objects = empty();
    fill(
        &objects.records,
        vec![
            record("tenant-1", "run", good),
            record("tenant-2", "run", json!({"run": "rubbish"})),
            record("tenant-3", "farmer", json!({})),
        ],
    );
    let of = |namespace: &str, system: &str| SystemRef {
        cluster: "den".into(),
        namespace: namespace.into(),
        system: system.into(),
    };
    assert_eq!(
        cluster(&objects).runs,
        [
            LiveRun { system: of("tenant-1", "system9"), run: 8, step: 3 },
            LiveRun { system: of("tenant-2", "system6"), run: 7, step: 0 },
        ]
    );
    assert_eq!(cluster(&objects).objects, [], "they are other namespaces' objects");
}

#[test]
fn a_claim_that_is_not_bound_says_so() {
    let objects = empty();
    let claim = json!({"metadata": metadata(json!({})), "status": {"phase": "Pending"}});
    fill(&objects.claims, vec![one::<Claim>(claim)]);
    assert_eq!(cluster(&objects).claims[0].trouble.as_deref(), Some("it is Pending, not Bound"));
}

#[test]
fn other_systems_and_namespaces_are_left_out() {
    let objects = empty();
    let mut other = metadata(json!({}));
    other["labels"]["dcr-gitops/system"] = "system7".into();
    let elsewhere = metadata(json!({"namespace": "tenant-105858-prod2"}));
    let of = |metadata: Value| one::<Pod>(json!({"metadata": metadata, "status": {}}));
    fill(&objects.pods, vec![of(other), of(elsewhere)]);
    assert_eq!(cluster(&objects).pods, []);
}

#[test]
fn a_view_tells_news_from_noise() {
    let view = View::<Pod>::default();
    let at = AsOf::At(time(RECORDED));
    let pods = || listed::<Pod>("pods-list.json");
    assert!(view.seen("tenant-105858-prod").is_err(), "never read");
    assert!(view.fill(None, pods(), at));
    assert!(!view.fill(None, pods(), at));
    view.fail(None, "refused".into());
    assert_eq!(view.seen("tenant-105858-prod").unwrap_err(), "refused");
    assert!(view.fill(None, pods(), at), "that it can be seen again is news");
}

#[test]
fn a_view_of_single_namespaces_knows_nothing_of_others() {
    let view = View::<Pod>::default();
    let at = AsOf::At(time(RECORDED));
    view.fill(None, listed::<Pod>("pods-list.json"), at);
    view.fill(Some("tenant-1"), vec![], at);
    assert!(!view.seen("tenant-1").unwrap().everywhere);
    assert!(view.seen("tenant-105858-prod").is_err());
    assert_eq!(view.all(), [], "what was seen before isn't known to be there still");
    view.fail(Some("tenant-2"), "not allowed".into());
    assert!(view.seen("tenant-1").is_ok());
    assert_eq!(view.seen("tenant-2").unwrap_err(), "not allowed");
}

/// What an object takes in a view: itself, its key, and the text it holds.
fn weight<K: Kind>(object: &Object<K>, text: &[Option<&String>]) -> usize {
    let meta = &object.meta;
    let of_meta = [&meta.namespace, &meta.name, &meta.uid, &meta.system, &meta.component];
    let texts = of_meta.into_iter().chain(&meta.digest).chain(&meta.owner);
    let texts = texts.chain(text.iter().copied().flatten()).map(String::capacity);
    let key = size_of::<(String, String)>() + meta.namespace.len() + meta.name.len();
    size_of::<Object<K>>() + key + texts.sum::<usize>()
}

#[test]
fn an_object_takes_less_than_a_kilobyte() {
    for pod in listed::<Pod>("pods-list.json") {
        let weight = weight(&pod, &[pod.body.revision.as_ref(), pod.body.trouble.as_ref()]);
        assert!(weight < 1024, "{weight}: {pod:?}");
    }
    for set in listed::<StatefulSet>("statefulsets-list.json") {
        let weight = weight(&set, &[set.body.update_revision.as_ref(), set.body.images.first()]);
        assert!(weight < 1024, "{weight}: {set:?}");
    }
}
