//! `status --watch`: where each run stands, shown anew as it changes, until somebody stops it. It fetches
//! nothing and writes nothing; what others fetch beside it is seen at the next poll.
use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::bail;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::{Standing, systems, text};
use crate::cli::{Common, Emit, Output, Status};
use crate::commands::look::{Asked, read};
use crate::commands::memory::Memory;
use crate::commands::session::Session;
use crate::commands::tell::tell;
use crate::commands::watch::sights::Sights;
use crate::commands::watch::{on_its_own_thread, stopped};
use crate::commands::{exit, fail, for_people};
use crate::context::Context;
use crate::observe::kubeconfig::Stamp;
use crate::report::error::{self, Invalid};
use crate::report::live::Screen;
use crate::report::time::moment;
use crate::report::{Style, nodes};
use crate::run::deployment::Deployment;
use crate::run::review::Review;
use crate::run::{Observation, SystemRef, attentions, notices};
use crate::wait::{Occasion, Schedule, Seen, wait};

/// What is wrong with the whole deployment repo is complained of under this name; no system has it.
const REPO: &str = "the deployment repo";

pub fn run(context: &mut Context, common: &Common, asked: &Status) -> anyhow::Result<u8> {
    if common.observed.is_some() {
        let hint = "what was observed before doesn't change any more";
        return Err(Invalid::usage("--observed can't go with --watch").hint(hint).into());
    }
    if common.output == Output::Html {
        let hint = "write a page now and then: `dcr-gitops status -o html > status.html`";
        return Err(Invalid::usage("a page can't go with --watch").hint(hint).into());
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let changed = Arc::new(Notify::new());
    let mut shown = Shown::new(context.take(), common, asked);
    let silent = context.take();
    let (of, told) = ((common.clone(), asked.clone()), Arc::clone(&changed));
    let handle = runtime.handle().clone();
    let lookout = move || Lookout::new(silent, of.0, of.1, handle, told);
    let end = runtime.block_on(async {
        let (occasions, mut looks) = on_its_own_thread(lookout, Lookout::look);
        let schedule = Schedule { poll: asked.poll.signed(), slice: None };
        wait(&context.clock, schedule, &changed, stopped()?, async |occasion| {
            occasions.send(occasion)?;
            let Some(sighting) = looks.recv().await else { bail!("the look broke off") };
            shown.show(occasion, sighting?)
        })
        .await
    });
    runtime.shutdown_background();
    *context = shown.context;
    end.map(|_| exit::worst(shown.codes))
}

/// What goes on from one look to the next.
struct Lookout {
    context: Context,
    common: Common,
    asked: Status,
    runtime: Handle,
    changed: Arc<Notify>,
    sights: Option<(Sights, Stamp)>,
    /// The systems as the deployment repo had them at the last poll.
    systems: Option<Vec<Result<Base, Arc<anyhow::Error>>>>,
    memory: Memory,
}

/// What the deployment repo and its review platform say of a system.
struct Base {
    deployment: Deployment,
    review: Review,
}

/// What one look came to.
struct Sighting {
    each: Vec<Result<Standing, Arc<anyhow::Error>>>,
    /// Why the deployment repo can't be read any more.
    trouble: Option<Arc<anyhow::Error>>,
    /// Not everybody answered yet.
    unfinished: bool,
    /// When answers become too old.
    due: Option<Timestamp>,
}

impl Lookout {
    fn new(
        context: Context,
        common: Common,
        asked: Status,
        runtime: Handle,
        changed: Arc<Notify>,
    ) -> Self {
        let memory = Memory::new(&common, Emit::default());
        Lookout { context, common, asked, runtime, changed, sights: None, systems: None, memory }
    }

    /// # Errors
    /// The deployment repo can't be read at the first look. Later that is trouble that may pass.
    fn look(&mut self, occasion: Occasion) -> anyhow::Result<Sighting> {
        let mut trouble = None;
        if occasion == Occasion::Poll
            && let Err(error) = self.read()
        {
            if self.systems.is_none() {
                return Err(error);
            }
            trouble = Some(Arc::new(error));
        }
        let (mut each, mut unfinished) = (Vec::new(), false);
        if let Some((sights, _)) = &mut self.sights {
            sights.take_news();
            for base in self.systems.iter().flatten() {
                let base = match base {
                    Ok(base) => base,
                    Err(error) => {
                        each.push(Err(Arc::clone(error)));
                        continue;
                    }
                };
                let Some(world) = sights.see(&base.deployment, &base.review) else {
                    unfinished = true;
                    continue;
                };
                let (at, deployment) = (self.context.clock.now(), base.deployment.clone());
                let mut seen = Observation { at, deployment, world };
                self.memory.put_into(&mut seen);
                each.push(Standing::of(seen).map_err(Arc::new));
            }
        }
        let due = self.sights.as_ref().and_then(|(sights, _)| sights.next_due());
        Ok(Sighting { each, trouble, unfinished, due })
    }

    /// The deployment repo as it was last fetched, and the requests of its steps.
    fn read(&mut self) -> anyhow::Result<()> {
        let session = Session::open(&self.context, &self.common)?;
        let named = systems(&session, &self.asked)?;
        let known: Vec<SystemRef> = named.iter().flatten().cloned().collect();
        let bases: Vec<Deployment> = known
            .iter()
            .filter_map(|system| session.read(system).ok())
            .map(|(deployment, _)| deployment)
            .collect();
        let asked = {
            let _runtime = self.runtime.enter();
            Asked::at_hand(&self.context, &session)
        };
        let mut reviews = match asked {
            Some(asked) => asked.look(&self.runtime, &bases)?,
            None => BTreeMap::new(),
        };
        self.memory.recall(&session, &known, self.context.clock.now());
        let Lookout { context, common, runtime, changed, .. } = &*self;
        let before = self.sights.as_ref().map(|(_, stamp)| stamp);
        let opened = Sights::open(context, common, &session, runtime, changed, before)?;
        self.sights = opened.or(self.sights.take());
        if let Some((sights, _)) = &mut self.sights {
            sights.follow(&known);
            sights.keep_asking(&known);
        }
        let mut base = |system: anyhow::Result<SystemRef>| {
            let system = system?;
            let mut review = reviews.remove(&system).unwrap_or_default();
            let (deployment, _) = read(&session, &system, &mut review)?;
            anyhow::Ok(Base { deployment, review })
        };
        let bases = named.into_iter().map(|system| base(system).map_err(Arc::new));
        self.systems = Some(bases.collect());
        Ok(())
    }
}

/// Whoever shows it, and what was shown already.
struct Shown<'a> {
    context: Context,
    common: &'a Common,
    asked: &'a Status,
    screen: Option<Screen>,
    polls: u32,
    /// What was last shown of each system; nothing before anything was.
    gists: Option<BTreeMap<String, String>>,
    /// What was complained of at the last look.
    complaints: Vec<String>,
    /// What the systems come to that can't be shown.
    codes: Vec<u8>,
}

impl<'a> Shown<'a> {
    fn new(context: Context, common: &'a Common, asked: &'a Status) -> Self {
        let screen = for_people(common).then(|| Screen::on_terminal(&context)).flatten();
        Shown {
            context,
            common,
            asked,
            screen,
            polls: 0,
            gists: None,
            complaints: Vec::new(),
            codes: Vec::new(),
        }
    }

    fn show(&mut self, occasion: Occasion, sighting: Sighting) -> anyhow::Result<Seen> {
        let Sighting { each, trouble, unfinished, due } = sighting;
        self.polls += u32::from(occasion == Occasion::Poll);
        let (standing, wrong): (Vec<_>, Vec<_>) = each.into_iter().partition(Result::is_ok);
        let mut standing: Vec<Standing> = standing.into_iter().flatten().collect();
        let wrong: Vec<_> = wrong.into_iter().filter_map(Result::err).collect();
        let goes_on = Seen::Waiting { at: due, unfinished };
        // The first time everything is shown at once, unless somebody takes too long to answer.
        if self.gists.is_none() && unfinished && self.polls < 2 {
            return Ok(goes_on);
        }
        let nothing = standing.is_empty() && !wrong.is_empty() && !unfinished;
        self.complain(wrong, trouble);
        if nothing && !self.asked.systems.is_empty() {
            return Ok(Seen::Settled);
        }
        let first = self.gists.is_none();
        let now: BTreeMap<String, String> =
            standing.iter().map(|it| (it.seen.deployment.system.to_string(), gist(it))).collect();
        let before = self.gists.replace(now).unwrap_or_default();
        let now = self.gists.iter().flatten();
        let news: Vec<String> = now
            .filter(|(name, gist)| before.get(*name) != Some(gist))
            .map(|(name, _)| name.clone())
            .collect();
        let is_new = |it: &Standing| news.contains(&it.seen.deployment.system.to_string());
        for system in standing.iter().filter(|it| is_new(it)) {
            tell(&self.context, &system.as_told(), &[]);
        }
        if let Some(screen) = &self.screen {
            screen.show(&text(&self.context, self.common, self.asked, &standing)?);
            return Ok(goes_on);
        }
        standing.retain(is_new);
        if standing.is_empty() && !first {
            return Ok(goes_on);
        }
        let mut said = text(&self.context, self.common, self.asked, &standing)?;
        if for_people(self.common) {
            let style = Style::choose(&self.context, self.common.color, self.context.terminal.out);
            said = format!("{}\n{said}", style.dim(&moment(self.context.clock.now())));
        }
        Ok(if self.context.reach(&said)? { goes_on } else { Seen::Settled })
    }

    /// Says what is wrong, once.
    fn complain(&mut self, wrong: Vec<Arc<anyhow::Error>>, trouble: Option<Arc<anyhow::Error>>) {
        let before = std::mem::take(&mut self.complaints);
        let wrong = wrong.into_iter().map(|error| (error.to_string(), error));
        self.codes.clear();
        for (name, error) in wrong.chain(trouble.map(|error| (REPO.to_owned(), error))) {
            let text = error::text(&error, Style::default());
            if name != REPO {
                self.codes.push(error::code(&error));
            }
            if !before.contains(&text) {
                let (context, common) = (&mut self.context, self.common);
                let mut say = || fail(context, common, &name, &error);
                match &self.screen {
                    Some(screen) => screen.above(say),
                    None => say(),
                };
            }
            self.complaints.push(text);
        }
    }
}

/// What makes a system worth being printed again: all of it but how old things are by now, and every tenth of
/// a percent.
fn gist(standing: &Standing) -> String {
    let Standing { seen, decision, line } = standing;
    let mut line = line.clone();
    if let Some(progress) = &mut line.progress {
        progress.percent = progress.percent.map(f64::trunc);
        progress.eta = None;
    }
    let attentions = attentions(seen, decision);
    format!("{line:?} {:?} {:?} {attentions:?}", nodes::rows(seen), notices(seen))
}
