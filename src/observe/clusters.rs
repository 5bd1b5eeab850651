//! The clusters: which context each is reached by, and what is seen there of a system.
mod connection;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use kube::Client;
use kube::config::Kubeconfig;
use tokio::sync::Notify;

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
}

impl Reached {
    fn by(connection: Connection) -> Self {
        Reached { connection, objects: Objects::default() }
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
        let each = self.asked(systems).into_iter().map(|(reached, namespaces)| async move {
            match reached.connection.client().await {
                Ok(client) => reached.objects.once(&client, &namespaces, &self.clock).await,
                Err(error) => reached.objects.fail(&error.why),
            }
        });
        join_all(each).await;
    }

    /// Keeps the views of these systems' clusters up, and tells of every change, for as long as it is
    /// polled. It never ends by itself.
    pub async fn watch(&self, systems: &[SystemRef], changed: &Notify) {
        let each = self.asked(systems).into_iter().map(|(reached, namespaces)| async move {
            reached.objects.keep(&reached.connection, &namespaces, changed).await;
        });
        join_all(each).await;
        std::future::pending().await
    }

    /// What is seen of one system, as far as its cluster was read. `at` is now.
    pub fn cluster(&self, system: &SystemRef, at: Timestamp) -> ClusterView {
        let context = self.context(&system.cluster).to_owned();
        match self.contexts.get(&context).map(|reached| reached.objects.cluster(system, at)) {
            None => ClusterView::NoContext { context },
            Some(Err(why)) => ClusterView::Unreachable { context, why },
            Some(Ok(cluster)) => ClusterView::Seen(Box::new(cluster)),
        }
    }

    /// The contexts of these systems, each with their namespaces.
    fn asked(&self, systems: &[SystemRef]) -> Vec<(&Reached, BTreeSet<String>)> {
        let mut namespaces: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for system in systems {
            let context = self.context(&system.cluster);
            namespaces.entry(context).or_default().insert(system.namespace.clone());
        }
        let known = namespaces.into_iter();
        known.filter_map(|(context, of)| Some((self.contexts.get(context)?, of))).collect()
    }
}
