//! How containers end: by themselves, killed, or because their pod is deleted.
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::report::{self, Readiness};
use super::restarts;
use crate::rehearse::kubernetes::cluster::{Cluster, Due, PodStep, Trouble};
use crate::rehearse::kubernetes::node::Exit;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

/// The first restart comes soon, the second after the first back-off.
const FIRST_RESTART: SignedDuration = SignedDuration::from_secs(1);
const FIRST_BACK_OFF: i64 = 10;
const LONGEST_BACK_OFF: i64 = 300;
/// Containers that ran this long start over with the back-off.
const RAN_WELL: SignedDuration = SignedDuration::from_mins(10);
/// What the kubelet keeps of a termination message, in bytes.
const MESSAGE: usize = 4096;

impl Cluster {
    /// The containers of a pod that isn't restarted have ended.
    pub fn exited(&mut self, key: &Key, uid: &str, exit: &Exit) {
        let runs = self
            .store
            .get(key)
            .is_some_and(|pod| object::uid(pod) == uid && object::is_running(pod));
        if runs {
            let reason = if exit.code == 0 { "Completed" } else { "Error" };
            self.complete(key, exit.code, reason, &exit.message);
            self.reconcile();
        }
    }

    /// Kills the containers of a pod.
    pub fn crash(&mut self, key: &Key, code: u8, reason: &str) {
        let Some(pod) = self.store.get(key).filter(|pod| object::is_running(pod)).cloned() else {
            return;
        };
        if !restarts(&pod) {
            return self.complete(key, code, reason, "");
        }
        for step in [PodStep::Ready, PodStep::Crash] {
            let uid = object::uid(&pod).to_owned();
            self.cancel(&Due::Pod { pod: key.clone(), uid, step });
        }
        let at = object::time(self.at);
        self.report(key, "Running", Readiness::NotReady, |pod| {
            report::each_container(pod, |container| report::end(container, code, reason, "", &at));
        });
        let status = &pod["status"]["containerStatuses"][0];
        let count = object::number(status, "/restartCount").unwrap_or_default();
        let started = object::text(status, "/state/running/startedAt").parse::<Timestamp>();
        let ran_well = started.is_ok_and(|started| self.at.duration_since(started) >= RAN_WELL);
        let wait = if count == 0 || ran_well {
            FIRST_RESTART
        } else {
            let seconds = FIRST_BACK_OFF << (count - 1).clamp(0, 5);
            let wait = SignedDuration::from_secs(seconds.min(LONGEST_BACK_OFF));
            self.back_off(key, &pod, wait);
            wait
        };
        self.plan_step(key, &pod, PodStep::Restart, wait);
    }

    /// Takes care of a deleted pod: its containers get their grace, then it is gone.
    pub(super) fn see_off(&mut self, key: &Key, pod: &Value) {
        let over = object::number(pod, "/metadata/deletionGracePeriodSeconds") == Some(0);
        if over || self.trouble(key) == Some(&Trouble::Stuck) {
            return;
        }
        let uid = object::uid(pod).to_owned();
        let due = |step| Due::Pod { pod: key.clone(), uid: uid.clone(), step };
        if self.is_planned(&due(PodStep::Stop)) || self.is_planned(&due(PodStep::Remove)) {
            return;
        }
        if object::is_running(pod) {
            let container = object::text(pod, "/spec/containers/0/name");
            self.say(key, false, "Killing", &format!("Stopping container {container}"));
        }
        self.plan(due(PodStep::Stop), self.timing.stop.min(grace(pod)));
    }

    /// The containers of a deleted pod end; the pod goes right after.
    pub(super) fn stop(&mut self, key: &Key, pod: &Value) {
        if self.trouble(key) == Some(&Trouble::Stuck) {
            return;
        }
        if object::is_running(pod) && self.timing.stop <= grace(pod) {
            self.complete(key, 0, "Completed", "");
        } else if object::is_running(pod) {
            self.complete(key, 137, "Error", "");
        } else if !object::is_terminal(pod) {
            self.complete(key, 137, "ContainerStatusUnknown", "");
        }
        self.plan_step(key, pod, PodStep::Remove, SignedDuration::ZERO);
    }

    /// A deleted pod whose containers have ended goes, unless a finalizer holds it.
    pub(super) fn let_go(&mut self, key: &Key) {
        let at = object::time(self.at);
        self.store.update(key, |pod| {
            pod["metadata"]["deletionTimestamp"] = at;
            pod["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        });
    }

    fn complete(&mut self, key: &Key, code: u8, reason: &str, message: &str) {
        let at = object::time(self.at);
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        let message = &message[..message.floor_char_boundary(MESSAGE)];
        self.report(key, phase, Readiness::Completed, |pod| {
            report::each_container(pod, |container| {
                if container["state"].get("terminated").is_none() {
                    report::end(container, code, reason, message, &at);
                }
            });
        });
    }

    /// Shows that the containers wait for their next start.
    fn back_off(&mut self, key: &Key, pod: &Value, wait: SignedDuration) {
        let container = object::text(pod, "/spec/containers/0/name");
        let place = format!("pod={}_{}({})", key.name, key.namespace, object::uid(pod));
        let seconds = match wait.as_secs() {
            long if long >= 60 => format!("{}m{}s", long / 60, long % 60),
            short => format!("{short}s"),
        };
        let message = format!("back-off {seconds} restarting failed container={container} {place}");
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
        self.report(key, "Running", Readiness::NotReady, |pod| {
            report::each_container(pod, |container| {
                container["lastState"] = container["state"].take();
                container["state"] = waiting.clone();
            });
        });
        let said = format!(
            "Back-off restarting failed container {container} in pod {}_{}({})",
            key.name,
            key.namespace,
            object::uid(pod)
        );
        self.say(key, true, "BackOff", &said);
    }
}

fn grace(pod: &Value) -> SignedDuration {
    let seconds = object::number(pod, "/metadata/deletionGracePeriodSeconds");
    SignedDuration::from_secs(seconds.unwrap_or_default())
}
