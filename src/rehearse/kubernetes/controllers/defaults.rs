//! What the API server fills in where an object says nothing.
use serde_json::{Value, json};

use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;

/// Fills in the defaults of a kind.
pub fn complete(kind: Kind, object: &mut Value) {
    match kind {
        Kind::StatefulSet => stateful_set(object),
        Kind::Job => job(object),
        Kind::Pod => {
            pod(&mut object["spec"]);
            fill(&mut object["status"], "phase", json!("Pending"));
            let class = quality(&object["spec"]);
            fill(&mut object["status"], "qosClass", json!(class));
        }
        Kind::PersistentVolumeClaim => claim(object),
        Kind::Service => {
            fill(&mut object["spec"], "type", json!("ClusterIP"));
            fill(&mut object["spec"], "sessionAffinity", json!("None"));
            fill(&mut object["status"], "loadBalancer", json!({}));
        }
        Kind::PodDisruptionBudget => {
            fill(object, "status", json!({}));
        }
        Kind::ConfigMap | Kind::Event | Kind::ResourceQuota | Kind::Application => {}
    }
}

/// Makes a new Job select the pods that carry its UID, and only those.
pub fn select_own_pods(job: &mut Value) {
    let (uid, name) = (object::uid(job).to_owned(), object::name(job).to_owned());
    let own = [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ];
    for (key, value) in own {
        job["spec"]["template"]["metadata"]["labels"][key] = json!(value);
    }
    job["spec"]["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    if job["metadata"]["labels"].is_null() {
        job["metadata"]["labels"] = job["spec"]["template"]["metadata"]["labels"].clone();
    }
}

fn stateful_set(set: &mut Value) {
    let spec = &mut set["spec"];
    fill(spec, "replicas", json!(1));
    fill(spec, "podManagementPolicy", json!("OrderedReady"));
    fill(&mut spec["updateStrategy"], "type", json!("RollingUpdate"));
    fill(spec, "revisionHistoryLimit", json!(10));
    let retention = &mut spec["persistentVolumeClaimRetentionPolicy"];
    fill(retention, "whenDeleted", json!("Retain"));
    fill(retention, "whenScaled", json!("Retain"));
    pod(&mut spec["template"]["spec"]);
    let templates = spec.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut);
    for template in templates.into_iter().flatten() {
        fill(template, "kind", json!("PersistentVolumeClaim"));
        fill(template, "apiVersion", json!("v1"));
        claim(template);
    }
    fill(&mut set["status"], "replicas", json!(0));
    fill(&mut set["status"], "availableReplicas", json!(0));
}

fn job(job: &mut Value) {
    let spec = &mut job["spec"];
    fill(spec, "parallelism", json!(1));
    fill(spec, "completions", json!(1));
    fill(spec, "backoffLimit", json!(6));
    fill(spec, "manualSelector", json!(false));
    fill(spec, "completionMode", json!("NonIndexed"));
    fill(spec, "suspend", json!(false));
    fill(spec, "podReplacementPolicy", json!("TerminatingOrFailed"));
    pod(&mut spec["template"]["spec"]);
    fill(job, "status", json!({}));
}

fn claim(claim: &mut Value) {
    fill(&mut claim["spec"], "volumeMode", json!("Filesystem"));
    fill(&mut claim["status"], "phase", json!("Pending"));
}

fn pod(spec: &mut Value) {
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        containers.into_iter().flatten().for_each(complete_container);
    }
    fill(spec, "restartPolicy", json!("Always"));
    fill(spec, "terminationGracePeriodSeconds", json!(30));
    fill(spec, "dnsPolicy", json!("ClusterFirst"));
    fill(spec, "securityContext", json!({}));
    fill(spec, "schedulerName", json!("default-scheduler"));
}

fn complete_container(container: &mut Value) {
    fill(container, "resources", json!({}));
    for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        fill(port, "protocol", json!("TCP"));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe) {
            fill(probe, "timeoutSeconds", json!(1));
            fill(probe, "periodSeconds", json!(10));
            fill(probe, "successThreshold", json!(1));
            fill(probe, "failureThreshold", json!(3));
        }
    }
    fill(container, "terminationMessagePath", json!("/dev/termination-log"));
    fill(container, "terminationMessagePolicy", json!("File"));
    let image = object::text(container, "/image");
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':'));
    let moves = !image.contains('@') && tag.is_none_or(|(_, tag)| tag == "latest");
    fill(container, "imagePullPolicy", json!(if moves { "Always" } else { "IfNotPresent" }));
}

/// The quality of service class that follows from what the containers ask for.
fn quality(spec: &Value) -> &'static str {
    let containers = object::list(spec, "/containers");
    let asks = |container: &Value| {
        ["requests", "limits"].iter().any(|what| {
            container["resources"][what].as_object().is_some_and(|asked| !asked.is_empty())
        })
    };
    let guaranteed = |container: &Value| {
        let resources = &container["resources"];
        let limits = &resources["limits"];
        ["cpu", "memory"].iter().all(|name| !limits[name].is_null())
            && (resources["requests"].is_null() || resources["requests"] == *limits)
    };
    if !containers.is_empty() && containers.iter().all(guaranteed) {
        "Guaranteed"
    } else if containers.iter().any(asks) {
        "Burstable"
    } else {
        "BestEffort"
    }
}

fn fill(object: &mut Value, key: &str, default: Value) {
    if object[key].is_null() {
        object[key] = default;
    }
}
