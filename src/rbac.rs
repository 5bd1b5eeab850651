//! The least rights that a watcher needs in a cluster, as roles: made from the one table of all that is
//! read, and from what the systems at hand say about how their nodes are asked.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::{Inputs, Settings, Via};
use crate::observe::rights::{Read, Right, Way};
use crate::render::{RenderError, render_yaml};
use crate::run::SystemRef;

/// What the roles are called.
const NAME: &str = "dcr-gitops";

const TEMPLATE: &str = include_str!("../templates/setup/rbac.yaml.tera");

/// Where the rights hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In each namespace that has systems. How many runs are on is known of those alone.
    Namespaced,
    /// Objects are listed and watched in all namespaces at once. Nodes are asked only where systems are.
    ClusterWide,
}

/// Who gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    ServiceAccount { name: String, namespace: String },
    User(String),
    Group(String),
}

/// What is to be reached in one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The namespaces of systems, each with the names of the nodes that are asked there.
    nodes: BTreeMap<String, Nodes>,
    /// The namespaces of Applications, each with their names.
    applications: BTreeMap<String, BTreeSet<String>>,
}

/// Names as RBAC knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Nodes {
    /// `<pod>:<port>`.
    proxied: BTreeSet<String>,
    forwarded: BTreeSet<String>,
}

/// A Role, or a ClusterRole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Role {
    pub kind: &'static str,
    pub name: &'static str,
    pub namespace: Option<String>,
    pub rules: Vec<Rule>,
}

/// One rule, for one kind of read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Empty for the core group.
    pub group: &'static str,
    pub resource: &'static str,
    /// Empty: any.
    pub names: Vec<String>,
    pub verbs: &'static [&'static str],
    pub why: &'static str,
}

impl Reach {
    /// What these systems take, by the kubeconfig context it has to be granted in.
    pub fn by_context<'a>(
        settings: &Settings,
        systems: impl IntoIterator<Item = (&'a SystemRef, &'a Inputs)>,
    ) -> BTreeMap<String, Reach> {
        let mut contexts: BTreeMap<String, Reach> = BTreeMap::new();
        for (system, inputs) in systems {
            let context = settings.context(&system.cluster).to_owned();
            contexts.entry(context).or_default().add(system, inputs);
            let hub = settings.argocd_context(&system.cluster).to_owned();
            contexts.entry(hub).or_default().add_application(system, inputs);
        }
        contexts
    }

    /// The system's own objects and nodes.
    pub fn add(&mut self, system: &SystemRef, inputs: &Inputs) {
        let nodes = self.nodes.entry(system.namespace.clone()).or_default();
        let admin = &inputs.admin;
        let probes =
            [Some(&admin.rebuild_status), admin.history.as_ref(), admin.propagation.as_ref()];
        let probes = probes.into_iter().flatten().map(|probe| probe.via);
        let ways = probes.chain([admin.aa_status.via]).map(|via| via.unwrap_or(admin.via));
        let pods = inputs.frontends.resolve(system).into_iter().chain([system.synchronizer_pod()]);
        let pods: Vec<String> = pods.collect();
        for way in ways {
            match way {
                Via::Proxy => {
                    nodes.proxied.extend(pods.iter().map(|pod| format!("{pod}:{}", admin.port)));
                }
                Via::PortForward => nodes.forwarded.extend(pods.iter().cloned()),
                Via::Url | Via::Command => {}
            }
        }
    }

    /// Its Application, if that is looked at.
    pub fn add_application(&mut self, system: &SystemRef, inputs: &Inputs) {
        if let Some(argocd) = &inputs.argocd {
            let name = argocd.application.clone().unwrap_or_else(|| system.system.clone());
            self.applications.entry(argocd.namespace.clone()).or_default().insert(name);
        }
    }

    /// The roles that allow it, each name narrowed to what is asked for.
    pub fn roles(&self, form: Form) -> Vec<Role> {
        let mut of_namespace: BTreeMap<&str, Vec<Rule>> = BTreeMap::new();
        let mut everywhere = Vec::new();
        for read in Read::ALL {
            let listed = read.right().way == Way::ListAndWatch;
            if listed && form == Form::ClusterWide && !self.nodes.is_empty() {
                everywhere.push(rule(read, &BTreeSet::new()));
                continue;
            }
            for (namespace, names) in self.of(read) {
                of_namespace.entry(namespace).or_default().push(rule(read, names));
            }
        }
        let role = |kind, namespace: Option<&str>, rules| Role {
            kind,
            name: NAME,
            namespace: namespace.map(str::to_owned),
            rules,
        };
        let everywhere = (!everywhere.is_empty()).then(|| role("ClusterRole", None, everywhere));
        let of_namespace =
            of_namespace.into_iter().map(|(namespace, rules)| role("Role", Some(namespace), rules));
        everywhere.into_iter().chain(of_namespace).collect()
    }

    /// The namespaces in which this is read, and the names that are asked for; no names: all.
    fn of(&self, read: Read) -> Vec<(&str, &BTreeSet<String>)> {
        static ALL: BTreeSet<String> = BTreeSet::new();
        let nodes = self.nodes.iter();
        match read {
            Read::Application => {
                self.applications.iter().map(|(namespace, names)| (&**namespace, names)).collect()
            }
            Read::Proxy => nodes
                .filter(|(_, nodes)| !nodes.proxied.is_empty())
                .map(|(namespace, nodes)| (&**namespace, &nodes.proxied))
                .collect(),
            Read::PortForward => nodes
                .filter(|(_, nodes)| !nodes.forwarded.is_empty())
                .map(|(namespace, nodes)| (&**namespace, &nodes.forwarded))
                .collect(),
            Read::Pods
            | Read::StatefulSets
            | Read::Jobs
            | Read::RunRecords
            | Read::Services
            | Read::Budgets
            | Read::Claims
            | Read::Refusals => nodes.map(|(namespace, _)| (&**namespace, &ALL)).collect(),
        }
    }

    /// The roles and their bindings, for `kubectl apply`.
    ///
    /// # Errors
    /// None that can come about: the template is part of the program.
    pub fn manifest(&self, form: Form, subject: &Subject) -> Result<String, RenderError> {
        let about = match form {
            Form::Namespaced => "In each namespace that has systems.",
            Form::ClusterWide => {
                "Objects in all namespaces at once, so that all runs of the cluster are counted."
            }
        };
        let values = json!({
            "about": about, "roles": self.roles(form), "subject": subject.value(),
        });
        render_yaml("templates/setup/rbac.yaml.tera", TEMPLATE, &values)
    }
}

fn rule(read: Read, names: &BTreeSet<String>) -> Rule {
    let Right { group, resource, way, why } = read.right();
    Rule { group, resource, names: names.iter().cloned().collect(), verbs: way.verbs(), why }
}

impl Subject {
    fn value(&self) -> Value {
        let group = "rbac.authorization.k8s.io";
        match self {
            Subject::ServiceAccount { name, namespace } => {
                json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
            }
            Subject::User(name) => json!({"kind": "User", "name": name, "apiGroup": group}),
            Subject::Group(name) => json!({"kind": "Group", "name": name, "apiGroup": group}),
        }
    }
}
