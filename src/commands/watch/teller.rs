//! Says what a watch comes to: of every system what is new, once; what calls for attention; and now and then
//! that it is still on.
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::lookout::Tidings;
use crate::cli::{Common, Emit, Output};
use crate::commands::emit::Made;
use crate::commands::tell::{Reporters, tell};
use crate::commands::{code, exit, fail, for_people};
use crate::context::Context;
use crate::report::facts::Account;
use crate::report::json::Line;
use crate::report::live::Live;
use crate::report::time::moment;
use crate::report::{Style, attention, error, terminal};
use crate::run::journal::unreported;
use crate::run::{Attention, AttentionClass, Decision, Observation, Step, attentions, notices};
use crate::wait::Occasion;

/// What is said of the whole deployment repo is said under this name; no system has it.
const REPO: &str = "";

/// How often is said that a watch is still on where nothing else is to be said.
const STILL_ON: SignedDuration = SignedDuration::from_mins(10);

/// The same in looks, where those are further apart.
const LOOKS: i32 = 10;

/// What was seen and decided of one system at one look: all that reports are made of.
pub struct Watched {
    pub seen: Observation,
    pub decision: Decision,
    pub line: Line,
    pub notices: Vec<String>,
    pub attentions: Vec<Attention>,
    /// The step that was emitted, and what became of it.
    made: Option<(Step, Made)>,
    /// What the watch ends with for this system.
    pub code: u8,
}

/// What there is to be said of one system.
pub struct Told {
    /// As it is watched: by the name that was asked for, or its whole one.
    pub name: String,
    pub what: Result<Watched, Arc<anyhow::Error>>,
    /// Nobody asked for it: it concerns only those who were told of it before.
    pub aside: bool,
}

/// Whoever says it, and what was said already.
pub struct Teller {
    pub context: Context,
    common: Common,
    live: Option<Live>,
    /// Whom it tells besides, where it may.
    reporters: Option<Reporters>,
    poll: SignedDuration,
    /// What was last said under this name.
    said: BTreeMap<String, String>,
    attention: BTreeMap<String, BTreeMap<AttentionClass, Attention>>,
    /// Of the last look that told of it: each system's line, exit code, and what it waits for.
    last: BTreeMap<String, Last>,
    /// In which order.
    order: Vec<String>,
    still_on: SignedDuration,
    /// When anything was last said.
    spoke: Timestamp,
}

struct Last {
    line: Option<Line>,
    code: u8,
    waits: Option<String>,
}

impl Watched {
    /// `notes`: what a person should know besides.
    pub fn new(
        seen: Observation,
        decision: Decision,
        made: Option<(Step, Made)>,
        notes: Vec<String>,
    ) -> Self {
        let line = Line::new(&seen, &decision, made.as_ref().map(|(_, made)| &made.done));
        let code = match &decision {
            Decision::Propose(_) => exit::WAITING,
            other => code(other),
        };
        let mut notices = notices(&seen);
        notices.extend(notes);
        notices.extend(made.iter().flat_map(|(_, made)| made.notes.clone()));
        let attentions = attentions(&seen, &decision);
        Watched { seen, decision, line, notices, attentions, made, code }
    }
}

impl Teller {
    /// # Errors
    /// There are no threads to be had.
    pub fn new(
        context: Context,
        common: &Common,
        emit: Emit,
        poll: SignedDuration,
    ) -> anyhow::Result<Self> {
        let live = (!common.quiet).then(|| Live::on_terminal(&context)).flatten();
        Ok(Teller {
            live,
            reporters: Reporters::new(&context, common, emit)?,
            poll,
            common: common.clone(),
            said: BTreeMap::new(),
            attention: BTreeMap::new(),
            last: BTreeMap::new(),
            order: Vec::new(),
            still_on: STILL_ON.max(poll.saturating_mul(LOOKS)),
            spoke: context.clock.now(),
            context,
        })
    }

    /// Reports what a look came to. Whoever is far away is told at every poll, and of what is new.
    pub fn report(&mut self, occasion: Occasion, tidings: Tidings) -> anyhow::Result<()> {
        match &tidings.trouble {
            Some(error) => self.complain(REPO, error),
            None => drop(self.said.remove(REPO)),
        }
        self.order = tidings.watched;
        self.last.retain(|name, _| self.order.contains(name));
        for told in tidings.each {
            self.tell(occasion, told)?;
        }
        if let (Some(reporters), Some(settings)) = (&mut self.reporters, &tidings.settings) {
            reporters.deliver(&mut self.context, settings, tidings.desk.as_ref());
        }
        self.still_on();
        Ok(())
    }

    /// Hands what was seen and decided of one system to everybody who reports it.
    fn tell(&mut self, occasion: Occasion, told: Told) -> anyhow::Result<()> {
        let Told { name, what, aside } = told;
        let last = match what {
            Ok(watched) if aside => {
                if occasion == Occasion::Poll {
                    self.note(&watched);
                }
                return Ok(());
            }
            Ok(watched) => {
                let is_new = self.say(&name, &watched)?;
                self.call_for_attention(&name, &watched);
                if let Some(live) = &mut self.live {
                    live.show(&watched.line, &watched.decision, watched.seen.at);
                }
                if is_new || occasion == Occasion::Poll {
                    let changes: Vec<_> =
                        watched.made.iter().map(|(step, made)| (step, &made.change)).collect();
                    tell(&self.context, &account(&watched), &changes);
                    self.note(&watched);
                }
                let waits = terminal::waits(&watched.line, &watched.decision);
                Last { line: Some(watched.line), code: watched.code, waits }
            }
            Err(error) => {
                self.complain(&name, &error);
                Last { line: None, code: error::code(&error), waits: None }
            }
        };
        self.last.insert(name, last);
        Ok(())
    }

    /// To those who are far away.
    fn note(&mut self, watched: &Watched) {
        if let Some(reporters) = &mut self.reporters {
            reporters.note(&mut self.context, &account(watched));
        }
    }

    /// An error, once.
    fn complain(&mut self, about: &str, error: &anyhow::Error) {
        let text = error::text(error, Style::default());
        if !self.is_new(about, &text) {
            return;
        }
        self.spoke = self.context.clock.now();
        let (context, common) = (&mut self.context, &self.common);
        let name = if about == REPO { "the deployment repo" } else { about };
        let mut say = || fail(context, common, name, error);
        match &self.live {
            Some(live) => live.above(say),
            None => say(),
        };
    }

    /// A warning, as it is.
    pub fn warn(&mut self, message: &str) {
        let text = attention::warning(message, self.style(false));
        self.write(&text);
    }

    /// That the watch is still on, where nothing was said for long and nothing else shows it.
    fn still_on(&mut self) {
        let now = self.context.clock.now();
        let since = now.duration_since(self.spoke);
        // A clock that was set back has nothing to say about how long it was.
        if self.live.is_some() || (SignedDuration::ZERO..self.still_on).contains(&since) {
            return;
        }
        let waits = self.waits();
        let next = now.checked_add(self.poll).unwrap_or(now);
        let text =
            format!("{} still watching, next look by {}: {waits}\n", moment(now), moment(next));
        if !self.common.quiet {
            self.write(&self.style(false).dim(&text));
        }
    }

    /// Why a slice ends although there is something to wait for.
    pub fn slice_over(&mut self) {
        if self.common.quiet || self.last.values().all(|last| last.waits.is_none()) {
            return;
        }
        let waits = self.waits();
        let text = format!("the time of this slice is over, run it again: {waits}\n");
        self.write(&self.style(false).dim(&text));
    }

    /// The results where they are wanted as JSON, and the exit code.
    pub fn end(&mut self) -> anyhow::Result<u8> {
        self.live = None;
        if self.common.output == Output::Json {
            for name in &self.order {
                let line = self.last.get(name).and_then(|last| last.line.as_ref());
                if let Some(line) = line {
                    self.context.print(&format!("{}\n", serde_json::to_string(line)?))?;
                }
            }
        }
        // What was never seen to its end is still waited for.
        let unseen = self.order.iter().any(|name| !self.last.contains_key(name));
        let codes = self.last.values().map(|last| last.code);
        Ok(exit::worst(codes.chain(unseen.then_some(exit::WAITING))))
    }

    /// Where a run stands, when that changes; whether it did.
    fn say(&mut self, name: &str, watched: &Watched) -> anyhow::Result<bool> {
        let on_out = for_people(&self.common);
        let style = self.style(on_out);
        let Watched { line, decision, notices, .. } = watched;
        let account = terminal::account(line, decision, notices, style);
        if !self.is_new(name, &account) {
            return Ok(false);
        }
        let now = self.context.clock.now();
        let text = format!("{}\n{account}", style.dim(&moment(now)));
        if on_out {
            self.spoke = now;
            let context = &mut self.context;
            match &self.live {
                Some(live) => live.above(|| context.print(&text))?,
                None => context.print(&text)?,
            }
        } else if !self.common.quiet {
            self.write(&text);
        }
        Ok(true)
    }

    /// Everything that calls for attention, once for each change of it, and not what another watcher
    /// told already.
    fn call_for_attention(&mut self, name: &str, watched: &Watched) {
        let before = self.attention.remove(name).unwrap_or_default();
        let now: BTreeMap<AttentionClass, Attention> = watched
            .attentions
            .iter()
            .map(|attention| (attention.class, attention.clone()))
            .collect();
        let style = self.style(false);
        for attention in unreported(&watched.seen, &watched.attentions) {
            if before.get(&attention.class) != Some(attention) {
                let system = watched.seen.deployment.system.to_string();
                self.write(&attention::text(&system, attention, style));
            }
        }
        self.attention.insert(name.to_owned(), now);
    }

    fn is_new(&mut self, about: &str, text: &str) -> bool {
        self.said.insert(about.to_owned(), text.to_owned()).as_deref() != Some(text)
    }

    fn waits(&self) -> String {
        let waits = self.order.iter().filter_map(|name| self.last.get(name)?.waits.clone());
        let waits: Vec<String> = waits.collect();
        if waits.is_empty() { "nothing to wait for".to_owned() } else { waits.join("; ") }
    }

    fn style(&self, out: bool) -> Style {
        let terminal = self.context.terminal;
        let terminal = if out { terminal.out } else { terminal.err };
        Style::choose(&self.context, self.common.color, terminal)
    }

    /// To standard error, above what is drawn there.
    fn write(&mut self, text: &str) {
        self.spoke = self.context.clock.now();
        let context = &mut self.context;
        match &self.live {
            Some(live) => live.above(|| context.complain(text)),
            None => context.complain(text),
        }
    }
}

fn account(watched: &Watched) -> Account<'_> {
    let Watched { seen, decision, line, .. } = watched;
    Account { seen, decision, line }
}
