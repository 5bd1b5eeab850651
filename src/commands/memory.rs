//! The journals of the systems at hand, from one look to the next: read when they are first needed, kept
//! while this process lives, and written where it may push.
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::look::Look;
use super::session::Session;
use crate::cli::{Common, Emit};
use crate::git::Oid;
use crate::observe::deployment::HasRun;
use crate::observe::journal::{Stored, stored};
use crate::propose::{Note, note};
use crate::run::journal::{Journal, WRITTEN_EVERY};
use crate::run::{Attention, Observation, SystemRef};

/// What is remembered of each system.
#[derive(Debug, Default)]
pub struct Memory {
    /// Nothing is read where a file says what was seen.
    replayed: bool,
    writes: bool,
    known: BTreeMap<SystemRef, Known>,
}

#[derive(Debug, Default)]
struct Known {
    holds: Option<Oid>,
    journal: Journal,
    /// When it was read, or couldn't be.
    tried: Timestamp,
    read: bool,
}

impl Memory {
    pub fn new(common: &Common, emit: Emit) -> Self {
        let replayed = common.observed.is_some();
        Memory { replayed, writes: emit.pushes() && !replayed, known: BTreeMap::new() }
    }

    /// Reads the journals that aren't known yet, or may be news, of those systems that have a run: with one
    /// call to the remote, if any.
    pub fn recall(&mut self, session: &Session, systems: &[SystemRef], now: Timestamp) {
        let Some(remote) = session.remote.as_deref().filter(|_| !self.replayed) else { return };
        let source = session.source(session.pattern());
        let wanted: Vec<SystemRef> = systems
            .iter()
            .filter(|system| self.is_due(system, now))
            .filter(|system| matches!(source.has_run(system), Ok(HasRun::On)))
            .cloned()
            .collect();
        if wanted.is_empty() {
            return;
        }
        let scratch = session.repo.scratch();
        let found = scratch.and_then(|scratch| stored(&scratch, remote, &wanted));
        let mut found = found.map_err(|error| error.to_string());
        for system in wanted {
            let known = self.known.entry(system.clone()).or_default();
            known.tried = now;
            known.read = found.is_ok();
            match &mut found {
                Ok(found) => {
                    let Stored { holds, journal } = found.remove(&system).unwrap_or_default();
                    known.holds = holds;
                    // Whoever may not write remembers by itself, unless somebody knows better.
                    if self.writes || journal.last_tick >= known.journal.last_tick {
                        known.journal = journal;
                    }
                }
                Err(why) => {
                    let trouble = format!("the watcher's journal can't be read: {why}");
                    known.journal.trouble = Some(trouble);
                }
            }
        }
    }

    /// Who writes journals knows what is in them: whoever else writes is noticed then.
    fn is_due(&self, system: &SystemRef, now: Timestamp) -> bool {
        let Some(known) = self.known.get(system) else { return true };
        let kept = self.writes && known.read;
        !kept && now.duration_since(known.tried) >= WRITTEN_EVERY
    }

    /// Puts what is remembered into a look.
    pub fn put(&self, look: &mut Look) {
        self.put_into(&mut look.seen);
    }

    /// The same for what was seen.
    pub fn put_into(&self, seen: &mut Observation) {
        if let Some(known) = self.known.get(&seen.deployment.system) {
            seen.world.journal = known.journal.clone();
        }
    }

    /// Notes these looks, each with what people were told at it, as often as journals may be written: on the
    /// remote, or where this process may not push, for itself.
    pub fn note(&mut self, session: &Session, looks: Vec<(Observation, Vec<Attention>)>) {
        let looks = looks.into_iter().filter(|(seen, _)| {
            let on = seen.deployment.record.is_some();
            on && !self.replayed && seen.world.journal.may_be_written(seen.at)
        });
        let Some(remote) = session.remote.as_deref().filter(|_| self.writes) else {
            for (seen, reported) in looks.collect::<Vec<_>>() {
                let known = self.known.entry(seen.deployment.system.clone()).or_default();
                known.journal = Journal::after(&seen, &reported);
            }
            return;
        };
        let notes: Vec<Note> = looks
            .map(|(seen, reported)| {
                let known = self.known.get(&seen.deployment.system);
                Note { holds: known.and_then(|known| known.holds), seen, reported }
            })
            .collect();
        if notes.is_empty() {
            return;
        }
        let systems: Vec<(SystemRef, Timestamp)> =
            notes.iter().map(|it| (it.seen.deployment.system.clone(), it.seen.at)).collect();
        for ((system, at), written) in systems.into_iter().zip(note(&session.repo, remote, notes)) {
            let Stored { holds, journal } = written;
            self.known.insert(system, Known { holds, journal, tried: at, read: true });
        }
    }
}
