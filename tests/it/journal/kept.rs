//! Kept: what is written is read again, by whomever, and nobody's clone shows a trace of it.
use dcr_gitops::git::Oid;
use dcr_gitops::observe::journal::{Stored, stored};
use dcr_gitops::propose::{Note, note};
use dcr_gitops::run::{Request, SystemRef, attentions, decide};
use serde_json::Value;

use super::*;
use crate::estimate::Watched;
use crate::git_repo::{Sandbox, nth};
use crate::watch::stage::Stage;

#[test]
fn what_one_watcher_notes_the_next_one_knows() {
    let remote = Remote::new();
    let (one, other) = (remote.clone("one", &[]), remote.clone("other", &[]));
    assert_eq!(read(&one), Stored::default());
    let traces = ["one", "other"].map(|name| remote.traces(&remote.sandbox.path(name)));

    let first = write(&one, look(0, 1.0, &Stored::default()), None);
    assert_eq!(first.holds.map(|id| id.to_string()), remote.holds());
    let theirs = read(&other);
    assert_eq!(theirs, first);
    let second = write(&other, look(10, 2.0, &theirs), theirs.holds);
    assert_eq!(percents(&second.journal), [1.0, 2.0]);
    assert_eq!(read(&one), second);

    let after = ["one", "other"].map(|name| remote.traces(&remote.sandbox.path(name)));
    assert_eq!(after, traces);
    remote.sandbox.fsck(&remote.origin);
    // It is a file that people can look at, and has no history.
    let shown = remote.sandbox.git(&remote.origin, &["show", &format!("{REF}:journal.json")]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["system"], "den/tenant-105858-prod/system6");
    assert_eq!(remote.sandbox.git(&remote.origin, &["rev-list", "--count", REF]), "1");
}

#[test]
fn it_is_written_at_most_every_ten_minutes() {
    let remote = Remote::new();
    let repo = remote.clone("one", &[]);
    let first = write(&repo, look(0, 1.0, &Stored::default()), None);
    for minute in 1..10 {
        assert_eq!(write(&repo, look(minute, 2.0, &first), first.holds), first);
    }
    assert_ne!(write(&repo, look(10, 2.0, &first), first.holds), first);
}

/// Both read the same, and the second finds that the first was faster.
#[test]
fn two_watchers_add_to_what_the_other_wrote() {
    let remote = Remote::new();
    let (one, other) = (remote.clone("one", &[]), remote.clone("other", &[]));
    let begun = write(&one, look(0, 1.0, &Stored::default()), None);
    let theirs = write(&one, look(10, 2.0, &begun), begun.holds);
    let both = write(&other, look(20, 3.0, &begun), begun.holds);
    assert_eq!(percents(&both.journal), [1.0, 2.0, 3.0]);
    assert_eq!(both.journal.trouble, None);
    assert_eq!(read(&one), both);
    // Who comes a little later takes what is there, and writes nothing.
    let late = write(&one, look(21, 3.1, &theirs), theirs.holds);
    assert_eq!(late, both);
}

#[test]
fn the_first_of_two_may_come_to_nothing() {
    let remote = Remote::new();
    let (one, other) = (remote.clone("one", &[]), remote.clone("other", &[]));
    write(&one, look(0, 1.0, &Stored::default()), None);
    let both = write(&other, look(15, 2.0, &Stored::default()), None);
    assert_eq!(percents(&both.journal), [1.0, 2.0]);
}

#[test]
fn odd_clones_and_odd_names_do() {
    let remote = Remote::new();
    let plain = remote.clone("plain", &[]);
    let odd = SystemRef {
        cluster: "den:1".into(),
        namespace: "täñant".into(),
        system: "system6.lock".into(),
    };
    let mut seen = look(0, 1.0, &Stored::default());
    seen.deployment.system = odd.clone();
    write(&plain, seen, None);
    let refs = remote.sandbox.git(&remote.origin, &["for-each-ref", "--format=%(refname)"]);
    let named = "refs/dcr/journal/den%3A1/t%C3%A4%C3%B1ant/system6%2Elock";
    assert!(refs.contains(named), "{refs}");
    let kinds: [&[&str]; 4] = [
        &["--depth=1"],
        &["--filter=blob:none", "--no-checkout"],
        &["--filter=tree:0", "--no-checkout"],
        &["--mirror"],
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let name = format!("clone {number}: \"odd\"");
        let repo = remote.clone(&name, kind);
        let scratch = repo.scratch().unwrap();
        let found = stored(&scratch, "origin", std::slice::from_ref(&odd)).unwrap();
        assert_eq!(percents(&found[&odd].journal), [1.0], "{kind:?}");
        let mut seen = look(10 * (number as i64 + 1), 2.0, &found[&odd]);
        seen.deployment.system = odd.clone();
        seen.world.journal.samples.clear();
        seen.deployment.record.as_mut().unwrap().attempt = 1;
        let kept = found[&odd].holds;
        let written = note(&repo, "origin", vec![Note { holds: kept, seen, reported: vec![] }]);
        assert_eq!(written[0].journal.trouble, None, "{kind:?}");
        remote.sandbox.git(&remote.origin, &["update-ref", named, &kept.unwrap().to_string()]);
    }
}

/// However many systems are looked at: one call to read, one to write.
#[test]
fn all_systems_are_served_at_once() {
    let mut remote = Remote::new();
    let calls = count_git(&mut remote.sandbox);
    let repo = remote.clone("one", &[]);
    let systems: Vec<SystemRef> = (0..25).map(nth).collect();
    let scratch = repo.scratch().unwrap();
    calls();
    let found = stored(&scratch, "origin", &systems).unwrap();
    assert_eq!(calls(), ["fetch"]);
    let notes = systems.iter().map(|system| {
        let mut seen = look(0, 1.0, &found[system]);
        seen.deployment.system = system.clone();
        Note { holds: None, seen, reported: vec![] }
    });
    let written = note(&repo, "origin", notes.collect());
    assert_eq!(calls(), ["push"]);
    assert!(written.iter().all(|it| it.holds.is_some() && it.journal.trouble.is_none()));
    let found = stored(&scratch, "origin", &systems).unwrap();
    assert!(found.values().zip(&written).all(|(found, _)| percents(&found.journal) == [1.0]));
}

/// From now on, what git was called for since it was asked last.
fn count_git(sandbox: &mut Sandbox) -> impl Fn() -> Vec<String> + use<> {
    let (bin, log) = (sandbox.path("bin"), sandbox.path("calls"));
    std::fs::create_dir(&bin).unwrap();
    let path = sandbox.env[std::ffi::OsStr::new("PATH")].clone();
    let script = format!(
        "#!/bin/sh\nfor a; do case $a in fetch|push|ls-remote) echo $a >> '{}';; esac; done\n\
         PATH='{}' exec git \"$@\"\n",
        log.display(),
        path.to_str().unwrap()
    );
    std::fs::write(bin.join("git"), script).unwrap();
    std::process::Command::new("chmod").arg("+x").arg(bin.join("git")).status().unwrap();
    let with_ours = format!("{}:{}", bin.display(), path.to_str().unwrap());
    sandbox.env.insert("PATH".into(), with_ours.into());
    move || {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::write(&log, "").unwrap();
        said.lines().map(str::to_owned).collect()
    }
}

#[test]
fn what_was_told_is_known_to_have_been_told() {
    let remote = Remote::new();
    let repo = remote.clone("one", &[]);
    let mut stalled = Watched::new();
    stalled.steadily(0..=400, 0.0);
    let told = |seen: &Observation| attentions(seen, &decide(seen, &Request::Observe).unwrap());
    let reported = told(&stalled.seen);
    assert_eq!(reported.len(), 1);
    let fresh = |seen: &Observation| dcr_gitops::run::journal::unreported(seen, &told(seen)).len();
    assert_eq!(fresh(&stalled.seen), 1);
    stalled.glance(410, Some(0.0));
    let noted = Note { holds: None, seen: stalled.seen.clone(), reported };
    let mut stored = note(&repo, "origin", vec![noted]).remove(0);
    assert_eq!(fresh(&look(420, 0.0, &stored)), 0, "once");
    // It goes on, and stands still again: that is another one.
    for minute in (420..=800).step_by(10) {
        stored = write(&repo, look(minute, 1.0, &stored), stored.holds);
    }
    assert_eq!(fresh(&look(810, 1.0, &stored)), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_pushes_keeps_it_and_status_reads_it() {
    let stage = Stage::due().await;
    let name = "refs/dcr/journal/den/tenant-105858-prod/system6";
    let holds = |stage: &Stage| {
        let remote = stage.folder.remote();
        stage.folder.git(&remote, ["for-each-ref", "--format=%(objectname)", name]).unwrap()
    };
    let slice = ["watch", "system6", "--for", "1s", "--poll", "1s"];
    stage.run(&slice).await.ends(10);
    assert_eq!(holds(&stage), "", "nothing was to be pushed");
    stage.run(&[&slice[..], &["--push"]].concat()).await.ends(10);
    let first = holds(&stage);
    assert!(!first.is_empty());

    let refs = stage.refs();
    let line = stage.run(&["status", "system6", "-o", "json"]).await.ends(0).line();
    assert_eq!(stage.refs(), refs);
    let journal = &line["observed"]["world"]["journal"];
    assert!(journal["lastTick"].is_string(), "{journal}");
    assert_eq!(journal["watched"].as_array().unwrap().len(), 1);

    // A night without a watcher is seen.
    stage.pass(12).await;
    let text = stage.run(&["status", "system6"]).await.ends(0).out;
    assert!(text.contains("ago, by nobody from"), "{text}");
    stage.run(&[&slice[..], &["--push"]].concat()).await.ends(10);
    assert_ne!(holds(&stage), first);
    assert!(Oid::from_str(holds(&stage).trim()).is_ok());
    stage.is_clean();
}
