//! The timeline of a rehearsal, line by line: when it happened, whose part it is, and what it was.
use jiff::Timestamp;

use super::reviewer::{Act, Request, State};
use super::world::{Event, What};
use crate::report::line;

/// How long the name of a part may be.
const PART: usize = 10;

/// Turns what happens into lines.
pub struct Timeline {
    start: Timestamp,
    /// The gate the program said last that it waits for.
    gate: String,
}

impl Timeline {
    pub fn new(start: Timestamp) -> Self {
        Timeline { start, gate: String::new() }
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
        };
        self.line(event.at, part, &words)
    }

    /// A line that the program printed: of those for people, only what says where the run stands and why;
    /// that it goes on waiting for the same gate is said once.
    pub fn said(&mut self, at: Timestamp, said: &str) -> Option<String> {
        let words = said.strip_prefix("  ")?;
        if let Some(gate) = words.strip_prefix("waits for ") {
            let gate = gate.split(':').next().unwrap_or_default();
            if gate == self.gate {
                return None;
            }
            gate.clone_into(&mut self.gate);
        } else if ["because ", "halted: ", "finished: ", "not proved: "]
            .iter()
            .any(|beginning| words.starts_with(beginning))
        {
            self.gate.clear();
        } else {
            return None;
        }
        Some(self.line(at, "program", words))
    }

    /// Day and time of the world, the part and the words.
    pub fn line(&self, at: Timestamp, part: &str, words: &str) -> String {
        let day = at.duration_since(self.start).as_hours() / 24 + 1;
        let time = at.strftime("%H:%M");
        format!("day {day:>2}  {time}  {part:<PART$} {}\n", line(words))
    }
}

fn reviewed(act: &Act) -> String {
    let named = |request: &Request| format!("#{} {}", request.number, request.title);
    match act {
        Act::Opened(request) => format!("opened   {}", named(request)),
        Act::Updated(request) => format!("updated  {}", named(request)),
        Act::Ended(request) => {
            let how = match request.state {
                State::Merged(_) => "merged",
                State::Declined => "declined",
                State::Open | State::Closed => "closed",
            };
            format!("{how:<8} {}", named(request))
        }
        Act::Conflicts(request) => format!("conflict {}", named(request)),
        Act::Other(_) => "merged   a change of another team".to_owned(),
    }
}
