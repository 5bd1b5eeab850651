//! The troubles of a scenario: each waits for its moment and happens once.
use jiff::{SignedDuration, Timestamp};

use super::Setting;
use crate::rehearse::argocd::ArgoCd;
use crate::rehearse::express::Express;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::{Kubernetes, Propagation, object};
use crate::rehearse::reviewer::{Act, State};
use crate::rehearse::scenario::Trouble;
use crate::run::SystemRef;

pub struct Troubles {
    system: SystemRef,
    application: String,
    to_come: Vec<Trouble>,
}

impl Troubles {
    pub fn new(setting: &Setting, application: &str, troubles: &[Trouble]) -> Self {
        Troubles {
            system: setting.system.clone(),
            application: application.to_owned(),
            to_come: troubles.to_vec(),
        }
    }

    /// What an act of the reviewer brings about; says what that is.
    pub fn landed(&mut self, act: &Act, now: Timestamp, argocd: &mut ArgoCd) -> Option<String> {
        let Act::Ended(request) = act else { return None };
        let State::Merged(_) = request.state else { return None };
        let window = self.to_come.iter().position(|trouble| {
            matches!(trouble, Trouble::SyncWindow { phase, .. } if request.begins(*phase))
        })?;
        let Trouble::SyncWindow { length, .. } = self.to_come.remove(window) else { return None };
        let window = (now, now + length);
        argocd.change(&self.application, |application| application.deny_windows.push(window));
        Some(format!("a window in which Argo CD syncs nothing for {} h", length.as_hours()))
    }

    /// What happens in the cluster by itself at this moment, `percent` being how far the rebuild is.
    pub fn befall(
        &mut self,
        now: Timestamp,
        kubernetes: &Kubernetes,
        express: &Express,
        percent: Option<f64>,
    ) -> Vec<String> {
        let mut happened = Vec::new();
        let system = &self.system;
        self.to_come.retain(|trouble| {
            let done = match trouble {
                Trouble::FarmerLost { farmer, at } if percent.is_some_and(|it| it >= *at) => {
                    let pod = format!("{}-{farmer}", system.farmer_set());
                    delete(kubernetes, Kind::Pod, system, &pod)
                }
                Trouble::TriggerDeleted { after } => trigger(kubernetes, system, now, *after)
                    .and_then(|job| delete(kubernetes, Kind::Job, system, &job)),
                Trouble::Standstill { at } if percent.is_some_and(|it| it >= *at) => {
                    express.conduct(&system.namespace, &system.system, |conduct| conduct.speed = 0);
                    Some(format!("the rebuild makes no progress any more from {at} % on"))
                }
                Trouble::FarmerLost { .. }
                | Trouble::Standstill { .. }
                | Trouble::SyncWindow { .. } => None,
            };
            let goes_on = done.is_none();
            happened.extend(done);
            goes_on
        });
        happened
    }
}

impl Troubles {
    /// When the next one befalls that has a time.
    pub fn due(&self, kubernetes: &Kubernetes) -> Option<Timestamp> {
        let due = self.to_come.iter().filter_map(|trouble| match trouble {
            Trouble::TriggerDeleted { after } => {
                let created = triggers(kubernetes, &self.system).map(|(_, created)| created).min();
                created?.checked_add(*after).ok()
            }
            Trouble::FarmerLost { .. }
            | Trouble::Standstill { .. }
            | Trouble::SyncWindow { .. } => None,
        });
        due.min()
    }
}

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
