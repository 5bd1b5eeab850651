//! What a commit costs, counted: what is on its path, whatever else is in the repo.
use std::collections::BTreeMap;

use dcr_gitops::config::Known;
use dcr_gitops::run::{Phase, Place, SystemRef};

use crate::git_repo::*;

/// A repo of this many systems, four files each, no folder of more than 250 entries.
fn sized(systems: u32) -> (Sandbox, Vec<SystemRef>) {
    let sandbox = Sandbox::new();
    let mut files = vec![("dcr-gitops.yaml".to_owned(), "apiVersion: dcr-gitops/v1\n".to_owned())];
    let named: Vec<SystemRef> = (0..systems)
        .map(|number| SystemRef {
            cluster: format!("c{}", number / 2_500),
            namespace: format!("tenant-{}", number / 25),
            system: format!("system{number}"),
        })
        .collect();
    for system in &named {
        let folder = folder(system);
        for name in ["dcr.yaml", "a.yaml", "b.yaml", "c.yaml"] {
            files.push((format!("{folder}/{name}"), format!("{name} of {}\n", system.system)));
        }
    }
    sandbox.bare(&files);
    (sandbox, named)
}

/// What this thread asked the kernel to read and write so far, in calls.
fn calls() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    let io: BTreeMap<&str, u64> = io
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, count)| (name, count.parse().unwrap()))
        .collect();
    io["syscr"] + io["syscw"]
}

/// Objects read and calls made to open the repo, read a system and commit its first step.
fn cost(systems: u32) -> (u64, u64) {
    let (sandbox, named) = sized(systems);
    let origin = sandbox.path("origin.git");
    let system = named[3].clone();
    let step = record(&system, 1, 1, Phase::HistoryUpdate);
    let before = calls();
    let look = Look::at(&sandbox, &origin);
    look.propose(&step, &Place::New).unwrap();
    (look.repo.objects_read(), calls() - before)
}

#[test]
fn a_commit_costs_what_is_on_its_path() {
    let (small, large) = (cost(250), cost(25_000));
    assert_eq!(small.0, large.0, "objects read");
    let ratio = large.1 as f64 / small.1 as f64;
    assert!(ratio <= 1.10, "{} calls for 1k files, {} for 100k", small.1, large.1);
}

#[test]
fn finding_systems_reads_their_trees_once_and_no_file() {
    let (sandbox, named) = sized(1_000);
    let look = Look::at(&sandbox, &sandbox.path("origin.git"));
    let before = look.repo.objects_read();
    let found = look.source().systems(&Known::default()).unwrap().found;
    assert_eq!(found.len(), 1_000);
    // The commit, the root, `clusters`, a cluster, 40 namespaces, and a folder for each system.
    assert_eq!(look.repo.objects_read() - before, 1 + 1 + 1 + 1 + 40 + 1_000);
    assert!(found.iter().any(|located| located.system == named[999]));

    let before = look.repo.objects_read();
    let known = Known { namespace: Some("tenant-7".to_owned()), ..Known::default() };
    assert_eq!(look.source().systems(&known).unwrap().found.len(), 25);
    assert_eq!(look.repo.objects_read() - before, 1 + 1 + 1 + 1 + 1 + 25);
}
