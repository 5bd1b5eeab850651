//! Connects the parts of the world: Express runs in the pods of the embedded Kubernetes, Argo CD changes it.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tower::Service;

use super::argocd::{self, ClusterWriter, TRACKING};
use super::express::{Express, Farm, PodFact};
use super::kubernetes::access::Rule;
use super::kubernetes::kind::Kind;
use super::kubernetes::node::{NodeHttp, Unreachable};
use super::kubernetes::{Kubernetes, Propagation, object};
use crate::rbac::Role;

impl Farm for Kubernetes {
    fn pods(&self, namespace: &str) -> Vec<PodFact> {
        let pods = self.list(Kind::Pod, namespace);
        pods.iter().map(|pod| fact(pod)).collect()
    }

    fn version(&self) -> u64 {
        Kubernetes::version(self)
    }
}

fn fact(pod: &Value) -> PodFact {
    let started = object::text(pod, "/status/containerStatuses/0/state/running/startedAt");
    PodFact {
        name: object::name(pod).to_owned(),
        uid: object::uid(pod).to_owned(),
        started: started.parse().ok(),
        ready: object::is_ready(pod),
        component: object::text(pod, "/metadata/labels/app.kubernetes.io~1component").to_owned(),
    }
}

/// Roles as the embedded API server grants them.
pub fn rules(roles: &[Role]) -> Vec<Rule> {
    let each = roles.iter().flat_map(|role| {
        role.rules.iter().map(|rule| Rule {
            namespace: role.namespace.clone(),
            group: rule.group,
            resources: vec![rule.resource],
            names: rule.names.clone(),
            verbs: rule.verbs.to_vec(),
        })
    });
    each.collect()
}

/// The HTTP side of the pods: Express.
pub struct Nodes(pub Express);

impl NodeHttp for Nodes {
    fn call(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<Bytes>, Unreachable>> {
        let answer = self.0.node(namespace, pod, port).call(request.map(|body| body.to_vec()));
        Box::pin(async move {
            let answer = answer.await.map_err(|_| Unreachable::refused())?;
            Ok(answer.map(Bytes::from))
        })
    }
}

/// Argo CD's hands in a cluster: it looks after the objects of these namespaces.
pub struct Writer {
    kubernetes: Kubernetes,
    namespaces: Vec<String>,
    /// Objects of kinds that the embedded cluster doesn't know (a tenant's Deployments, say): nothing
    /// comes of them. By kind, namespace and name.
    inert: Mutex<BTreeMap<Address, Arc<Value>>>,
}

type Address = (String, String, String);

impl Writer {
    pub fn new(kubernetes: Kubernetes, namespaces: Vec<String>) -> Self {
        Writer { kubernetes, namespaces, inert: Mutex::default() }
    }

    fn inert(&self) -> MutexGuard<'_, BTreeMap<Address, Arc<Value>>> {
        self.inert.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(kind: &str, namespace: &str, name: &str) -> Address {
    (kind.to_owned(), namespace.to_owned(), name.to_owned())
}

fn kind_named(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name)
}

impl ClusterWriter for Writer {
    fn apply(&self, object: &Value) -> Result<(), String> {
        let kind = object::text(object, "/kind");
        if kind_named(kind).is_none() {
            let address = address(kind, object::namespace(object), object::name(object));
            self.inert().insert(address, Arc::new(object.clone()));
            return Ok(());
        }
        self.kubernetes.apply(object).map(drop).map_err(|refusal| refusal.message)
    }

    fn delete(&self, kind: &str, namespace: &str, name: &str, how: argocd::Propagation) {
        let how = match how {
            argocd::Propagation::Foreground => Propagation::Foreground,
            argocd::Propagation::Background => Propagation::Background,
            argocd::Propagation::Orphan => Propagation::Orphan,
        };
        match kind_named(kind) {
            Some(kind) => drop(self.kubernetes.delete(kind, namespace, name, how)),
            None => drop(self.inert().remove(&address(kind, namespace, name))),
        }
    }

    fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        match kind_named(kind) {
            Some(kind) => self.kubernetes.get(kind, namespace, name),
            None => self.inert().get(&address(kind, namespace, name)).cloned(),
        }
    }

    fn version(&self) -> u64 {
        self.kubernetes.version()
    }

    fn list_managed(&self) -> Vec<Arc<Value>> {
        let all = self.namespaces.iter().flat_map(|namespace| {
            Kind::ALL.into_iter().flat_map(move |kind| self.kubernetes.list(kind, namespace))
        });
        let is_managed = |it: &Value| it["metadata"]["annotations"][TRACKING].is_string();
        let inert: Vec<Arc<Value>> = self.inert().values().cloned().collect();
        all.chain(inert).filter(|object| is_managed(object)).collect()
    }

    fn replace(&self, application: &Value) {
        let (namespace, name) = (object::namespace(application), object::name(application));
        let replaced = self.kubernetes.edit(Kind::Application, namespace, name, |live| {
            let metadata = live["metadata"].take();
            *live = application.clone();
            live["metadata"] = metadata;
        });
        if replaced.is_none() {
            let bare = json!({
                "apiVersion": application["apiVersion"],
                "kind": application["kind"],
                "metadata": application["metadata"],
                "spec": application["spec"],
            });
            // An Application of this form is never refused.
            let _ = self.kubernetes.apply(&bare);
        }
    }
}
