//! Plays whole runs in one process: the embedded world on a clock that leaps, and the program's own parts
//! between two leaps.
use std::ffi::OsStr;
use std::rc::Rc;

use dcr_gitops::rehearse::deployment::{SAMPLE_BRANCH, adapt, sample};
use dcr_gitops::rehearse::folder::Folder;
use dcr_gitops::rehearse::reviewer::Manners;
use dcr_gitops::rehearse::scenario::Scenario;
use dcr_gitops::rehearse::world::{Event, Setting, World};
use dcr_gitops::run::{Decision, Request, Step, SystemRef, decide};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::program::{Lines, Program, deployment};
use super::{base, truth};

/// The system's folder.
pub const FOLDER: &str = "clusters/den/tenant-105858-prod/system6";
/// A Wednesday.
const START: &str = "2026-11-25T09:00:00Z";
/// A run that takes longer has gone wrong.
const LONGEST: SignedDuration = SignedDuration::from_hours(60 * 24);

/// What differs from run to run.
#[derive(Debug, Clone)]
pub struct Story {
    pub manners: Manners,
    /// Between two looks of the watcher.
    pub poll: SignedDuration,
    /// Nobody watches on Saturdays and Sundays.
    pub weekends_off: bool,
    /// The inputs say how a node tells of the end of a propagation.
    pub proves_propagation: bool,
    pub runs: u32,
    pub seed: u64,
}

impl Default for Story {
    fn default() -> Self {
        Story {
            manners: Manners::default(),
            poll: SignedDuration::from_hours(4),
            weekends_off: false,
            proves_propagation: true,
            runs: 1,
            seed: 1,
        }
    }
}

/// A story that has come to its end.
pub struct Played {
    pub folder: Rc<Folder>,
    pub world: World,
    pub system: SystemRef,
    /// Every commit of the program, and when it was made.
    pub proposed: Vec<(Timestamp, Step)>,
    pub events: Vec<Event>,
    pub looks: usize,
}

struct Journey<'a> {
    story: &'a Story,
    program: Program,
    played: Played,
}

/// Makes the remote with the sample in it, fit for the embedded world.
pub fn prepare(folder: &Folder, proves_propagation: bool) -> Setting {
    let start: Timestamp = START.parse().unwrap();
    sample(folder, start).unwrap();
    let inputs = format!("{FOLDER}/dcr.yaml");
    adapt(folder, SAMPLE_BRANCH, "den", &inputs, None, start).unwrap();
    if proves_propagation {
        base::edit(&folder.remote(), &inputs, |inputs| {
            let path = "/.admin?cmd=propagationStatus&format=JSON";
            inputs["admin"]["propagation"] = json!({ "path": path });
        });
    }
    let system = SystemRef {
        cluster: "den".into(),
        namespace: "tenant-105858-prod".into(),
        system: "system6".into(),
    };
    Setting {
        remote: folder.remote(),
        base: SAMPLE_BRANCH.to_owned(),
        inputs: deployment(folder, &system).inputs,
        system,
        folder: FOLDER.to_owned(),
        start,
        platforms: None,
    }
}

/// Plays a story to its end, or panics where it halts or doesn't come to one.
pub async fn play(story: &Story) -> Played {
    let mut journey = Journey::new(story);
    for _ in 0..story.runs {
        journey.run().await;
    }
    journey.played
}

impl<'a> Journey<'a> {
    fn new(story: &'a Story) -> Self {
        // Where no program is found, none is run.
        let folder = Rc::new(Folder::new(None, Some(OsStr::new("/nowhere"))).unwrap());
        let setting = prepare(&folder, story.proves_propagation);
        let happy = Scenario::named("happy").unwrap();
        let scenario = Scenario { manners: story.manners, seed: story.seed, ..happy };
        let world = World::new(&setting, &scenario).unwrap();
        let (system, lines) = (setting.system, Lines::default());
        let program = Program::new(Rc::clone(&folder), &system, &world.kubernetes, &lines);
        let (proposed, events) = (Vec::new(), Vec::new());
        let played = Played { folder, world, system, proposed, events, looks: 0 };
        Journey { story, program, played }
    }

    /// One run, from the person who starts it to the last look, which finds nothing of it left.
    async fn run(&mut self) {
        let deadline = self.played.world.now() + LONGEST;
        let mut asked = Request::Next { forced: None, ticket: None, skip_gate: None };
        loop {
            let now = self.played.world.now();
            let look = self.program.look().await.unwrap();
            self.played.looks += 1;
            match decide(&look.seen, &asked).unwrap() {
                Decision::Propose(step) => {
                    let facts = self.facts();
                    let made = self.program.commit(&look, &step).unwrap();
                    assert!(!made.adopted, "{step:#?}");
                    let repo = git2::Repository::open_bare(self.played.folder.remote()).unwrap();
                    let started = asked != Request::Observe;
                    let by = if started { truth::Asked::Start } else { truth::Asked::Nothing };
                    facts.allow(&base::at(&repo, made.commit), by).unwrap();
                    truth::stays_inside(&repo, made.commit, &format!("{FOLDER}/dcr")).unwrap();
                    self.played.proposed.push((now, *step));
                    asked = Request::Observe;
                }
                Decision::Finished(_) if asked == Request::Observe => return,
                Decision::Wait(_) => {}
                other => panic!("{now}: {other:#?}\n{:#?}", look.seen),
            }
            assert!(now < deadline, "no end: {:#?}", look.seen);
            let events = self.played.world.until(self.next_look(now)).await.unwrap();
            self.played.events.extend(events);
        }
    }

    fn facts(&self) -> truth::Facts {
        let Played { folder, world, system, .. } = &self.played;
        let repo = git2::Repository::open_bare(folder.remote()).unwrap();
        let tip = base::tip(&repo);
        let inputs = base::document(&repo, tip, &format!("{FOLDER}/dcr.yaml"));
        truth::Facts::now(world, system, base::at(&repo, tip), inputs)
    }

    fn next_look(&self, now: Timestamp) -> Timestamp {
        let mut next = now + self.story.poll;
        while self.story.weekends_off && is_weekend(next) {
            next += self.story.poll;
        }
        next
    }
}

fn is_weekend(at: Timestamp) -> bool {
    matches!(at.to_zoned(TimeZone::UTC).weekday(), Weekday::Saturday | Weekday::Sunday)
}
