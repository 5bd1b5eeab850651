//! Writes journals to the remote: each in place of what it was made from, and where another watcher was
//! faster, the same look is added to theirs.
use crate::git::{self, Oid, Replacement, Repo, Scratch};
use crate::observe::journal::{FILE, Stored, stored, text};
use crate::run::branch::journal_ref;
use crate::run::journal::Journal;
use crate::run::{Attention, Observation, SystemRef};

/// How often one is written again that others wrote meanwhile. Who comes too late has lost one look.
const ATTEMPTS: u32 = 3;

/// One look to be noted in a system's journal.
#[derive(Debug, Clone)]
pub struct Note {
    /// What the ref held when the journal in `seen` was read.
    pub holds: Option<Oid>,
    pub seen: Observation,
    /// What people were told at this look.
    pub reported: Vec<Attention>,
}

impl Note {
    fn system(&self) -> &SystemRef {
        &self.seen.deployment.system
    }
}

/// Writes what may be written again by now, with as few calls to the remote as there are races, and gives
/// what the remote holds then, in the order of the notes. Where it can't be written, that is its trouble.
pub fn note(repo: &Repo, remote: &str, mut notes: Vec<Note>) -> Vec<Stored> {
    let failure = match repo.scratch().map_err(anyhow::Error::from) {
        Ok(scratch) => write(&scratch, remote, &mut notes).err(),
        Err(error) => Some(error),
    };
    let why = failure.map(|error| reason(&error.to_string()));
    let noted = notes.into_iter().map(|note| {
        let written = !note.seen.world.journal.may_be_written(note.seen.at);
        let journal = match &why {
            Some(why) if !written => Journal {
                trouble: Some(format!("{} can't be written: {why}", journal_ref(note.system()))),
                ..Journal::after(&note.seen, &note.reported)
            },
            _ => note.seen.world.journal,
        };
        Stored { holds: note.holds, journal }
    });
    noted.collect()
}

/// Of what git says, what stays the same from one try to the next: no id of a commit.
fn reason(said: &str) -> String {
    let mut lines = said.lines();
    let begins = lines.next().unwrap_or_default();
    let labels = ["remote: ", "fatal: ", "error: "];
    match lines.find(|line| labels.iter().any(|label| line.starts_with(label))) {
        Some(line) => format!("{begins} {}", line.trim_end()),
        None => begins.trim_end_matches(':').to_owned(),
    }
}

/// Puts into each note what the remote holds in the end.
fn write(scratch: &Scratch<'_>, remote: &str, notes: &mut [Note]) -> anyhow::Result<()> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let due =
            notes.iter_mut().filter(|note| note.seen.world.journal.may_be_written(note.seen.at));
        let mut due: Vec<(&mut Note, Journal, Replacement)> = due
            .map(|note| {
                let journal = Journal::after(&note.seen, &note.reported);
                let replacement = replacement(scratch, note, &journal)?;
                Ok((note, Journal { trouble: None, ..journal }, replacement))
            })
            .collect::<anyhow::Result<_>>()?;
        if due.is_empty() {
            return Ok(());
        }
        let replacements: Vec<Replacement> = due.iter().map(|(.., it)| it.clone()).collect();
        let Err(refused) = scratch.push(remote, &replacements) else {
            for (note, journal, replacement) in due {
                (note.holds, note.seen.world.journal) = (Some(replacement.new), journal);
            }
            return Ok(());
        };
        if !settle(scratch, remote, &mut due)? || attempt == ATTEMPTS {
            return Err(refused.into());
        }
    }
}

fn replacement(
    scratch: &Scratch<'_>,
    note: &Note,
    journal: &Journal,
) -> anyhow::Result<Replacement> {
    let system = note.system();
    let message = format!("Journal of {system}\n");
    let new = scratch.commit(FILE, &text(system, journal)?, &message, note.seen.at)?;
    Ok(Replacement { name: journal_ref(system), expected: note.holds, new })
}

/// Reads what became of a push that failed; whether anybody else was faster, so that it is worth another.
fn settle(
    scratch: &Scratch<'_>,
    remote: &str,
    due: &mut [(&mut Note, Journal, Replacement)],
) -> Result<bool, git::Error> {
    let systems: Vec<SystemRef> = due.iter().map(|(note, ..)| note.system().clone()).collect();
    let mut there = stored(scratch, remote, &systems)?;
    let mut outrun = false;
    for ((note, journal, replacement), system) in due.iter_mut().zip(&systems) {
        let found = there.remove(system).unwrap_or_default();
        if found.holds == Some(replacement.new) {
            note.seen.world.journal = journal.clone();
        } else if found.holds != note.holds {
            outrun = true;
            note.seen.world.journal = found.journal;
        }
        note.holds = found.holds;
    }
    Ok(outrun)
}
