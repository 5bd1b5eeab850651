//! Plays whole runs in one process: the embedded world on a clock that leaps, and the program's own parts
//! between two leaps.
use std::collections::BTreeMap;
use std::ffi::OsStr;

use dcr_gitops::config::{SettingsFile, digest, parse_inputs, parse_settings};
use dcr_gitops::context::Clock;
use dcr_gitops::git::{Oid, Repo};
use dcr_gitops::observe::argocd::application;
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::observe::deployment::{SETTINGS, Source, find_base};
use dcr_gitops::observe::express::http::{Http, Limits};
use dcr_gitops::observe::nodes::Nodes;
use dcr_gitops::propose::{Proposal, commit};
use dcr_gitops::rehearse::deployment::{SAMPLE_BRANCH, adapt, sample};
use dcr_gitops::rehearse::folder::{CONTEXT, Folder};
use dcr_gitops::rehearse::reviewer::Manners;
use dcr_gitops::rehearse::scenario::Scenario;
use dcr_gitops::rehearse::world::{Event, Setting, TOKEN, World};
use dcr_gitops::render::{BaseFolder, Templates, change, message};
use dcr_gitops::run::deployment::{Base, Deployment};
use dcr_gitops::run::express::Admin;
use dcr_gitops::run::journal::Journal;
use dcr_gitops::run::review::Review;
use dcr_gitops::run::{self, Decision, Observation, Request, Step, SystemRef, decide};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use serde_json::json;
use tower::ServiceExt;

use super::{base, truth};

const FOLDER: &str = "clusters/den/tenant-105858-prod/system6";
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
    pub folder: Folder,
    pub world: World,
    pub system: SystemRef,
    /// Every commit of the program, and when it was made.
    pub proposed: Vec<(Timestamp, Step)>,
    pub events: Vec<Event>,
    pub looks: usize,
}

struct Journey<'a> {
    story: &'a Story,
    setting: Setting,
    clusters: Clusters,
    http: Http,
    clock: Clock,
    played: Played,
}

/// The deployment repo as it is at one moment.
struct Repository {
    repo: Repo,
    base: Base,
    settings: SettingsFile,
}

impl Repository {
    fn open(folder: &Folder) -> Self {
        let repo = Repo::open(&folder.remote(), &folder.environment()).unwrap();
        let parse = |text: &str| Ok(parse_settings(SETTINGS, text)?.settings);
        let found = find_base(&repo, None, parse).unwrap();
        let settings = parse_settings(SETTINGS, &found.text.unwrap()).unwrap();
        Repository { repo, base: found.base, settings }
    }

    fn read(&self, system: &SystemRef) -> (Deployment, BaseFolder) {
        let settings = &self.settings.settings;
        let source = Source {
            repo: &self.repo,
            base: &self.base,
            settings,
            pattern: &settings.systems,
            remote: None,
            branches: None,
        };
        let read = source.read(system, |path, text| {
            let inputs = parse_inputs(&self.settings, system, path, text)?;
            let digest = digest(&inputs);
            Ok((inputs, digest))
        });
        read.unwrap()
    }
}

/// Makes the remote with the sample in it, fit for the embedded world.
pub fn prepare(folder: &Folder, proves_propagation: bool) -> Setting {
    let start: Timestamp = START.parse().unwrap();
    sample(folder, start).unwrap();
    let inputs = format!("{FOLDER}/dcr.yaml");
    adapt(folder, SAMPLE_BRANCH, "den", &inputs, start).unwrap();
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
        inputs: Repository::open(folder).read(&system).0.inputs,
        system,
        folder: FOLDER.to_owned(),
        start,
        pull_requests: false,
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
        let folder = Folder::new(None, Some(OsStr::new("/nowhere"))).unwrap();
        let setting = prepare(&folder, story.proves_propagation);
        let repository = Repository::open(&folder);
        let system = setting.system.clone();
        let happy = Scenario::named("happy").unwrap();
        let scenario = Scenario { manners: story.manners, seed: story.seed, ..happy };
        let world = World::new(&setting, &scenario).unwrap();
        let (kubernetes, service) = (world.kubernetes.clone(), world.kubernetes.clone());
        let clock = Clock::new(move || kubernetes.now());
        let service = service.map_request(|mut request: http::Request<Body>| {
            let bearer = HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap();
            request.headers_mut().insert(AUTHORIZATION, bearer);
            request
        });
        let client = kube::Client::new(service, "default");
        let clients = BTreeMap::from([(CONTEXT.to_owned(), client)]);
        let clusters = Clusters::over(clients, &repository.settings.settings, clock.clone());
        let http = Http::new(Limits::default()).unwrap();
        let (proposed, events) = (Vec::new(), Vec::new());
        let played = Played { folder, world, system, proposed, events, looks: 0 };
        Journey { story, setting, clusters, http, clock, played }
    }

    /// One run, from the person who starts it to the last look, which finds nothing of it left.
    async fn run(&mut self) {
        let deadline = self.clock.now() + LONGEST;
        let mut asked = Request::Next { forced: None, ticket: None, skip_gate: None };
        loop {
            let now = self.clock.now();
            let repository = Repository::open(&self.played.folder);
            let (seen, folder) = self.look(&repository).await;
            match decide(&seen, &asked).unwrap() {
                Decision::Propose(step) => {
                    truth::allows(&self.played.world, &seen.deployment, &step);
                    self.commit(&repository, &seen, &folder, &step);
                    self.played.proposed.push((now, *step));
                    asked = Request::Observe;
                }
                Decision::Finished(_) if asked == Request::Observe => return,
                Decision::Wait(_) => {}
                other => panic!("{now}: {other:#?}\n{seen:#?}"),
            }
            assert!(now < deadline, "no end: {seen:#?}");
            let events = self.played.world.until(self.next_look(now)).await.unwrap();
            self.played.events.extend(events);
        }
    }

    /// The same as the program's own look; the time stands still during it.
    async fn look(&mut self, repository: &Repository) -> (Observation, BaseFolder) {
        self.played.looks += 1;
        let system = &self.setting.system;
        self.clusters.once(std::slice::from_ref(system)).await;
        let (deployment, folder) = repository.read(system);
        let (clusters, clock) = (&self.clusters, &self.clock);
        let nodes = Nodes { clusters, http: &self.http, clock, commands: None };
        let admin = match &deployment.record {
            Some(record) => nodes.ask(record, &deployment.inputs.admin).await,
            None => Admin::default(),
        };
        let application = match &deployment.inputs.argocd {
            Some(argocd) => Some(application(clusters, system, argocd).await),
            None => None,
        };
        let at = clock.now();
        let cluster = clusters.cluster(system, at);
        let (review, journal) = (Review::default(), Journal::default());
        let world = run::World { cluster, admin, application, review, journal };
        (Observation { at, deployment, world }, folder)
    }

    /// Straight into the repo that the reviewer looks at: neither clone nor push.
    fn commit(
        &self,
        repository: &Repository,
        seen: &Observation,
        folder: &BaseFolder,
        step: &Step,
    ) {
        let wiring = repository.settings.settings.wiring;
        let templates = Templates::builtin().unwrap();
        let change = change(step, folder, &seen.deployment.inputs, wiring, &templates).unwrap();
        let message = message(step, &change, None).unwrap();
        let proposal = Proposal {
            base: Oid::from_str(&repository.base.commit).unwrap(),
            change: &change,
            message: &message,
            branch: &step.branch(),
            place: &step.place,
        };
        let made = commit(&repository.repo, &proposal, seen.at, &|_| Ok(false)).unwrap();
        assert!(!made.adopted, "{step:#?}");
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
