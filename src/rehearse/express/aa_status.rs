//! The A/A status as the nodes print it: for people, and with the irregularities of the transcripts.
use jiff::Timestamp;

use super::rebuild::{Rebuild, Standing};
use super::system::{FarmNode, System};

const EXCEPTION: &str = "org.apache.thrift.transport.TTransportException";

/// The words of a row, from the state to the detail; the version stands between sync and readiness.
struct Words<'a> {
    state: &'a str,
    visible: &'a str,
    sync: &'a str,
    version: Option<&'a str>,
    readiness: &'a str,
    detail: &'a str,
}

const UNKNOWN: Words = row("?", "?", "?", "unreachable", EXCEPTION);
const LOST: Words = row("DOWN", "invisible", "not sync", "unreachable", EXCEPTION);
const BOOTING: Words = row("BOOTING", "invisible", "not sync", "waiting", "Inactive");
const DONE: Words = row("DOWN", "invisible", "not sync", "hidden", "Inactive");

const fn row<'a>(
    state: &'a str,
    visible: &'a str,
    sync: &'a str,
    readiness: &'a str,
    detail: &'a str,
) -> Words<'a> {
    Words { state, visible, sync, version: None, readiness, detail }
}

/// What `cmd=aaStatus` answers. Once the rebuild is complete the farm's groups are indented differently.
pub fn print(system: &System, now: Timestamp) -> String {
    let complete = system.rebuild().is_some_and(Rebuild::succeeded);
    let mut text = String::new();
    if !(complete && system.conduct.omits_frontends) {
        text.push_str("A/A Status:\n\t    Classic Frontends\n");
        for name in &system.frontends.names {
            let version = Some(system.frontends.version.as_str());
            let words = Words { version, ..synchronized(&system.frontends.hash) };
            text.push_str(&line("\t        ", name, 35, &words));
        }
    }
    if let Some(node) = system.synchronizer() {
        let (heading, indent) = if complete { ("", "      ") } else { ("\t    ", "\t        ") };
        text.push_str(&format!("{heading}DCR Dynamic Synchronizers:\n"));
        text.push_str(&line(indent, &node.name, 35, &of_synchronizer(system, node, now)));
    }
    let mut farmers = system.farmers().peekable();
    if farmers.peek().is_some() {
        let (heading, indent, width) =
            if complete { ("\t", "\t    ", 35) } else { ("\t    ", "\t        ", 42) };
        text.push_str(&format!("{heading}DCR Dynamic Farmers:\n"));
        for (number, node) in farmers.enumerate() {
            text.push_str(&line(indent, &node.name, width, &of_farmer(system, number, node, now)));
        }
    }
    text
}

fn synchronized(hash: &str) -> Words<'_> {
    row("SYNCHRONIZED", "visible", "sync", "ready", hash)
}

fn of_synchronizer<'a>(system: &'a System, node: &FarmNode, now: Timestamp) -> Words<'a> {
    if node.is_gone() {
        LOST
    } else if !node.is_up(now) {
        UNKNOWN
    } else if system.rebuild().is_some_and(Rebuild::succeeded) {
        synchronized(&system.frontends.hash)
    } else {
        BOOTING
    }
}

fn of_farmer<'a>(system: &System, number: usize, node: &FarmNode, now: Timestamp) -> Words<'a> {
    if node.is_gone() {
        LOST
    } else if !node.is_up(now) {
        UNKNOWN
    } else {
        match system.rebuild() {
            Some(rebuild) if rebuild.succeeded() => DONE,
            Some(rebuild) if is_busy(system, rebuild, number, now) => LOST,
            _ => BOOTING,
        }
    }
}

/// Every second stretch of time a farmer at work is out of reach, each a little later than the one before it.
fn is_busy(system: &System, rebuild: &Rebuild, number: usize, now: Timestamp) -> bool {
    let stretch = system.conduct.busy.as_nanos();
    if stretch == 0 || rebuild.standing != Standing::Running {
        return false;
    }
    let late = stretch / 4 * i128::try_from(number % 4).unwrap_or_default();
    let spent = now.duration_since(rebuild.started).as_nanos() - late;
    spent >= 0 && spent / stretch % 2 == 1
}

fn line(indent: &str, name: &str, width: usize, words: &Words) -> String {
    let Words { state, visible, sync, version, readiness, detail } = words;
    let sync = match version {
        Some(version) => format!("{sync:<9}{version}"),
        None => format!("{sync:<9}"),
    };
    format!("{indent}{name:<width$}: {state:<16}{visible:<11}{sync} {readiness:<16}{detail}\n")
}
