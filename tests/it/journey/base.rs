//! The base branch with nothing but git2: edited before a run, and read from its beginning when it is over.
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::rc::Rc;

use dcr_gitops::manifest::{Object, objects};
use dcr_gitops::rehearse::deployment::SAMPLE_BRANCH;
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Oid, Repository, Signature, Sort, Time};
use jiff::Timestamp;
use serde_json::Value;

/// The files of a `dcr/`, by name.
pub type Files = BTreeMap<String, String>;

/// The objects of a file. Run after run has the same ones, and reading YAML takes its time.
pub fn read(text: &str) -> Rc<Vec<Object>> {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Rc<Vec<Object>>>> = RefCell::default();
    }
    let known = KNOWN.with_borrow(|known| known.get(text).cloned());
    known.unwrap_or_else(|| {
        let read = Rc::new(objects(text).unwrap());
        KNOWN.with_borrow_mut(|known| known.insert(text.to_owned(), Rc::clone(&read)));
        read
    })
}

/// A commit that changes one YAML file.
pub fn edit(repo: &Path, path: &str, change: impl FnOnce(&mut Value)) {
    let text = {
        let repo = Repository::open_bare(repo).unwrap();
        let blob = repo.revparse_single(&format!("{SAMPLE_BRANCH}:{path}")).unwrap();
        blob.peel_to_blob().unwrap().content().to_vec()
    };
    let mut document = objects(&String::from_utf8(text).unwrap()).unwrap().remove(0).0;
    change(&mut document);
    put(repo, path, &document.to_string());
}

/// A commit that puts a file there, dated as the one before.
pub fn put(repo: &Path, path: &str, text: &str) {
    let repo = Repository::open_bare(repo).unwrap();
    let branch = format!("refs/heads/{SAMPLE_BRANCH}");
    let parent = repo.find_reference(&branch).unwrap().peel_to_commit().unwrap();
    let (tree, blob) = (parent.tree().unwrap(), repo.blob(text.as_bytes()).unwrap());
    let mut update = TreeUpdateBuilder::new();
    let tree = update.upsert(path, blob, FileMode::Blob).create_updated(&repo, &tree).unwrap();
    let (tree, time) = (repo.find_tree(tree).unwrap(), parent.time());
    let who = Signature::new("A Person", "person@example.com", &time).unwrap();
    repo.commit(Some(&branch), &who, &who, "An edit", &tree, &[&parent]).unwrap();
}

/// One state of the run's folder after the other. Each phase stood on the base, in order; the farm's
/// manifests never changed but for the number of farmers; and nothing was left but what tells of it.
pub fn holds(repo: &Path, runs: u32) {
    let repo = Repository::open_bare(repo).unwrap();
    let states = states(&repo);
    assert_eq!(states.len(), 1 + 5 * runs as usize, "{states:#?}");
    let mut states = states.into_iter();
    assert_eq!(states.next(), Some(None), "there is nothing before the first run");
    for run in 1..=runs {
        let mut on = Vec::new();
        for (phase, step) in ["history-update", "farm-up", "rebuild", "propagate"].iter().zip(1..) {
            let files = states.next().flatten().unwrap();
            let record = objects(&files["run.yaml"]).unwrap().remove(0).0;
            let data = &record["data"];
            assert_eq!(data["phase"], *phase);
            assert_eq!(
                (&data["run"], &data["step"]),
                (&run.to_string().into(), &step.to_string().into())
            );
            on.push(files);
        }
        let farm = |name: &str| on.iter().map(|files| files[name].as_str()).collect::<Vec<_>>();
        let synchronizer = farm("synchronizer.yaml");
        assert!(synchronizer.iter().all(|text| *text == synchronizer[0]));
        let farmers = farm("farmers.yaml");
        assert!(farmers.iter().all(|text| but_replicas(text) == but_replicas(farmers[0])));
        assert_eq!(farmers.iter().map(|text| replicas(text)).collect::<Vec<_>>(), [1, 4, 4, 4]);
        let last_run = format!("run: {run}\nstep: 5\nkind: rebuild\noutcome: complete\n");
        let left = Files::from([("last-run".to_owned(), last_run)]);
        assert_eq!(states.next().flatten(), Some(left));
    }
}

/// The farmers' manifests without what a step may change.
pub fn but_replicas(text: &str) -> Vec<&str> {
    let changes = |line: &&str| {
        let key = line.trim_start();
        key.starts_with("replicas: ") || key.starts_with("dcr-gitops/digest: ")
    };
    text.lines().filter(|line| !changes(line)).collect()
}

fn replicas(text: &str) -> u64 {
    let objects = objects(text).unwrap();
    let set = objects.iter().find(|object| object.kind() == "StatefulSet").unwrap();
    set.0["spec"]["replicas"].as_u64().unwrap()
}

/// What was in the run's folder, each time it became something else.
fn states(repo: &Repository) -> Vec<Option<Files>> {
    let mut walk = repo.revwalk().unwrap();
    walk.push_ref(&format!("refs/heads/{SAMPLE_BRANCH}")).unwrap();
    walk.simplify_first_parent().unwrap();
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE).unwrap();
    let mut states: Vec<Option<Oid>> = walk.map(|commit| dcr(repo, commit.unwrap())).collect();
    states.dedup();
    states.into_iter().map(|tree| tree.map(|tree| files(repo, tree))).collect()
}

/// What is in the run's folder at a commit.
pub fn at(repo: &Repository, commit: Oid) -> Files {
    dcr(repo, commit).map(|tree| files(repo, tree)).unwrap_or_default()
}

/// The commit that the base branch is at.
pub fn tip(repo: &Repository) -> Oid {
    repo.find_reference(&format!("refs/heads/{SAMPLE_BRANCH}")).unwrap().target().unwrap()
}

/// A YAML file at a commit.
pub fn document(repo: &Repository, commit: Oid, path: &str) -> Value {
    let tree = repo.find_commit(commit).unwrap().tree().unwrap();
    let blob = repo.find_blob(tree.get_path(Path::new(path)).unwrap().id()).unwrap();
    objects(std::str::from_utf8(blob.content()).unwrap()).unwrap().remove(0).0
}

/// The run's folder at a commit.
pub fn dcr(repo: &Repository, commit: Oid) -> Option<Oid> {
    let tree = repo.find_commit(commit).unwrap().tree().unwrap();
    let path = Path::new("clusters/den/tenant-105858-prod/system6/dcr");
    tree.get_path(path).ok().map(|entry| entry.id())
}

fn files(repo: &Repository, tree: Oid) -> Files {
    let tree = repo.find_tree(tree).unwrap();
    let file = |entry: git2::TreeEntry<'_>| {
        assert_eq!(entry.kind(), Some(ObjectType::Blob));
        let text = repo.find_blob(entry.id()).unwrap().content().to_vec();
        (entry.name().unwrap().to_owned(), String::from_utf8(text).unwrap())
    };
    tree.iter().map(file).collect()
}

/// Somebody's commit on a ref, at a time.
fn land(repo: &Repository, name: &str, tree: Oid, why: &str, at: Timestamp) -> Oid {
    let parent = repo.find_reference(name).unwrap().peel_to_commit().unwrap();
    let who = Signature::new("A Person", "person@example.com", &Time::new(at.as_second(), 0));
    let (who, tree) = (who.unwrap(), repo.find_tree(tree).unwrap());
    repo.commit(Some(name), &who, &who, why, &tree, &[&parent]).unwrap()
}

/// A commit on the base that changes one YAML file.
pub fn edit_at(repo: &Path, path: &str, at: Timestamp, change: impl FnOnce(&mut Value)) {
    let repo = Repository::open_bare(repo).unwrap();
    let tip = self::tip(&repo);
    let mut document = document(&repo, tip, path);
    change(&mut document);
    let blob = repo.blob(document.to_string().as_bytes()).unwrap();
    let tree = repo.find_commit(tip).unwrap().tree().unwrap();
    let mut update = TreeUpdateBuilder::new();
    let tree = update.upsert(path, blob, FileMode::Blob).create_updated(&repo, &tree).unwrap();
    land(&repo, &format!("refs/heads/{SAMPLE_BRANCH}"), tree, "An edit", at);
}

/// Somebody's commit on top of a branch, beside all that is ours.
pub fn touch(repo: &Repository, branch: &str, at: Timestamp) {
    let name = format!("refs/heads/{branch}");
    let tree = repo.find_reference(&name).unwrap().peel_to_tree().unwrap();
    let blob = repo.blob(b"A word of somebody else.\n").unwrap();
    let mut update = TreeUpdateBuilder::new();
    update.upsert("other-teams/word.txt", blob, FileMode::Blob);
    let tree = update.create_updated(repo, &tree).unwrap();
    land(repo, &name, tree, "A word", at);
}

/// Takes the last state of the run's folder back from the base, by a revert or by rewinding it: the commit that
/// the base was at before. Nothing where there is no run.
pub fn take_back(repo: &Repository, rewinds: bool, at: Timestamp) -> Option<Oid> {
    let before = tip(repo);
    let now = dcr(repo, before);
    let mut walk = repo.revwalk().unwrap();
    walk.push(before).unwrap();
    walk.simplify_first_parent().unwrap();
    let then = walk.map(Result::unwrap).find(|commit| dcr(repo, *commit) != now)?;
    let name = format!("refs/heads/{SAMPLE_BRANCH}");
    if rewinds {
        repo.reference(&name, then, true, "rewound").unwrap();
    } else {
        let tree = with(repo, before, dcr(repo, then));
        land(repo, &name, tree, "Revert a step", at);
    }
    Some(before)
}

/// The run's folder on the base as it was at a commit.
pub fn put_back(repo: &Repository, was: Oid, at: Timestamp) {
    let tree = with(repo, tip(repo), dcr(repo, was));
    land(repo, &format!("refs/heads/{SAMPLE_BRANCH}"), tree, "Revert the revert", at);
}

/// The tree of a commit with another run's folder in it.
fn with(repo: &Repository, commit: Oid, dcr: Option<Oid>) -> Oid {
    const PATH: &str = "clusters/den/tenant-105858-prod/system6/dcr";
    let tree = repo.find_commit(commit).unwrap().tree().unwrap();
    let mut update = TreeUpdateBuilder::new();
    match dcr {
        Some(dcr) => drop(update.upsert(PATH, dcr, FileMode::Tree)),
        None => drop(update.remove(PATH)),
    }
    update.create_updated(repo, &tree).unwrap()
}

/// When the first commit landed on the base at which it was so.
pub fn first(repo: &Repository, is_so: impl Fn(Oid) -> bool) -> Option<Timestamp> {
    let mut walk = repo.revwalk().unwrap();
    walk.push(tip(repo)).unwrap();
    walk.simplify_first_parent().unwrap();
    let first = walk.map(Result::unwrap).filter(|commit| is_so(*commit)).last()?;
    let time = repo.find_commit(first).unwrap().time().seconds();
    Some(Timestamp::from_second(time).unwrap())
}
