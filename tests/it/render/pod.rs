//! `pod:` of the inputs, merged into the PodSpec.
use super::*;

fn with_pod(pod: Value) -> Inputs {
    let mut value = serde_json::to_value(inputs()).expect("inputs can be written");
    value["farmers"]["pod"] = pod;
    inputs_from(value)
}

fn merged(pod: Value) -> Value {
    let base = after(&[start()], &with_pod(pod));
    object(&base, "farmers.yaml", "StatefulSet").0["spec"]["template"]["spec"].clone()
}

#[test]
fn maps_merge_and_lists_of_named_things_merge_by_name() {
    let plain = merged(json!({}));
    let spec = merged(json!({
        "nodeSelector": {"pool": "dcr"},
        "tolerations": [{"key": "dcr", "operator": "Exists"}],
        "env": [{"name": "HEAP", "value": "60g"}],
        "volumes": [{"name": "licence", "secret": {"secretName": "licence"}}],
        "volumeMounts": [{"name": "licence", "mountPath": "/licence"}],
        "containers": [
            {"name": "express", "env": [{"name": "MODE", "value": "farmer"}, {"name": "HEAP", "value": "50g"}],
             "readinessProbe": {"periodSeconds": 30}},
            {"name": "shipper", "image": "shipper:1"},
        ],
    }));
    let (before, express) = (&plain["containers"][0], &spec["containers"][0]);
    assert_eq!(spec["nodeSelector"], json!({"pool": "dcr"}));
    assert_eq!(spec["tolerations"], json!([{"key": "dcr", "operator": "Exists"}]));
    assert_eq!(express["image"], before["image"]);
    assert_eq!(express["ports"], before["ports"]);
    assert_eq!(
        express["readinessProbe"],
        json!({"tcpSocket": {"port": "admin"}, "periodSeconds": 30})
    );
    // What is short for the container `express` comes after what is written out.
    assert_eq!(
        express["env"],
        json!([{"name": "MODE", "value": "farmer"}, {"name": "HEAP", "value": "60g"}])
    );
    assert_eq!(
        express["volumeMounts"],
        json!([{"name": "cache", "mountPath": "/cache"}, {"name": "licence", "mountPath": "/licence"}])
    );
    assert_eq!(spec["containers"][1], json!({"name": "shipper", "image": "shipper:1"}));
}

#[test]
fn null_removes_a_field() {
    assert!(merged(json!({}))["topologySpreadConstraints"].is_array());
    assert_eq!(
        merged(json!({"topologySpreadConstraints": null})).get("topologySpreadConstraints"),
        None
    );
}

#[test]
fn what_a_pod_cannot_hold_is_named() {
    let fail = |pod: Value| failure(&with_pod(pod));
    insta::assert_snapshot!(fail(json!({"nodeSelektor": {}, "metadata": {"labels": {}}})), @r"
    `farmers.pod.nodeSelektor`: unknown field
    `farmers.pod.metadata`: unknown field
    ");
    insta::assert_snapshot!(fail(json!({"nodeSelector": {"a": true}})), @"`farmers.pod.nodeSelector.a`: invalid type: boolean `true`, expected a string");
    insta::assert_snapshot!(fail(json!({"containers": [{"name": "express", "imagee": "x"}]})), @"`farmers.pod.containers[0].imagee`: unknown field");
    let negative = json!({"limits": {"cpu": "-2"}});
    let negative = fail(json!({"containers": [{"name": "express", "resources": negative}]}));
    assert!(negative.contains("`-2` is no quantity"), "{negative}");
    insta::assert_snapshot!(fail(json!({"env": [{"value": "x"}]})), @"`farmers.pod.containers[0].env[0]`: `name` is missing");
    insta::assert_snapshot!(fail(json!({"containers": [{"name": "extra"}]})), @"templates/manifests/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.template.spec.containers[1].image: is missing");
    insta::assert_snapshot!(fail(json!({"restartPolicy": "Never"})), @"templates/manifests/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.template.spec.restartPolicy: a StatefulSet allows only `Always`");
    insta::assert_snapshot!(fail(json!({"volumeMounts": [{"name": "gone", "mountPath": "/x"}]})), @"templates/manifests/farmers.yaml.tera → StatefulSet system6-dcr-farmer: container express: volumeMounts: there is no volume `gone`");
}
