//! The program killed at every point between two of its writes: whatever it left behind, the next one makes
//! of it what it would have made of nothing.
mod platforms;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;

use dcr_gitops::rehearse::folder::Folder;
use dcr_gitops::rehearse::scenario::Scenario;
use dcr_gitops::rehearse::world::World;
use dcr_gitops::run::{Decision, Request, SystemRef, decide};
use git2::{Oid, Repository};
use jiff::SignedDuration;

use crate::env::Ran;
use crate::journey::play::prepare;
use crate::journey::program::{Lines, Program};
use crate::watch::stage::Stage;

const STEP: &str = "refs/heads/dcr/den/tenant-105858-prod/system6/run-1/step-2";

/// A `git` that dies, and takes the program that called it along, before or after its call number `dies-at`, or
/// before or after it pushes the journal.
const GIT: &str = r#"#!/bin/sh
calls=$(($(cat "$HOME/calls" 2>/dev/null || echo 0) + 1))
echo $calls > "$HOME/calls"
at=$(cat "$HOME/dies-at")
case "$at $*" in
    "journal "*push*refs/dcr/journal/*) at=$calls ;;
esac
case "$calls $(cat "$HOME/dies")" in
    "$at before") kill -9 $PPID; exit 1 ;;
    "$at after") REAL "$@"; kill -9 $PPID; exit 1 ;;
esac
exec REAL "$@"
"#;

/// The same files as in another folder, and nothing else.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), &to).unwrap()),
        }
    }
}

fn files(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    files
}

/// The tree of the step's commit, and its only parent.
fn held(repo: &Path) -> Option<(Oid, Oid)> {
    let repo = Repository::open(repo).unwrap();
    let commit = repo.find_reference(STEP).ok()?.peel_to_commit().unwrap();
    assert_eq!(commit.parent_count(), 1);
    Some((commit.tree_id(), commit.parent_id(0).unwrap()))
}

/// Looks, and commits what falls due. Whether it was there already.
async fn emit(folder: &Rc<Folder>, system: &SystemRef, world: &World) -> bool {
    let lines = Lines::default();
    let mut program = Program::new(Rc::clone(folder), system, &world.kubernetes, &lines);
    let look = program.look().await.unwrap();
    let begins = look.seen.deployment.record.is_none();
    let start = Request::Next { forced: None, ticket: None, skip_gate: None };
    let asked = if begins { start } else { Request::Observe };
    match decide(&look.seen, &asked).unwrap() {
        Decision::Propose(step) => program.commit(&look, &step).unwrap().adopted,
        Decision::Wait(unmet) if unmet[0].gate.as_str() == "review" => true,
        other => panic!("{other:#?}"),
    }
}

#[tokio::test]
async fn after_any_local_write() {
    let folder = || Rc::new(Folder::new(None, Some(OsStr::new("/nowhere"))).unwrap());
    let stage = folder();
    let setting = prepare(&stage, true);
    let world = World::new(&setting, &Scenario::named("happy").unwrap()).unwrap();
    emit(&stage, &setting.system, &world).await;
    world.until(world.now() + SignedDuration::from_hours(12)).await.unwrap();

    let whole = folder();
    copy(&stage.remote(), &whole.remote());
    assert!(!emit(&whole, &setting.system, &world).await);
    let wanted = held(&whole.remote());
    let before = files(&stage.remote());
    let mut written = files(&whole.remote());
    written.retain(|file| !before.contains(file));
    // What nothing refers to is written first, and the ref last.
    written.sort_by_key(|file| (!file.starts_with("objects"), file.clone()));
    assert!(written.len() > 8, "{written:?}");
    for survived in 0..=written.len() {
        let half = folder();
        copy(&stage.remote(), &half.remote());
        for file in &written[..survived] {
            fs::create_dir_all(half.remote().join(file).parent().unwrap()).unwrap();
            fs::copy(whole.remote().join(file), half.remote().join(file)).unwrap();
        }
        let adopted = emit(&half, &setting.system, &world).await;
        assert_eq!(adopted, survived == written.len(), "after {survived} files");
        assert_eq!(held(&half.remote()), wanted, "after {survived} files");
    }
}

/// A step that is due, and a program whose `git` dies.
struct Dying {
    stage: Stage,
    home: PathBuf,
    path: String,
    kept: Vec<(PathBuf, PathBuf)>,
}

impl Dying {
    async fn new() -> Self {
        let stage = Stage::due().await;
        let root = stage.folder.root().to_owned();
        let bin = root.join("bin");
        fs::create_dir(&bin).unwrap();
        let real = Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout;
        let real = String::from_utf8(real).unwrap();
        fs::write(bin.join("git"), GIT.replace("REAL", real.trim())).unwrap();
        fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
        let (_, path) = std::env::vars().find(|(name, _)| name == "PATH").unwrap();
        let path = format!("{}:{path}", bin.display());
        let repos = [(stage.folder.remote(), "kept.git"), (stage.folder.work(), "kept")];
        let kept = repos.map(|(repo, kept)| (repo, root.join(kept))).to_vec();
        for (repo, kept) in &kept {
            copy(repo, kept);
        }
        Dying { stage, home: root.join("home"), path, kept }
    }

    /// Both repos as they were in the beginning.
    fn again(&self) {
        for (repo, kept) in &self.kept {
            fs::remove_dir_all(repo).unwrap();
            copy(kept, repo);
        }
    }

    async fn start(&self, arguments: &[&str], dies: &str, at: &str) -> Output {
        for (name, text) in [("calls", "0"), ("dies", dies), ("dies-at", at)] {
            fs::write(self.home.join(name), text).unwrap();
        }
        let mut command = self.stage.program(&self.stage.folder.work(), arguments);
        command.env("PATH", &self.path);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// What is there after a program that lives; it must be what one makes of nothing.
    async fn next(&self) -> Option<(Oid, Oid)> {
        Ran::from(self.start(&["next-phase", "system6", "--push"], "never", "0").await).ends(0);
        self.stage.is_clean();
        held(&self.stage.folder.remote())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_and_after_any_call_of_git() {
    let dying = Dying::new().await;
    let wanted = dying.next().await;
    let calls: u32 = fs::read_to_string(dying.home.join("calls")).unwrap().trim().parse().unwrap();
    assert!(calls >= 3 && wanted.is_some(), "{calls} calls");
    for at in 1..=calls {
        for dies in ["before", "after"] {
            dying.again();
            let arguments = ["next-phase", "system6", "--push"];
            let killed = dying.start(&arguments, dies, &at.to_string()).await;
            assert_eq!(killed.status.signal(), Some(9), "{dies} call {at}");
            let left = held(&dying.stage.folder.remote());
            assert!(left.is_none() || left == wanted, "{dies} call {at}: {left:?}");
            assert_eq!(dying.next().await, wanted, "{dies} call {at}");
        }
    }
    assert_eq!(dying.stage.world.ledger().writes_refused, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_and_after_the_journal_is_pushed() {
    let dying = Dying::new().await;
    let wanted = dying.next().await;
    for dies in ["before", "after"] {
        dying.again();
        let arguments = ["watch", "system6", "--push", "--for", "2m"];
        let killed = dying.start(&arguments, dies, "journal").await;
        assert_eq!(killed.status.signal(), Some(9), "{dies}: {killed:?}");
        let journals = ["for-each-ref", "refs/dcr/journal"];
        let journals = dying.stage.folder.git(&dying.stage.folder.remote(), journals).unwrap();
        assert_eq!(journals.is_empty(), dies == "before", "{journals}");
        assert_eq!(dying.next().await, wanted, "{dies}");
    }
}
