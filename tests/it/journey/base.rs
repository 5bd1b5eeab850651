//! The base branch with nothing but git2: edited before a run, and read from its beginning when it is over.
use std::collections::BTreeMap;
use std::path::Path;

use dcr_gitops::manifest::objects;
use dcr_gitops::rehearse::deployment::SAMPLE_BRANCH;
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Oid, Repository, Signature, Sort};
use serde_json::Value;

type Files = BTreeMap<String, String>;

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
fn but_replicas(text: &str) -> Vec<&str> {
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

fn dcr(repo: &Repository, commit: Oid) -> Option<Oid> {
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
