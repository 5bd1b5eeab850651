//! Templates of people's own, and what is wrong with them, in words that help.
use super::*;

fn own(name: &str, edit: impl Fn(&str) -> String) -> Result<Templates, RenderError> {
    let path = format!("{}/templates/manifests/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the template is there");
    let edited = edit(&text);
    assert_ne!(text, edited, "the edit changes something");
    Templates::from_files("k8s/templates", &BTreeMap::from([(name.to_owned(), edited)]))
}

fn replaced(name: &str, from: &str, to: &str) -> Result<BaseFolder, RenderError> {
    let templates = own(name, |text| text.replace(from, to))?;
    let change = change(&start(), &empty(), &inputs(), Wiring::Directory, &templates)?;
    Ok(change.apply(&empty()))
}

fn wrong(from: &str, to: &str) -> String {
    replaced("farmers.yaml.tera", from, to).expect_err("the template is wrong").to_string()
}

#[test]
fn a_folder_overrides_single_templates() {
    let base =
        replaced("farmers.yaml.tera", "mountPath: /cache", "mountPath: /express").expect("fine");
    assert!(base.files["farmers.yaml"].contains("mountPath: /express"));
    assert!(base.files["synchronizer.yaml"].contains("mountPath: /cache"));
}

#[test]
fn a_template_that_nothing_renders_is_an_error() {
    let files = BTreeMap::from([("farmer.yaml.tera".to_owned(), String::new())]);
    let error = Templates::from_files("k8s", &files).expect_err("the name is unknown");
    assert_eq!(error.to_string(), "k8s/farmer.yaml.tera: there is no template of this name");
    insta::assert_snapshot!(error.problems[0].hint.as_ref().expect("a hint"), @"templates are synchronizer.yaml.tera, farmers.yaml.tera, run.yaml.tera, job.yaml.tera");
}

#[test]
fn mistakes_in_a_template_are_named_with_their_place() {
    insta::assert_snapshot!(wrong("{{ storage }}", "{{ storrage }}"), @r"
    k8s/templates/farmers.yaml.tera:54:25: Variable `storrage` is not defined. Available variables: cluster, image, labels, name, namespace, port, replicas, resources, run, selector, storage, system, tolerate
       |
    54 |             storage: {{ storrage }}
       |                         ^^^^^^^^
    ");
    insta::assert_snapshot!(wrong("{{ storage }}", "{{ storage "), @r"
    k8s/templates/farmers.yaml.tera:55:3: `-` and `not` cannot be used consecutively.
       |
    55 | ---
       |   ^
    ");
    insta::assert_snapshot!(wrong("{{ storage }}", "{{ storage | quote }}"), @r"
    k8s/templates/farmers.yaml.tera:54:35: Unknown filter `quote`
       |
    54 |             storage: {{ storage | quote }}
       |                                   ^^^^^
    ");
    insta::assert_snapshot!(wrong("{{ storage }}", "{{ storage | safe }}"), @r"
    k8s/templates/farmers.yaml.tera:54:35: `safe` would print a text unquoted; maps and lists take `yaml`
       |
    54 |             storage: {{ storage | safe }}
       |                                   ^^^^
    ");
    insta::assert_snapshot!(wrong("image: {{ image }}", "image: {{ image }}-suffix"), @r#"
    k8s/templates/farmers.yaml.tera: what it prints is no YAML: error: line 33 column 57: invalid trailing content after double-quoted scalar
      --> <input>:33:57
       |
    31 |       containers:
    32 |         - name: express
    33 |           image: "registry.example.com/express:e686.131"-suffix
       |                                                         ^ invalid trailing content after double-quoted scalar
    34 |           ports:
    35 |             - name: admin
       |
    "#);
}

#[test]
fn mistakes_in_what_it_prints_are_named_with_their_field() {
    let cases = [
        ("  replicas: {{ replicas }}", "  replica: {{ replicas }}"),
        ("  replicas: {{ replicas }}", "  replicas: three"),
        ("  replicas: {{ replicas }}", "  replicas: 9"),
        ("type: OnDelete", "type: RollingUpdate"),
        ("whenDeleted: Delete", "whenDeleted: Retain"),
        ("safe-to-evict: \"false\"", "safe-to-evict: off"),
        ("kind: Service", "kind: Secret"),
        ("serviceName: {{ name }}", "serviceName: elsewhere"),
        ("  maxUnavailable: {{ tolerate }}\n", ""),
        ("publishNotReadyAddresses: true", "publishNotReadyAddresses: false"),
        ("name: express", "name: node"),
        ("image: {{ image }}", "image: \"\""),
        ("apiVersion: apps/v1", "apiVersion: apps/v1beta1"),
        ("namespace: {{ namespace }}", "namespace: default"),
        ("matchLabels: {{ selector | yaml }}", "matchLabels: {{ labels | yaml }}"),
        ("metadata:\n  name", "metadata:\n  annotations: {a: b}\n  name"),
        ("- name: cache\n              mountPath", "- name: cash\n              mountPath"),
    ];
    let account: Vec<String> = cases.into_iter().map(|(from, to)| wrong(from, to)).collect();
    insta::assert_snapshot!(account.join("\n\n"), @r#"
    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.replica: unknown field

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.replicas: invalid type: string "three", expected i32

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.replicas: expected 1

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.updateStrategy.type: is `RollingUpdate`, expected `OnDelete`

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.persistentVolumeClaimRetentionPolicy.whenDeleted: must be `Delete`, or the teardown leaves the claims behind

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.template.metadata.annotations.cluster-autoscaler.kubernetes.io/safe-to-evict: invalid type: boolean `false`, expected a string

    k8s/templates/farmers.yaml.tera: the Service system6-dcr-farmer is missing
    k8s/templates/farmers.yaml.tera → Secret system6-dcr-farmer: kind: doesn't belong into this file

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.serviceName: is `elsewhere`, expected `system6-dcr-farmer`

    k8s/templates/farmers.yaml.tera → PodDisruptionBudget system6-dcr-farmer: spec: needs either maxUnavailable or minAvailable

    k8s/templates/farmers.yaml.tera → Service system6-dcr-farmer: spec.publishNotReadyAddresses: must be true: nodes find each other while they are booting

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.template.spec.containers: none is named `express`

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.template.spec.containers[0].image: is missing

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: apiVersion: invalid value: string "apps/v1beta1", expected apps/v1

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: metadata.namespace: is `default`, expected `tenant-105858-prod`
    k8s/templates/farmers.yaml.tera → Service system6-dcr-farmer: metadata.namespace: is `default`, expected `tenant-105858-prod`
    k8s/templates/farmers.yaml.tera → PodDisruptionBudget system6-dcr-farmer: metadata.namespace: is `default`, expected `tenant-105858-prod`

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.selector.matchLabels: expected exactly app.kubernetes.io/component=farmer, app.kubernetes.io/managed-by=dcr-gitops, dcr-gitops/system=system6
    k8s/templates/farmers.yaml.tera → PodDisruptionBudget system6-dcr-farmer: spec.selector.matchLabels: expected exactly app.kubernetes.io/component=farmer, app.kubernetes.io/managed-by=dcr-gitops, dcr-gitops/system=system6

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: metadata.annotations: must not be set: the object carries its digest only
    k8s/templates/farmers.yaml.tera → Service system6-dcr-farmer: metadata.annotations: must not be set: the object carries its digest only
    k8s/templates/farmers.yaml.tera → PodDisruptionBudget system6-dcr-farmer: metadata.annotations: must not be set: the object carries its digest only

    k8s/templates/farmers.yaml.tera → StatefulSet system6-dcr-farmer: container express: volumeMounts: there is no volume `cash`
    "#);
}

#[test]
fn a_trigger_that_could_fire_twice_is_refused() {
    let base = after(&whole_run()[..2], &inputs());
    let cases = [
        ("backoffLimit: 0", "backoffLimit: 1"),
        ("backoffLimit: 0", "ttlSecondsAfterFinished: 60\n  backoffLimit: 0"),
        ("restartPolicy: Never", "restartPolicy: OnFailure"),
        ("backoffLimit: 0", "parallelism: 2\n  backoffLimit: 0"),
        ("value: {{ admin_job }}", "value: \"{}\""),
        ("  activeDeadlineSeconds: 600\n", ""),
    ];
    let account = cases.map(|(from, to)| {
        let templates =
            own("job.yaml.tera", |text| text.replace(from, to)).expect("it can be read");
        change(&whole_run()[2], &base, &inputs(), Wiring::Directory, &templates)
            .expect_err("refused")
            .to_string()
    });
    insta::assert_snapshot!(account.join("\n\n"), @r"
    k8s/templates/job.yaml.tera → Job system6-dcr-trigger-7-1: spec.backoffLimit: must be 0: it fires once

    k8s/templates/job.yaml.tera → Job system6-dcr-trigger-7-1: spec.ttlSecondsAfterFinished: must not be set: a Job that was cleaned up would be created, and fire, again

    k8s/templates/job.yaml.tera → Job system6-dcr-trigger-7-1: spec.template.spec.restartPolicy: is `OnFailure`, expected `Never`

    k8s/templates/job.yaml.tera → Job system6-dcr-trigger-7-1: spec.parallelism: must be 1

    k8s/templates/job.yaml.tera → Job system6-dcr-trigger-7-1: spec.template.spec.containers: `DCR_ADMIN_JOB` isn't what was rendered

    k8s/templates/job.yaml.tera → Job system6-dcr-trigger-7-1: spec.activeDeadlineSeconds: must be set: a Job that hangs holds up Argo CD
    ");
}

#[test]
fn an_object_too_many_or_too_few_is_refused() {
    let one_more = |text: &str| {
        format!("{text}---\n{{apiVersion: v1, kind: Secret, metadata: {{name: x}}}}\n")
    };
    let fail = |templates: Result<Templates, RenderError>| {
        change(
            &start(),
            &empty(),
            &inputs(),
            Wiring::Directory,
            &templates.expect("it can be read"),
        )
        .expect_err("refused")
        .to_string()
    };
    let too_many = fail(own("run.yaml.tera", one_more));
    assert!(too_many.contains("Secret x: kind: doesn't belong into this file"), "{too_many}");
    let first = |text: &str| text.split("---\n").next().expect("a document").to_owned();
    let too_few = fail(own("farmers.yaml.tera", first));
    assert!(too_few.contains("the Service system6-dcr-farmer is missing"), "{too_few}");
    let twice = |text: &str| {
        let (_, document) = text.split_once('\n').expect("a comment comes first");
        format!("{document}---\n{document}")
    };
    let twice = fail(own("run.yaml.tera", twice));
    assert!(twice.contains("ConfigMap: there are 2, expected one"), "{twice}");
}

#[test]
fn no_template_of_ours_prints_anything_unquoted() {
    let folder = format!("{}/templates/manifests", env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a template");
        assert!(!text.contains("safe }") && !text.contains("{% raw"), "{}", path.display());
        assert!(path.to_string_lossy().ends_with(".yaml.tera"), "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn a_job_needs_to_ask_over_http() {
    let mut inputs = inputs();
    inputs.admin.rebuild_status.path = None;
    let base = after(&whole_run()[..2], &inputs);
    let error = render(&whole_run()[2], &base, &inputs).expect_err("there is no path").to_string();
    assert_eq!(error, "`admin.rebuildStatus.path`: is missing");
}
