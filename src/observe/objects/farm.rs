//! All views of one cluster, and what they show of one system: the objects put together, not judged.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube::Client;
use tokio::sync::Notify;
use tokio::sync::watch::Receiver;

use super::view::{AsOf, Seen};
use super::{
    Budget, Claim, Job, Kind, Meta, Object, Pod, Refusal, RunRecord, Service, StatefulSet, View,
};
use crate::context::Clock;
use crate::observe::clusters::Connection;
use crate::run::SystemRef;
use crate::run::cluster::{self, Cluster, JobResult, JobState, Live, LiveRun};

/// The objects of one cluster, of all systems.
#[derive(Debug, Default)]
pub struct Objects {
    pub pods: View<Pod>,
    pub stateful_sets: View<StatefulSet>,
    pub jobs: View<Job>,
    pub records: View<RunRecord>,
    pub services: View<Service>,
    pub budgets: View<Budget>,
    pub claims: View<Claim>,
    /// They only explain, so a cluster that doesn't show them is seen without.
    pub refusals: View<Refusal>,
}

impl Objects {
    /// Lists every kind once: in all namespaces, and where that isn't allowed, in each of `namespaces`.
    pub async fn once(&self, client: &Client, namespaces: &BTreeSet<String>, clock: &Clock) {
        tokio::join!(
            self.pods.once(client, namespaces, clock),
            self.stateful_sets.once(client, namespaces, clock),
            self.jobs.once(client, namespaces, clock),
            self.records.once(client, namespaces, clock),
            self.services.once(client, namespaces, clock),
            self.budgets.once(client, namespaces, clock),
            self.claims.once(client, namespaces, clock),
            self.refusals.once(client, namespaces, clock),
        );
    }

    /// Keeps every view up, and tells of every change, for as long as it is polled.
    pub async fn keep(
        &self,
        connection: &Connection,
        namespaces: &Receiver<BTreeSet<String>>,
        changed: &Notify,
    ) {
        tokio::join!(
            self.pods.keep(connection, namespaces.clone(), changed),
            self.stateful_sets.keep(connection, namespaces.clone(), changed),
            self.jobs.keep(connection, namespaces.clone(), changed),
            self.records.keep(connection, namespaces.clone(), changed),
            self.services.keep(connection, namespaces.clone(), changed),
            self.budgets.keep(connection, namespaces.clone(), changed),
            self.claims.keep(connection, namespaces.clone(), changed),
            self.refusals.keep(connection, namespaces.clone(), changed),
        );
    }

    /// No view could be filled.
    pub fn fail(&self, why: &str) {
        self.pods.fail(None, why.to_owned());
        self.stateful_sets.fail(None, why.to_owned());
        self.jobs.fail(None, why.to_owned());
        self.records.fail(None, why.to_owned());
        self.services.fail(None, why.to_owned());
        self.budgets.fail(None, why.to_owned());
        self.claims.fail(None, why.to_owned());
        self.refusals.fail(None, why.to_owned());
    }

    /// Whether every kind was read in `namespace`, or couldn't be.
    pub fn is_read(&self, namespace: &str) -> bool {
        self.pods.is_read(namespace)
            && self.stateful_sets.is_read(namespace)
            && self.jobs.is_read(namespace)
            && self.records.is_read(namespace)
            && self.services.is_read(namespace)
            && self.budgets.is_read(namespace)
            && self.claims.is_read(namespace)
            && self.refusals.is_read(namespace)
    }

    /// Whether anything of a system's runs is live, as far as is known.
    pub fn has(&self, system: &SystemRef) -> bool {
        self.pods.has(system)
            || self.stateful_sets.has(system)
            || self.jobs.has(system)
            || self.records.has(system)
            || self.services.has(system)
            || self.budgets.has(system)
            || self.claims.has(system)
    }

    /// What concerns one system; the error says which kind of object couldn't be seen, and why.
    pub fn cluster(&self, system: &SystemRef, at: Timestamp) -> Result<Cluster, String> {
        let namespace = &system.namespace;
        let seen = [
            self.pods.seen(namespace)?,
            self.stateful_sets.seen(namespace)?,
            self.jobs.seen(namespace)?,
            self.services.seen(namespace)?,
            self.budgets.seen(namespace)?,
            self.claims.seen(namespace)?,
            self.records.seen(namespace)?,
        ];
        let [.., of_records] = seen;
        let mut limits = Vec::new();
        if !of_records.everywhere {
            limits.push(format!(
                "runs are counted only in the namespaces that may be read, {namespace} among them"
            ));
        }
        if let Err(why) = self.refusals.seen(namespace) {
            limits.push(format!("why a pod isn't created can't be told: {why}"));
        }
        let system = OfSystem::new(self, system);
        Ok(Cluster {
            read_at: read_at(&seen, at),
            runs: self.runs(system.system),
            objects: system.objects(),
            pods: system.pods(),
            claims: system.claims(),
            limits,
        })
    }

    /// In the order they came to be, which is the same whoever looks.
    fn runs(&self, asked: &SystemRef) -> Vec<LiveRun> {
        let records = self.records.all().into_iter().filter(|object| object.body.is_record);
        let mut runs: Vec<_> =
            records.map(|record| (record.meta.created, live_run(record, asked))).collect();
        runs.sort_by(|(a, one), (b, other)| (a, &one.system).cmp(&(b, &other.system)));
        runs.into_iter().map(|(_, run)| run).collect()
    }
}

/// A reading is complete when its last list was.
fn read_at(seen: &[Seen], at: Timestamp) -> Timestamp {
    let times = seen.iter().map(|seen| match seen.as_of {
        AsOf::At(listed) => listed,
        AsOf::Now => at,
    });
    times.max().unwrap_or(at)
}

/// Its namespace is where it lives; all else it has to say itself, and if it can't, its labels do.
fn live_run(record: Object<RunRecord>, asked: &SystemRef) -> LiveRun {
    let Object { meta, body } = record;
    let (cluster, system, run, step) = match body.record {
        Some(of) => (of.cluster, of.system, of.run, of.step),
        None => (asked.cluster.clone(), meta.system, meta.run.unwrap_or_default(), 0),
    };
    LiveRun { system: SystemRef { cluster, namespace: meta.namespace, system }, run, step }
}

/// The objects with the label of one system, in its namespace.
struct OfSystem<'a> {
    system: &'a SystemRef,
    all: &'a Objects,
    pods: Vec<Object<Pod>>,
    refusals: Vec<Object<Refusal>>,
}

impl<'a> OfSystem<'a> {
    fn new(all: &'a Objects, system: &'a SystemRef) -> Self {
        OfSystem {
            system,
            all,
            pods: of_system(&all.pods, system),
            refusals: all.refusals.in_namespace(&system.namespace),
        }
    }

    fn objects(&self) -> Vec<Live> {
        let sets = of_system(&self.all.stateful_sets, self.system);
        let jobs = of_system(&self.all.jobs, self.system);
        let records = of_system(&self.all.records, self.system);
        let services = of_system(&self.all.services, self.system);
        let budgets = of_system(&self.all.budgets, self.system);
        let mut objects: Vec<Live> = Vec::new();
        objects.extend(sets.into_iter().map(|set| self.stateful_set(set)));
        objects.extend(services.into_iter().map(|service| live::<Service>(service.meta)));
        objects.extend(budgets.into_iter().map(|budget| Live {
            generation: budget.meta.generation,
            observed_generation: Some(budget.body.observed_generation),
            ..live::<Budget>(budget.meta)
        }));
        objects.extend(jobs.into_iter().map(|job| self.job(job)));
        objects.extend(records.into_iter().map(|record| live::<RunRecord>(record.meta)));
        objects
    }

    fn stateful_set(&self, set: Object<StatefulSet>) -> Live {
        let Object { meta, body } = set;
        let pods = self.pods_of(&meta.uid).filter(|pod| !pod.meta.terminating).count();
        let missing = body.replicas.is_some_and(|replicas| pods < replicas as usize);
        Live {
            generation: meta.generation,
            observed_generation: Some(body.observed_generation),
            replicas: body.replicas,
            update_revision: body.update_revision,
            images: body.images,
            settings: body.settings,
            trouble: missing.then(|| self.refused(&meta.uid)).flatten(),
            ..live::<StatefulSet>(meta)
        }
    }

    fn job(&self, job: Object<Job>) -> Live {
        let Object { meta, body } = job;
        let trouble = || self.pods_of(&meta.uid).find_map(|pod| pod.body.trouble.clone());
        let said = self.pods_of(&meta.uid).filter_map(|pod| pod.body.last_words.as_ref());
        let said = said.max_by_key(|last| last.at).map(|last| last.message.clone());
        let failed = body.result == JobResult::Failed;
        let running = body.result == JobResult::Running;
        let no_pod = self.pods_of(&meta.uid).next().is_none();
        let refused = || if no_pod { self.refused(&meta.uid) } else { None };
        Live {
            images: body.images,
            settings: body.settings,
            trouble: if running { trouble().or_else(refused) } else { None },
            job: Some(JobState {
                result: body.result,
                ended: body.ended,
                message: said.or_else(|| if failed { trouble().or(body.failure) } else { None }),
            }),
            ..live::<Job>(meta)
        }
    }

    fn pods_of(&self, owner: &str) -> impl Iterator<Item = &Object<Pod>> {
        self.pods.iter().filter(move |pod| pod.meta.owner.as_deref() == Some(owner))
    }

    /// Why a pod of this set or Job was refused, last.
    fn refused(&self, uid: &str) -> Option<String> {
        let refusals = self.refusals.iter().filter(|refusal| refusal.body.of == uid);
        refusals.max_by_key(|refusal| refusal.body.at)?.body.message.clone()
    }

    fn pods(&self) -> Vec<cluster::Pod> {
        self.pods.iter().cloned().map(pod).collect()
    }

    fn claims(&self) -> Vec<cluster::Claim> {
        let claims = of_system(&self.all.claims, self.system).into_iter();
        claims
            .map(|Object { meta, body }| cluster::Claim {
                name: meta.name,
                run: meta.run,
                terminating: meta.terminating,
                trouble: body.unbound.map(|phase| format!("it is {phase}, not Bound")),
            })
            .collect()
    }
}

fn pod(Object { meta, body }: Object<Pod>) -> cluster::Pod {
    cluster::Pod {
        name: meta.name,
        uid: meta.uid,
        component: meta.component,
        run: meta.run,
        terminating: meta.terminating,
        ready: body.ready,
        started: body.started,
        running_since: body.running_since,
        restarts: body.restarts,
        revision: body.revision,
        // A deleted pod ends as it may: that is no failure.
        trouble: if meta.terminating {
            Some("it is being deleted".to_owned())
        } else {
            body.trouble
        },
    }
}

fn of_system<K: Kind>(view: &View<K>, system: &SystemRef) -> Vec<Object<K>> {
    let mut objects = view.in_namespace(&system.namespace);
    objects.retain(|object| object.meta.system == system.system);
    objects
}

fn live<K: Kind>(meta: Meta) -> Live {
    Live {
        kind: K::KIND.to_owned(),
        name: meta.name,
        uid: meta.uid,
        run: meta.run,
        digest: meta.digest,
        created: meta.created,
        terminating: meta.terminating,
        generation: None,
        observed_generation: None,
        replicas: None,
        update_revision: None,
        images: Vec::new(),
        settings: BTreeMap::new(),
        tracked_by: meta.tracked_by,
        job: None,
        trouble: None,
    }
}
