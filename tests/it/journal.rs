//! The watcher's memory on a ref of the remote: written and read by the real git, raced for, refused,
//! lost and forged.
mod kept;
mod spoilt;

use std::path::{Path, PathBuf};

use dcr_gitops::git::{Oid, Repo};
use dcr_gitops::observe::journal::{Stored, stored};
use dcr_gitops::propose::{Note, note};
use dcr_gitops::run::Observation;
use dcr_gitops::run::journal::{Journal, Stretch};
use jiff::{SignedDuration, Timestamp};

use crate::estimate::Watched;
use crate::git_repo::Sandbox;
use crate::world::system;

const SETTINGS: &str = "apiVersion: dcr-gitops/v1\n";
const REF: &str = "refs/dcr/journal/den/tenant-105858-prod/system6";

/// A remote, and clones of it.
struct Remote {
    sandbox: Sandbox,
    origin: PathBuf,
}

impl Remote {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let origin = sandbox.origin(2, SETTINGS);
        Remote { sandbox, origin }
    }

    fn clone(&self, name: &str, arguments: &[&str]) -> Repo {
        let dir = self.sandbox.clone(name, arguments);
        self.sandbox.open(&dir)
    }

    /// What the ref holds.
    fn holds(&self) -> Option<String> {
        let found =
            self.sandbox.git(&self.origin, &["for-each-ref", "--format=%(objectname)", REF]);
        (!found.is_empty()).then_some(found)
    }

    /// A hook of the remote that refuses refs that are no branches.
    fn refuse(&self) {
        let hook = self.origin.join("hooks/update");
        let text =
            "#!/bin/sh\ncase $1 in refs/heads/*) ;; *) echo no such refs >&2; exit 1;; esac\n";
        std::fs::write(&hook, text).unwrap();
        std::process::Command::new("chmod").arg("+x").arg(&hook).status().unwrap();
    }

    /// Everything in a clone that git would show to its user.
    fn traces(&self, dir: &Path) -> Vec<String> {
        let questions: [&[&str]; 4] = [
            &["for-each-ref"],
            &["count-objects", "-v"],
            &["status", "--porcelain", "--ignored"],
            &["config", "--local", "--list"],
        ];
        let mut traces: Vec<String> =
            questions.iter().map(|asked| self.sandbox.git(dir, asked)).collect();
        traces.push(format!("{}", dir.join(".git/FETCH_HEAD").exists()));
        traces
    }
}

/// What the remote has of system6's journal.
fn read(repo: &Repo) -> Stored {
    let scratch = repo.scratch().unwrap();
    let mut all = stored(&scratch, "origin", &[system()]).unwrap();
    all.remove(&system()).unwrap()
}

/// One watcher's look, with the journal as it was read.
fn look(minutes: i64, percent: f64, read: &Stored) -> Observation {
    let mut watched = Watched::new();
    watched.glance(minutes, Some(percent)).seen.world.journal = read.journal.clone();
    watched.seen
}

/// Notes a look.
fn write(repo: &Repo, seen: Observation, holds: Option<Oid>) -> Stored {
    note(repo, "origin", vec![Note { holds, seen, reported: vec![] }]).remove(0)
}

fn percents(journal: &Journal) -> Vec<f64> {
    journal.samples.iter().map(|sample| sample.percent).collect()
}

#[test]
fn hours_in_which_nobody_watched_are_shown_for_a_day() {
    let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
    let stretch = |from, to| Stretch { from: at(from), to: at(to) };
    let mut journal = Journal { last_tick: Some(at(10)), ..Journal::default() };
    journal.watched = vec![stretch(0, 10)];
    assert_eq!(journal.outage(at(12)), None);
    assert_eq!(journal.outage(at(15)), Some(stretch(10, 15)));
    journal.watched.push(stretch(15, 20));
    journal.last_tick = Some(at(20));
    assert_eq!(journal.outage(at(21)), Some(stretch(10, 15)));
    journal.watched[1].to = at(40);
    journal.last_tick = Some(at(40));
    assert_eq!(journal.outage(at(40)), None);
    // Whoever looked in the future wrote nonsense.
    assert_eq!(journal.outage(at(3)), None);
}
