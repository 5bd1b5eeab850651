//! `watch`: waits on the gates of runs that are on and emits what falls due. Never starts a run.
use std::collections::BTreeMap;

use tokio::signal::unix::{SignalKind, signal};

use super::emit::{make, was_outrun};
use super::look::{Look, Outside, look, see_all};
use super::memory::Memory;
use super::session::Session;
use super::tell::tell;
use super::{code, exit, fail, for_people};
use crate::cli::{Common, Output, Watch};
use crate::context::Context;
use crate::observe::deployment::HasRun;
use crate::report::facts::Account;
use crate::report::json::Line;
use crate::report::{Style, error, error::Invalid, terminal};
use crate::run::cluster::ClusterView;
use crate::run::{
    Attention, Decision, Observation, Request, SystemRef, attentions, decide, notices,
};
use crate::wait::{End, Schedule, Seen, wait};

pub fn run(context: &mut Context, common: &Common, asked: &Watch) -> anyhow::Result<u8> {
    if asked.emit.push && common.observed.is_some() {
        let hint = "what was observed before isn't what is there now";
        return Err(Invalid::usage("--observed can't go with --push").hint(hint).into());
    }
    let now = context.clock.now();
    let until = asked.slice.map(|slice| now.saturating_add(slice.signed())).transpose()?;
    let schedule = Schedule { poll: asked.poll.signed(), until };
    let clock = context.clock.clone();
    let watcher = Watcher {
        context: context.take(),
        common: common.clone(),
        asked: asked.clone(),
        outside: None,
        memory: Memory::new(common, asked.emit),
        said: BTreeMap::new(),
        last: Vec::new(),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut watcher = Some(watcher);
    let end = runtime.block_on(async {
        let stop = stopped()?;
        // A look reads files and talks to servers: on a thread of its own, so that a signal ends the
        // wait at once. A look cut off there is as good as one never begun.
        wait(&clock, schedule, stop, async || {
            let Some(mut looking) = watcher.take() else { return Ok(Seen::Settled) };
            let (looked, seen) = tokio::task::spawn_blocking(move || {
                let seen = looking.look();
                (looking, seen)
            })
            .await?;
            watcher = Some(looked);
            seen
        })
        .await
    });
    runtime.shutdown_background();
    let Some(watcher) = watcher else { return end.map(|_| exit::WAITING) };
    let Watcher { context: owned, last, .. } = watcher;
    *context = owned;
    let end = end?;
    if common.output == Output::Json {
        for line in last.iter().filter_map(|(line, _)| line.as_ref()) {
            context.print(&format!("{}\n", serde_json::to_string(line)?))?;
        }
    }
    let codes = last.iter().map(|(_, code)| *code);
    Ok(if end == End::Stopped { exit::WAITING } else { exit::worst(codes) })
}

/// Done when the process is asked to end.
pub(super) fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// What goes on from one look to the next: nothing but what was already said.
struct Watcher {
    context: Context,
    common: Common,
    asked: Watch,
    /// Kept from look to look, so that nothing is connected twice.
    outside: Option<Outside>,
    memory: Memory,
    said: BTreeMap<String, String>,
    /// Of the last look: each system's line and exit code.
    last: Vec<(Option<Line>, u8)>,
}

impl Watcher {
    /// One look at all systems; what falls due is emitted.
    fn look(&mut self) -> anyhow::Result<Seen> {
        let mut session = Session::open(&self.context, &self.common)?;
        if self.outside.is_none() {
            // Which runs are on isn't known from whatever was fetched last.
            session = session.refresh(&self.context, &self.common, &[])?;
        }
        let names = self.systems(&session)?;
        let (names, systems): (Vec<String>, Vec<_>) = names.into_iter().unzip();
        let known: Vec<SystemRef> = systems.iter().flatten().cloned().collect();
        let outside = match self.outside.take() {
            Some(outside) => outside,
            None => Outside::new(&self.context, &self.common, &session, true)?,
        };
        let seen = see_all(&outside, &session, systems);
        self.outside = Some(outside);
        let session = session.refresh(&self.context, &self.common, &known)?;
        self.memory.recall(&session, &known, self.context.clock.now());
        let mut settled = true;
        let mut last = Vec::new();
        let mut looks = Vec::new();
        for (name, seen) in names.into_iter().zip(seen) {
            let looked = seen.and_then(|(system, seen)| look(&session, &system, seen)).and_then(
                |mut look| {
                    self.memory.put(&mut look);
                    self.act(&session, look, &mut looks)
                },
            );
            match looked {
                Ok(None) => {}
                Ok(Some((line, code))) => {
                    settled &= code != exit::WAITING;
                    last.push((Some(line), code));
                }
                Err(error) => {
                    let text = error::text(&error, Style::default());
                    let is_new =
                        self.said.insert(name.clone(), text.clone()).as_ref() != Some(&text);
                    last.push((None, error::code(&error)));
                    if is_new {
                        fail(&mut self.context, &self.common, &name, &error);
                    }
                }
            }
        }
        self.last = last;
        self.memory.note(&session, looks);
        Ok(if settled { Seen::Settled } else { Seen::Waiting })
    }

    /// The systems by name; without names every one whose run is on, or was and may not be gone.
    fn systems(
        &self,
        session: &Session,
    ) -> anyhow::Result<Vec<(String, anyhow::Result<SystemRef>)>> {
        if self.asked.systems.is_empty() {
            let on = session.systems_with(|run| run != HasRun::Never)?;
            let name = |system: &anyhow::Result<SystemRef>| match system {
                Ok(system) => system.to_string(),
                Err(error) => error.to_string(),
            };
            return Ok(on.into_iter().map(|system| (name(&system), system)).collect());
        }
        let names = self.asked.systems.iter();
        Ok(names.map(|name| (name.clone(), session.system(name))).collect())
    }

    /// Decides on one look, emits what falls due, says what is new, and adds it to the `looks`. Nothing for a
    /// system that nobody named and whose last run isn't known to be live.
    fn act(
        &mut self,
        session: &Session,
        look: Look,
        looks: &mut Vec<(Observation, Vec<Attention>)>,
    ) -> anyhow::Result<Option<(Line, u8)>> {
        let decision = decide(&look.seen, &Request::Observe)?;
        let unseen = !matches!(look.seen.world.cluster, ClusterView::Seen(_));
        let over = matches!(decision, Decision::Finished(_) | Decision::Idle(_)) || unseen;
        if self.asked.systems.is_empty() && look.seen.deployment.record.is_none() && over {
            return Ok(None);
        }
        let mut made = None;
        if let Decision::Propose(step) = &decision
            && !self.asked.no_emit
        {
            match make(&self.context, session, &look, step, self.asked.emit) {
                Ok(done) => made = Some(done),
                // Somebody else was faster: the next look sees what with.
                Err(error) if was_outrun(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let line = Line::new(&look.seen, &decision, made.as_ref().map(|made| &made.done));
        let changes = match (&decision, &made) {
            (Decision::Propose(step), Some(made)) => vec![(step.as_ref(), &made.change)],
            _ => Vec::new(),
        };
        let account = Account { seen: &look.seen, decision: &decision, line: &line };
        tell(&self.context, &account, &changes);
        let notices = notices(&look.seen);
        self.say(&line, &decision, &notices)?;
        let told = attentions(&look.seen, &decision);
        looks.push((look.seen, told));
        let code = match &decision {
            Decision::Propose(_) => exit::WAITING,
            other => code(other),
        };
        Ok(Some((line, code)))
    }

    /// Says a thing once, when it changes.
    fn say(&mut self, line: &Line, decision: &Decision, notices: &[String]) -> anyhow::Result<()> {
        let on_out = for_people(&self.common);
        let terminal = self.context.terminal;
        let terminal = if on_out { terminal.out } else { terminal.err };
        let style = Style::choose(&self.context, self.common.color, terminal);
        let account = terminal::account(line, decision, notices, style);
        let name = format!("{}/{}/{}", line.cluster, line.namespace, line.system);
        if self.said.insert(name, account.clone()).as_ref() == Some(&account) {
            return Ok(());
        }
        let text = format!("{}\n{account}", style.dim(&terminal::moment(self.context.clock.now())));
        if on_out {
            self.context.print(&text)?;
        } else if !self.common.quiet {
            self.context.complain(&text);
        }
        Ok(())
    }
}
