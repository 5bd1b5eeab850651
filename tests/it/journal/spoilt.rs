//! Spoilt: a journal that can't be read, written or believed costs what it holds and one warning.
use std::fmt::Write as _;

use dcr_gitops::run::cluster::ClusterView;
use dcr_gitops::run::journal::AttemptSeen;
use dcr_gitops::run::{Phase, deadline, decide, notices};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::world::{cluster, met};

/// Puts a commit with this file in the journal's place.
fn forge(remote: &Remote, file: &str, content: &str) {
    let mut stream =
        format!("commit {REF}\ncommitter A Person <a@example.com> 0 +0000\ndata 0\n\ndeleteall\n");
    write!(stream, "M 100644 inline {file}\ndata {}\n{content}\n", content.len()).unwrap();
    let import = ["fast-import", "--quiet", "--force"];
    remote.sandbox.git_with(&remote.origin, &import, stream.as_bytes());
}

#[test]
fn one_that_cannot_be_used_is_begun_anew() {
    let remote = Remote::new();
    let repo = remote.clone("one", &[]);
    let first = write(&repo, look(0, 1.0, &Stored::default()), None);
    let good = remote.sandbox.git(&remote.origin, &["show", &format!("{REF}:journal.json")]);
    let deep = format!("{{\"version\":1,\"system\":{}", "[".repeat(10_000));
    let huge = good.replace("\"samples\":[", &format!("\"samples\":[{}", " ".repeat(70_000)));
    let spoilt = [
        ("journal.json", "rehearsalTOKEN"),
        ("journal.json", ""),
        ("journal.json", deep.as_str()),
        ("journal.json", huge.as_str()),
        ("journal.json", &good.replace("\"version\":1", "\"version\":2")),
        ("journal.json", &good.replace("system6", "system7")),
        ("journal.json", &good.replace("\"samples\"", "\"sample\"")),
        ("journal.json", &good.replace("1.0", "1e999")),
        ("other.json", good.as_str()),
        ("journal.json/journal.json", good.as_str()),
    ];
    let mut told = String::new();
    for (file, content) in spoilt {
        forge(&remote, file, content);
        let found = read(&repo);
        let why = found.journal.trouble.clone().unwrap();
        assert_eq!(Journal { trouble: None, ..found.journal.clone() }, Journal::default());
        assert!(!why.contains("rehearsalTOKEN"), "{why}");
        writeln!(told, "{}", why.trim_start_matches(REF).trim_start()).unwrap();
        let seen = look(10, 2.0, &found);
        let said = notices(&seen);
        assert_eq!(said.iter().filter(|said| said.contains(&why)).count(), 1, "{said:?}");
        // The next one to write mends it.
        let written = write(&repo, seen, found.holds);
        assert_eq!((written.journal.trouble.as_ref(), read(&repo)), (None, written.clone()));
        assert_eq!(percents(&written.journal), [2.0]);
    }
    insta::assert_snapshot!(told, @"
    can't be used: it isn't a journal (column 1)
    can't be used: it isn't a journal (column 0)
    can't be used: it isn't a journal (column 10022)
    can't be used: it holds no journal.json of at most 65536 bytes
    can't be used: it is of version 2, this program's of 1
    can't be used: it is another system's
    can't be used: it isn't a journal (column 381)
    can't be used: it isn't a journal (column 340)
    can't be used: it holds no journal.json of at most 65536 bytes
    can't be used: it holds no journal.json of at most 65536 bytes
    ");
    // A ref that holds no commit.
    let blob = remote.sandbox.git_with(&remote.origin, &["hash-object", "-w", "--stdin"], b"{}");
    remote.sandbox.git(&remote.origin, &["update-ref", REF, &blob]);
    let found = read(&repo);
    assert!(found.journal.trouble.is_some());
    assert_eq!(write(&repo, look(10, 2.0, &found), found.holds).journal.trouble, None);
    drop(first);
}

#[test]
fn a_remote_that_refuses_it_leaves_it_to_this_process() {
    let remote = Remote::new();
    remote.refuse();
    let repo = remote.clone("one", &[]);
    let mut kept = write(&repo, look(0, 1.0, &Stored::default()), None);
    let why = kept.journal.trouble.clone().unwrap();
    assert!(why.contains("can't be written") && why.contains("no such refs"), "{why}");
    kept = write(&repo, look(10, 2.0, &kept), kept.holds);
    assert_eq!(percents(&kept.journal), [1.0, 2.0]);
    assert_eq!(kept.journal.trouble, Some(why), "the same, so that it is said once");
    assert_eq!(remote.holds(), None);
    std::fs::remove_file(remote.origin.join("hooks/update")).unwrap();
    kept = write(&repo, look(20, 3.0, &kept), kept.holds);
    assert_eq!((kept.journal.trouble.as_ref(), percents(&read(&repo).journal).len()), (None, 3));
}

#[test]
fn a_remote_that_is_gone_is_told_without_its_credentials() {
    let remote = Remote::new();
    let repo = remote.clone("one", &[]);
    let url = "https://me:rehearsalTOKEN@localhost:1/deployments.git";
    remote.sandbox.git(&remote.sandbox.path("one"), &["remote", "set-url", "origin", url]);
    let scratch = repo.scratch().unwrap();
    let error = stored(&scratch, "origin", &[system()]).unwrap_err().to_string();
    assert!(!error.contains("rehearsalTOKEN"), "{error}");
    let kept = write(&repo, look(0, 1.0, &Stored::default()), None);
    let why = kept.journal.trouble.unwrap();
    assert!(why.contains("can't be written") && !why.contains("rehearsalTOKEN"), "{why}");
    assert_eq!(
        percents(&Journal { trouble: None, samples: kept.journal.samples, ..Default::default() }),
        [1.0]
    );
}

fn believes(first_seen: Timestamp) -> Observation {
    let mut seen = met(Phase::Rebuild);
    let noted = AttemptSeen { run: 7, attempt: 1, first_seen, furthest: None, went_back: None };
    seen.world.journal.attempts = vec![noted];
    seen
}

/// A forged journal can neither end the time of a rebuild nor lengthen it.
#[test]
fn a_deadline_is_not_what_a_journal_says_it_is() {
    let truth = deadline(&met(Phase::Rebuild)).unwrap();
    assert_eq!(deadline(&believes(Timestamp::MAX)), Some(truth));
    let seen = believes(Timestamp::UNIX_EPOCH);
    let landed = &seen.deployment.history.landed;
    let before = landed.iter().find(|landed| landed.phase == Phase::FarmUp).unwrap().at;
    let fortnight = SignedDuration::from_hours(14 * 24);
    assert_eq!(deadline(&seen), Some(before + fortnight), "an attempt follows the step before it");
    assert_eq!(
        decide(&seen, &dcr_gitops::run::Request::Observe).unwrap(),
        decide(&met(Phase::Rebuild), &dcr_gitops::run::Request::Observe).unwrap(),
    );
    // The steps before it aren't known in a shallow clone; then the objects of the run are.
    let mut shallow = believes(Timestamp::UNIX_EPOCH);
    shallow.deployment.history.landed.truncate(1);
    let landed = shallow.deployment.history.landed[0].at;
    let created = landed - SignedDuration::from_hours(30);
    cluster(&mut shallow).objects[0].created = Some(created);
    assert_eq!(deadline(&shallow), Some(created + fortnight));
    shallow.world.cluster = ClusterView::NoContext { context: "den".into() };
    assert_eq!(deadline(&shallow), Some(landed + fortnight));
}
