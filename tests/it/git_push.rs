//! A push creates or replaces exactly one branch; the remote's commit wins a race.
use std::sync::Barrier;

use dcr_gitops::git::{Oid, without_credentials};
use dcr_gitops::propose::{Error, Push, Pushed, push};
use dcr_gitops::run::{Phase, Place, Record};

use crate::git_repo::*;

const SETTINGS: &str = "apiVersion: dcr-gitops/v1\n";

fn first_step() -> Record {
    record(&nth(1), 1, 1, Phase::HistoryUpdate)
}

fn send(look: &Look, record: &Record, commit: Oid, expected: Option<Oid>) -> Result<Pushed, Error> {
    let branch = branch(record);
    let what = Push { remote: "origin", branch: &branch, commit, expected };
    push(&look.repo, what, &|commit| look.same(record, commit))
}

fn elsewhere(text: &str) -> Vec<(String, String)> {
    vec![("elsewhere".to_owned(), text.to_owned())]
}

#[test]
fn a_push_creates_the_branch_and_nothing_else_and_runs_no_hook() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(2, SETTINGS);
    let work = sandbox.clone("work", &[]);
    let hook = work.join(".git/hooks/pre-push");
    std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    std::process::Command::new("chmod").arg("+x").arg(&hook).status().unwrap();
    sandbox.git(&work, &["tag", "-a", "-m", "mine", "mine"]);
    sandbox.git(&work, &["config", "push.followTags", "true"]);
    let look = Look::at(&sandbox, &work);
    let made = look.start(&nth(1)).unwrap().commit;
    assert_eq!(send(&look, &first_step(), made, None).unwrap(), Pushed::Pushed);
    // Once more, as after a crash: it is there.
    assert_eq!(send(&look, &first_step(), made, None).unwrap(), Pushed::Pushed);
    let refs = sandbox.git(&origin, &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs, "refs/heads/dcr/den/tenant-0/system1/run-1/step-1\nrefs/heads/main");
    sandbox.fsck(&origin);
}

#[test]
fn the_slower_of_two_takes_over_the_commit_of_the_faster() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(2, SETTINGS);
    let slow = Look::at(&sandbox, &sandbox.clone("slow", &[]));
    sandbox.land(&origin, "main", "meanwhile", &elsewhere("x"));
    let fast = Look::at(&sandbox, &sandbox.clone("fast", &[]));
    let (ours, theirs) = (slow.start(&nth(1)).unwrap().commit, fast.start(&nth(1)).unwrap().commit);
    assert_ne!(ours, theirs);
    assert_eq!(send(&fast, &first_step(), theirs, None).unwrap(), Pushed::Pushed);
    assert_eq!(send(&slow, &first_step(), ours, None).unwrap(), Pushed::Adopted(theirs));
    let name = format!("refs/heads/{}", branch(&first_step()));
    assert_eq!(slow.repo.commit_of(&name).unwrap(), Some(theirs));
    assert_eq!(sandbox.git(&origin, &["rev-parse", &name]), theirs.to_string());
    sandbox.fsck(&sandbox.path("slow"));
}

#[test]
fn another_step_on_the_remote_is_a_conflict_and_stays() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(2, SETTINGS);
    let one = Look::at(&sandbox, &sandbox.clone("one", &[]));
    let two = Look::at(&sandbox, &sandbox.clone("two", &[]));
    let forced = Record { forced: true, ..first_step() };
    let theirs = one.propose(&forced, &Place::New).unwrap().commit;
    send(&one, &forced, theirs, None).unwrap();
    let ours = two.start(&nth(1)).unwrap().commit;
    match send(&two, &first_step(), ours, None) {
        Err(Error::Conflict { holds, .. }) => assert_eq!(holds, Some(theirs)),
        other => panic!("{other:?}"),
    }
    let name = format!("refs/heads/{}", branch(&first_step()));
    assert_eq!(sandbox.git(&origin, &["rev-parse", &name]), theirs.to_string());
    assert_eq!(two.repo.commit_of(&name).unwrap(), Some(ours));

    // With the right lease it is replaced; the branch gone meanwhile is a conflict too.
    assert_eq!(send(&two, &first_step(), ours, Some(theirs)).unwrap(), Pushed::Pushed);
    sandbox.git(&origin, &["update-ref", "-d", &name]);
    match send(&one, &forced, theirs, Some(ours)) {
        Err(Error::Conflict { holds, .. }) => assert_eq!(holds, None),
        other => panic!("{other:?}"),
    }
}

#[test]
fn twenty_pushes_from_two_clones_whose_bases_differ_make_one_commit() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(2, SETTINGS);
    let old = sandbox.clone("old", &[]);
    sandbox.land(&origin, "main", "meanwhile", &elsewhere("x"));
    let new = sandbox.clone("new", &[]);
    let barrier = Barrier::new(20);
    let ends: Vec<Oid> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..20)
            .map(|racer| {
                let (sandbox, barrier) = (&sandbox, &barrier);
                let dir = if racer % 2 == 0 { &old } else { &new };
                scope.spawn(move || {
                    let look = Look::at(sandbox, dir);
                    let made = look.start(&nth(1)).unwrap().commit;
                    barrier.wait();
                    match send(&look, &first_step(), made, None).unwrap() {
                        Pushed::Pushed => made,
                        Pushed::Adopted(theirs) => theirs,
                    }
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let name = branch(&first_step());
    let held = sandbox.git(&origin, &["rev-parse", &name]);
    assert!(ends.iter().all(|end| end.to_string() == held), "{ends:?}");
    assert_eq!(sandbox.git(&origin, &["rev-list", "--count", &format!("main..{name}")]), "1");
    for clone in [&old, &new] {
        assert_eq!(sandbox.git(clone, &["rev-parse", &name]), held);
        sandbox.fsck(clone);
    }
}

#[test]
fn a_push_sends_what_is_new_even_when_the_remote_has_moved_on() {
    let objects = |systems: u32, arguments: &[&str]| {
        let sandbox = Sandbox::new();
        let origin = sandbox.origin(systems, SETTINGS);
        sandbox.git(&origin, &["config", "receive.unpackLimit", "1"]);
        let work = sandbox.clone("work", arguments);
        sandbox.land(&origin, "main", "meanwhile", &elsewhere("x"));
        let packs = || {
            let files = std::fs::read_dir(origin.join("objects/pack")).unwrap();
            let files = files.map(|file| file.unwrap().path());
            files
                .filter(|file| file.extension().is_some_and(|ext| ext == "idx"))
                .collect::<Vec<_>>()
        };
        let before = packs();
        let look = Look::at(&sandbox, &work);
        let made = look.start(&nth(1)).unwrap().commit;
        send(&look, &first_step(), made, None).unwrap();
        let new: Vec<_> = packs().into_iter().filter(|pack| !before.contains(pack)).collect();
        assert_eq!(new.len(), 1);
        let listed = sandbox.git_with(&origin, &["show-index"], &std::fs::read(&new[0]).unwrap());
        listed.lines().count()
    };
    // Two files, the six trees above them and the commit; and what the remote adds to complete deltas.
    let few = objects(10, &[]);
    assert!(few <= 18, "{few}");
    for arguments in [vec![], vec!["--depth=1"], vec!["--filter=blob:none", "--no-checkout"]] {
        let many = objects(1_000, &arguments);
        assert!(many <= few + 3, "{arguments:?}: {many} and {few}");
    }
}

#[test]
fn a_remote_that_fails_is_quoted_without_its_token() {
    let sandbox = Sandbox::new();
    sandbox.origin(2, SETTINGS);
    let work = sandbox.clone("work", &[]);
    let look = Look::at(&sandbox, &work);
    let made = look.start(&nth(1)).unwrap().commit;
    let url = "http://robot:s3cretTOKEN@127.0.0.1:1/deployment.git";
    sandbox.git(&work, &["remote", "set-url", "origin", url]);
    let error = send(&look, &first_step(), made, None).unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.contains("127.0.0.1"), "{said}");
    assert!(!said.contains("s3cretTOKEN") && !said.contains("robot"), "{said}");
    let shown = without_credentials("fatal: 'https://me:a/b@c@host/x' \u{1b}[31mred");
    assert!(!shown.contains("c@host") && !shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn a_remote_named_by_a_relative_path_is_found_from_the_top_of_the_work_tree() {
    let sandbox = Sandbox::new();
    sandbox.origin(2, SETTINGS);
    let work = sandbox.clone("work", &[]);
    sandbox.git(&work, &["remote", "set-url", "origin", "../origin.git"]);
    let look = Look::at(&sandbox, &work.join("clusters"));
    let made = look.start(&nth(1)).unwrap().commit;
    assert_eq!(send(&look, &first_step(), made, None).unwrap(), Pushed::Pushed);
}

#[test]
fn fetching_the_base_writes_its_ref_and_no_other() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(2, SETTINGS);
    let work = sandbox.clone("work", &[]);
    sandbox.land(&origin, "other", "other", &elsewhere("y"));
    sandbox.git(&origin, &["tag", "v1", "main"]);
    let newest = sandbox.land(&origin, "main", "meanwhile", &elsewhere("x"));
    let repo = sandbox.open(&work);
    let fetch = dcr_gitops::git::BranchFetch { remote: "origin", branch: "main" };
    assert_eq!(repo.fetch(fetch).unwrap(), Some(newest));
    let refs = sandbox.git(
        &work,
        &["for-each-ref", "--format=%(refname) %(objectname)", "refs/remotes", "refs/tags"],
    );
    assert!(refs.contains(&format!("refs/remotes/origin/main {newest}")), "{refs}");
    assert!(!refs.contains("other") && !refs.contains("tags"), "{refs}");
    assert!(!work.join(".git/FETCH_HEAD").exists());
}
