//! The embedded Argo CD: what can be seen of an Application, second by second, and what it does to a cluster.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use dcr_gitops::rehearse::argocd::{
    Application, ArgoCd, Automated, ClusterWriter, IgnoreDifference, Propagation, Rejection,
    TRACKING,
};
use git2::{IndexEntry, IndexTime, Oid, Repository, RepositoryInitOptions, Signature, Time};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const APP: &str = "system6";
const NAMESPACE: &str = "tenant-105858-prod";
const FOLDER: &str = "clusters/den/tenant-105858-prod/system6";

type Key = (String, String, String);

/// Objects as an API server would keep them, without controllers.
#[derive(Default)]
struct Cluster {
    objects: Mutex<BTreeMap<Key, Value>>,
    deleted: Mutex<Vec<(String, Propagation)>>,
    /// Deleted objects stay, terminating, until a test takes them away.
    lingers: Mutex<bool>,
    /// What applying this kind fails with.
    broken: Mutex<Option<(String, String)>>,
    version: AtomicU64,
}

fn key(kind: &str, namespace: &str, name: &str) -> Key {
    (kind.into(), namespace.into(), name.into())
}

fn key_of(object: &Value) -> Key {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap();
    key(text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

impl ClusterWriter for Cluster {
    fn apply(&self, object: &Value) -> Result<(), String> {
        if let Some((kind, message)) = &*self.broken.lock().unwrap()
            && object["kind"] == **kind
        {
            return Err(message.clone());
        }
        let mut objects = self.objects.lock().unwrap();
        merge(objects.entry(key_of(object)).or_insert_with(|| json!({})), object);
        Ok(())
    }

    fn delete(&self, kind: &str, namespace: &str, name: &str, propagation: Propagation) {
        self.deleted.lock().unwrap().push((format!("{kind}/{name}"), propagation));
        let mut objects = self.objects.lock().unwrap();
        let key = key(kind, namespace, name);
        match objects.get_mut(&key) {
            Some(object) if *self.lingers.lock().unwrap() => {
                object["metadata"]["deletionTimestamp"] = json!("2026-11-22T09:00:00Z");
            }
            _ => drop(objects.remove(&key)),
        }
    }

    fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.objects.lock().unwrap().get(&key(kind, namespace, name)).cloned().map(Arc::new)
    }

    /// Tests change objects in place: anything may have happened since it was asked last.
    fn version(&self) -> u64 {
        self.version.fetch_add(1, Ordering::Relaxed)
    }

    fn list_managed(&self) -> Vec<Arc<Value>> {
        let objects = self.objects.lock().unwrap();
        let is_managed = |it: &&Value| it["metadata"]["annotations"][TRACKING].is_string();
        objects.values().filter(is_managed).cloned().map(Arc::new).collect()
    }

    fn replace(&self, application: &Value) {
        let mut objects = self.objects.lock().unwrap();
        let old = objects.get(&key_of(application)).cloned().unwrap_or_default();
        let generation = old["metadata"]["generation"].as_u64().unwrap_or_default();
        let same = |field: &str| old[field] == application[field];
        let changed = !["spec", "status", "operation"].into_iter().all(same);
        let mut object = application.clone();
        object["metadata"]["generation"] = json!(generation + u64::from(changed));
        objects.insert(key_of(application), object);
    }
}

/// An empty bare repo, apart from the machine's own git.
pub fn bare(repository: &Path) {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false).initial_head("main");
    Repository::init_opts(repository, &options).unwrap();
}

/// Commits these files of a folder, and no others, on `main`.
pub fn commit(
    repository: &Path,
    folder: &str,
    files: &[(&str, &str)],
    parent: Option<Oid>,
    at: Timestamp,
) -> Oid {
    let repository = Repository::open_bare(repository).unwrap();
    let mut index = git2::Index::new().unwrap();
    for (path, text) in files {
        let path = Path::new(folder).join(path);
        let entry = IndexEntry {
            ctime: IndexTime::new(0, 0),
            mtime: IndexTime::new(0, 0),
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id: repository.blob(text.as_bytes()).unwrap(),
            flags: 0,
            flags_extended: 0,
            path: path.to_str().unwrap().as_bytes().to_vec(),
        };
        index.add(&entry).unwrap();
    }
    let tree = repository.find_tree(index.write_tree_to(&repository).unwrap()).unwrap();
    let author = Signature::new("Ana", "ana@example.com", &Time::new(at.as_second(), 0)).unwrap();
    let parent = parent.map(|oid| repository.find_commit(oid).unwrap());
    let parents: Vec<_> = parent.iter().collect();
    let head = Some("refs/heads/main");
    repository.commit(head, &author, &author, "A commit", &tree, &parents).unwrap()
}

struct World {
    _dir: tempfile::TempDir,
    repository: PathBuf,
    cluster: Arc<Cluster>,
    argocd: ArgoCd,
    now: Timestamp,
    /// The commits, oldest first: `c1`, `c2`, …
    commits: Vec<Oid>,
}

impl World {
    /// A deployment repo with one commit, c1, and its Application, not yet compared. Polled every 120 s.
    fn new(files: &[(&str, &str)], change: impl FnOnce(&mut Application)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = dir.path().join("deployment.git");
        bare(&repository);
        let cluster = Arc::new(Cluster::default());
        let argocd = ArgoCd::new(cluster.clone(), 7);
        let now = "2026-11-22T09:00:00Z".parse().unwrap();
        let mut world = World { _dir: dir, repository, cluster, argocd, now, commits: Vec::new() };
        world.commit(files);
        let mut application = Application::new(APP, world.repository.clone(), FOLDER, NAMESPACE);
        application.jitter = SignedDuration::ZERO;
        change(&mut application);
        world.argocd.add(application, now);
        world
    }

    /// The same, after the first sync, a little before a poll.
    fn synced(files: &[(&str, &str)], change: impl FnOnce(&mut Application)) -> Self {
        let mut world = World::new(files, change);
        world.story(118);
        world
    }

    fn commit(&mut self, files: &[(&str, &str)]) {
        let parent = self.commits.last().copied();
        self.commits.push(commit(&self.repository, FOLDER, files, parent, self.now));
    }

    fn change(&mut self, edit: impl FnOnce(&mut Application)) {
        self.argocd.change(APP, edit);
    }

    fn get(&self, kind: &str, name: &str) -> Option<Arc<Value>> {
        self.cluster.get(kind, NAMESPACE, name)
    }

    fn edit(&self, kind: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        edit(self.cluster.objects.lock().unwrap().get_mut(&key(kind, NAMESPACE, name)).unwrap());
    }

    fn lose(&self, kind: &str, name: &str) {
        self.cluster.objects.lock().unwrap().remove(&key(kind, NAMESPACE, name)).unwrap();
    }

    fn app(&self) -> Value {
        Value::clone(&self.cluster.get("Application", "argocd", APP).unwrap())
    }

    /// What there is to see now: whether an operation is asked for, the state of the last one, the
    /// comparison and the health.
    fn seen(&self) -> String {
        let app = self.app();
        let status = &app["status"];
        let short = |revision: &Value| {
            let revision = revision.as_str();
            let known = self.commits.iter().position(|oid| Some(&*oid.to_string()) == revision);
            known.map_or("-".to_owned(), |at| format!("c{}", at + 1))
        };
        let state = &status["operationState"];
        let operation = match state["phase"].as_str() {
            None => "none".to_owned(),
            Some(phase) => {
                let retries =
                    state["retryCount"].as_u64().map_or(String::new(), |n| format!(" #{n}"));
                let finished = if state["finishedAt"].is_string() { "" } else { "…" };
                format!("{phase}{finished} {}{retries}", short(&state["syncResult"]["revision"]))
            }
        };
        format!(
            "{}{operation} | {} {} | {}",
            if app["operation"].is_object() { "asked, " } else { "" },
            status["sync"]["status"].as_str().unwrap_or("-"),
            short(&status["sync"]["revision"]),
            status["health"]["status"].as_str().unwrap_or("-"),
        )
    }

    /// Lets this many seconds pass and tells every state there was, each with the second of its beginning.
    fn story(&mut self, seconds: i64) -> Vec<String> {
        let mut story: Vec<(i64, String)> = Vec::new();
        for second in 0..=seconds {
            self.argocd.advance(self.now + SignedDuration::from_secs(second));
            let seen = self.seen();
            if story.last().is_none_or(|(_, last)| *last != seen) {
                story.push((second, seen));
            }
        }
        self.now += SignedDuration::from_secs(seconds);
        story.into_iter().map(|(second, seen)| format!("{second:>3}s {seen}")).collect()
    }

    /// The messages of the conditions, commits shortened.
    fn conditions(&self) -> Vec<String> {
        let app = self.app();
        let conditions = app["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        let mut messages: Vec<String> = conditions
            .iter()
            .map(|it| format!("{}: {}", text(&it["type"]), text(&it["message"])))
            .collect();
        for (at, oid) in self.commits.iter().enumerate() {
            let short = format!("c{}", at + 1);
            messages.iter_mut().for_each(|it| *it = it.replace(&oid.to_string(), &short));
        }
        messages
    }
}

fn stateful_set(replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: farmers, annotations: {{digest: d{replicas}}}}}\n\
         spec: {{replicas: {replicas}, updateStrategy: {{type: OnDelete}}}}\n"
    )
}

const RECORD: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: record}\ndata: {step: \"1\"}\n";
const RECORD_2: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: record}\ndata: {step: \"2\"}\n";
const RECORD_3: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: record}\ndata: {step: \"3\"}\n";
const JOB: &str =
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: trigger}\nspec: {backoffLimit: 0}\n";

/// As its controller would: everything observed, this many ready.
fn observed(set: &mut Value, ready: u32) {
    set["status"] = json!({"observedGeneration": 1, "readyReplicas": ready});
}

#[test]
fn a_commit_is_synced_before_it_is_compared_again_and_healthy_last() {
    let mut world = World::new(&[("dcr/farmers.yaml", &stateful_set(1))], |_| {});
    let first = [
        "  0s asked, none | - - | -",
        "  1s asked, none | OutOfSync c1 | -",
        "  2s asked, Running… - | OutOfSync c1 | Healthy",
        "  3s asked, Running… c1 | OutOfSync c1 | Healthy",
        "  5s Succeeded c1 | OutOfSync c1 | Healthy",
        "  7s Succeeded c1 | Synced c1 | Healthy",
        "  8s Succeeded c1 | Synced c1 | Progressing",
    ];
    assert_eq!(world.story(118), first);
    world.edit("StatefulSet", "farmers", |set| observed(set, 1));
    world.commit(&[("dcr/farmers.yaml", &stateful_set(2))]);
    let second = [
        "  0s Succeeded c1 | Synced c1 | Healthy",
        "  2s asked, none | Synced c1 | Healthy",
        "  3s asked, none | OutOfSync c2 | Healthy",
        "  4s asked, Running… - | OutOfSync c2 | Healthy",
        "  5s asked, Running… c2 | OutOfSync c2 | Healthy",
        "  7s Succeeded c2 | OutOfSync c2 | Healthy",
        "  9s Succeeded c2 | Synced c2 | Healthy",
        " 10s Succeeded c2 | Synced c2 | Progressing",
    ];
    assert_eq!(world.story(60), second);
    world.edit("StatefulSet", "farmers", |set| observed(set, 2));
    assert_eq!(world.story(1), ["  0s Succeeded c2 | Synced c2 | Healthy"]);
    // A lost farmer makes it progress again, without any sync.
    world.edit("StatefulSet", "farmers", |set| observed(set, 1));
    assert_eq!(world.story(1), ["  0s Succeeded c2 | Synced c2 | Progressing"]);
}

#[test]
fn what_is_written_has_argo_cds_form() {
    let world = World::synced(&[("dcr/farmers.yaml", &stateful_set(1))], |_| {});
    let mut app = world.app();
    let status = &mut app["status"];
    let revision = json!(world.commits[0].to_string());
    let source = json!({
        "repoURL": world.repository.display().to_string(),
        "path": FOLDER,
        "targetRevision": "main",
        "directory": {"recurse": true},
    });
    let operation = json!({
        "operation": {
            "initiatedBy": {"automated": true},
            "retry": {"limit": 5},
            "sync": {"revision": revision, "prune": true},
        },
        "phase": "Succeeded",
        "message": "successfully synced (all tasks run)",
        "startedAt": "2026-11-22T09:00:02Z",
        "finishedAt": "2026-11-22T09:00:05Z",
        "syncResult": {
            "revision": revision,
            "source": source,
            "resources": [{
                "group": "apps", "version": "v1", "kind": "StatefulSet", "namespace": NAMESPACE,
                "name": "farmers", "status": "Synced", "message": "statefulset.apps/farmers created",
                "hookPhase": "Running", "syncPhase": "Sync",
            }],
        },
    });
    assert_eq!(status["operationState"].take(), operation);
    // No health here, and no empty group.
    let resource = json!([{
        "group": "apps", "version": "v1", "kind": "StatefulSet", "namespace": NAMESPACE,
        "name": "farmers", "status": "Synced",
    }]);
    assert_eq!(status["resources"], resource);
    // Taken before the comparison that was written at :07.
    assert_eq!(status["reconciledAt"], "2026-11-22T09:00:06Z");
    assert_eq!(status["history"][0]["revision"], revision);
    assert_eq!(status["sourceType"], "Directory");
    // Each write counts: status is no subresource.
    assert_eq!(app["metadata"]["generation"], 10);
    let live = world.get("StatefulSet", "farmers").unwrap();
    let tracking = format!("system6:apps/StatefulSet:{NAMESPACE}/farmers");
    assert_eq!(live["metadata"]["annotations"][TRACKING], tracking);
}

#[test]
fn of_two_commits_between_polls_only_the_second_is_seen() {
    let mut world = World::synced(&[("dcr/record.yaml", RECORD)], |_| {});
    world.commit(&[("dcr/record.yaml", RECORD_2)]);
    world.commit(&[("dcr/record.yaml", RECORD_3)]);
    let story = [
        "  0s Succeeded c1 | Synced c1 | Healthy",
        "  2s asked, none | Synced c1 | Healthy",
        "  3s asked, none | OutOfSync c3 | Healthy",
        "  4s asked, Running… - | OutOfSync c3 | Healthy",
        "  5s asked, Running… c3 | OutOfSync c3 | Healthy",
        "  7s Succeeded c3 | OutOfSync c3 | Healthy",
        "  9s Succeeded c3 | Synced c3 | Healthy",
    ];
    assert_eq!(world.story(60), story);
    let app = world.app();
    let history = app["status"]["history"].as_array().unwrap();
    assert_eq!(history.iter().map(|it| it["id"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(history[1]["revision"], world.commits[2].to_string());
}

#[test]
fn a_commit_that_changes_no_object_only_moves_the_compared_revision() {
    let mut world = World::synced(&[("dcr/record.yaml", RECORD)], |_| {});
    world.commit(&[("dcr/record.yaml", RECORD), ("dcr/last-run", "run: 7\n")]);
    let story =
        ["  0s Succeeded c1 | Synced c1 | Healthy", "  3s Succeeded c1 | Synced c2 | Healthy"];
    assert_eq!(world.story(300), story);
}

fn invalid(name: &str) -> impl FnOnce(&mut Application) {
    let message = format!("StatefulSet.apps \"{name}\" is invalid: spec.replicas: Invalid value");
    let rejection = Rejection { kind: "StatefulSet".into(), name: name.into(), message };
    |application| application.rejects = vec![rejection]
}

const INVALID: &str = "one or more objects failed to apply, reason: StatefulSet.apps \"farmers\" is invalid: \
                       spec.replicas: Invalid value";

#[test]
fn a_failing_sync_is_tried_six_times_and_then_not_again_until_a_new_commit() {
    let mut world = World::synced(&[("dcr/record.yaml", RECORD)], invalid("farmers"));
    world.commit(&[("dcr/record.yaml", RECORD_2), ("dcr/farmers.yaml", &stateful_set(1))]);
    let story = [
        "  0s Succeeded c1 | Synced c1 | Healthy",
        "  2s asked, none | Synced c1 | Healthy",
        "  3s asked, none | OutOfSync c2 | Healthy",
        "  4s asked, Running… - | OutOfSync c2 | Healthy",
        "  5s asked, Running c2 #1 | OutOfSync c2 | Healthy",
    ];
    assert_eq!(world.story(10), story);
    // A running operation with an end: it waits to be tried again.
    let state = &world.app()["status"]["operationState"];
    assert_eq!(state["message"], format!("{INVALID}. Retrying attempt #1 at 9:02AM."));
    assert_eq!(state["finishedAt"], "2026-11-22T09:02:03Z");
    let story = [
        "  0s asked, Running c2 #1 | OutOfSync c2 | Healthy",
        "  5s asked, Running… c2 #1 | OutOfSync c2 | Healthy",
        "  6s asked, Running c2 #2 | OutOfSync c2 | Healthy",
        " 26s asked, Running… c2 #2 | OutOfSync c2 | Healthy",
        " 27s asked, Running c2 #3 | OutOfSync c2 | Healthy",
        " 67s asked, Running… c2 #3 | OutOfSync c2 | Healthy",
        " 68s asked, Running c2 #4 | OutOfSync c2 | Healthy",
        "148s asked, Running… c2 #4 | OutOfSync c2 | Healthy",
        "149s asked, Running c2 #5 | OutOfSync c2 | Healthy",
        "309s asked, Running… c2 #5 | OutOfSync c2 | Healthy",
        "310s Failed c2 #5 | OutOfSync c2 | Healthy",
    ];
    assert_eq!(world.story(600), story);
    let failed =
        format!("SyncError: Failed last sync attempt to [c2]: {INVALID} (retried 5 times).");
    assert_eq!(world.conditions(), [failed]);
    // The dry run failed, so not even the valid object was applied.
    assert_eq!(world.get("ConfigMap", "record").unwrap()["data"]["step"], "1");

    // Taken back: Synced at the new commit, while the operation still tells of the bad one.
    world.commit(&[("dcr/record.yaml", RECORD)]);
    world.story(120);
    assert_eq!(world.seen(), "Failed c2 #5 | Synced c3 | Healthy");
    assert_eq!(world.conditions(), [""; 0]);
    world.commit(&[("dcr/record.yaml", RECORD_2)]);
    world.story(140);
    assert_eq!(world.seen(), "Succeeded c4 | Synced c4 | Healthy");
}

#[test]
fn a_retrying_sync_holds_up_the_commit_that_mends_it() {
    let mut world = World::synced(&[("dcr/record.yaml", RECORD)], invalid("farmers"));
    world.commit(&[("dcr/farmers.yaml", &stateful_set(1))]);
    world.story(30);
    world.commit(&[("dcr/record.yaml", RECORD_2)]);
    world.story(180);
    assert_eq!(world.seen(), "asked, Running c2 #5 | OutOfSync c3 | Healthy");
    world.story(160);
    assert_eq!(world.seen(), "Succeeded c3 | Synced c3 | Healthy");
}

#[test]
fn an_object_refused_in_earnest_leaves_the_others_applied() {
    let mut world = World::synced(&[("dcr/record.yaml", RECORD)], |it| it.retry_limit = 0);
    let message = "admission webhook \"quota\" denied the request";
    *world.cluster.broken.lock().unwrap() = Some(("Job".into(), message.into()));
    world.commit(&[("dcr/record.yaml", RECORD_2), ("dcr/trigger.yaml", JOB)]);
    world.story(30);
    assert_eq!(world.seen(), "Failed c2 | OutOfSync c2 | Healthy");
    assert_eq!(world.get("ConfigMap", "record").unwrap()["data"]["step"], "2");
    let results = &world.app()["status"]["operationState"]["syncResult"]["resources"];
    assert_eq!(
        (&results[0]["status"], &results[1]["status"]),
        (&json!("Synced"), &json!("SyncFailed"))
    );
    assert_eq!(results[1]["message"], message);
    let why = format!("one or more objects failed to apply, reason: {message}");
    assert_eq!(world.conditions(), [format!("SyncError: Failed last sync attempt to [c2]: {why}")]);
}

const BOTH: [(&str, &str); 2] = [("dcr/record.yaml", RECORD), ("dcr/trigger.yaml", JOB)];

#[test]
fn pruning_waits_for_what_it_deletes() {
    let mut world = World::synced(&BOTH, |_| {});
    *world.cluster.lingers.lock().unwrap() = true;
    world.commit(&BOTH[..1]);
    world.story(60);
    assert_eq!(world.seen(), "asked, Running… c2 | OutOfSync c2 | Progressing");
    let app = world.app();
    let state = &app["status"]["operationState"];
    assert_eq!(state["message"], "waiting for deletion of batch/Job/trigger");
    let pruning = &app["status"]["resources"][1];
    assert_eq!((&pruning["kind"], &pruning["requiresPruning"]), (&json!("Job"), &json!(true)));
    world.lose("Job", "trigger");
    let story = [
        "  0s asked, Running… c2 | OutOfSync c2 | Progressing",
        "  2s Succeeded c2 | OutOfSync c2 | Progressing",
        "  4s Succeeded c2 | Synced c2 | Progressing",
        "  5s Succeeded c2 | Synced c2 | Healthy",
    ];
    assert_eq!(world.story(30), story);
    let deleted = world.cluster.deleted.lock().unwrap();
    assert_eq!(*deleted, [("Job/trigger".to_owned(), Propagation::Foreground)]);
}

#[test]
fn pruning_may_orphan_or_be_off() {
    let mut world = World::synced(&BOTH, |it| it.prune_propagation = Propagation::Orphan);
    world.commit(&BOTH[..1]);
    world.story(60);
    let deleted = world.cluster.deleted.lock().unwrap().clone();
    assert_eq!(deleted, [("Job/trigger".to_owned(), Propagation::Orphan)]);
    let options = &world.app()["spec"]["syncPolicy"]["syncOptions"];
    assert_eq!(*options, json!(["PrunePropagationPolicy=orphan"]));

    let off = Automated { prune: false, self_heal: true, allow_empty: false };
    let mut world = World::synced(&BOTH, |it| it.automated = Some(off));
    world.commit(&BOTH[..1]);
    world.story(120);
    // Nothing but a surplus object: not worth a sync, and no error either.
    assert_eq!(world.seen(), "Succeeded c1 | OutOfSync c2 | Progressing");
    assert_eq!(world.conditions(), [""; 0]);
    world.commit(&[("dcr/record.yaml", RECORD_2)]);
    world.story(124);
    assert_eq!(world.app()["status"]["operationState"]["phase"], "Succeeded");
    let results = &world.app()["status"]["operationState"]["syncResult"]["resources"];
    assert_eq!(results[0]["status"], "PruneSkipped");
    assert!(world.get("Job", "trigger").is_some());
}

#[test]
fn a_deleted_job_comes_back_under_self_heal() {
    let mut world = World::new(&BOTH, |it| it.poll = SignedDuration::from_hours(1));
    world.story(60);
    world.lose("Job", "trigger");
    let story = [
        "  0s asked, none | Synced c1 | Progressing",
        "  1s asked, none | OutOfSync c1 | Progressing",
        "  2s asked, Running… - | OutOfSync c1 | Healthy",
        "  3s asked, Running… c1 | OutOfSync c1 | Healthy",
        "  5s Succeeded c1 | OutOfSync c1 | Healthy",
        "  7s Succeeded c1 | Synced c1 | Healthy",
        "  8s Succeeded c1 | Synced c1 | Progressing",
    ];
    assert_eq!(world.story(60), story);
    assert!(world.get("Job", "trigger").is_some());
    // Only what differed was synced, and that is no deployment.
    let app = world.app();
    let asked = &app["status"]["operationState"]["operation"]["sync"]["resources"];
    assert_eq!(*asked, json!([{"group": "batch", "kind": "Job", "name": "trigger"}]));
    assert_eq!(app["status"]["history"].as_array().unwrap().len(), 1);

    let off = Automated { prune: true, self_heal: false, allow_empty: false };
    let mut world = World::synced(&BOTH, |it| it.automated = Some(off));
    world.lose("Job", "trigger");
    world.story(600);
    assert_eq!(world.seen(), "Succeeded c1 | OutOfSync c1 | Healthy");
    assert_eq!(world.get("Job", "trigger"), None);
}

#[test]
fn a_job_just_synced_is_not_healed_at_once() {
    let mut world = World::new(&BOTH, |it| it.poll = SignedDuration::from_hours(1));
    world.story(8);
    world.lose("Job", "trigger");
    // 5 s after the end of the sync at :05.
    let story = world.story(4);
    let story: Vec<&str> = story.iter().map(String::as_str).collect();
    assert_eq!(
        story,
        [
            "  0s Succeeded c1 | Synced c1 | Progressing",
            "  1s Succeeded c1 | OutOfSync c1 | Progressing",
            "  2s asked, none | OutOfSync c1 | Healthy",
            "  4s asked, Running… - | OutOfSync c1 | Healthy",
        ]
    );
}

#[test]
fn an_ignored_field_stays_only_where_syncs_respect_it() {
    let replicas_after_a_commit = |respect| {
        let mut world = World::synced(&[("dcr/farmers.yaml", &stateful_set(1))], |application| {
            let pointers = vec!["/spec/replicas".to_owned()];
            application.ignore = vec![IgnoreDifference { kind: "StatefulSet".into(), pointers }];
            application.respect_ignored = respect;
        });
        // Scaled by somebody: no difference.
        world.edit("StatefulSet", "farmers", |set| set["spec"]["replicas"] = json!(5));
        assert_eq!(world.story(1), ["  0s Succeeded c1 | Synced c1 | Progressing"]);
        // The annotation differs, so the object is synced.
        world.commit(&[("dcr/farmers.yaml", &stateful_set(2))]);
        world.story(60);
        assert_eq!(world.seen(), "Succeeded c2 | Synced c2 | Progressing");
        let set = world.get("StatefulSet", "farmers").unwrap();
        assert_eq!(set["metadata"]["annotations"]["digest"], "d2");
        set["spec"]["replicas"].clone()
    };
    assert_eq!(replicas_after_a_commit(false), 2);
    assert_eq!(replicas_after_a_commit(true), 5);
}

#[test]
fn a_field_taken_out_of_git_is_a_difference() {
    let with = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: record}\ndata: {step: \"1\", reason: x}\n";
    let mut world = World::synced(&[("dcr/record.yaml", with)], |it| it.automated = None);
    // Without automation nothing is synced, and nothing is ever an error.
    assert_eq!(world.seen(), "none | OutOfSync c1 | Healthy");
    let on = Automated { prune: true, self_heal: false, allow_empty: false };
    world.change(|it| it.automated = Some(on));
    world.story(60);
    assert_eq!(world.seen(), "Succeeded c1 | Synced c1 | Healthy");
    world.change(|it| it.automated = None);
    world.commit(&[("dcr/record.yaml", RECORD)]);
    world.story(120);
    assert_eq!(world.seen(), "Succeeded c1 | OutOfSync c2 | Healthy");
}

#[test]
fn a_sync_window_blocks_silently() {
    let mut world = World::synced(&[("dcr/record.yaml", RECORD)], |it| {
        let from = "2026-11-22T09:01:00Z".parse().unwrap();
        let to = "2026-11-22T10:00:00Z".parse().unwrap();
        it.deny_windows = vec![(from, to)];
    });
    world.commit(&[("dcr/record.yaml", RECORD_2)]);
    world.story(3000);
    assert_eq!(world.seen(), "Succeeded c1 | OutOfSync c2 | Healthy");
    assert_eq!(world.conditions(), [""; 0]);
    world.story(620);
    assert_eq!(world.seen(), "Succeeded c2 | Synced c2 | Healthy");
}

#[test]
fn an_application_is_not_wiped_out_unless_it_may_be() {
    let mut world = World::synced(&BOTH, |_| {});
    world.commit(&[("dcr/last-run", "run: 7\n")]);
    world.story(120);
    assert_eq!(world.seen(), "Succeeded c1 | OutOfSync c2 | Progressing");
    let refused = "SyncError: Skipping sync attempt to [c2]: auto-sync will wipe out all resources";
    assert_eq!(world.conditions(), [refused]);
    let allowed = Automated { prune: true, self_heal: true, allow_empty: true };
    world.change(|it| it.automated = Some(allowed));
    world.story(120);
    assert_eq!(world.seen(), "Succeeded c2 | Synced c2 | Healthy");
    assert_eq!((world.get("Job", "trigger"), world.get("ConfigMap", "record")), (None, None));
    // A folder without files isn't there at all.
    world.commit(&[]);
    world.story(120);
    assert_eq!(world.seen(), "Succeeded c2 | Unknown - | Healthy");
    assert!(world.conditions()[0].ends_with(&format!("{FOLDER}: app path does not exist")));
}

#[test]
fn somebody_elses_broken_manifest_stops_everything() {
    let mut world = World::synced(&[("dcr/record.yaml", RECORD)], |_| {});
    let broken = "apiVersion: v1\nkind: Service\nmetadata:\n  name: [unfinished\n";
    world.commit(&[("dcr/record.yaml", RECORD_2), ("service.yaml", broken)]);
    world.story(300);
    assert_eq!(world.seen(), "Succeeded c1 | Unknown - | Healthy");
    let conditions = world.conditions();
    let begins = "ComparisonError: Failed to load target state: failed to generate manifest for source 1 of 1: \
                  rpc error: code = FailedPrecondition desc = Failed to unmarshal \"service.yaml\": ";
    assert!(conditions[0].starts_with(begins), "{conditions:?}");
    // No self-heal either.
    world.lose("ConfigMap", "record");
    world.story(120);
    assert_eq!(world.get("ConfigMap", "record"), None);
    world.commit(&[("dcr/record.yaml", RECORD_2)]);
    world.story(120);
    assert_eq!(world.seen(), "Succeeded c3 | Synced c3 | Healthy");
}

#[test]
fn a_wedged_sync_ends_without_result_end_or_error() {
    let mut world = World::synced(&[("dcr/record.yaml", RECORD)], |_| {});
    world.change(|it| it.wedged = true);
    world.commit(&[("dcr/record.yaml", RECORD_2)]);
    world.story(600);
    // Nothing is begun in this state; the sync that was begun before it is what ends so.
    assert_eq!(world.seen(), "Succeeded c1 | OutOfSync c2 | Healthy");
    world.change(|it| it.wedged = false);
    let begins = |world: &mut World| {
        world.story(1);
        world.seen().starts_with("asked, Running… -")
    };
    assert!((0..125).any(|_| begins(&mut world)));
    world.change(|it| it.wedged = true);
    world.story(600);
    assert_eq!(world.seen(), "Succeeded… - | OutOfSync c2 | Healthy");
    assert_eq!(world.conditions(), [""; 0]);
    assert_eq!(world.get("ConfigMap", "record").unwrap()["data"]["step"], "1");
    world.change(|it| it.wedged = false);
    world.story(140);
    assert_eq!(world.seen(), "Succeeded c2 | Synced c2 | Healthy");
}

/// The names of the ConfigMaps that are live.
fn live(world: &World) -> Vec<String> {
    let objects = world.cluster.objects.lock().unwrap();
    objects.keys().filter(|(kind, _, _)| kind == "ConfigMap").map(|key| key.2.clone()).collect()
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

#[test]
fn a_folder_is_read_whole_unless_a_kustomization_says_what_counts() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(config_map);
    let inputs = "apiVersion: dcr-gitops/v1\nimage: express\n";
    let list = format!("{c}---\n{d}");
    let json = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "json"}}"#;
    let plain = [
        ("a.yaml", a.as_str()),
        ("dcr.yaml", inputs),
        ("dcr/b.yml", &b),
        ("dcr/below/c.yaml", &list),
        ("dcr/json.json", json),
        ("dcr/last-run", &a),
        ("README.md", "kind: ConfigMap"),
    ];
    let mut world = World::synced(&plain, |_| {});
    assert_eq!(live(&world), ["a", "b", "c", "d", "json"]);
    // The same commit, another folder.
    world.change(|it| it.path = format!("./{FOLDER}/dcr/below"));
    world.story(120);
    assert_eq!(live(&world), ["c", "d"]);
    let world = World::synced(&plain, |it| it.recurse = false);
    assert_eq!(live(&world), ["a"]);

    let mut kustomize: Vec<(&str, &str)> = plain.to_vec();
    kustomize.push(("kustomization.yaml", "resources: [a.yaml]\n"));
    let mut world = World::synced(&kustomize, |_| {});
    assert_eq!(live(&world), ["a"]);
    assert_eq!(world.app()["status"]["sourceType"], "Kustomize");
    kustomize.pop();
    kustomize.push(("kustomization.yaml", "resources: [a.yaml, dcr]\n"));
    world.commit(&kustomize);
    world.story(120);
    let [condition] = world.conditions().try_into().unwrap();
    assert!(condition.contains("unable to find one of 'kustomization.yaml'"), "{condition}");
    kustomize.push(("dcr/kustomization.yaml", "resources: [b.yml, ./below/c.yaml]\n"));
    world.commit(&kustomize);
    world.story(140);
    assert_eq!(live(&world), ["a", "b", "c", "d"]);
    kustomize.push(("kustomization.yaml", "resources: [missing.yaml]\n"));
    world.commit(&kustomize);
    world.story(140);
    assert!(world.conditions()[0].contains("missing.yaml: no such file or directory"));
    kustomize.push(("kustomization.yaml", "resources: [list.yaml]\nnamePrefix: x\n"));
    kustomize.push(("list.yaml", "- no object\n"));
    world.commit(&kustomize);
    world.story(140);
    assert!(world.conditions()[0].contains("missing metadata.name in object"));
}

#[test]
fn a_kustomization_above_changes_what_is_below() {
    let set = stateful_set(4)
        + "  template: {spec: {containers: [{name: express, image: registry.example.com:5000/express:e1}]}}\n";
    let set = set
        .replace("spec: {replicas", "spec:\n  replicas")
        .replace(", updateStrategy", "\n  updateStrategy");
    let set = set.replace("OnDelete}}", "OnDelete}");
    let files = |above| {
        [
            ("kustomization.yaml", above),
            ("dcr/kustomization.yaml", "resources: [farmers.yaml]\n"),
            ("dcr/farmers.yaml", &set),
        ]
    };
    let mut world = World::synced(&files("resources: [dcr]\n"), |_| {});
    let plain = world.get("StatefulSet", "farmers").unwrap();
    assert_eq!(plain["spec"]["replicas"], 4);
    let above = "resources: [dcr]\nreplicas: [{name: farmers, count: 2}]\n\
                 images: [{name: 'registry.example.com:5000/express', newTag: e2}]\n\
                 commonAnnotations: {team: express}\n";
    world.commit(&files(above));
    world.story(140);
    let changed = world.get("StatefulSet", "farmers").unwrap();
    assert_eq!(changed["spec"]["replicas"], 2);
    let template = &changed["spec"]["template"];
    assert_eq!(template["spec"]["containers"][0]["image"], "registry.example.com:5000/express:e2");
    assert_eq!(template["metadata"]["annotations"]["team"], "express");
    // What the file says of itself stays, so the digest alone doesn't show the drift.
    assert_eq!(changed["metadata"]["annotations"]["digest"], "d4");
    world.commit(&files("resources: [dcr]\nnamePrefix: test-\nnamespace: elsewhere\n"));
    world.story(140);
    assert_eq!(world.get("StatefulSet", "farmers"), None);
    assert!(world.cluster.get("StatefulSet", "elsewhere", "test-farmers").is_some());
}

#[test]
fn polls_are_jittered_by_the_seed_alone() {
    let polls = || {
        let mut world = World::new(&[("dcr/record.yaml", RECORD)], |it| {
            it.jitter = SignedDuration::from_mins(1)
        });
        let mut polls = Vec::new();
        for second in 0..1000 {
            world.argocd.advance(world.now + SignedDuration::from_secs(second));
            let reconciled = world.app()["status"]["reconciledAt"].clone();
            if polls.last() != Some(&reconciled) {
                polls.push(reconciled);
            }
        }
        polls
    };
    let times: Vec<Timestamp> =
        polls().iter().filter_map(|at| at.as_str()?.parse().ok()).skip(2).collect();
    let gaps: Vec<i64> =
        times.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs()).collect();
    assert!(gaps.len() >= 4 && gaps.iter().all(|gap| (119..=181).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap != gaps[0]), "{gaps:?}");
    assert_eq!(polls(), polls());
}

#[test]
fn a_leap_of_the_clock_ends_where_small_steps_do() {
    let fortnight = SignedDuration::from_hours(14 * 24);
    let mut world = World::new(&BOTH, |_| {});
    world.now += fortnight;
    world.argocd.advance(world.now);
    assert_eq!(world.seen(), "Succeeded c1 | Synced c1 | Progressing");
    // Also in the middle of a sync that waits.
    *world.cluster.lingers.lock().unwrap() = true;
    world.commit(&BOTH[..1]);
    world.story(200);
    world.now += fortnight;
    world.argocd.advance(world.now);
    assert_eq!(world.seen(), "asked, Running… c2 | OutOfSync c2 | Progressing");
    world.lose("Job", "trigger");
    world.story(10);
    assert_eq!(world.seen(), "Succeeded c2 | Synced c2 | Healthy");
}
