//! What befalls the run, and how it ends.
use std::sync::atomic::Ordering;

use dcr_gitops::rehearse::express::Fault as Silence;
use dcr_gitops::rehearse::kubernetes::fault::Fault;
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::{Propagation, Trouble as PodTrouble, object};
use dcr_gitops::render::Templates;

use super::*;
use crate::simulation::schedule::What;

impl Stage<'_> {
    /// Something happens, unless there is nothing that it could happen to.
    pub(super) fn befall(&mut self, trouble: Trouble) {
        let Some(what) = self.happen(trouble) else { return };
        self.meet(what);
        self.note(&format!("TROUBLE {what}"));
        self.then(trouble.lasts, Happening::Mend(trouble));
    }

    fn happen(&mut self, trouble: Trouble) -> Option<&'static str> {
        match trouble.what {
            What::BranchDeleted
            | What::BranchTouched
            | What::StepReverted
            | What::BaseRewound
            | What::InputsChanged
            | What::DeadlineShortened
            | What::VersionChanged
            | What::ScaleAsked
            | What::AbortAsked => self.happen_in_repo(trouble),
            _ => self.happen_in_cluster(trouble),
        }
    }

    fn happen_in_repo(&mut self, trouble: Trouble) -> Option<&'static str> {
        let stand = self.stand();
        Some(match trouble.what {
            What::BranchDeleted => {
                self.delete_branch(self.open().first()?);
                "an open branch is deleted"
            }
            What::BranchTouched => {
                base::touch(&self.repo, self.open().first()?, self.world.now());
                "a foreign commit is on an open branch"
            }
            What::StepReverted | What::BaseRewound if self.lost.is_none() => {
                let rewinds = trouble.what == What::BaseRewound;
                self.lost = Some(base::take_back(&self.repo, rewinds, self.world.now())?);
                self.unsettled = true;
                if rewinds { "the base is rewound" } else { "a step is reverted" }
            }
            What::InputsChanged if stand.is_some() => {
                self.edit(|inputs| {
                    inputs["image"] = json!("registry.example.com/express:e686.140");
                    inputs["farmers"] = json!({"initial": 2, "count": 5, "max": 6, "tolerate": 2});
                });
                "the inputs are changed"
            }
            What::DeadlineShortened if stand.as_ref().is_some_and(|it| it.phase == "rebuild") => {
                self.edit(|inputs| inputs["rebuild"]["deadline"] = json!("1h"));
                "the deadline is shortened"
            }
            What::VersionChanged if stand.is_some() => {
                for program in &mut self.programs {
                    program.templates = another_version();
                }
                "another version of the program takes over"
            }
            What::ScaleAsked if stand.is_some() => {
                let farmers = 5 + self.dice.below(2) as u32;
                self.then(minutes(0), Happening::Person(Request::Scale { farmers }));
                "more farmers are asked for"
            }
            What::AbortAsked if stand.is_some() => {
                let reason = "changed our minds".to_owned();
                self.then(minutes(0), Happening::Person(Request::Abort { reason }));
                "an abort is asked for"
            }
            _ => return None,
        })
    }

    fn happen_in_cluster(&mut self, trouble: Trouble) -> Option<&'static str> {
        let kubernetes = self.world.kubernetes.clone();
        let namespace = self.system.namespace.clone();
        let stand = self.stand();
        let (farmer, farmers) =
            (self.farmer(trouble), format!("{}-dcr-farmer", self.system.system));
        let synchronizer = format!("{}-dcr-sync-0", self.system.system);
        let exists = |name: &str| kubernetes.get(Kind::Pod, &namespace, name).is_some();
        Some(match trouble.what {
            What::FarmerDies if exists(&farmer) => {
                kubernetes.delete(Kind::Pod, &namespace, &farmer, Propagation::Background);
                self.taken.insert(farmer);
                "a farmer's pod is deleted"
            }
            What::FarmerCrashes if exists(&farmer) => {
                kubernetes.crash(&namespace, &farmer, 137, "OOMKilled");
                "a farmer crashes"
            }
            What::SynchronizerDies if exists(&synchronizer) => {
                kubernetes.delete(Kind::Pod, &namespace, &synchronizer, Propagation::Background);
                self.taken.insert(synchronizer);
                "the synchronizer's pod is deleted"
            }
            What::NodeLost if exists(&farmer) => {
                kubernetes.trouble(&namespace, &farmer, Some(PodTrouble::Stuck));
                kubernetes.delete(Kind::Pod, &namespace, &farmer, Propagation::Background);
                self.taken.insert(farmer);
                "a node is lost"
            }
            What::SlowBoot if !exists(&farmer) => {
                kubernetes.delay_boot(&namespace, &farmer, trouble.lasts);
                "a farmer boots slowly"
            }
            What::ClusterAway => {
                self.lines.cluster.store(true, Ordering::Relaxed);
                "the API server is away"
            }
            What::ClusterStumbles => {
                let faults = [
                    Fault::InternalError,
                    Fault::Unavailable,
                    Fault::TooManyRequests { retry_after: 1 },
                    Fault::Gone,
                    Fault::Reset,
                ];
                let fault = faults[self.dice.below(5) as usize].clone();
                kubernetes.fail_next("*", "*", 1 + self.dice.below(9) as u32, fault);
                "the API server stumbles"
            }
            What::HubAway if self.schedule.hub => {
                self.lines.hub.store(true, Ordering::Relaxed);
                "the hub is away"
            }
            What::AdminAway => {
                let silences = [Silence::Status(503), Silence::Garbage, Silence::Unreachable];
                let silence = silences[self.dice.below(3) as usize].clone();
                for node in self.nodes() {
                    self.world.express.fault(&namespace, &node, None, Some(silence.clone()));
                }
                "the admin ports are away"
            }
            What::NodeBabbles => {
                let nodes = self.nodes();
                let node = &nodes[self.dice.below(nodes.len() as u64) as usize];
                self.world.express.fault(&namespace, node, None, Some(Silence::Garbage));
                "a node babbles"
            }
            What::FrontendsOmitted => {
                self.omit_frontends(true);
                "the frontends have no rows"
            }
            What::StatusLies => {
                kubernetes.edit(Kind::StatefulSet, &namespace, &farmers, |set| {
                    set["status"]["readyReplicas"] = json!(9);
                    set["status"]["replicas"] = json!(9);
                })?;
                "a status lies"
            }
            What::ScaledByHand if stand.is_some() => {
                let replicas = [0, 2, 6][self.dice.below(3) as usize];
                kubernetes.edit(Kind::StatefulSet, &namespace, &farmers, |set| {
                    set["spec"]["replicas"] = json!(replicas);
                })?;
                self.taken.extend((0..6).map(|number| format!("{farmers}-{number}")));
                "somebody scales by hand"
            }
            What::JobDeleted => {
                let jobs = kubernetes.list(Kind::Job, &namespace);
                let name = object::name(jobs.first()?).to_owned();
                kubernetes.delete(Kind::Job, &namespace, &name, Propagation::Background);
                "a Job is deleted"
            }
            What::NamespaceRestored if self.saved.is_empty() && stand.is_some() => {
                self.saved = self.save();
                "a namespace is restored"
            }
            _ => return None,
        })
    }

    pub(super) fn mend(&mut self, trouble: Trouble) {
        let kubernetes = self.world.kubernetes.clone();
        let namespace = self.system.namespace.clone();
        self.note(&format!("{:?} is over", trouble.what));
        match trouble.what {
            What::NodeLost => kubernetes.trouble(&namespace, &self.farmer(trouble), None),
            What::ClusterAway => self.lines.cluster.store(false, Ordering::Relaxed),
            What::HubAway => self.lines.hub.store(false, Ordering::Relaxed),
            What::AdminAway | What::NodeBabbles => {
                for node in self.nodes() {
                    self.world.express.fault(&namespace, &node, None, None);
                }
            }
            What::FrontendsOmitted => self.omit_frontends(false),
            What::BranchTouched => {
                if let Some(open) = self.open().first() {
                    self.delete_branch(open);
                }
            }
            What::NamespaceRestored => {
                // What was there comes back, whatever has become of it.
                self.unsettled = true;
                for object in std::mem::take(&mut self.saved) {
                    let _ = kubernetes.apply(&object);
                }
            }
            _ => {}
        }
    }

    /// Whether the A/A status leaves the frontends out once the rebuild is complete.
    fn omit_frontends(&self, omits: bool) {
        let SystemRef { namespace, system, .. } = &self.system;
        self.world.express.conduct(namespace, system, |it| it.omits_frontends = omits);
    }

    fn farmer(&self, trouble: Trouble) -> String {
        let number = trouble.at.as_mins() % 4;
        format!("{}-dcr-farmer-{number}", self.system.system)
    }

    /// All nodes there may be.
    fn nodes(&self) -> Vec<String> {
        let system = &self.system.system;
        let frontends = (1..=3).map(|number| format!("{system}-fe{number}"));
        let farmers = (0..6).map(|number| format!("{system}-dcr-farmer-{number}"));
        frontends.chain(farmers).chain([format!("{system}-dcr-sync-0")]).collect()
    }

    pub(super) fn delete_branch(&self, name: &str) {
        let reference = self.repo.find_reference(&format!("refs/heads/{name}"));
        reference.unwrap().delete().unwrap();
    }

    /// What a backup of the namespace holds of the run: neither pods nor what the cluster says of them.
    fn save(&self) -> Vec<Value> {
        let kinds = [Kind::ConfigMap, Kind::Service, Kind::StatefulSet, Kind::Job];
        let all = kinds.map(|kind| self.world.kubernetes.list(kind, &self.system.namespace));
        let ours = all.into_iter().flatten().filter(|it| object::name(it).contains("-dcr-"));
        ours.map(|object| bare(&object)).collect()
    }
}

/// An object as somebody would apply it.
fn bare(object: &Value) -> Value {
    let mut bare = json!({"apiVersion": object["apiVersion"], "kind": object["kind"]});
    for key in ["name", "namespace", "labels", "annotations"] {
        bare["metadata"][key] = object["metadata"][key].clone();
    }
    for key in ["spec", "data"] {
        if let Some(value) = object.get(key) {
            bare[key] = value.clone();
        }
    }
    // The API server gives a Job its selector.
    if bare["kind"] == "Job" {
        bare["spec"].as_object_mut().unwrap().shift_remove("selector");
    }
    bare
}

/// Templates that render every set differently.
fn another_version() -> Templates {
    let read = |name: &str| {
        let path = format!("{}/templates/manifests/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let changed = text.replace("safe-to-evict: \"false\"", "safe-to-evict: \"never\"");
        assert_ne!(changed, text);
        (name.to_owned(), changed)
    };
    let files = ["synchronizer.yaml.tera", "farmers.yaml.tera"].map(read).into();
    Templates::from_files("newer", &files).unwrap()
}
