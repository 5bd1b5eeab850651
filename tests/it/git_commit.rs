//! A commit changes its branch and the object database, and nothing else of the user's.
use std::sync::Barrier;

use dcr_gitops::git::{self, Oid};
use dcr_gitops::propose::Error;
use dcr_gitops::render::{Change, FileChange};
use dcr_gitops::run::deployment::StepBranch;
use dcr_gitops::run::{Phase, Place};

use crate::git_repo::*;

fn file(path: &str, before: Option<&str>, after: Option<&str>) -> Change {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Change {
        files: vec![FileChange { path: path.to_owned(), before: text(before), after: text(after) }],
    }
}

#[test]
fn a_commit_holds_the_change_and_leaves_the_clone_alone() {
    let sandbox = Sandbox::new();
    sandbox.origin(12, "apiVersion: dcr-gitops/v1\n");
    let work = sandbox.clone("work", &[]);
    let script = format!("#!/bin/sh\ntouch {}\n", work.join("hook-ran").display());
    for hook in ["pre-commit", "commit-msg", "post-commit", "reference-transaction", "pre-push"] {
        let path = work.join(".git/hooks").join(hook);
        std::fs::write(&path, script.as_bytes()).unwrap();
        std::process::Command::new("chmod").arg("+x").arg(&path).status().unwrap();
    }
    std::fs::write(work.join("dirty.txt"), "mine\n").unwrap();
    std::fs::write(work.join("dcr-gitops.yaml"), "apiVersion: dcr-gitops/v1\n# dirty\n").unwrap();
    sandbox.git(&work, &["add", "dirty.txt"]);
    let index = std::fs::read(work.join(".git/index")).unwrap();
    let status = sandbox.git(&work, &["status", "--porcelain"]);
    let index_after_status = std::fs::read(work.join(".git/index")).unwrap();
    assert_eq!(index.len(), index_after_status.len());

    let system = nth(7);
    let made = Look::at(&sandbox, &work).start(&system).unwrap();

    assert!(!made.adopted);
    assert_eq!(std::fs::read(work.join(".git/index")).unwrap(), index_after_status);
    assert_eq!(sandbox.git(&work, &["status", "--porcelain"]), status);
    assert_eq!(sandbox.git(&work, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert!(!work.join("hook-ran").exists());
    let branch = "dcr/den/tenant-0/system7/run-1/step-1";
    assert_eq!(sandbox.git(&work, &["rev-parse", branch]), made.commit.to_string());
    let folder = folder(&system);
    assert_eq!(
        sandbox.git(&work, &["diff-tree", "-r", "--name-status", "main", branch]),
        format!("A\t{folder}/dcr/farmers.yaml\nA\t{folder}/dcr/run.yaml")
    );
    assert_eq!(
        sandbox.git(
            &work,
            &["log", "-1", "--format=%an <%ae> %ad|%cn <%ce> %cd|%s", "--date=raw", branch]
        ),
        "Test Person <test@example.com> 1795348800 +0000|\
         Test Person <test@example.com> 1795348800 +0000|Added/Modified system7 via automation"
    );
    assert_eq!(
        sandbox.git(&work, &["log", "-1", "--format=%(trailers:key=Dcr-Run,valueonly)", branch]),
        "1"
    );
    assert_eq!(
        sandbox.git(&work, &["reflog", "-1", "--format=%gs", branch]),
        "commit: Added/Modified system7 via automation"
    );
    sandbox.fsck(&work);
    // The hooks do run where they should.
    sandbox.git(&work, &["branch", "by-hand"]);
    assert!(work.join("hook-ran").exists());
}

#[test]
fn a_commit_starts_no_other_program() {
    let mut sandbox = Sandbox::new();
    sandbox.origin(2, "apiVersion: dcr-gitops/v1\n");
    let work = sandbox.clone("work", &[]);
    sandbox.git(&work, &["config", "core.fsync", "all"]);
    let path = sandbox.env.insert("PATH".into(), "/nowhere".into()).unwrap();
    let made = Look::at(&sandbox, &work).start(&nth(1)).unwrap();
    sandbox.env.insert("PATH".into(), path);
    assert_eq!(sandbox.git(&work, &["cat-file", "-t", &made.commit.to_string()]), "commit");
}

#[test]
fn the_same_request_gives_the_same_tree_and_is_adopted_without_a_new_object() {
    let sandbox = Sandbox::new();
    sandbox.origin(3, "apiVersion: dcr-gitops/v1\n");
    let (one, two) = (sandbox.clone("one", &[]), sandbox.clone("two", &["--bare"]));
    let first = Look::at(&sandbox, &one).start(&nth(1)).unwrap();
    let objects = sandbox.git(&one, &["count-objects", "-v"]);
    let again = Look::at(&sandbox, &one).start(&nth(1)).unwrap();
    assert_eq!((again.commit, again.adopted), (first.commit, true));
    assert_eq!(sandbox.git(&one, &["count-objects", "-v"]), objects);

    let look = Look::at(&sandbox, &two);
    let (_, before) = look.read(&nth(1));
    let record = record(&nth(1), 1, 1, Phase::HistoryUpdate);
    let change = change(&before, &run_files(&record));
    let later = look.commit(&record, &change, &Place::New, NOW + 3_600).unwrap();
    let tree = |dir: &std::path::Path, commit: Oid| {
        sandbox.git(dir, &["rev-parse", &format!("{commit}^{{tree}}")])
    };
    assert_ne!(later.commit, first.commit);
    assert_eq!(tree(&two, later.commit), tree(&one, first.commit));
}

#[test]
fn a_folder_that_loses_its_last_file_is_gone_and_modes_are_kept() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(1, "apiVersion: dcr-gitops/v1\n");
    let script = "commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 1\nx\nfrom refs/heads/main^0\n\
                  M 100755 inline a/b/c/run\ndata 3\nold\nM 100644 inline a/keep\ndata 1\nk\n";
    sandbox.git_with(&origin, &["fast-import", "--quiet"], script.as_bytes());
    let look = Look::at(&sandbox, &origin);
    let record = record(&nth(0), 1, 1, Phase::HistoryUpdate);
    let tree = |change: &Change| {
        let base = look.repo.commit(look.base()).unwrap().tree_id();
        dcr_gitops::propose::splice(&look.repo, base, change)
            .map(|spliced| spliced.tree.to_string())
    };

    let changed = tree(&file("a/b/c/run", Some("old"), Some("new"))).unwrap();
    let entry = sandbox.git(&origin, &["ls-tree", &changed, "a/b/c/run"]);
    assert!(entry.starts_with("100755 blob"), "{entry}");
    let removed = tree(&file("a/b/c/run", Some("old"), None)).unwrap();
    assert_eq!(sandbox.git(&origin, &["ls-tree", "-r", "--name-only", &removed, "a"]), "a/keep");
    assert_eq!(sandbox.git(&origin, &["ls-tree", "--name-only", &format!("{removed}:a")]), "keep");

    for (change, why) in [
        (file("a/b/c/run", Some("other"), Some("new")), "other content"),
        (file("a/b/c/run", None, Some("new")), "is there already"),
        (file("a/b/c/none", Some("x"), None), "isn't there"),
        (file("a/keep/below", None, Some("x")), "no folder"),
        (file("a/b", None, Some("x")), "is there already"),
    ] {
        let error = tree(&change).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let bad = look.commit(&record, &file("a/.git/config", None, Some("x")), &Place::New, NOW);
    assert!(bad.is_err());
    sandbox.fsck(&origin);
}

#[test]
fn a_branch_is_replaced_only_from_what_it_was_seen_to_hold() {
    let sandbox = Sandbox::new();
    sandbox.origin(2, "apiVersion: dcr-gitops/v1\n");
    let work = sandbox.clone("work", &[]);
    let look = Look::at(&sandbox, &work);
    let first = look.start(&nth(1)).unwrap();
    let seen: StepBranch = look.read(&nth(1)).0.steps.remove(0);
    let record = record(&nth(1), 1, 1, Phase::HistoryUpdate);

    // Made again in the same second, as after a declined request: it must be another commit.
    let second = look.propose(&record, &replace(&seen)).unwrap();
    assert!(!second.adopted);
    assert_ne!(second.commit, first.commit);

    // The branch moved on since it was seen, and holds the same: adopted.
    let third = look.propose(&record, &replace(&seen)).unwrap();
    assert_eq!((third.commit, third.adopted), (second.commit, true));

    let forced = dcr_gitops::run::Record { forced: true, ..record.clone() };
    match look.propose(&forced, &Place::New) {
        Err(Error::Conflict { holds, .. }) => assert_eq!(holds, Some(second.commit)),
        other => panic!("{other:?}"),
    }

    let seen: StepBranch = look.read(&nth(1)).0.steps.remove(0);
    sandbox.git(&work, &["worktree", "add", "--quiet", "../elsewhere", &seen.branch]);
    match look.propose(&forced, &replace(&seen)) {
        Err(Error::Git(git::Error::CheckedOut { worktree, .. })) => {
            assert!(worktree.ends_with("elsewhere"), "{}", worktree.display());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn fifty_commits_at_once_make_one_branch_with_one_commit() {
    let sandbox = Sandbox::new();
    sandbox.origin(2, "apiVersion: dcr-gitops/v1\n");
    let work = sandbox.clone("work", &[]);
    let barrier = Barrier::new(50);
    let made: Vec<_> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..50)
            .map(|racer| {
                let (sandbox, work, barrier) = (&sandbox, &work, &barrier);
                scope.spawn(move || {
                    let look = Look::at(sandbox, work);
                    let record = record(&nth(1), 1, 1, Phase::HistoryUpdate);
                    let (_, before) = look.read(&nth(1));
                    let change = change(&before, &run_files(&record));
                    barrier.wait();
                    look.commit(&record, &change, &Place::New, NOW + racer).unwrap()
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|made| !made.adopted).count(), 1);
    assert!(made.iter().all(|one| one.commit == made[0].commit));
    assert_eq!(
        sandbox.git(
            &work,
            &["rev-list", "--count", "origin/main..dcr/den/tenant-0/system1/run-1/step-1"]
        ),
        "1"
    );
    sandbox.fsck(&work);
}

#[test]
fn author_and_dates_are_those_git_would_take() {
    let mut sandbox = Sandbox::new();
    sandbox.origin(4, "apiVersion: dcr-gitops/v1\n");
    let work = sandbox.clone("work", &[]);
    let mut set = |name: &str, value: &str| sandbox.env.insert(name.into(), value.into());
    set("GIT_AUTHOR_NAME", "Ada <L>");
    set("GIT_AUTHOR_EMAIL", "ada@example.com");
    set("GIT_AUTHOR_DATE", "Thu, 07 Apr 2005 22:13:13 +0200");
    set("GIT_COMMITTER_DATE", "1700000000 -0130");
    let made = Look::at(&sandbox, &work).start(&nth(0)).unwrap();
    let format = "--format=%an <%ae> %ad|%cn <%ce> %cd";
    assert_eq!(
        sandbox.git(&work, &["log", "-1", "--date=raw", format, &made.commit.to_string()]),
        "Ada L <ada@example.com> 1112904793 +0200|Test Person <test@example.com> 1700000000 -0130"
    );

    // By the folder the clone is in, as git-config(1) has it.
    sandbox
        .env
        .retain(|name, _| !name.to_string_lossy().contains("_DATE") && name != "GIT_AUTHOR_NAME");
    let home = sandbox.path("home");
    let include =
        format!("[includeIf \"gitdir:{}/\"]\n\tpath = work.inc\n", sandbox.dir.path().display());
    let config = std::fs::read_to_string(home.join(".gitconfig")).unwrap() + &include;
    std::fs::write(home.join(".gitconfig"), config).unwrap();
    std::fs::write(home.join("work.inc"), "[user]\n\tname = At Work\n").unwrap();
    let made = Look::at(&sandbox, &work).start(&nth(1)).unwrap();
    assert_eq!(
        sandbox.git(&work, &["log", "-1", "--format=%an", &made.commit.to_string()]),
        "At Work"
    );

    sandbox.env.insert("GIT_AUTHOR_DATE".into(), "yesterday".into());
    let error = Look::at(&sandbox, &work).start(&nth(2)).unwrap_err();
    assert!(matches!(error, Error::Git(git::Error::BadDate { .. })), "{error}");
}

#[test]
fn without_an_identity_nothing_is_committed() {
    let sandbox = Sandbox::new();
    sandbox.origin(1, "apiVersion: dcr-gitops/v1\n");
    let work = sandbox.clone("work", &[]);
    std::fs::write(sandbox.path("home/.gitconfig"), "").unwrap();
    let error = Look::at(&sandbox, &work).start(&nth(0)).unwrap_err();
    assert!(error.is_about_the_repo());
    assert!(error.hint().unwrap().contains("git config --global user.email"));
    assert_eq!(sandbox.git(&work, &["for-each-ref", "refs/heads/dcr/"]), "");
}

#[test]
fn a_commit_is_signed_with_ssh_where_git_would_sign() {
    let sandbox = Sandbox::new();
    sandbox.origin(2, "apiVersion: dcr-gitops/v1\n");
    let work = sandbox.clone("work", &[]);
    let key = sandbox.path("key");
    let key_text = key.display().to_string();
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &key_text])
        .status();
    assert!(made.unwrap().success());
    let public = std::fs::read_to_string(sandbox.path("key.pub")).unwrap();
    std::fs::write(sandbox.path("signers"), format!("test@example.com {public}")).unwrap();
    let signers = sandbox.path("signers").display().to_string();
    for (name, value) in [
        ("commit.gpgsign", "true"),
        ("gpg.format", "ssh"),
        ("user.signingkey", &key_text),
        ("gpg.ssh.allowedSignersFile", &signers),
    ] {
        sandbox.git(&work, &["config", name, value]);
    }
    let made = Look::at(&sandbox, &work).start(&nth(0)).unwrap();
    assert_eq!(sandbox.git(&work, &["log", "-1", "--format=%G?", &made.commit.to_string()]), "G");
    sandbox.fsck(&work);

    sandbox.git(&work, &["config", "user.signingkey", "/nowhere/key"]);
    let error = Look::at(&sandbox, &work).start(&nth(1)).unwrap_err();
    assert!(matches!(error, Error::Git(git::Error::Signing(_))), "{error}");
    assert_eq!(sandbox.git(&work, &["for-each-ref", "refs/heads/dcr/den/tenant-0/system1/"]), "");
}

#[test]
fn a_commit_is_signed_through_the_configured_openpgp_program() {
    let sandbox = Sandbox::new();
    sandbox.origin(1, "apiVersion: dcr-gitops/v1\n");
    let work = sandbox.clone("work", &[]);
    // Signs with what it was asked: its arguments, so that the test sees the key.
    let program = sandbox.path("fake-gpg");
    let script = "#!/bin/sh\ncat > \"$HOME/signed\"\necho '[GNUPG:] SIG_CREATED D' >&2\n\
                  printf -- '-----BEGIN PGP SIGNATURE-----\\n\\n%s\\n-----END PGP SIGNATURE-----\\n' \"$*\"\n";
    std::fs::write(&program, script).unwrap();
    std::process::Command::new("chmod").arg("+x").arg(&program).status().unwrap();
    sandbox.git(&work, &["config", "commit.gpgsign", "true"]);
    sandbox.git(&work, &["config", "gpg.program", &program.display().to_string()]);
    let made = Look::at(&sandbox, &work).start(&nth(0)).unwrap();
    let raw = sandbox.git(&work, &["cat-file", "commit", &made.commit.to_string()]);
    let asked = "--status-fd=2 -bsau Test Person <test@example.com>";
    assert!(raw.contains("gpgsig -----BEGIN PGP SIGNATURE-----\n"), "{raw}");
    assert!(raw.contains(asked), "{raw}");
    let signed = std::fs::read_to_string(sandbox.path("home/signed")).unwrap();
    assert!(signed.starts_with("tree ") && !signed.contains("gpgsig"), "{signed}");
    sandbox.fsck(&work);
}

#[test]
fn a_ref_whose_name_is_in_the_way_is_named() {
    let sandbox = Sandbox::new();
    sandbox.origin(1, "apiVersion: dcr-gitops/v1\n");
    let work = sandbox.clone("work", &[]);
    sandbox.git(&work, &["branch", "dcr/den", "main"]);
    sandbox.git(&work, &["pack-refs", "--all"]);
    let error = Look::at(&sandbox, &work).start(&nth(0)).unwrap_err();
    assert!(
        matches!(&error, Error::Git(git::Error::NameTaken { other, .. }) if other == "refs/heads/dcr/den"),
        "{error}"
    );
}
