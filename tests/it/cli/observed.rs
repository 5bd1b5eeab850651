//! `--observed`: what `status -o json` saw stands for the world, so a decision can be had again anywhere.
use dcr_gitops::run::cluster::{Cluster, ClusterView, JobResult, JobState, Live, LiveRun, Pod};
use dcr_gitops::run::express::{AaGroup, AaStatus, Admin, Echo, ProbeAnswer, ProbeState};
use dcr_gitops::run::{Observation, Record};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::world::{HASH, synchronized};

/// What `status` saw of the system.
fn seen(repo: &Deployment) -> Observation {
    let line = repo.run(&["status", "system6", "-o", "json"]).ends(0).line();
    serde_json::from_value(line["observed"].clone()).unwrap()
}

pub fn save(repo: &Deployment, name: &str, seen: &Observation) -> String {
    let line = serde_json::json!({ "observed": seen });
    repo.save(name, &format!("{line}\n"))
}

/// A file with what `status` saw, but for a world in which all gates of the phase on the base are met.
pub fn met(repo: &Deployment) -> String {
    let mut seen = seen(repo);
    let record = seen.deployment.record.clone().unwrap();
    let landed = seen.deployment.history.landed.iter().map(|landed| landed.at).max().unwrap();
    seen.at = landed + SignedDuration::from_hours(24);
    seen.world.cluster = ClusterView::Seen(Box::new(cluster(&seen, &record, landed)));
    seen.world.admin = answers(&seen, &record, landed);
    save(repo, "observed.json", &seen)
}

/// The cluster as the base branch wants it.
fn cluster(seen: &Observation, record: &Record, landed: Timestamp) -> Cluster {
    let ended = Some(landed + SignedDuration::from_mins(2));
    let objects = seen.deployment.wanted.iter().map(|wanted| Live {
        kind: wanted.kind.clone(),
        name: wanted.name.clone(),
        uid: format!("uid of {}", wanted.name),
        run: Some(record.run),
        digest: Some(wanted.digest.clone()),
        created: Some(landed),
        terminating: false,
        generation: Some(1),
        observed_generation: Some(1),
        replicas: wanted.replicas,
        update_revision: None,
        trouble: None,
        images: wanted.images.clone(),
        settings: wanted.settings.clone(),
        tracked_by: None,
        job: (wanted.kind == "Job").then_some(JobState {
            result: JobResult::Complete,
            ended,
            message: None,
        }),
    });
    let sets = seen.deployment.wanted.iter().filter(|wanted| wanted.kind == "StatefulSet");
    let pods = sets.flat_map(|set| {
        let component = if set.name.ends_with("-sync") { "synchronizer" } else { "farmer" };
        (0..set.replicas.unwrap()).map(move |ordinal| Pod {
            name: format!("{}-{ordinal}", set.name),
            uid: format!("uid of {}-{ordinal}", set.name),
            component: component.to_owned(),
            run: Some(record.run),
            terminating: false,
            ready: true,
            started: Some(landed),
            running_since: Some(landed),
            restarts: 0,
            revision: None,
            trouble: None,
        })
    });
    Cluster {
        read_at: seen.at,
        runs: vec![LiveRun { system: record.system.clone(), run: record.run, step: record.step }],
        objects: objects.collect(),
        pods: pods.collect(),
        claims: vec![],
        limits: vec![],
    }
}

/// The nodes as they answer once the rebuild is complete and its cache everywhere.
fn answers(seen: &Observation, record: &Record, landed: Timestamp) -> Admin {
    let synchronizer = record.system.synchronizer_pod();
    let frontends = record.frontends.iter();
    let mut rows: Vec<_> =
        frontends.map(|name| synchronized(name, AaGroup::ClassicFrontends, HASH)).collect();
    rows.push(synchronized(&synchronizer, AaGroup::DynamicSynchronizers, HASH));
    let at = seen.at;
    let rebuild = ProbeAnswer {
        node: synchronizer.clone(),
        at,
        state: ProbeState::Complete,
        percent: Some(100.0),
        started_at: Some(landed),
        of: Some(Echo { run: record.run, attempt: Some(1) }),
        error: None,
    };
    let status = AaStatus { node: synchronizer, at, rows, unknown: vec![] };
    Admin { aa_status: Some(status), rebuild: vec![rebuild], ..Admin::default() }
}

#[test]
fn what_was_seen_decides_as_it_did() {
    let repo = Deployment::alone(Wired::Directory);
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    let unmet = save(&repo, "as-seen.json", &seen(&repo));
    let now = repo.next(&[], 10);
    let replayed = repo.next(&["--observed", &unmet], 10);
    assert_eq!(replayed, now, "a replay decides what was decided when it was seen");

    let file = met(&repo);
    let status = repo.run(&["status", "system6", "--observed", &file, "-o", "json"]).ends(0);
    assert_eq!(status.line()["next"], "farm-up");
    assert_eq!(status.line()["decision"], "propose");
    assert_eq!(status.line()["outcome"], Value::Null);
    assert_eq!(repo.git(&["for-each-ref", &format!("refs/heads/{}", step(1, 2))]), "");
    let line = repo.next(&["--observed", &file], 0);
    assert_eq!(line["outcome"], "committed");
    assert_eq!(
        line["reason"],
        "all 7 objects are applied; 1 of 1 farmers are ready; it is run 1 of at most 3 in den; the end of the history update isn't verified"
    );
}

#[test]
fn the_same_in_two_clones_is_the_same_tree() {
    let repo = Deployment::cloned(Wired::Kustomize);
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    repo.git(&["push", "--quiet", "origin", "main"]);
    let file = met(&repo);
    let other = repo.sandbox.clone("other", &[]);
    let arguments = ["next-phase", "system6", "--observed", &file, "-o", "json"];
    let tree = |dir: &Path| {
        let line = repo.sandbox.run(dir, &arguments).ends(0).line();
        assert_eq!(line["outcome"], "committed");
        let commit = line["commit"].as_str().unwrap();
        repo.sandbox.git(dir, &["rev-parse", &format!("{commit}^{{tree}}")])
    };
    assert_eq!(tree(&repo.work), tree(&other));
}

#[test]
fn a_gate_that_is_not_met_is_waited_for() {
    let repo = Deployment::alone(Wired::Directory);
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    let file = met(&repo);
    let text = std::fs::read_to_string(&file).unwrap();
    let line: Value = serde_json::from_str(&text).unwrap();
    let mut seen: Observation = serde_json::from_value(line["observed"].clone()).unwrap();
    let ClusterView::Seen(cluster) = &mut seen.world.cluster else { panic!() };
    cluster.pods[0].ready = false;
    cluster.pods[0].trouble = Some("ImagePullBackOff \u{1b}[31m".to_owned());
    let spoiled = save(&repo, "spoiled.json", &seen);
    let line = repo.next(&["--observed", &spoiled], 10);
    assert_eq!(line["unmet"][0]["gate"], "nodes");
    let ran = repo.run(&["next-phase", "system6", "--observed", &spoiled]).ends(10);
    assert!(ran.out.contains("ImagePullBackOff") && !ran.out.contains('\u{1b}'), "{}", ran.out);
}

#[test]
fn a_run_that_is_over_is_watched_only_by_name() {
    let repo = Deployment::alone(Wired::Directory);
    let last = "run: 3\nstep: 5\nkind: rebuild\noutcome: complete\n";
    repo.edit(&[(&format!("{FOLDER}/dcr/last-run"), last)]);
    let mut seen = seen(&repo);
    let empty = Cluster {
        read_at: seen.at,
        runs: vec![],
        objects: vec![],
        pods: vec![],
        claims: vec![],
        limits: vec![],
    };
    seen.world.cluster = ClusterView::Seen(Box::new(empty));
    let file = save(&repo, "gone.json", &seen);
    assert_eq!(repo.run(&["watch", "--observed", &file]).ends(0).out, "");
    let named = repo.run(&["watch", "system6", "--observed", &file]).ends(0).out;
    assert!(named.contains("run 3 is over (complete)"), "{named}");
}
