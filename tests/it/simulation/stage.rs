//! Plays one schedule: watchers, a person and troubles take turns at the world, and what each watcher
//! does is held against what the world itself knows.
mod befall;
mod person;
mod repo;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use dcr_gitops::propose;
use dcr_gitops::rehearse::express::{Cmd, Conduct};
use dcr_gitops::rehearse::folder::Folder;
use dcr_gitops::rehearse::reviewer::{Act, State as Review};
use dcr_gitops::rehearse::scenario::{Scenario, Trouble as Window};
use dcr_gitops::rehearse::world::{What as Told, World};
use dcr_gitops::run::{Decision, Gate, Request, Step, SystemRef, branch, decide};
use git2::Repository;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::schedule::{Dice, Schedule, Trouble, minutes};
use crate::journey::base::{self, Files};
use crate::journey::play::{FOLDER, prepare};
use crate::journey::program::{HUB, Lines, Look, Program};
use crate::journey::truth::{self, Asked, Facts, Held, Stand, holds};

/// A run that takes longer hangs.
const LONGEST: SignedDuration = SignedDuration::from_hours(45 * 24);

/// After this time a person gives up what doesn't get on, though nothing is said to have failed.
const PATIENCE: SignedDuration = SignedDuration::from_hours(5 * 24);

/// How often things happened that the simulation is to have met.
pub type Met = BTreeMap<&'static str, usize>;

/// A schedule under way.
pub struct Stage<'a> {
    schedule: &'a Schedule,
    dice: Dice,
    folder: Rc<Folder>,
    repo: Repository,
    world: World,
    system: SystemRef,
    lines: Lines,
    programs: Vec<Program>,
    agenda: BTreeMap<(Timestamp, usize), Happening>,
    queued: usize,
    /// Names of pods that somebody else took away, or may have.
    taken: BTreeSet<String>,
    /// Pods may go for reasons of the base itself: it was taken back, or an old state was restored.
    unsettled: bool,
    /// The branches whose step was merged, and what they held then.
    merged: BTreeMap<String, git2::Oid>,
    /// What each branch was made to hold, and who asked for that.
    asked: BTreeMap<String, (Asked, Meant)>,
    /// States that the run's folder was found in.
    states: RefCell<BTreeMap<git2::Oid, Rc<State>>>,
    templates: BTreeMap<String, Value>,
    /// What a restored namespace is restored to.
    saved: Vec<Value>,
    /// The base before it was taken back, until it is put right.
    lost: Option<git2::Oid>,
    /// The same, while what somebody asked for to put it right is in review.
    asked_again: Option<git2::Oid>,
    person_comes: bool,
    gave_up: bool,
    started: bool,
    retries: u32,
    log: Vec<String>,
    pub met: Met,
}

/// What a step leaves of the run: where it stands, and what tells of its end.
type Meant = (Option<Stand>, Option<String>);

/// The run's folder as it is at some commits.
struct State {
    files: Files,
    stand: Option<Stand>,
}

/// What takes its turn.
enum Happening {
    Tick(usize),
    Emit { by: usize, look: Box<Look>, step: Box<Step>, facts: Box<Facts>, asked: Asked },
    Person(Request),
    Befall(Trouble),
    Mend(Trouble),
}

/// Plays it to its end, or says what went wrong and all that happened until then.
pub async fn play(schedule: &Schedule, within: Option<PathBuf>) -> Result<Met, String> {
    let mut stage = Stage::new(schedule, within);
    match stage.play().await {
        Ok(()) => Ok(stage.met),
        Err(why) => Err(format!("{why}\n\n{}", stage.log.join("\n"))),
    }
}

impl<'a> Stage<'a> {
    fn new(schedule: &'a Schedule, within: Option<PathBuf>) -> Self {
        // Where no program is found, none is run.
        let folder = Folder::new(within.as_deref(), Some(OsStr::new("/nowhere"))).unwrap();
        let setting = prepare(&folder, schedule.proves_propagation);
        if schedule.hub {
            base::edit(&folder.remote(), "dcr-gitops.yaml", |settings| {
                settings["clusters"]["den"]["argocd"] = json!({ "context": HUB });
            });
        }
        let happy = Scenario::named("happy").unwrap();
        let conduct = Conduct {
            work: SignedDuration::from_hours(4 * 24),
            history: SignedDuration::from_hours(2),
            outlives_synchronizer: schedule.outlives_synchronizer,
            frontends_keep_lost: schedule.frontends_keep_lost,
            fails_at: schedule.fails_at.map(Some).into_iter().collect(),
            ..happy.conduct
        };
        let length = SignedDuration::from_hours(24);
        let window = schedule.window.map(|phase| Window::SyncWindow { phase, length });
        let scenario = Scenario {
            manners: schedule.manners,
            seed: schedule.seed,
            conduct,
            troubles: window.into_iter().collect(),
            ..happy
        };
        let world = World::new(&setting, &scenario).unwrap();
        let (folder, system, lines) = (Rc::new(folder), setting.system, Lines::default());
        let program = || Program::new(Rc::clone(&folder), &system, &world.kubernetes, &lines);
        let programs = (0..schedule.watchers).map(|_| program()).collect();
        let repo = Repository::open_bare(folder.remote()).unwrap();
        Stage {
            schedule,
            dice: Dice::new(!schedule.seed),
            folder,
            repo,
            world,
            system,
            lines,
            programs,
            agenda: BTreeMap::new(),
            queued: 0,
            taken: BTreeSet::new(),
            unsettled: false,
            merged: BTreeMap::new(),
            asked: BTreeMap::new(),
            states: RefCell::default(),
            templates: BTreeMap::new(),
            saved: Vec::new(),
            lost: None,
            asked_again: None,
            person_comes: true,
            gave_up: false,
            started: false,
            retries: 0,
            log: Vec::new(),
            met: Met::new(),
        }
    }

    async fn play(&mut self) -> Held {
        let start = self.world.now();
        let end = start + LONGEST;
        self.then(minutes(0), Happening::Person(start_request()));
        for watcher in 0..self.schedule.watchers {
            self.then(minutes(30), Happening::Tick(watcher));
        }
        for trouble in &self.schedule.troubles {
            self.then(trouble.at, Happening::Befall(*trouble));
        }
        while let Some(((at, _), happening)) = self.agenda.pop_first() {
            self.pass(at).await?;
            holds!(at < end, "no end after {} days", LONGEST.as_hours() / 24);
            match happening {
                Happening::Tick(watcher) => {
                    if self.tick(watcher).await? {
                        return self.over();
                    }
                }
                Happening::Emit { by, look, step, facts, asked } => {
                    self.emit(by, &look, &step, &facts, asked)?;
                }
                Happening::Person(request) => self.person(request).await?,
                Happening::Befall(trouble) => self.befall(trouble),
                Happening::Mend(trouble) => self.mend(trouble),
            }
        }
        Err("nothing happens any more".to_owned())
    }

    fn then(&mut self, after: SignedDuration, happening: Happening) {
        self.queued += 1;
        self.agenda.insert((self.world.now() + after, self.queued), happening);
    }

    fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    fn note(&mut self, what: &str) {
        if self.log.last().is_none_or(|last| !last.ends_with(what)) {
            self.log.push(format!("{} {what}", self.world.now().strftime("%d %H:%M")));
        }
    }

    /// Lets the world go on; nobody of ours takes a working node away.
    async fn pass(&mut self, at: Timestamp) -> Held {
        let events = self.world.until(at).await.unwrap();
        let on = self.stand().is_some();
        for event in events {
            match &event.what {
                Told::Review(Act::Ended(request)) => {
                    if let Review::Merged(_) = request.state {
                        self.merged.insert(request.branch.clone(), request.head);
                    }
                    if request.state == Review::Declined {
                        self.meet("the reviewer declines");
                        self.lost = self.lost.or(self.asked_again.take());
                    }
                    self.note(&format!("{:?}: {}", request.state, request.title));
                }
                Told::Review(_) => {}
                Told::Node(words) => {
                    self.note(words);
                    let Some(pod) = words.strip_suffix(" is gone") else { continue };
                    let ours = on && !self.unsettled && !self.taken.contains(pod);
                    holds!(!ours, "{}: {pod} was taken from the run", event.at);
                }
                Told::ArgoCd(words)
                | Told::Job(words)
                | Told::Trouble(words)
                | Told::Ticket(words) => {
                    self.note(words);
                }
                Told::Rebuild(words) => self.note(&format!("rebuild {words}")),
            }
        }
        // A step that was open meanwhile may have brought everything back with it.
        let reached = |commit| Stand::reached(&self.at(commit).files);
        let now = reached(base::tip(&self.repo));
        self.lost = self.lost.filter(|lost| now < reached(*lost));
        for (set, template) in truth::templates(&self.world, &self.system) {
            let before = self.templates.entry(set).or_insert_with(|| template.clone());
            holds!(*before == template, "{at}: a set of the farm has another template");
        }
        Ok(())
    }

    fn facts(&self) -> Box<Facts> {
        let files = self.base().files.clone();
        Box::new(Facts::now(&self.world, &self.system, files, self.inputs()))
    }

    /// One look of a watcher. Whether all is over.
    async fn tick(&mut self, watcher: usize) -> Result<bool, String> {
        let unsteady = |stage: &mut Self| stage.dice.below(100) < stage.schedule.unsteady;
        let mut next = self.schedule.poll;
        if unsteady(self) {
            next *= 4;
            self.meet("a tick is missed");
        } else if unsteady(self) {
            next = minutes(0);
            self.meet("a tick comes twice");
        }
        self.then(next, Happening::Tick(watcher));
        if self.schedule.watchers > 1 {
            self.meet("two watch at once");
        }
        let look = self.programs[watcher].look().await.map_err(|error| format!("{error:#}"))?;
        let decision = decide(&look.seen, &Request::Observe).map_err(|it| it.to_string())?;
        match decision {
            Decision::Propose(step) => {
                let late = unsteady(self);
                let after = if late { minutes(1 + self.dice.below(480)) } else { minutes(0) };
                if late {
                    self.meet("a commit comes late");
                }
                let (by, look, facts) = (watcher, Box::new(look), self.facts());
                let asked = Asked::Nothing;
                self.then(after, Happening::Emit { by, look, step, facts, asked });
            }
            Decision::Halt(halt) => {
                self.note(&format!("halt: {}", halt.message));
                self.is_true(&halt.message)?;
                self.call_person();
            }
            Decision::Finished(_) => {
                let busy = |it: &Happening| !matches!(it, Happening::Tick(_));
                return Ok(self.started && !self.agenda.values().any(busy));
            }
            Decision::Idle(_) => self.call_person(),
            Decision::Wait(unmet) => {
                // What has its own deadline, or waits for a person anyway, isn't given up.
                let waits_long = unmet.iter().any(|it| {
                    let waits =
                        self.world.now().duration_since(it.since.unwrap_or(self.world.now()));
                    !matches!(it.gate, Gate::Review | Gate::Rebuild) && waits > PATIENCE
                });
                let knows_the_time = self.lines.behind.load(Ordering::Relaxed) == 0;
                let unmet = unmet.iter().map(|it| format!("{}: {}", it.gate.as_str(), it.message));
                let unmet = unmet.collect::<Vec<_>>().join("; ");
                let rebuilds = unmet.starts_with("rebuild: ") && knows_the_time;
                holds!(!rebuilds || !self.is_overdue(), "overdue: {unmet}");
                self.note(&format!("waits for {unmet}"));
                if waits_long {
                    self.give_up()?;
                }
                if unmet.contains("which isn't ours") {
                    self.clear();
                }
                if self.lost.is_some() {
                    // Without a review platform, a branch that was merged and isn't any more looks as if it
                    // waited: that it does for so long is for a person to wonder about.
                    self.call_person();
                }
            }
            Decision::Withdraw(branch) => return Err(format!("withdraws {}", branch.branch)),
        }
        Ok(false)
    }

    /// A commit, held against the world as it was when it was decided on.
    fn emit(&mut self, by: usize, look: &Look, step: &Step, facts: &Facts, asked: Asked) -> Held {
        let made = match self.programs[by].commit(look, step) {
            Ok(made) => made,
            Err(propose::Error::Conflict { .. } | propose::Error::BaseDiffers { .. }) => {
                self.meet("somebody else was faster");
                return Ok(());
            }
            Err(error) => return Err(format!("{error:?}")),
        };
        if made.adopted {
            self.meet("a commit is adopted");
            return Ok(());
        }
        self.note(&format!("commits {} attempt {}", step.record.phase, step.record.attempt));
        let after = &self.at(made.commit);
        let asked = self.asker(step, asked, after);
        facts.allow(&after.files, asked)?;
        truth::stays_inside(&self.repo, made.commit, &format!("{FOLDER}/dcr"))?;
        self.started |= asked == Asked::Start;
        self.one_open()
    }

    /// Who asked for a step: what is made again because the base changed under it was asked for before.
    fn asker(&mut self, step: &Step, asked: Asked, after: &State) -> Asked {
        let meant = (after.stand.clone(), after.files.get("last-run").cloned());
        let again = |(was, last_run): &Meant| {
            let begins = |stand: &Stand| stand.step == 1;
            let both_begin =
                was.as_ref().is_some_and(begins) && meant.0.as_ref().is_some_and(begins);
            // A first step that is made again takes the inputs as they are then.
            (*was == meant.0 || both_begin) && *last_run == meant.1
        };
        let branch = step.branch();
        let asked = match self.asked.get(&branch) {
            Some((before, was)) if asked == Asked::Nothing && again(was) => *before,
            _ => asked,
        };
        self.asked.insert(branch, (asked, meant));
        asked
    }

    /// What must hold when all is over.
    fn over(&self) -> Held {
        let ledger = self.world.ledger();
        holds!(ledger.writes_refused == 0, "{} writes", ledger.writes_refused);
        holds!(ledger.violations == 0, "{} commands too many", ledger.violations);
        let refused = self.world.express.refusals(Cmd::StartRebuild);
        holds!(refused.is_empty(), "triggers that must not be sent: {refused:?}");
        let left = truth::left(&self.world, &self.system);
        holds!(left.is_empty(), "finished with {left:?}");
        holds!(self.stand().is_none(), "finished with a run on");
        Ok(())
    }
}

fn start_request() -> Request {
    Request::Next { forced: None, ticket: None, skip_gate: None }
}
