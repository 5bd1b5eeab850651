//! Many at once: one branch, one commit, and nobody is told that it failed.
use std::process::Child;

use super::*;

fn ends(racers: Vec<Child>) -> Vec<Value> {
    let wait = |racer: Child| Ran::from(racer.wait_with_output().unwrap()).ends(0).line();
    racers.into_iter().map(wait).collect()
}

fn outcomes<'a>(lines: &'a [Value], outcome: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["outcome"] == outcome).collect()
}

#[test]
fn fifty_in_one_clone() {
    let repo = Deployment::cloned(Wired::Kustomize);
    let arguments = ["next-phase", "system6", "-o", "json"];
    let start = || repo.sandbox.program(&repo.work, &arguments).spawn().unwrap();
    let lines = ends((0..50).map(|_| start()).collect());
    let held = repo.git(&["rev-parse", &step(1, 1)]);
    assert_eq!(outcomes(&lines, "committed").len(), 1);
    assert_eq!(outcomes(&lines, "adopted").len(), 49);
    assert!(lines.iter().all(|line| line["commit"] == held));
    assert_eq!(repo.git(&["rev-list", "--count", &format!("main..{held}")]), "1");
    repo.fsck();
}

#[test]
fn twenty_pushes_from_two_clones_whose_bases_differ() {
    let repo = Deployment::cloned(Wired::Directory);
    repo.sandbox.land(&repo.origin(), "main", "meanwhile", &[("other".to_owned(), "x".to_owned())]);
    let newer = repo.sandbox.clone("newer", &[]);
    let arguments = ["next-phase", "system6", "--push", "-o", "json"];
    let start = |racer: u32| {
        let dir = if racer.is_multiple_of(2) { &repo.work } else { &newer };
        repo.sandbox.program(dir, &arguments).spawn().unwrap()
    };
    let lines = ends((0..20).map(start).collect());
    let held = repo.sandbox.git(&repo.origin(), &["rev-parse", &step(1, 1)]);
    assert!(lines.iter().all(|line| line["commit"] == held), "{lines:?}");
    let pushed = outcomes(&lines, "pushed").len();
    assert!(pushed >= 1, "{lines:?}");
    assert_eq!(pushed + outcomes(&lines, "adopted").len(), 20);
    let count =
        repo.sandbox.git(&repo.origin(), &["rev-list", "--count", &format!("main..{held}")]);
    assert_eq!(count, "1");
    for clone in [&repo.work, &newer] {
        assert_eq!(repo.sandbox.git(clone, &["rev-parse", &step(1, 1)]), held);
        repo.sandbox.fsck(clone);
    }
}
