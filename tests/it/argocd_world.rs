//! The embedded Argo CD: what can be seen of an Application, second by second, and what it does to a cluster.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
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

    fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        self.objects.lock().unwrap().get(&key(kind, namespace, name)).cloned()
    }

    fn list_managed(&self) -> Vec<Value> {
        let objects = self.objects.lock().unwrap();
        let is_managed = |it: &&Value| it["metadata"]["annotations"][TRACKING].is_string();
        objects.values().filter(is_managed).cloned().collect()
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
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).initial_head("main");
        Repository::init_opts(&repository, &options).unwrap();
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

    /// Commits these files of the folder, and no others.
    fn commit(&mut self, files: &[(&str, &str)]) {
        let repository = Repository::open_bare(&self.repository).unwrap();
        let mut index = git2::Index::new().unwrap();
        for (path, text) in files {
            let path = Path::new(FOLDER).join(path);
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
        let author =
            Signature::new("Ana", "ana@example.com", &Time::new(self.now.as_second(), 0)).unwrap();
        let parent = self.commits.last().map(|oid| repository.find_commit(*oid).unwrap());
        let parents: Vec<_> = parent.iter().collect();
        let message = format!("commit {}", self.commits.len() + 1);
        let head = Some("refs/heads/main");
        self.commits
            .push(repository.commit(head, &author, &author, &message, &tree, &parents).unwrap());
    }

    fn change(&mut self, edit: impl FnOnce(&mut Application)) {
        self.argocd.change(APP, edit);
    }

    fn get(&self, kind: &str, name: &str) -> Option<Value> {
        self.cluster.get(kind, NAMESPACE, name)
    }

    fn edit(&self, kind: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        edit(self.cluster.objects.lock().unwrap().get_mut(&key(kind, NAMESPACE, name)).unwrap());
    }

    fn lose(&self, kind: &str, name: &str) {
        self.cluster.objects.lock().unwrap().remove(&key(kind, NAMESPACE, name)).unwrap();
    }

    fn app(&self) -> Value {
        self.cluster.get("Application", "argocd", APP).unwrap()
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
    world.story(118);
    world.edit("StatefulSet", "farmers", |set| observed(set, 1));
    assert_eq!(world.story(0), ["x"]);
    world.commit(&[("dcr/farmers.yaml", &stateful_set(2))]);
    assert_eq!(world.story(60), ["x"]);
    world.edit("StatefulSet", "farmers", |set| observed(set, 2));
    assert_eq!(world.story(1), ["x"]);
}
