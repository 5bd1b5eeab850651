//! The clusters: which context each is reached by, and what is seen there of a system.
mod connection;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use kube::Client;
use kube::config::Kubeconfig;
use tokio::sync::{Notify, watch};

use super::objects::Objects;
use super::unanswered::Unanswered;
use crate::config::Settings;
use crate::context::Clock;
use crate::run::SystemRef;
use crate::run::cluster::ClusterView;

pub use connection::Connection;

/// How long one request to an API server may take.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How long making a client may take: a credential plugin may have to ask somewhere far away.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);

/// Every cluster that is known here, each with its views. Nothing is connected before it is asked for.
#[derive(Debug)]
pub struct Clusters {
    settings: Settings,
    clock: Clock,
    /// By context: two clusters of the settings may be one.
    contexts: BTreeMap<String, Reached>,
}

#[derive(Debug)]
struct Reached {
    connection: Connection,
    objects: Objects,
    /// Of the systems to be watched; none as long as there are none.
    namespaces: watch::Sender<BTreeSet<String>>,
}

impl Reached {
    fn by(connection: Connection) -> Self {
        Reached { connection, objects: Objects::default(), namespaces: watch::Sender::default() }
    }

    async fn read(&self, objects: &Objects, namespaces: &BTreeSet<String>, clock: &Clock) {
        match self.connection.client().await {
            Ok(client) => objects.once(&client, namespaces, clock).await,
            Err(error) => objects.fail(&error.why),
        }
    }

    async fn watch(&self, changed: &Notify) {
        let mut namespaces = self.namespaces.subscribe();
        // The sender lives as long as `self`.
        let _ = namespaces.wait_for(|namespaces| !namespaces.is_empty()).await;
        self.objects.keep(&self.connection, &namespaces, changed).await;
    }
}

impl Clusters {
    /// The contexts of `kubeconfig`, each a cluster of its own name unless the settings say otherwise.
    pub fn new(kubeconfig: Kubeconfig, settings: &Settings, clock: Clock) -> Self {
        let kubeconfig = Arc::new(kubeconfig);
        let connection =
            |name: &str| Connection::new(name.to_owned(), Arc::clone(&kubeconfig), clock.clone());
        let names = kubeconfig.contexts.iter().map(|context| context.name.clone());
        let contexts = names.map(|name| (name.clone(), Reached::by(connection(&name)))).collect();
        Clusters { settings: settings.clone(), clock, contexts }
    }

    /// The same over clients that stand already, by context.
    pub fn over(clients: BTreeMap<String, Client>, settings: &Settings, clock: Clock) -> Self {
        let contexts = clients
            .into_iter()
            .map(|(name, client)| (name, Reached::by(Connection::over(client, clock.clone()))))
            .collect();
        Clusters { settings: settings.clone(), clock, contexts }
    }

    /// The kubeconfig context of a cluster.
    pub fn context<'a>(&'a self, cluster: &'a str) -> &'a str {
        self.settings.context(cluster)
    }

    /// The kubeconfig context of the cluster its Argo CD runs in.
    pub fn argocd_context<'a>(&'a self, cluster: &'a str) -> &'a str {
        self.settings.argocd_context(cluster)
    }

    /// A client for a context. `None`: there is no such context.
    pub async fn client(&self, context: &str) -> Option<Result<Client, Unanswered>> {
        Some(self.contexts.get(context)?.connection.client().await)
    }

    /// Reads the clusters of these systems once, all at the same time.
    pub async fn once(&self, systems: &[SystemRef]) {
        let each = self.asked(systems).into_iter().map(|(_, reached, namespaces)| async move {
            reached.read(&reached.objects, &namespaces, &self.clock).await;
        });
        join_all(each).await;
    }

    /// What is seen of these systems of one cluster or of several right now, in their order: read anew,
    /// beside whatever a watch keeps up.
    pub async fn anew(&self, systems: &[SystemRef]) -> Vec<ClusterView> {
        let each =
            self.asked(systems).into_iter().map(|(context, reached, namespaces)| async move {
                let objects = Objects::default();
                reached.read(&objects, &namespaces, &self.clock).await;
                (context, objects)
            });
        let read: BTreeMap<&str, Objects> = join_all(each).await.into_iter().collect();
        let at = self.clock.now();
        let view = |system| self.view(system, at, |context| read.get(context));
        systems.iter().map(view).collect()
    }

    /// From now on the clusters of these systems are watched, too.
    pub fn follow(&self, systems: &[SystemRef]) {
        for (_, reached, asked) in self.asked(systems) {
            reached.namespaces.send_if_modified(|namespaces| {
                let before = namespaces.len();
                namespaces.extend(asked);
                namespaces.len() > before
            });
        }
    }

    /// Keeps the views of all clusters up that are to be followed, and tells of every change, for as long
    /// as it is polled. It never ends by itself.
    pub async fn watch(&self, changed: &Notify) {
        join_all(self.contexts.values().map(|reached| reached.watch(changed))).await;
        std::future::pending().await
    }

    /// Whether a system's cluster was read, or can't be.
    pub fn is_read(&self, system: &SystemRef) -> bool {
        let reached = self.contexts.get(self.context(&system.cluster));
        reached.is_none_or(|reached| reached.objects.is_read(&system.namespace))
    }

    /// Whether anything of a system's runs is live, as far as is known.
    pub fn has(&self, system: &SystemRef) -> bool {
        let reached = self.contexts.get(self.context(&system.cluster));
        reached.is_some_and(|reached| reached.objects.has(system))
    }

    /// What is seen of one system, as far as its cluster was read. `at` is now.
    pub fn cluster(&self, system: &SystemRef, at: Timestamp) -> ClusterView {
        self.view(system, at, |context| Some(&self.contexts.get(context)?.objects))
    }

    fn view<'a>(
        &self,
        system: &SystemRef,
        at: Timestamp,
        read: impl FnOnce(&str) -> Option<&'a Objects>,
    ) -> ClusterView {
        let context = self.context(&system.cluster).to_owned();
        match read(&context).map(|objects| objects.cluster(system, at)) {
            None => ClusterView::NoContext { context },
            Some(Err(why)) => ClusterView::Unreachable { context, why },
            Some(Ok(cluster)) => ClusterView::Seen(Box::new(cluster)),
        }
    }

    /// The contexts of these systems, each with their namespaces.
    fn asked<'a>(
        &'a self,
        systems: &'a [SystemRef],
    ) -> Vec<(&'a str, &'a Reached, BTreeSet<String>)> {
        let mut namespaces: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for system in systems {
            let context = self.context(&system.cluster);
            namespaces.entry(context).or_default().insert(system.namespace.clone());
        }
        let known = namespaces.into_iter();
        known.filter_map(|(context, of)| Some((context, self.contexts.get(context)?, of))).collect()
    }
}
