//! Whether a rendered object is what was meant: its identity, its Kubernetes type, and what a run relies on.
use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PodTemplateSpec, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::Value;

use super::flaws::{Flaw, Flaws, Labels};
use super::limits;
use super::pod::EXPRESS;
use crate::admin_job::{self, AdminJob};

/// What one file is to hold.
pub(super) struct Intended<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    /// On every object, pod template and claim template.
    pub labels: &'a Labels,
    pub what: What<'a>,
}

/// The objects of a file.
pub(super) enum What<'a> {
    /// A StatefulSet with a headless Service and a PodDisruptionBudget of its name.
    Nodes {
        selector: &'a Labels,
        replicas: u32,
        /// The highest number of replicas there may ever be.
        most: u32,
    },
    Record(&'a BTreeMap<&'static str, String>),
    Job(&'a AdminJob),
}

impl Intended<'_> {
    /// The kinds the file holds, one object of each.
    pub fn kinds(&self) -> &'static [&'static str] {
        match self.what {
            What::Nodes { .. } => &["StatefulSet", "Service", "PodDisruptionBudget"],
            What::Record(_) => &["ConfigMap"],
            What::Job(_) => &["Job"],
        }
    }

    /// All flaws of one object of the file, without its digest.
    pub fn flaws(&self, object: &Value) -> Vec<Flaw> {
        let mut flaws = Flaws::default();
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
        match (&self.what, kind) {
            (What::Nodes { selector, replicas, most }, "StatefulSet") => {
                if let Some(set) = flaws.typed::<StatefulSet>(object) {
                    self.set(&set, selector, *replicas, *most, &mut flaws);
                }
            }
            (What::Nodes { selector, .. }, "Service") => {
                if let Some(service) = flaws.typed::<Service>(object) {
                    self.service(&service, selector, &mut flaws);
                }
            }
            (What::Nodes { selector, .. }, "PodDisruptionBudget") => {
                if let Some(budget) = flaws.typed::<PodDisruptionBudget>(object) {
                    self.budget(&budget, selector, &mut flaws);
                }
            }
            (What::Record(data), "ConfigMap") => {
                if let Some(map) = flaws.typed::<ConfigMap>(object) {
                    self.record(map, data, &mut flaws);
                }
            }
            (What::Job(told), "Job") => {
                if let Some(job) = flaws.typed::<Job>(object) {
                    self.job(&job, told, &mut flaws);
                }
            }
            _ => {
                flaws.add("kind", "doesn't belong into this file");
                return flaws.found;
            }
        }
        self.identity(object, &mut flaws);
        flaws.found
    }

    fn identity(&self, object: &Value, flaws: &mut Flaws) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        flaws.equal("metadata.name", text("/metadata/name"), self.name);
        flaws.equal("metadata.namespace", text("/metadata/namespace"), self.namespace);
        flaws.check("metadata.namespace", limits::label(self.namespace));
        for (key, value) in self.labels {
            let found = object.pointer("/metadata/labels").and_then(|labels| labels.get(key));
            let field = format!("metadata.labels[\"{key}\"]");
            flaws.equal(&field, found.and_then(Value::as_str), value);
            flaws.check(&field, limits::label_value(value));
        }
        if object.pointer("/metadata/annotations").is_some() {
            flaws
                .add("metadata.annotations", "must not be set: the object carries its digest only");
        }
    }

    fn set(
        &self,
        set: &StatefulSet,
        selector: &Labels,
        replicas: u32,
        most: u32,
        flaws: &mut Flaws,
    ) {
        flaws.check("metadata.name", limits::set_name(self.name, most));
        let Some(spec) = &set.spec else { return flaws.add("spec", "is missing") };
        flaws.equal("spec.serviceName", spec.service_name.as_deref(), self.name);
        if spec.replicas.and_then(|found| u32::try_from(found).ok()) != Some(replicas) {
            flaws.add("spec.replicas", format!("expected {replicas}"));
        }
        let strategy = spec.update_strategy.as_ref().and_then(|update| update.type_.as_deref());
        flaws.equal("spec.updateStrategy.type", strategy, "OnDelete");
        flaws.selects("spec.selector", &spec.selector, selector);
        self.pod_template(&spec.template, flaws);
        let pod = spec.template.spec.as_ref();
        if !matches!(pod.and_then(|pod| pod.restart_policy.as_deref()), None | Some("Always")) {
            flaws.add("spec.template.spec.restartPolicy", "a StatefulSet allows only `Always`");
        }
        let containers = pod.map(|pod| pod.containers.as_slice()).unwrap_or_default();
        if !containers.iter().any(|container| container.name == EXPRESS) {
            flaws.add("spec.template.spec.containers", format!("none is named `{EXPRESS}`"));
        }
        let claims = spec.volume_claim_templates.as_deref().unwrap_or_default();
        let retention = spec.persistent_volume_claim_retention_policy.as_ref();
        let deleted = retention.and_then(|policy| policy.when_deleted.as_deref());
        if !claims.is_empty() && deleted != Some("Delete") {
            flaws.add(
                "spec.persistentVolumeClaimRetentionPolicy.whenDeleted",
                "must be `Delete`, or the teardown leaves the claims behind",
            );
        }
        for (at, claim) in claims.iter().enumerate() {
            let field = format!("spec.volumeClaimTemplates[{at}]");
            flaws.carries(&field, claim.metadata.labels.as_ref(), self.labels);
            let resources = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
            let requests = resources.and_then(|resources| resources.requests.as_ref());
            match requests.and_then(|requests| requests.get("storage")) {
                Some(storage) => {
                    let field = format!("{field}.spec.resources.requests.storage");
                    flaws.check(&field, limits::quantity(&storage.0));
                }
                None => flaws.add(&field, "requests no storage"),
            }
        }
        let claimed = claims.iter().filter_map(|claim| claim.metadata.name.as_deref()).collect();
        self.mounts(&spec.template, claimed, flaws);
    }

    /// What is mounted must be a volume or a claim.
    fn mounts(&self, template: &PodTemplateSpec, claimed: Vec<&str>, flaws: &mut Flaws) {
        let Some(pod) = &template.spec else { return };
        let volumes = pod.volumes.as_deref().unwrap_or_default();
        let known: Vec<&str> =
            volumes.iter().map(|volume| volume.name.as_str()).chain(claimed).collect();
        for container in pod.containers.iter().chain(pod.init_containers.iter().flatten()) {
            for mount in container.volume_mounts.as_deref().unwrap_or_default() {
                if !known.contains(&mount.name.as_str()) {
                    let field = format!("container {}: volumeMounts", container.name);
                    flaws.add(&field, format!("there is no volume `{}`", mount.name));
                }
            }
        }
    }

    fn service(&self, service: &Service, selector: &Labels, flaws: &mut Flaws) {
        flaws.check("metadata.name", limits::service_name(self.name));
        let Some(spec) = &service.spec else { return flaws.add("spec", "is missing") };
        flaws.equal("spec.clusterIP", spec.cluster_ip.as_deref(), "None");
        if spec.publish_not_ready_addresses != Some(true) {
            flaws.add(
                "spec.publishNotReadyAddresses",
                "must be true: nodes find each other while they are booting",
            );
        }
        flaws.same("spec.selector", spec.selector.as_ref(), selector);
        if spec.ports.as_deref().unwrap_or_default().is_empty() {
            flaws.add("spec.ports", "is empty");
        }
    }

    fn budget(&self, budget: &PodDisruptionBudget, selector: &Labels, flaws: &mut Flaws) {
        let Some(spec) = &budget.spec else { return flaws.add("spec", "is missing") };
        match &spec.selector {
            Some(found) => flaws.selects("spec.selector", found, selector),
            None => flaws.add("spec.selector", "is missing"),
        }
        if spec.max_unavailable.is_some() == spec.min_available.is_some() {
            flaws.add("spec", "needs either maxUnavailable or minAvailable");
        }
    }

    fn record(&self, map: ConfigMap, data: &BTreeMap<&'static str, String>, flaws: &mut Flaws) {
        let found = map.data.unwrap_or_default();
        let right = found.len() == data.len()
            && data.iter().all(|(key, value)| found.get(*key) == Some(value));
        if !right || map.binary_data.is_some() {
            flaws.add("data", "must be the run record, nothing more and nothing less");
        }
        if map.immutable == Some(true) {
            flaws.add("immutable", "the record changes with every step");
        }
    }

    fn job(&self, job: &Job, told: &AdminJob, flaws: &mut Flaws) {
        flaws.check("metadata.name", limits::label(self.name));
        let Some(spec) = &job.spec else { return flaws.add("spec", "is missing") };
        let once = [
            ("spec.backoffLimit", spec.backoff_limit == Some(0), "must be 0: it fires once"),
            (
                "spec.ttlSecondsAfterFinished",
                spec.ttl_seconds_after_finished.is_none(),
                "must not be set: a Job that was cleaned up would be created, and fire, again",
            ),
            ("spec.completions", matches!(spec.completions, None | Some(1)), "must be 1"),
            ("spec.parallelism", matches!(spec.parallelism, None | Some(1)), "must be 1"),
            ("spec.suspend", spec.suspend != Some(true), "a suspended Job never ends"),
            (
                "spec.activeDeadlineSeconds",
                spec.active_deadline_seconds.is_some(),
                "must be set: a Job that hangs holds up Argo CD",
            ),
            (
                "spec.selector",
                spec.selector.is_none(),
                "must not be set: the Job controller makes it",
            ),
        ];
        for (field, fits, why) in once {
            if !fits {
                flaws.add(field, why);
            }
        }
        self.pod_template(&spec.template, flaws);
        let pod = spec.template.spec.as_ref();
        let restart = pod.and_then(|pod| pod.restart_policy.as_deref());
        flaws.equal("spec.template.spec.restartPolicy", restart, "Never");
        let variables = pod
            .into_iter()
            .flat_map(|pod| &pod.containers)
            .flat_map(|container| container.env.as_deref().unwrap_or_default());
        let found = variables.filter(|variable| variable.name == admin_job::VARIABLE).filter_map(
            |variable| serde_json::from_str::<AdminJob>(variable.value.as_deref()?).ok(),
        );
        if !found.collect::<Vec<_>>().contains(told) {
            let field = "spec.template.spec.containers";
            flaws.add(field, format!("`{}` isn't what was rendered", admin_job::VARIABLE));
        }
        self.mounts(&spec.template, Vec::new(), flaws);
    }

    fn pod_template(&self, template: &PodTemplateSpec, flaws: &mut Flaws) {
        let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
        flaws.carries("spec.template", labels, self.labels);
        let Some(pod) = &template.spec else {
            return flaws.add("spec.template.spec", "is missing");
        };
        if pod.containers.is_empty() {
            flaws.add("spec.template.spec.containers", "is empty");
        }
        let mut names = Vec::new();
        for (list, containers) in [
            ("containers", pod.containers.as_slice()),
            ("initContainers", pod.init_containers.as_deref().unwrap_or_default()),
        ] {
            for (at, container) in containers.iter().enumerate() {
                let field = format!("spec.template.spec.{list}[{at}]");
                flaws.check(&format!("{field}.name"), limits::label(&container.name));
                if names.contains(&container.name.as_str()) {
                    let twice = format!("`{}` is there twice", container.name);
                    flaws.add(&format!("{field}.name"), twice);
                }
                names.push(&container.name);
                match container.image.as_deref() {
                    None | Some("") => flaws.add(&format!("{field}.image"), "is missing"),
                    Some(image)
                        if image.contains(|c: char| c.is_whitespace() || c.is_control()) =>
                    {
                        flaws.add(&format!("{field}.image"), format!("{image:?} is no image"));
                    }
                    Some(_) => {}
                }
                for (key, quantity) in container.resources.iter().flat_map(|resources| {
                    resources.requests.iter().chain(&resources.limits).flatten()
                }) {
                    let field = format!("{field}.resources: {key}");
                    flaws.check(&field, limits::quantity(&quantity.0));
                }
            }
        }
    }
}
