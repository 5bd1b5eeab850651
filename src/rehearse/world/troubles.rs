//! The troubles of a scenario: each waits for its moment and happens once.
mod review;

use git2::Oid;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Setting;
use crate::config::Inputs;
use crate::rehearse::argocd::{ArgoCd, Rejection};
use crate::rehearse::express::{Cmd, Express, Fault};
use crate::rehearse::jira::Jira;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::{Kubernetes, Propagation, object};
use crate::rehearse::reviewer::{Act, Reviewer, State};
use crate::rehearse::scenario::Trouble;
use crate::run::{Phase, SystemRef};

pub struct Troubles {
    system: SystemRef,
    /// The folder of the system's inputs.
    folder: String,
    inputs: Inputs,
    application: String,
    to_come: Vec<Trouble>,
    /// Landed steps that somebody is going to revert, and when.
    reverts: Vec<(Timestamp, Oid)>,
    /// When what is stale becomes true again.
    thaw: Option<Timestamp>,
    /// When Jira answers again.
    jira_back: Option<Timestamp>,
}

/// What troubles have their hands in.
pub struct Around<'a> {
    pub kubernetes: &'a Kubernetes,
    pub express: &'a Express,
    pub argocd: &'a mut ArgoCd,
    pub reviewer: &'a Reviewer,
    pub jira: Option<&'a Jira>,
}

impl Troubles {
    pub fn new(setting: &Setting, application: &str, troubles: &[Trouble]) -> Self {
        Troubles {
            system: setting.system.clone(),
            folder: setting.folder.clone(),
            inputs: setting.inputs.clone(),
            application: application.to_owned(),
            to_come: troubles.to_vec(),
            reverts: Vec::new(),
            thaw: None,
            jira_back: None,
        }
    }

    /// What an act of the reviewer brings about; says what that is.
    pub fn landed(&mut self, act: &Act, now: Timestamp, argocd: &mut ArgoCd) -> Option<String> {
        let Act::Ended(request) = act else { return None };
        let State::Merged(commit) = request.state else { return None };
        let its = self.to_come.iter().position(|trouble| match trouble {
            Trouble::SyncWindow { phase, .. } | Trouble::Reverted { phase, .. } => {
                request.begins(*phase)
            }
            Trouble::TriggerRefused => request.begins(Phase::Rebuild),
            _ => false,
        })?;
        match self.to_come.remove(its) {
            Trouble::SyncWindow { length, .. } => Some(self.window(now, length, argocd)),
            Trouble::TriggerRefused => {
                let name = self.system.trigger_job(request.run, 1);
                let message = format!(
                    "Job.batch \"{name}\" is invalid: spec.template.spec.containers[0].image: Forbidden: the registry isn't allowed"
                );
                let refused = Rejection { kind: "Job".to_owned(), name, message };
                argocd.change(&self.application, |application| application.rejects.push(refused));
                Some("the API server refuses the trigger Job from now on".to_owned())
            }
            Trouble::Reverted { after, .. } => {
                self.reverts.push((now + after, commit));
                None
            }
            _ => None,
        }
    }

    fn window(&self, now: Timestamp, length: SignedDuration, argocd: &mut ArgoCd) -> String {
        let window = (now, now + length);
        argocd.change(&self.application, |application| application.deny_windows.push(window));
        format!("a window in which Argo CD syncs nothing for {} h", length.as_hours())
    }

    /// What happens by itself at this moment, `percent` being how far the rebuild is.
    pub fn befall(
        &mut self,
        now: Timestamp,
        percent: Option<f64>,
        around: &mut Around<'_>,
    ) -> Result<Vec<String>, git2::Error> {
        let mut happened = Vec::new();
        for trouble in std::mem::take(&mut self.to_come) {
            match self.one(&trouble, now, percent, around)? {
                Some(done) => happened.push(done),
                None => self.to_come.push(trouble),
            }
        }
        let due = self.reverts.extract_if(.., |(at, _)| *at <= now);
        for (_, commit) in due {
            around.reviewer.revert(commit, now)?;
            happened.push("somebody reverts the step that landed last".to_owned());
        }
        if self.thaw.take_if(|at| *at <= now).is_some() {
            self.tell_anew(around);
            happened.push("the synchronizer and Argo CD tell the truth again".to_owned());
        }
        if self.jira_back.take_if(|at| *at <= now).is_some() {
            happened.push("Jira is back".to_owned());
        }
        Ok(happened)
    }

    /// One of those to come, if its moment has come.
    fn one(
        &mut self,
        trouble: &Trouble,
        now: Timestamp,
        percent: Option<f64>,
        around: &mut Around<'_>,
    ) -> Result<Option<String>, git2::Error> {
        let system = &self.system;
        let reached = |at: f64| percent.is_some_and(|percent| percent >= at);
        Ok(match *trouble {
            Trouble::FarmerLost { farmer, at } if reached(at) => {
                let pod = format!("{}-{farmer}", system.farmer_set());
                delete(around.kubernetes, Kind::Pod, system, &pod)
            }
            Trouble::TriggerDeleted { after } => trigger(around.kubernetes, system, now, after)
                .and_then(|job| delete(around.kubernetes, Kind::Job, system, &job)),
            Trouble::Standstill { at } if reached(at) => {
                around.express.conduct(&system.namespace, &system.system, |conduct| {
                    conduct.speed = 0;
                });
                Some(format!("the rebuild makes no progress any more from {at} % on"))
            }
            Trouble::Stale { at, length } if reached(at) => {
                self.tell_old(around);
                self.thaw = Some(now + length);
                let hours = length.as_hours();
                Some(format!("the synchronizer and Argo CD tell nothing new for {hours} h"))
            }
            Trouble::ScaledByHand { farmers, at, length } if reached(at) => {
                let window = self.window(now, length, around.argocd);
                let set = self.system.farmer_set();
                let namespace = &self.system.namespace;
                around.kubernetes.edit(Kind::StatefulSet, namespace, &set, |set| {
                    set["spec"]["replicas"] = json!(farmers);
                });
                Some(format!("somebody scales {set} to {farmers}, and {window}"))
            }
            Trouble::JiraDown { at, length } if reached(at) => around.jira.map(|jira| {
                jira.wire().down(now, now + length);
                self.jira_back = Some(now + length);
                format!("Jira is down for {} h", length.as_hours())
            }),
            Trouble::InputsChanged { at } if reached(at) => {
                let image = format!("{}-next", self.inputs.image);
                around.reviewer.change_image(&self.folder, &image, now)?;
                Some("another image lands in the inputs".to_owned())
            }
            _ => None,
        })
    }

    /// From now on the synchronizer answers what it would answer now, and nothing is written of the
    /// Application.
    fn tell_old(&self, around: &mut Around<'_>) {
        let (namespace, node) = (&self.system.namespace, self.system.synchronizer_pod());
        for (cmd, path) in STALE {
            let asked = around.express.call(
                namespace,
                &node,
                self.inputs.admin.port,
                &http::Method::GET,
                path,
                b"",
            );
            let old = asked.map(|answer| Fault::Old(answer.into_body()));
            around.express.fault(namespace, &node, Some(cmd), old);
        }
        around.argocd.change(&self.application, |application| application.frozen = true);
    }

    fn tell_anew(&self, around: &mut Around<'_>) {
        let (namespace, node) = (&self.system.namespace, self.system.synchronizer_pod());
        for (cmd, _) in STALE {
            around.express.fault(namespace, &node, Some(cmd), None);
        }
        around.argocd.change(&self.application, |application| application.frozen = false);
    }

    /// When the next one befalls that has a time.
    pub fn due(&self, kubernetes: &Kubernetes) -> Option<Timestamp> {
        let due = self.to_come.iter().filter_map(|trouble| match trouble {
            Trouble::TriggerDeleted { after } => {
                let created = triggers(kubernetes, &self.system).map(|(_, created)| created).min();
                created?.checked_add(*after).ok()
            }
            _ => None,
        });
        let reverts = self.reverts.iter().map(|(at, _)| *at);
        due.chain(reverts).chain(self.thaw).chain(self.jira_back).min()
    }
}

/// What the synchronizer may tell of the past, and how it is asked for.
const STALE: [(Cmd, &str); 2] = [
    (Cmd::RebuildStatus, "/.admin?cmd=rebuildStatus&format=JSON"),
    (Cmd::AaStatus, "/.admin?cmd=aaStatus"),
];

fn delete(kubernetes: &Kubernetes, kind: Kind, system: &SystemRef, name: &str) -> Option<String> {
    let deleted = kubernetes.delete(kind, &system.namespace, name, Propagation::Background);
    deleted.then(|| format!("somebody deletes the {} {name}", kind.name()))
}

/// The trigger Job of any run and attempt that is at least so old.
fn trigger(
    kubernetes: &Kubernetes,
    system: &SystemRef,
    now: Timestamp,
    age: SignedDuration,
) -> Option<String> {
    let is_old = |created| now.duration_since(created) >= age;
    triggers(kubernetes, system).find(|(_, created)| is_old(*created)).map(|(name, _)| name)
}

/// The trigger Jobs, and when they were created.
fn triggers(
    kubernetes: &Kubernetes,
    system: &SystemRef,
) -> impl Iterator<Item = (String, Timestamp)> {
    kubernetes.list(Kind::Job, &system.namespace).into_iter().filter_map(|job| {
        let component = object::text(&job, "/metadata/labels/app.kubernetes.io~1component");
        let created = object::text(&job, "/metadata/creationTimestamp").parse().ok()?;
        (component == "trigger").then(|| (object::name(&job).to_owned(), created))
    })
}
