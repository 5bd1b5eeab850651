//! Reads the journals that watchers keep on the remote. Whatever is wrong with one costs what it holds,
//! and is told in [`Journal::trouble`]; it is never an error.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::git::{Error, Oid, Scratch};
use crate::run::SystemRef;
use crate::run::branch::{journal_prefix, journal_ref};
use crate::run::journal::Journal;

/// The name of the only file that the commit of a journal holds.
pub const FILE: &str = "journal.json";

/// The longest file that is read, in bytes. Ours stay below the half of it.
const LONGEST: usize = 64 * 1024;

/// The form of the file.
const VERSION: u32 = 1;

/// A journal as it is on the remote.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stored {
    /// What its ref holds; nothing: it isn't there.
    pub holds: Option<Oid>,
    pub journal: Journal,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    system: String,
    journal: Journal,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// The journals of these systems, with one call to the remote.
///
/// # Errors
/// The remote doesn't answer.
pub fn stored(
    scratch: &Scratch<'_>,
    remote: &str,
    systems: &[SystemRef],
) -> Result<BTreeMap<SystemRef, Stored>, Error> {
    let prefixes: BTreeSet<String> = systems.iter().map(journal_prefix).collect();
    let refs = scratch.fetch(remote, &prefixes.into_iter().collect::<Vec<_>>())?;
    let one = |system: &SystemRef| {
        let Some(&holds) = refs.get(&journal_ref(system)) else { return Stored::default() };
        let journal = match scratch.file(holds, FILE, LONGEST) {
            Ok(Some(bytes)) => parse(&bytes, system),
            Ok(None) => Err(format!("it holds no {FILE} of at most {LONGEST} bytes")),
            Err(error) => Err(error.to_string()),
        };
        let begun_anew = |why| Journal {
            trouble: Some(format!("{} can't be used: {why}", journal_ref(system))),
            ..Journal::default()
        };
        Stored { holds: Some(holds), journal: journal.unwrap_or_else(begun_anew) }
    };
    Ok(systems.iter().map(|system| (system.clone(), one(system))).collect())
}

/// The file of a journal.
///
/// # Errors
/// None that can come about: everything in it can be written as JSON.
pub fn text(system: &SystemRef, journal: &Journal) -> Result<Vec<u8>, serde_json::Error> {
    let journal = Journal { trouble: None, ..journal.clone() };
    let mut text =
        serde_json::to_vec(&File { version: VERSION, system: system.to_string(), journal })?;
    text.push(b'\n');
    Ok(text)
}

/// Why not, in words that quote nothing of it: it comes from wherever a ref may be pushed from.
fn parse(bytes: &[u8], system: &SystemRef) -> Result<Journal, String> {
    let not_ours =
        |error: serde_json::Error| format!("it isn't a journal (column {})", error.column());
    let Version { version } = serde_json::from_slice(bytes).map_err(not_ours)?;
    if version != VERSION {
        return Err(format!("it is of version {version}, this program's of {VERSION}"));
    }
    let file: File = serde_json::from_slice(bytes).map_err(not_ours)?;
    if file.system != system.to_string() {
        return Err("it is another system's".to_owned());
    }
    Ok(Journal { trouble: None, ..file.journal })
}
