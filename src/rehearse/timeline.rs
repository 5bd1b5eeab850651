//! The timeline of a rehearsal, line by line: when it happened, whose part it is, and what it was.
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::reviewer::{Act, Request, State};
use super::world::{Event, What};
use crate::report::line;
use crate::run::Phase;

/// How long the name of a part may be.
const PART: usize = 10;

/// Turns what happens into lines.
pub struct Timeline {
    start: Timestamp,
    /// The gate the program said last that it waits for.
    gate: String,
    /// The notes it said: each is told once.
    notes: BTreeSet<String>,
}

impl Timeline {
    pub fn new(start: Timestamp) -> Self {
        Timeline { start, gate: String::new(), notes: BTreeSet::new() }
    }

    /// Something that happened in the world.
    pub fn event(&self, event: &Event) -> String {
        let (part, words) = match &event.what {
            What::Review(act) => ("review", reviewed(act)),
            What::ArgoCd(words) => ("argocd", words.clone()),
            What::Node(words) => ("nodes", words.clone()),
            What::Rebuild(words) => ("rebuild", words.clone()),
            What::Job(words) => ("job", words.clone()),
            What::Trouble(words) => ("trouble", words.clone()),
            What::Ticket(words) => ("ticket", words.clone()),
        };
        self.line(event.at, part, &words)
    }

    /// A line that the program printed: of those for people, only what says where the run stands and why;
    /// that it goes on waiting for the same gate is said once.
    pub fn said(&mut self, at: Timestamp, said: &str) -> Option<String> {
        let words = said.trim_start();
        match said.len() - words.len() {
            2 if words.starts_with("note: ") => {
                if !self.notes.insert(words.to_owned()) {
                    return None;
                }
            }
            2 if TOLD.iter().any(|beginning| words.starts_with(beginning)) => self.gate.clear(),
            4 => {
                let (gate, _) = words.split_once(':').filter(|(gate, _)| is_gate(gate))?;
                if gate == self.gate {
                    return None;
                }
                gate.clone_into(&mut self.gate);
            }
            _ => return None,
        }
        Some(self.line(at, "program", words))
    }

    /// A command that a person types.
    pub fn asked(&self, at: Timestamp, command: &str) -> String {
        self.line(at, "person", command)
    }

    /// Day and time of the world, the part and the words.
    fn line(&self, at: Timestamp, part: &str, words: &str) -> String {
        let date = |at: Timestamp| at.as_second().div_euclid(24 * 60 * 60);
        let day = date(at) - date(self.start) + 1;
        let time = at.strftime("%H:%M");
        format!("day {day:>2}  {time}  {part:<PART$} {}\n", line(words))
    }
}

/// How the program's own lines begin that are told.
const TOLD: [&str; 4] = ["because ", "halted: ", "finished: ", "not proved: "];

fn is_gate(word: &str) -> bool {
    let gates = Phase::ALL.into_iter().flat_map(Phase::gates);
    word == "review" || gates.into_iter().any(|gate| gate.as_str() == word)
}

fn reviewed(act: &Act) -> String {
    let named = |request: &Request| format!("#{} {}", request.number, request.title);
    match act {
        Act::Opened(request) => format!("opened   {} {}", named(request), request.url),
        Act::Updated(request) => format!("updated  {}", named(request)),
        Act::Ended(request) => {
            let how = match request.state {
                State::Merged(_) => "merged",
                State::Declined => "declined",
                State::Open | State::Closed => "closed",
            };
            format!("{how:<8} {}", named(request))
        }
        Act::Waits(request, why) => format!("waits    {}: {why}", named(request)),
        Act::Conflicts(request) => format!("conflict {}", named(request)),
        Act::Other(_) => "merged   a change of another team".to_owned(),
    }
}
