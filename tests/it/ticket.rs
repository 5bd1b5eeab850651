//! A run's ticket: what it is told, in either Jira, whatever goes wrong on the way.
mod delivery;
mod program;
mod text;
mod words;

use std::ffi::OsString;

use dcr_gitops::config::{JiraKind, JiraSettings};
use dcr_gitops::context::{Clock, Context, Terminal};
use dcr_gitops::propose::ticket::{self, Jira, Owed, Tickets, owed};
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::jira::{self, Access, Kind, plain};
use dcr_gitops::rehearse::loopback::Loopback;
use dcr_gitops::report::facts::Account;
use dcr_gitops::report::json::Line;
use dcr_gitops::report::scrub::Scrub;
use dcr_gitops::run::express::ProbeState;
use dcr_gitops::run::{Decision, Observation, Phase, Request, decide};

use crate::world::*;

pub const TOKEN: &str = "rehearsalTOKEN-of-the-bot";
pub const MAIL: &str = "bot@example.com";
pub const KEY: &str = "DCR-123";

/// A Jira on loopback, with one ticket.
pub struct World {
    pub jira: jira::Jira,
    pub clock: WorldClock,
    pub kind: Kind,
    loopback: Loopback,
}

impl World {
    pub async fn new(kind: Kind) -> Self {
        let clock = WorldClock::standing(landed_at());
        let jira = jira::Jira::new(clock.reader(), kind);
        jira.add_user(MAIL, TOKEN, Access::Comment).unwrap();
        jira.add_ticket(KEY, "Rebuild the cache of system6");
        let loopback = jira.listen().await.unwrap();
        World { jira, clock, kind, loopback }
    }

    pub fn context(&self, variables: &[(&str, &str)]) -> Context {
        let now = self.clock.reader();
        context(variables, Clock::new(move || now()))
    }

    pub fn settings(&self) -> JiraSettings {
        let kind = match self.kind {
            Kind::DataCenter => JiraKind::Datacenter,
            Kind::Cloud => JiraKind::Cloud,
        };
        JiraSettings { url: format!("{}/jira", self.loopback.url()), kind }
    }

    /// The program's side, just started.
    pub fn tickets(&self) -> Tickets {
        let context = self.context(&[("JIRA_TOKEN", TOKEN), ("JIRA_USER", MAIL)]);
        Tickets::new(&context, Jira::new(&context, &self.settings()).unwrap())
    }

    /// Delivers with a program that was just started; what went wrong.
    pub async fn deliver(&self, owed: &Owed) -> Vec<ticket::Error> {
        let troubles = self.tickets().deliver(std::slice::from_ref(owed)).await;
        troubles.into_iter().map(|(_, error)| error).collect()
    }

    /// The texts of all comments, to be read by people.
    pub fn comments(&self) -> Vec<String> {
        let ticket = self.jira.ticket(KEY).unwrap();
        let text = |comment: &jira::Comment| match self.kind {
            Kind::DataCenter => comment.body.as_str().unwrap().to_owned(),
            Kind::Cloud => plain(&comment.body),
        };
        ticket.comments.iter().map(text).collect()
    }

    /// How often this was asked for.
    pub fn asked(&self, method: &str, below: &str) -> u64 {
        let counts = self.jira.wire().counts();
        let fits = |key: &&String| key.starts_with(method) && key.ends_with(below);
        counts.iter().filter(|(key, _)| fits(key)).map(|(_, count)| count).sum()
    }

    /// The route below the ticket.
    pub fn route(&self, below: &str) -> String {
        let version = if self.kind == Kind::Cloud { 3 } else { 2 };
        format!("/rest/api/{version}/issue/{{issueIdOrKey}}/{below}")
    }
}

pub fn context(variables: &[(&str, &str)], clock: Clock) -> Context {
    let env = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Context {
        env: env.collect(),
        clock,
        cwd: "/".into(),
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::default(),
        actions: None,
    }
}

/// A run with a ticket.
pub fn ticketed(phase: Phase) -> Observation {
    let mut seen = met(phase);
    seen.deployment.record.iter_mut().for_each(|record| record.ticket = Some(KEY.into()));
    seen.deployment.history.landed.iter_mut().for_each(|landed| landed.ticket = Some(KEY.into()));
    seen
}

/// Its rebuild has failed, with these words.
pub fn failed(words: &str) -> Observation {
    let mut seen = ticketed(Phase::Rebuild);
    seen.world.admin.rebuild.iter_mut().for_each(|answer| {
        answer.state = ProbeState::Failed;
        answer.error = Some(words.into());
    });
    seen
}

/// It has waited for its nodes since yesterday.
pub fn late() -> Observation {
    let mut seen = ticketed(Phase::FarmUp);
    cluster(&mut seen).pods.iter_mut().for_each(|pod| pod.ready = false);
    seen
}

pub fn decided(seen: &Observation) -> (Decision, Line) {
    let decision = decide(seen, &Request::Observe).unwrap();
    let line = Line::new(seen, &decision, None);
    (decision, line)
}

/// What is owed after this look.
pub fn owing(seen: &Observation) -> Option<Owed> {
    owing_from(seen, None)
}

pub fn owing_from(seen: &Observation, job: Option<&str>) -> Option<Owed> {
    let (decision, line) = decided(seen);
    owed(&Account { seen, decision: &decision, line: &line }, job, &Scrub::default()).unwrap()
}
