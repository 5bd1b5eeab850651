//! What a person can do about what keeps a pod from being ready.
use super::super::Why;

/// `message`, with what to do about `trouble`, the words of which come from the kubelet, the scheduler or the
/// API server. `name` is the pod's, or that of what belongs to it.
pub fn with_advice(message: String, trouble: &str, namespace: &str, name: &str) -> Why {
    let why = Why::new(message);
    match advice(trouble, namespace, name) {
        Some(advice) => why.hint(advice),
        None => why,
    }
}

fn advice(trouble: &str, namespace: &str, name: &str) -> Option<String> {
    let reason = trouble.split([':', ',', ' ']).next().unwrap_or_default();
    let says = |words: &str| trouble.contains(words);
    let at = format!("-n {namespace} {name}");
    Some(match reason {
        _ if says("OOMKilled") => {
            "it needs more memory: `resources` in dcr.yaml, for the next run".to_owned()
        }
        "CrashLoopBackOff" | "Error" | "StartError" | "ContainerCannotRun" => {
            format!("see what it died of: `kubectl logs {at} --previous`")
        }
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
            "see that the registry has the image and lets this cluster pull it; another `image` in dcr.yaml is for the next run"
                .to_owned()
        }
        "CreateContainerConfigError" | "CreateContainerError" => {
            format!("see what it lacks: `kubectl describe pod {at}`")
        }
        _ if says("exceeded quota") => {
            "raise the namespace's ResourceQuota, or take something else out of it".to_owned()
        }
        "Unschedulable" | "SchedulerError" if says("PersistentVolumeClaim") => {
            format!("see why its volume isn't provided: `kubectl describe pvc -n {namespace}`")
        }
        "Unschedulable" | "SchedulerError" => {
            "make room on the nodes it may run on; `resources` and `pod` in dcr.yaml are for the next run"
                .to_owned()
        }
        "Evicted" | "NodeLost" | "NodeAffinity" | "Shutdown" | "Terminated" => {
            format!("its node gave it up: `kubectl describe pod {at}`")
        }
        _ if says("it is Pending, not Bound") || says("it is Lost, not Bound") => {
            format!("see why it isn't provided: `kubectl describe pvc {at}`")
        }
        _ if says("is forbidden") || says("admission webhook") => {
            "the cluster's rules refuse it: ask whoever made them".to_owned()
        }
        _ => return None,
    })
}
