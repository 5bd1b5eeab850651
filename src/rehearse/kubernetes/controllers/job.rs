//! Jobs: one pod that runs to its end, another where it failed and may be tried again, then a verdict.
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::events::Said;
use crate::rehearse::kubernetes::Propagation;
use crate::rehearse::kubernetes::cluster::{Cluster, Due};
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::store::Key;

/// Holds a pod until its end is counted.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// Why a Job ends.
struct Verdict {
    /// The condition that says it will end, and the one that says it has.
    conditions: [&'static str; 2],
    reason: &'static str,
    message: &'static str,
}

const REACHED: Verdict = Verdict {
    conditions: ["SuccessCriteriaMet", "Complete"],
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
};
const TOO_MANY_FAILURES: Verdict = Verdict {
    conditions: ["FailureTarget", "Failed"],
    reason: "BackoffLimitExceeded",
    message: "Job has reached the specified backoff limit",
};
const TOO_LATE: Verdict = Verdict {
    conditions: ["FailureTarget", "Failed"],
    reason: "DeadlineExceeded",
    message: "Job was active longer than specified deadline",
};

impl Cluster {
    pub(in super::super) fn jobs(&mut self) {
        self.let_go_of_lost_pods();
        let jobs: Vec<_> = self.store.list(Kind::Job, None).cloned().collect();
        for job in jobs {
            if !object::is_terminating(&job) && !has(&job, "Complete") && !has(&job, "Failed") {
                self.sync_job(&job);
            }
        }
    }

    fn sync_job(&mut self, job: &Arc<Value>) {
        let key = Key::of(Kind::Job, job);
        let pods = self.controlled(Kind::Pod, &key.namespace, object::uid(job));
        let counted = |what: &str| object::number(job, what).unwrap_or_default();
        let (untracked, tracked): (Vec<_>, Vec<_>) =
            pods.iter().partition(|pod| !object::has_finalizer(pod, TRACKING));
        let succeeded: Vec<_> =
            tracked.iter().filter(|pod| pod["status"]["phase"] == "Succeeded").collect();
        // A pod that is being deleted before its end has failed.
        let failed: Vec<_> = tracked
            .iter()
            .filter(|pod| {
                let phase = &pod["status"]["phase"];
                phase == "Failed" || (object::is_terminating(pod) && phase != "Succeeded")
            })
            .collect();
        let running: Vec<_> = tracked
            .iter()
            .filter(|pod| !object::is_terminal(pod) && !object::is_terminating(pod))
            .collect();
        let failures = counted("/status/failed") + i64::try_from(failed.len()).unwrap_or(0);
        let successes = counted("/status/succeeded") + i64::try_from(succeeded.len()).unwrap_or(0);
        let verdict = if let Some(announced) = announced(job) {
            Some(announced)
        } else if successes > 0 {
            Some(REACHED)
        } else if failures > object::number(job, "/spec/backoffLimit").unwrap_or(6) {
            Some(TOO_MANY_FAILURES)
        } else if self.is_too_late(job) {
            Some(TOO_LATE)
        } else {
            None
        };
        let ended: Vec<&Arc<Value>> = succeeded.iter().chain(&failed).map(|pod| **pod).collect();
        match verdict {
            Some(verdict) if !has(job, verdict.conditions[0]) => {
                self.announce(
                    &key,
                    &verdict,
                    &succeeded.iter().map(|pod| object::uid(pod)).collect::<Vec<_>>(),
                );
            }
            Some(_) if !running.is_empty() => {
                for pod in running {
                    self.delete(&Key::of(Kind::Pod, pod), Propagation::Background);
                }
            }
            Some(verdict) => {
                self.release(&ended);
                self.end(&key, job, &verdict, successes, failures);
            }
            None if !ended.is_empty() => {
                self.release(&ended);
                self.store.update(&key, |job| job["status"]["failed"] = json!(failures));
            }
            None => {
                let mut active = running.len();
                if running.is_empty() && self.start_pod(job, failures, &untracked) {
                    active = 1;
                }
                let ready = running.iter().filter(|pod| object::is_ready(pod)).count();
                self.report_job(&key, active, ready);
            }
        }
    }

    /// Creates the Job's pod: at once, or a while after the last one failed. Whether it did.
    fn start_pod(&mut self, job: &Value, failures: i64, ended: &[&Arc<Value>]) -> bool {
        let last = ended.iter().filter_map(|pod| finished(pod)).max();
        if let Some(last) = last
            && failures > 0
        {
            let wait = SignedDuration::from_secs(10 << (failures - 1).clamp(0, 6));
            let left = last.checked_add(wait).unwrap_or(Timestamp::MAX).duration_since(self.at);
            if left.is_positive() {
                self.plan(Due::Notice, left);
                return false;
            }
        }
        let uid = object::uid(job).to_owned();
        if self.must_wait(&uid) {
            return false;
        }
        let name = format!("{}-{}", object::name(job), self.store.suffix(5));
        let template = &job["spec"]["template"];
        let mut pod = json!({
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {
                "name": name,
                "generateName": format!("{}-", object::name(job)),
                "namespace": object::namespace(job),
                "labels": template["metadata"]["labels"],
                "ownerReferences": [object::owner_reference(job)],
                "finalizers": [TRACKING],
            },
            "spec": template["spec"],
        });
        if let Some(annotations) = template["metadata"].get("annotations") {
            pod["metadata"]["annotations"] = annotations.clone();
        }
        let (warns, reason, message) = match self.admit(pod) {
            Ok(_) => (false, "SuccessfulCreate", format!("Created pod: {name}")),
            Err(why) => (true, "FailedCreate", format!("Error creating: {why}")),
        };
        if warns {
            self.failed_to_create(&uid);
        } else {
            self.created_all(&uid);
        }
        self.tell(job, &Said { warns, reason, message: &message, by: "job-controller" });
        !warns
    }

    fn report_job(&mut self, key: &Key, active: usize, ready: usize) {
        let at = object::time(self.at);
        self.store.update(key, |job| {
            let old = &job["status"];
            let mut status = json!({
                "startTime": if old["startTime"].is_null() { at } else { old["startTime"].clone() },
            });
            if active > 0 {
                status["active"] = json!(active);
            }
            if let Some(failed) = old.get("failed") {
                status["failed"] = failed.clone();
            }
            status["terminating"] = json!(0);
            status["uncountedTerminatedPods"] = json!({});
            status["ready"] = json!(ready);
            job["status"] = status;
        });
    }

    /// Says that the Job will end; its pods aren't counted yet.
    fn announce(&mut self, key: &Key, verdict: &Verdict, succeeded: &[&str]) {
        let condition = self.condition(verdict, 0);
        self.store.update(key, |job| {
            let mut status = json!({"conditions": [condition]});
            if let Some(old) = job["status"].as_object() {
                for (name, value) in old.iter().filter(|(name, _)| *name != "active") {
                    status[name] = value.clone();
                }
            }
            if !succeeded.is_empty() {
                status["uncountedTerminatedPods"] = json!({"succeeded": succeeded});
            }
            status["ready"] = json!(0);
            job["status"] = status;
        });
    }

    fn end(&mut self, key: &Key, job: &Value, verdict: &Verdict, successes: i64, failures: i64) {
        let condition = self.condition(verdict, 1);
        let at = object::time(self.at);
        self.store.update(key, |job| {
            let status = &mut job["status"];
            if let Some(conditions) = status["conditions"].as_array_mut() {
                conditions.push(condition);
            }
            if successes > 0 {
                status["completionTime"] = at;
                status["succeeded"] = json!(successes);
            }
            if failures > 0 {
                status["failed"] = json!(failures);
            }
            status["uncountedTerminatedPods"] = json!({});
        });
        let (reason, message) = match verdict.conditions[1] {
            "Complete" => ("Completed", "Job completed"),
            _ => (verdict.reason, verdict.message),
        };
        let warns = reason != "Completed";
        self.tell(job, &Said { warns, reason, message, by: "job-controller" });
    }

    fn condition(&self, verdict: &Verdict, which: usize) -> Value {
        json!({
            "type": verdict.conditions[which],
            "status": "True",
            "lastProbeTime": object::time(self.at),
            "lastTransitionTime": object::time(self.at),
            "reason": verdict.reason,
            "message": verdict.message,
        })
    }

    fn is_too_late(&mut self, job: &Value) -> bool {
        let began = object::text(job, "/status/startTime").parse::<Timestamp>();
        let limit = object::number(job, "/spec/activeDeadlineSeconds");
        let (Ok(began), Some(limit)) = (began, limit) else { return false };
        let end = began.checked_add(SignedDuration::from_secs(limit)).unwrap_or(Timestamp::MAX);
        let left = end.duration_since(self.at);
        if left.is_positive() {
            self.plan(Due::Notice, left);
        }
        !left.is_positive()
    }

    fn release(&mut self, pods: &[&Arc<Value>]) {
        for pod in pods {
            let key = Key::of(Kind::Pod, pod);
            self.store.update(&key, |pod| object::remove_finalizer(pod, TRACKING));
        }
    }

    /// Pods of Jobs that are gone need no counting.
    fn let_go_of_lost_pods(&mut self) {
        let pods: Vec<_> = self.store.list(Kind::Pod, None).cloned().collect();
        for pod in pods {
            let tracked = object::has_finalizer(&pod, TRACKING);
            let has_job = object::controller(&pod).is_some_and(|owner| {
                let mut jobs = self.store.list(Kind::Job, Some(object::namespace(&pod)));
                jobs.any(|job| object::uid(job) == owner && !object::is_terminating(job))
            });
            if tracked && !has_job {
                self.release(&[&pod]);
            }
        }
    }
}

/// Why a Job will end that says so already.
fn announced(job: &Value) -> Option<Verdict> {
    let conditions = object::list(job, "/status/conditions");
    [REACHED, TOO_MANY_FAILURES, TOO_LATE].into_iter().find(|verdict| {
        conditions
            .iter()
            .any(|c| c["type"] == verdict.conditions[0] && c["reason"] == verdict.reason)
    })
}

fn has(job: &Value, condition: &str) -> bool {
    object::list(job, "/status/conditions")
        .iter()
        .any(|c| c["type"] == condition && c["status"] == "True")
}

fn finished(pod: &Value) -> Option<Timestamp> {
    let at = object::text(pod, "/status/containerStatuses/0/state/terminated/finishedAt");
    at.parse().ok()
}
