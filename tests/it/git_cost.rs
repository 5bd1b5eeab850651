//! What a commit costs, counted: what is on its path, whatever else is in the repo.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use dcr_gitops::config::Known;
use dcr_gitops::context::{Clock, Context, Terminal};
use dcr_gitops::run::{Phase, Place, SystemRef};

use crate::git_repo::*;

/// A repo of this many systems, four files each, no folder of more than 250 entries.
fn sized(systems: u32) -> (Sandbox, Vec<SystemRef>) {
    let sandbox = Sandbox::new();
    let mut files = vec![("dcr-gitops.yaml".to_owned(), crate::cli::SETTINGS.to_owned())];
    let named: Vec<SystemRef> = (0..systems)
        .map(|number| SystemRef {
            cluster: format!("c{}", number / 2_500),
            namespace: format!("tenant-{}", number / 25),
            system: format!("system{number}"),
        })
        .collect();
    for system in &named {
        let folder = folder(system);
        files.push((format!("{folder}/dcr.yaml"), crate::cli::INPUTS.to_owned()));
        for name in ["a.yaml", "b.yaml", "c.yaml"] {
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

/// Objects read and calls made to open the repo, read a system and commit its first step; and calls made by
/// the whole of `next-phase` for another system, from its arguments to its line of JSON.
fn cost(systems: u32) -> (u64, u64, u64) {
    let (sandbox, named) = sized(systems);
    let origin = sandbox.path("origin.git");
    let system = named[3].clone();
    let step = record(&system, 1, 1, Phase::HistoryUpdate);
    let before = calls();
    let look = Look::at(&sandbox, &origin);
    look.propose(&step, &Place::New).unwrap();
    let parts = (look.repo.objects_read(), calls() - before);
    (parts.0, parts.1, next_phase(&sandbox, &origin, &named[4]))
}

/// Calls made by `next-phase` with a whole name.
fn next_phase(sandbox: &Sandbox, dir: &Path, system: &SystemRef) -> u64 {
    let mut context = Context {
        env: sandbox.env.clone(),
        clock: Clock::new(|| jiff::Timestamp::from_second(NOW).unwrap()),
        cwd: dir.to_owned(),
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::default(),
        actions: None,
    };
    let arguments = ["dcr-gitops", "next-phase", &system.to_string(), "-o", "json"];
    let before = calls();
    let code = dcr_gitops::commands::main(&mut context, arguments.map(OsString::from));
    let made = calls() - before;
    assert_eq!(code, 0);
    let branch = branch(&record(system, 1, 1, Phase::HistoryUpdate));
    assert!(!sandbox.git(dir, &["rev-parse", &branch]).is_empty());
    made
}

#[test]
fn a_commit_costs_what_is_on_its_path() {
    let (small, large) = (cost(250), cost(25_000));
    assert_eq!(small.0, large.0, "objects read");
    for (small, large) in [(small.1, large.1), (small.2, large.2)] {
        let ratio = large as f64 / small as f64;
        assert!(ratio <= 1.10, "{small} calls for 1k files, {large} for 100k");
    }
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
