//! The program's own parts in this process: one look at a time, and what it makes of it, on a clock that
//! stands still meanwhile.
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dcr_gitops::config::{Inputs, Problems, SettingsFile, digest, parse_inputs, parse_settings};
use dcr_gitops::context::Clock;
use dcr_gitops::git::{Oid, Repo};
use dcr_gitops::observe::argocd::application;
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::observe::deployment::{SETTINGS, Source, find_base};
use dcr_gitops::observe::express::http::{Http, Limits};
use dcr_gitops::observe::nodes::Nodes;
use dcr_gitops::propose::{self, Committed, Proposal, commit};
use dcr_gitops::rehearse::folder::{CONTEXT, Folder};
use dcr_gitops::rehearse::kubernetes::{Body as Answer, Kubernetes};
use dcr_gitops::rehearse::loopback::BoxError;
use dcr_gitops::rehearse::world::TOKEN;
use dcr_gitops::render::{BaseFolder, Templates, change, message};
use dcr_gitops::run::deployment::{Base, Deployment};
use dcr_gitops::run::express::Admin;
use dcr_gitops::run::journal::Journal;
use dcr_gitops::run::review::Review;
use dcr_gitops::run::{self, Observation, Step, SystemRef};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use kube::client::Body;
use tower::ServiceExt;

/// The context of the cluster that Argo CD runs in, where the settings name it.
pub const HUB: &str = "hub";

/// The lines to the API servers, each of which can be cut.
#[derive(Clone, Default)]
pub struct Lines {
    pub cluster: Arc<AtomicBool>,
    pub hub: Arc<AtomicBool>,
}

pub struct Program {
    folder: Rc<Folder>,
    system: SystemRef,
    clusters: Clusters,
    http: Http,
    clock: Clock,
    /// Another version of the program may come with others.
    pub templates: Templates,
    read: Option<(Refs, Rc<Read>)>,
}

type Refs = Vec<(String, git2::Oid)>;

/// The deployment repo as it is at one moment.
struct Read {
    repo: Repo,
    settings: SettingsFile,
    base: Base,
    deployment: Deployment,
    folder: BaseFolder,
}

/// One look, and the repo it was taken at.
pub struct Look {
    pub seen: Observation,
    read: Rc<Read>,
}

impl Program {
    /// The program beside a world, and the lines it reaches it by.
    pub fn new(folder: Rc<Folder>, system: &SystemRef, world: &Kubernetes, lines: &Lines) -> Self {
        let kubernetes = world.clone();
        let clock = Clock::new(move || kubernetes.now());
        let clients = BTreeMap::from([
            (CONTEXT.to_owned(), client(world, &lines.cluster)),
            (HUB.to_owned(), client(world, &lines.hub)),
        ]);
        let settings = Opened::new(&folder).settings.settings;
        Program {
            clusters: Clusters::over(clients, &settings, clock.clone()),
            http: Http::new(Limits::default()).unwrap(),
            templates: Templates::builtin().unwrap(),
            system: system.clone(),
            read: None,
            folder,
            clock,
        }
    }

    /// The same as the program's own look. What it reads in the repo follows from the refs, so it reads it
    /// again when one of them has moved.
    pub async fn look(&mut self) -> anyhow::Result<Look> {
        let system = &self.system;
        self.clusters.once(std::slice::from_ref(system)).await;
        let refs = refs(&self.folder.remote());
        let read = match self.read.take() {
            Some((then, read)) if then == refs => read,
            _ => Rc::new(Read::new(&self.folder, system)?),
        };
        self.read = Some((refs, Rc::clone(&read)));
        let deployment = read.deployment.clone();
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
        Ok(Look { seen: Observation { at, deployment, world }, read })
    }

    /// Straight into the repo that the reviewer looks at: neither clone nor push.
    pub fn commit(&self, look: &Look, step: &Step) -> Result<Committed, propose::Error> {
        let Look { seen, read } = look;
        let (inputs, wiring) = (&seen.deployment.inputs, read.settings.settings.wiring);
        let change = change(step, &read.folder, inputs, wiring, &self.templates).unwrap();
        let message = message(step, &change, None).unwrap();
        let proposal = Proposal {
            base: Oid::from_str(&read.base.commit).unwrap(),
            change: &change,
            message: &message,
            branch: &step.branch(),
            place: &step.place,
        };
        let holds = |commit| {
            let source = source(&read.repo, &read.base, &read.settings);
            let at = (step.record.run, step.record.step);
            Ok(source.holds(&self.system, at, &step.intent(), commit)?)
        };
        commit(&read.repo, &proposal, self.clock.now(), &holds)
    }
}

/// A client of an API server behind a line.
fn client(kubernetes: &Kubernetes, cut: &Arc<AtomicBool>) -> kube::Client {
    let (kubernetes, cut) = (kubernetes.clone(), Arc::clone(cut));
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let (kubernetes, cut) = (kubernetes.clone(), cut.load(Ordering::Relaxed));
        let bearer = HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap();
        request.headers_mut().insert(AUTHORIZATION, bearer);
        async move {
            if cut {
                return Err::<Response<Answer>, BoxError>("no route to host".into());
            }
            kubernetes.oneshot(request).await
        }
    });
    kube::Client::new(service, "default")
}

/// Every branch of a repo, and what it holds; a queue's own tell of nothing.
fn refs(repo: &Path) -> Refs {
    let repo = git2::Repository::open_bare(repo).unwrap();
    let held = repo.references_glob("refs/heads/*").unwrap().map(|reference| {
        let reference = reference.unwrap();
        Some((reference.name().unwrap().to_owned(), reference.target()?))
    });
    let queued = |name: &str| name.starts_with("refs/heads/gh-readonly-queue/");
    let mut refs: Refs = held.flatten().filter(|(name, _)| !queued(name)).collect();
    refs.sort_unstable();
    refs
}

/// The repo, its settings and base.
struct Opened {
    repo: Repo,
    settings: SettingsFile,
    /// Of the settings.
    text: String,
    base: Base,
}

impl Opened {
    fn new(folder: &Folder) -> Self {
        let repo = Repo::open(&folder.remote(), &folder.environment()).unwrap();
        let parse = |text: &str| Ok(settings(text)?.settings);
        let found = find_base(&repo, None, parse).unwrap();
        let text = found.text.unwrap();
        Opened { repo, settings: settings(&text).unwrap(), text, base: found.base }
    }
}

impl Read {
    fn new(folder: &Folder, system: &SystemRef) -> anyhow::Result<Self> {
        let Opened { repo, settings, text: of, base } = Opened::new(folder);
        let (deployment, folder) = source(&repo, &base, &settings).read(system, |path, text| {
            let key = (of.clone(), system.clone(), text.to_owned());
            if let Some(known) = KNOWN.with_borrow(|known| known.inputs.get(&key).cloned()) {
                return Ok(known);
            }
            let inputs = parse_inputs(&settings, system, path, text)?;
            let digest = digest(&inputs);
            let read = (inputs, digest);
            KNOWN.with_borrow_mut(|known| known.inputs.insert(key, read.clone()));
            Ok(read)
        })?;
        Ok(Read { repo, settings, base, deployment, folder })
    }
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// What was read before: run after run begins with the same settings and inputs.
#[derive(Default)]
struct Known {
    settings: HashMap<String, SettingsFile>,
    /// By the settings, the system and the text.
    inputs: HashMap<(String, SystemRef, String), (Inputs, String)>,
}

fn settings(text: &str) -> Result<SettingsFile, Problems> {
    if let Some(known) = KNOWN.with_borrow(|known| known.settings.get(text).cloned()) {
        return Ok(known);
    }
    let read = parse_settings(SETTINGS, text)?;
    KNOWN.with_borrow_mut(|known| known.settings.insert(text.to_owned(), read.clone()));
    Ok(read)
}

fn source<'a>(repo: &'a Repo, base: &'a Base, file: &'a SettingsFile) -> Source<'a> {
    let settings = &file.settings;
    Source { repo, base, settings, pattern: &settings.systems, remote: None, branches: None }
}

/// One system as the repo has it.
pub fn deployment(folder: &Folder, system: &SystemRef) -> Deployment {
    Read::new(folder, system).unwrap().deployment
}
