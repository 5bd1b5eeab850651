//! Where each look's result goes besides the two output streams: to the step of a CI job, and, where the
//! command may write, to the run's ticket and its newest pull request.
use std::collections::BTreeMap;

use tokio::runtime::Runtime;

use super::desk::Desk;
use crate::cli::{Common, Emit};
use crate::config::{JiraSettings, Settings};
use crate::context::Context;
use crate::propose::comment::{self, Comments};
use crate::propose::ticket::{self, Jira, Owed, Tickets, owed};
use crate::render::Change;
use crate::report::facts::Account;
use crate::report::scrub::Scrub;
use crate::report::{Style, error};
use crate::run::Step;

/// What a warning about no system in particular is kept by.
const JIRA: &str = "Jira";
const COMMENT: &str = "comment";

/// Hands one look at one system, and the commits that were or would be made, to whoever only reads.
pub fn tell(context: &Context, account: &Account<'_>, changes: &[(&Step, &Change)]) {
    if let Some(actions) = &context.actions {
        actions.tell(account, changes);
    }
}

/// Whom a command that writes tells. It is kept from look to look, so that nothing is asked twice; what it
/// forgets when it ends is found out again.
pub struct Reporters {
    runtime: Runtime,
    common: Common,
    scrub: Scrub,
    /// The page of the CI run that looks.
    job: Option<String>,
    settings: Option<JiraSettings>,
    tickets: Option<Result<Tickets, ticket::Error>>,
    owed: Vec<Owed>,
    comments: Comments,
    states: Vec<comment::Owed>,
    /// What went wrong last time, by what it was about.
    said: BTreeMap<String, String>,
}

impl Reporters {
    /// `None` where nothing leaves this machine.
    ///
    /// # Errors
    /// There are no threads to be had.
    pub fn new(context: &Context, common: &Common, emit: Emit) -> anyhow::Result<Option<Self>> {
        if !emit.pushes() {
            return Ok(None);
        }
        Ok(Some(Reporters {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            common: common.clone(),
            scrub: Scrub::new(context),
            job: job(context),
            settings: None,
            tickets: None,
            owed: Vec::new(),
            comments: Comments::default(),
            states: Vec::new(),
            said: BTreeMap::new(),
        }))
    }

    /// Notes what is owed after one look at one system. Nothing is sent before [`Reporters::deliver`], for
    /// the next system isn't to wait for it.
    pub fn note(&mut self, context: &mut Context, account: &Account<'_>) {
        match owed(account, self.job.as_deref(), &self.scrub) {
            Ok(owed) => self.owed.extend(owed),
            Err(error) => self.warn(context, &account.system().to_string(), Some(&error)),
        }
        match comment::owed(account, &self.scrub) {
            Ok(owed) => self.states.extend(owed),
            Err(error) => self.warn(context, &account.system().to_string(), Some(&error)),
        }
    }

    /// Sends what was noted. What can't be delivered is warned of once and owed again at the next look.
    /// `desk`: where steps are in review, if they are.
    pub fn deliver(&mut self, context: &mut Context, settings: &Settings, desk: Option<&Desk>) {
        self.comment(context, desk);
        let owed = std::mem::take(&mut self.owed);
        if self.settings != settings.jira {
            self.settings = settings.jira.clone();
            self.tickets = None;
        }
        let Some(jira) = &self.settings else { return };
        if owed.is_empty() {
            return;
        }
        let made = || Jira::new(context, jira).map(|jira| Tickets::new(context, jira));
        let troubles = match self.tickets.get_or_insert_with(made) {
            Ok(tickets) => self.runtime.block_on(tickets.deliver(&owed)),
            Err(error) => vec![(owed[0].system.clone(), error.clone())],
        };
        let mut by_name: BTreeMap<String, ticket::Error> = BTreeMap::new();
        for (system, error) in troubles {
            let name = if error.is_everywhere() { JIRA.to_owned() } else { system.to_string() };
            by_name.insert(name, error);
        }
        let names = owed.iter().map(|owed| owed.system.to_string()).chain([JIRA.to_owned()]);
        for name in names {
            let told = by_name.remove(&name).map(|error| {
                let told = match error.hint() {
                    Some(hint) => anyhow::anyhow!("{error} ({hint})"),
                    None => error.into(),
                };
                if name == JIRA { told } else { told.context(name.clone()) }
            });
            self.warn(context, &name, told.as_ref());
        }
    }

    /// Says on the pull requests where their runs stand.
    fn comment(&mut self, context: &mut Context, desk: Option<&Desk>) {
        let states = std::mem::take(&mut self.states);
        let Some(desk) = desk else { return };
        let now = context.clock.now();
        let troubles = desk.comment(&mut self.comments, &states, now);
        let trouble = troubles.into_iter().next().map(|(system, error)| {
            anyhow::Error::from(error).context(format!("the comment on the state of {system}"))
        });
        self.warn(context, COMMENT, trouble.as_ref());
    }

    /// Warns of a thing once, when it changes; `None`: it is well again.
    fn warn(&mut self, context: &mut Context, name: &str, trouble: Option<&anyhow::Error>) {
        let Some(trouble) = trouble else {
            self.said.remove(name);
            return;
        };
        let text = self.scrub.text(&format!("{trouble:#}"));
        if self.said.insert(name.to_owned(), text.clone()).as_ref() == Some(&text) {
            return;
        }
        let style = Style::choose(context, self.common.color, context.terminal.err);
        context.complain(&error::warning(&anyhow::anyhow!("{text}"), style));
        if let Some(actions) = &context.actions {
            actions.warn(&text);
        }
    }
}

/// The page of the CI run that the program runs in: `https://github.com/acme/deployment/actions/runs/7`
pub fn job(context: &Context) -> Option<String> {
    let [server, repo, run] =
        ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"].map(|name| context.var(name));
    Some(format!("{}/{}/actions/runs/{}", server?.trim_end_matches('/'), repo?, run?))
}
