//! Every kind of clone either works, without an object too many fetched, or is refused by name.
use std::path::{Path, PathBuf};

use dcr_gitops::git::{self, Repo};
use dcr_gitops::observe::deployment::remote_steps;
use dcr_gitops::propose::{Push, Pushed, push};
use dcr_gitops::run::Phase;

use crate::git_repo::*;

const SETTINGS: &str = "apiVersion: dcr-gitops/v1\nwiring: kustomize\n";

/// Reads a system whose run is at its first step, commits the next one and pushes it.
fn a_step_from(sandbox: &Sandbox, dir: &Path) -> Look {
    let look = Look::at(sandbox, dir);
    let (seen, _) = look.read(&nth(3));
    assert_eq!(seen.record.as_ref().map(|record| record.step), Some(1));
    assert_eq!(seen.wanted.len(), 2);
    let next = record(&nth(3), 1, 2, Phase::FarmUp);
    let made = look.propose(&next, &dcr_gitops::run::Place::New).unwrap();
    let branch = branch(&next);
    let what = Push { remote: "origin", branch: &branch, commit: made.commit, expected: None };
    let pushed = push(&look.repo, what, &|_| Ok(false)).unwrap();
    assert_eq!(pushed, Pushed::Pushed);
    let origin = sandbox.path("origin.git");
    let base = look.found.base.commit.clone();
    assert_eq!(sandbox.git(&origin, &["rev-parse", &format!("{branch}^")]), base);
    let dcr = format!("{}/dcr", folder(&nth(3)));
    assert_eq!(
        sandbox.git(&origin, &["diff-tree", "-r", "--name-status", &base, &branch]),
        format!("M\t{dcr}/run.yaml")
    );
    sandbox.fsck(&origin);
    look
}

fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(30, SETTINGS);
    sandbox.land(&origin, "main", "1.1", &run_files(&record(&nth(3), 1, 1, Phase::HistoryUpdate)));
    sandbox.land(&origin, "main", "more", &[("elsewhere".to_owned(), "x".to_owned())]);
    sandbox
}

#[test]
fn clones_with_all_objects_work() {
    for (arguments, inside) in [
        (vec![], ""),
        (vec!["--bare"], ""),
        (vec!["--mirror"], ""),
        (vec!["--no-checkout"], ""),
        (vec!["--sparse"], ""),
        (vec!["--depth=1"], ""),
        (vec![], "clusters/den"),
    ] {
        let sandbox = prepared();
        let work = sandbox.clone("work", &arguments);
        if arguments.contains(&"--bare") {
            sandbox.git(&work, &["update-ref", "refs/remotes/origin/main", "main"]);
        }
        let look = a_step_from(&sandbox, &work.join(inside));
        let truncated = look.read(&nth(3)).0.history.truncated;
        assert_eq!(truncated, arguments.contains(&"--depth=1"), "{arguments:?}");
        assert_eq!(look.repo.is_shallow(), truncated);
        sandbox.fsck(&work);
    }
}

#[test]
fn linked_worktrees_and_clones_with_alternates_work() {
    let sandbox = prepared();
    let main = sandbox.clone("main", &[]);
    sandbox.git(&main, &["worktree", "add", "--quiet", "../linked", "-b", "mine"]);
    let linked = sandbox.path("linked");
    let head = std::fs::read(main.join(".git/worktrees/linked/HEAD")).unwrap();
    a_step_from(&sandbox, &linked);
    assert_eq!(std::fs::read(main.join(".git/worktrees/linked/HEAD")).unwrap(), head);
    assert_eq!(sandbox.git(&linked, &["status", "--porcelain"]), "");

    let sandbox = prepared();
    let main = sandbox.clone("main", &[]);
    let reference = main.display().to_string();
    let borrowing = sandbox.clone("borrowing", &["--reference", &reference]);
    assert!(borrowing.join(".git/objects/info/alternates").exists());
    a_step_from(&sandbox, &borrowing);
}

/// Calls of `git fetch` since the trace was last read.
fn fetches(trace: &Path) -> usize {
    let text = std::fs::read_to_string(trace).unwrap_or_default();
    std::fs::write(trace, "").unwrap();
    text.lines().filter(|line| line.contains("built-in: git fetch")).count()
}

fn objects(sandbox: &Sandbox, dir: &Path) -> usize {
    sandbox.git(dir, &["cat-file", "--batch-check", "--batch-all-objects"]).lines().count()
}

#[test]
fn partial_clones_fetch_what_is_missing_in_few_round_trips() {
    for (filter, most) in [("--filter=blob:none", 4), ("--filter=tree:0", 16)] {
        let mut sandbox = prepared();
        let work = sandbox.clone("work", &["--no-checkout", filter]);
        let trace = sandbox.path("trace");
        sandbox.env.insert("GIT_TRACE".into(), trace.clone().into());
        let before = objects(&sandbox, &work);
        fetches(&trace);
        let look = Look::at(&sandbox, &work);
        look.read(&nth(3));
        let trips = fetches(&trace);
        assert!((1..=most).contains(&trips), "{filter}: {trips} round trips");
        // A repo of 30 systems has hundreds of objects; what was read is on one path.
        let fetched = objects(&sandbox, &work) - before;
        assert!(fetched <= 40, "{filter}: {fetched} objects");
        fetches(&trace);
        a_step_from(&sandbox, &work);
    }
}

#[test]
fn a_partial_clone_made_by_an_older_git_works() {
    let sandbox = prepared();
    let work = sandbox.clone("work", &["--no-checkout", "--filter=blob:none"]);
    for arguments in [
        ["config", "core.repositoryformatversion", "1"],
        ["config", "extensions.partialClone", "origin"],
    ] {
        sandbox.git(&work, &arguments);
    }
    sandbox.git(&work, &["config", "--unset", "remote.origin.promisor"]);
    a_step_from(&sandbox, &work);
}

#[test]
fn formats_that_cannot_be_read_are_refused_by_name() {
    let sandbox = Sandbox::new();
    let make = |name: &str, argument: &str| -> PathBuf {
        sandbox.git(sandbox.dir.path(), &["init", "--quiet", argument, name]);
        sandbox.path(name)
    };
    for (dir, named) in [
        (make("sha256", "--object-format=sha256"), "sha256 object ids"),
        (make("reftable", "--ref-format=reftable"), "reftable refs"),
    ] {
        let error = Repo::open(&dir, &sandbox.env).err().unwrap();
        assert!(matches!(error, git::Error::Unsupported { .. }) && error.is_about_the_repo());
        assert!(error.to_string().contains(named), "{error}");
        assert!(error.hint().is_some());
    }
    std::fs::create_dir(sandbox.path("none")).unwrap();
    let mut env = sandbox.env.clone();
    env.insert("GIT_CEILING_DIRECTORIES".into(), sandbox.dir.path().into());
    let error = Repo::open(&sandbox.path("none"), &env).err().unwrap();
    assert!(matches!(error, git::Error::NotARepo(_)), "{error}");
}

#[test]
fn git_dir_is_followed_and_does_not_confuse_the_git_program() {
    let mut sandbox = prepared();
    let work = sandbox.clone("work", &["--no-checkout", "--filter=blob:none"]);
    sandbox.git(sandbox.dir.path(), &["init", "--quiet", "decoy"]);
    let decoy = sandbox.path("decoy");
    let git = |sandbox: &mut Sandbox, dir: &Path| {
        sandbox.env.insert("GIT_DIR".into(), dir.join(".git").into());
    };
    git(&mut sandbox, &work);
    let repo = sandbox.open(&decoy);
    assert_eq!(repo.git_dir().canonicalize().unwrap(), work.join(".git").canonicalize().unwrap());
    let look = Look::in_repo(repo);
    assert!(look.read(&nth(3)).0.record.is_some());
}

#[test]
fn in_a_shallow_clone_an_open_step_made_on_an_older_base_is_still_ours() {
    let sandbox = prepared();
    let full = sandbox.clone("full", &[]);
    a_step_from(&sandbox, &full);
    let origin = sandbox.path("origin.git");
    // Of the history before it, nothing is needed.
    assert_eq!(sandbox.git(&origin, &["rev-list", "--count", "main"]), "3");
    for text in ["y", "z"] {
        sandbox.land_at(
            &origin,
            "main",
            "more",
            &[("elsewhere".to_owned(), text.to_owned())],
            NOW + 60,
        );
    }
    let work = sandbox.clone("work", &["--depth=1"]);
    let mut look = Look::at(&sandbox, &work);
    look.branches = Some(remote_steps(&look.repo, "origin", "main", &[nth(3)]).unwrap());
    let (seen, _) = look.read(&nth(3));
    assert_eq!(ours(&seen.steps[0]).phase, Phase::FarmUp);
    assert!(!seen.steps[0].outdated);
    sandbox.fsck(&work);
}
