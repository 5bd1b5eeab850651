//! The kubelet: brings the containers of pods up and down again, all containers of a pod alike.
mod end;
mod report;

use jiff::SignedDuration;
use serde_json::{Value, json};

use self::report::Readiness;
use super::events::Said;
use crate::rehearse::kubernetes::cluster::{Cluster, Due, PodStep, Trouble};
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

/// How long an image that can't be pulled is shown as an error, then waited for.
const PULL_ERROR: SignedDuration = SignedDuration::from_secs(5);
const PULL_BACK_OFF: SignedDuration = SignedDuration::from_secs(30);

impl Cluster {
    /// Takes up what pods on nodes need next.
    pub(in super::super) fn kubelet(&mut self) {
        let pods: Vec<_> = self.store.list(Kind::Pod, None).cloned().collect();
        for pod in pods {
            let key = Key::of(Kind::Pod, &pod);
            if object::text(&pod, "/spec/nodeName").is_empty() {
                continue;
            }
            if object::is_terminating(&pod) {
                self.see_off(&key, &pod);
            } else if object::list(&pod, "/status/containerStatuses").is_empty() {
                self.begin(&key, &pod);
            } else if object::is_running(&pod) && !object::is_ready(&pod) && restarts(&pod) {
                self.await_readiness(&key, &pod);
            }
        }
    }

    /// What was planned for a pod happens, unless the pod is another by now.
    pub(in super::super) fn pod_step(&mut self, key: &Key, uid: &str, step: PodStep) {
        let Some(pod) = self.store.get(key).filter(|pod| object::uid(pod) == uid).cloned() else {
            return;
        };
        let ends = matches!(step, PodStep::Stop | PodStep::Remove);
        if object::is_terminating(&pod) && !ends {
            return;
        }
        match step {
            PodStep::Schedule => self.place(key, &pod),
            PodStep::Start => self.start(key, &pod),
            PodStep::BackOff => self.back_off_pull(key, &pod),
            PodStep::Ready if self.trouble(key) == Some(&Trouble::NotReady) => {}
            PodStep::Ready => self.report(key, "Running", Readiness::Ready, |_| {}),
            PodStep::Crash => {
                if let Some(Trouble::CrashLoop { code, reason }) = self.trouble(key).cloned() {
                    self.crash(key, code, &reason);
                }
            }
            PodStep::Restart => self.restart(key, &pod),
            PodStep::Stop => self.stop(key, &pod),
            PodStep::Remove => self.let_go(key),
        }
    }

    /// Sets what befalls pods of this name; what is in its way already feels it at once.
    pub fn set_trouble(&mut self, key: &Key, trouble: Option<Trouble>) {
        let running = self.store.get(key).is_some_and(|pod| object::is_running(pod));
        match trouble {
            None => {
                self.troubles.remove(key);
            }
            Some(trouble) => {
                self.troubles.insert(key.clone(), trouble.clone());
                match trouble {
                    Trouble::CrashLoop { code, reason } if running => {
                        self.crash(key, code, &reason)
                    }
                    Trouble::NotReady if running => {
                        self.report(key, "Running", Readiness::NotReady, |_| {});
                    }
                    _ => {}
                }
            }
        }
    }

    fn begin(&mut self, key: &Key, pod: &Value) {
        let start_time = object::time(self.at);
        self.report(key, "Pending", Readiness::NotReady, |pod| {
            pod["status"]["startTime"] = start_time;
            pod["status"]["hostIP"] = json!("127.0.0.1");
            pod["status"]["containerStatuses"] = report::created(pod);
        });
        let image = object::text(pod, "/spec/containers/0/image");
        self.say(key, false, "Pulling", &format!("Pulling image \"{image}\""));
        self.plan_step(key, pod, PodStep::Start, self.timing.pull);
    }

    fn start(&mut self, key: &Key, pod: &Value) {
        let image = object::text(pod, "/spec/containers/0/image").to_owned();
        if self.trouble(key) == Some(&Trouble::ImagePull) {
            let why = format!(
                "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": not found"
            );
            self.wait_for(key, "ErrImagePull", &why);
            self.say(key, true, "Failed", &format!("Failed to pull image \"{image}\": {why}"));
            self.say(key, true, "Failed", "Error: ErrImagePull");
            return self.plan_step(key, pod, PodStep::BackOff, PULL_ERROR);
        }
        self.say(key, false, "Pulled", &format!("Successfully pulled image \"{image}\""));
        self.run_containers(key);
        if restarts(pod) {
            return;
        }
        self.report(key, "Running", Readiness::Ready, |_| {});
        self.started.extend(self.store.get(key).cloned());
    }

    fn back_off_pull(&mut self, key: &Key, pod: &Value) {
        let image = object::text(pod, "/spec/containers/0/image");
        let message = format!("Back-off pulling image \"{image}\"");
        self.wait_for(key, "ImagePullBackOff", &message);
        self.say(key, false, "BackOff", &message);
        self.plan_step(key, pod, PodStep::Start, PULL_BACK_OFF);
    }

    fn run_containers(&mut self, key: &Key) {
        let at = object::time(self.at);
        let address = self.memory.addresses + 1;
        self.memory.addresses = address;
        self.report(key, "Running", Readiness::NotReady, |pod| {
            if pod["status"].get("podIP").is_none() {
                let ip = format!("10.244.{}.{}", address / 250, address % 250 + 1);
                pod["status"]["podIP"] = json!(ip);
            }
            let uid = object::uid(pod).to_owned();
            report::each_container(pod, |container| report::run(container, &uid, &at));
        });
        self.say(key, false, "Created", "Container created");
        self.say(key, false, "Started", "Container started");
    }

    fn restart(&mut self, key: &Key, pod: &Value) {
        if !object::is_running(pod) {
            self.run_containers(key);
        }
    }

    fn await_readiness(&mut self, key: &Key, pod: &Value) {
        let step = match self.trouble(key) {
            Some(Trouble::NotReady) => return,
            Some(Trouble::CrashLoop { .. }) => PodStep::Crash,
            _ => PodStep::Ready,
        };
        let delay = self.boot_delays.get(key).copied().unwrap_or_default();
        let uid = object::uid(pod).to_owned();
        let due = Due::Pod { pod: key.clone(), uid, step };
        if !self.is_planned(&due) {
            self.plan(due, self.timing.boot + delay);
        }
    }

    fn wait_for(&mut self, key: &Key, reason: &str, message: &str) {
        let waiting = json!({"waiting": {"reason": reason, "message": message}});
        self.report(key, "Pending", Readiness::NotReady, |pod| {
            report::each_container(pod, |container| container["state"] = waiting.clone());
        });
    }

    fn plan_step(&mut self, key: &Key, pod: &Value, step: PodStep, after: SignedDuration) {
        let uid = object::uid(pod).to_owned();
        self.plan(Due::Pod { pod: key.clone(), uid, step }, after);
    }

    fn say(&mut self, key: &Key, warns: bool, reason: &str, message: &str) {
        if let Some(pod) = self.store.get(key).cloned() {
            self.tell(&pod, &Said { warns, reason, message, by: "kubelet" });
        }
    }
}

/// Whether containers that end are started again: those of Jobs aren't.
fn restarts(pod: &Value) -> bool {
    pod["spec"]["restartPolicy"] == "Always"
}
