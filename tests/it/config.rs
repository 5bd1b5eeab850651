//! Settings and inputs: what they resolve to, and what is said of those that are wrong.
use std::path::Path;

use dcr_gitops::config::{
    Argocd, Field, Inputs, Problems, Settings, SettingsFile, digest, inputs_schema, parse_inputs,
    parse_settings, settings_schema,
};
use dcr_gitops::run::SystemRef;
use serde_json::{Value, json};

mod diagnostics;
mod hostile;
mod names;
mod schema;

const SETTINGS: &str = "dcr-gitops.yaml";

fn system() -> SystemRef {
    SystemRef {
        cluster: "den".to_owned(),
        namespace: "tenant-105858-prod".to_owned(),
        system: "system6".to_owned(),
    }
}

/// Settings whose defaults hold all that is required.
fn settings() -> SettingsFile {
    settings_of("")
}

fn settings_of(more: &str) -> SettingsFile {
    let text = format!(
        "apiVersion: dcr-gitops/v1\n{more}defaults:\n  image: express:1\n  synchronizer: {{resources: {{}}}}\n  \
         farmers: {{resources: {{}}}}\n"
    );
    parse_settings(SETTINGS, &text).expect("the settings are right")
}

fn inputs_over(settings: &SettingsFile, text: &str) -> Result<Inputs, Problems> {
    let text = format!("apiVersion: dcr-gitops/v1\n{text}");
    parse_inputs(settings, &system(), "dcr.yaml", &text)
}

fn inputs(text: &str) -> Inputs {
    inputs_over(&settings(), text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn fixture(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/deployment");
    std::fs::read_to_string(root.join(path)).expect("the fixture is there")
}

/// Path and text of every `dcr.yaml` of the fixture.
fn fixture_inputs() -> Vec<(&'static str, String)> {
    [
        "clusters/ams/tenant-204411-prod/system6/dcr.yaml",
        "clusters/den/tenant-105858-prod/system6/dcr.yaml",
        "clusters/den/tenant-105858-prod/systemdcrtest1/dcr.yaml",
    ]
    .map(|path| (path, fixture(path)))
    .into()
}

#[test]
fn the_fixture_repo_is_right() {
    let settings = parse_settings(SETTINGS, &fixture(SETTINGS)).expect("the settings are right");
    for (path, text) in fixture_inputs() {
        let system = settings.settings.systems.matches(path).expect("the path fits the pattern");
        let inputs = parse_inputs(&settings, &system, path, &text)
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(inputs.synchronizer.storage.0, "200Gi", "{path}");
    }
}

#[test]
fn the_version_is_all_that_settings_need() {
    let file = parse_settings(SETTINGS, "apiVersion: dcr-gitops/v1\n").expect("it is right");
    assert_eq!(file.settings, Settings::default());
}

#[test]
fn a_part_of_a_mapping_leaves_the_rest_to_the_defaults() {
    let inputs = inputs("admin: {trigger: {expect: OK}, port: 9200}\nfarmers: {count: 6}\n");
    let untouched = self::inputs("");
    assert_eq!(inputs.admin.trigger.path, untouched.admin.trigger.path);
    assert_eq!(inputs.admin.trigger.expect.as_deref(), Some("OK"));
    assert_eq!(inputs.admin.aa_status, untouched.admin.aa_status);
    assert_eq!((inputs.farmers.initial, inputs.farmers.count, inputs.farmers.max), (1, 6, 8));
}

#[test]
fn the_file_lies_over_the_defaults_of_the_settings() {
    let settings = parse_settings(
        SETTINGS,
        "apiVersion: dcr-gitops/v1\ndefaults:\n  image: express:1\n  synchronizer: {resources: {}}\n  \
         farmers: {resources: {requests: {cpu: 8, memory: 64Gi}}, count: 5}\n  \
         admin: {rebuildStatus: {states: {running: [A, B]}}}\n",
    )
    .expect("they are right");
    let inputs = inputs_over(
        &settings,
        "farmers: {resources: {requests: {cpu: 500m}}}\nadmin: {rebuildStatus: {states: {running: [C]}}}\n",
    )
    .expect("they are right");
    let requests = &inputs.farmers.resources.requests;
    assert_eq!((requests["cpu"].0.as_str(), requests["memory"].0.as_str()), ("500m", "64Gi"));
    assert_eq!(inputs.farmers.count, 5, "mappings merge");
    assert_eq!(inputs.admin.rebuild_status.states.running, ["C"], "lists replace");
    assert_eq!(inputs.admin.rebuild_status.states.complete, ["COMPLETE"]);
}

#[test]
fn null_replaces() {
    assert_eq!(inputs("").argocd, Some(Argocd::default()));
    assert_eq!(inputs("argocd: null\n").argocd, None);
    let settings = settings_of("");
    let inputs = inputs_over(&settings, "admin: {rebuildStatus: {fields: {percent: null}}}\n")
        .expect("it is right");
    assert_eq!(inputs.admin.rebuild_status.fields.percent, None);
    assert_eq!(inputs.admin.rebuild_status.fields.state, Some(Field::Pointer("/state".to_owned())));
}

#[test]
fn frontends_that_are_named_replace_those_that_are_counted() {
    let counted = parse_settings(
        SETTINGS,
        "apiVersion: dcr-gitops/v1\ndefaults: {image: a, synchronizer: {resources: {}}, \
         farmers: {resources: {}}, frontends: {count: 2}}\n",
    )
    .expect("they are right");
    let names = |text: &str| {
        inputs_over(&counted, text)
            .unwrap_or_else(|problems| panic!("{problems}"))
            .frontends
            .resolve(&system())
    };
    assert_eq!(names(""), ["system6-fe1", "system6-fe2"]);
    assert_eq!(names("frontends: {names: [a, b, c]}\n"), ["a", "b", "c"]);
}

#[test]
fn quantities_may_be_numbers_and_words_stay_words() {
    let inputs = inputs(
        "farmers: {resources: {requests: {cpu: 2, memory: 1.5e9}}}\nfrontends: {names: [no, \"on\"]}\n",
    );
    assert_eq!(inputs.farmers.resources.requests["cpu"].0, "2");
    assert_eq!(inputs.farmers.resources.requests["memory"].0, "1500000000");
    assert_eq!(inputs.frontends.names, Some(vec!["no".to_owned(), "on".to_owned()]));
}

#[test]
fn anchors_and_merge_keys_are_read() {
    let inputs = inputs(
        "synchronizer: &node {resources: {requests: {cpu: \"2\"}}, storage: 1Gi}\n\
         farmers: {<<: *node, count: 2}\n",
    );
    assert_eq!(inputs.farmers.storage.0, "1Gi");
    assert_eq!(inputs.farmers.count, 2);
}

#[test]
fn the_digest_is_of_what_is_said_not_of_how() {
    let flow = digest(&inputs("rebuild: {deadline: 1d, stall: 6h}\n"));
    let block = digest(&inputs("# a comment\nrebuild:\n  stall: 360m\n  deadline: 24h\n"));
    let other = digest(&inputs("rebuild: {deadline: 2d}\n"));
    assert_eq!(flow, block);
    assert_ne!(flow, other);
    let hex = flow.strip_prefix("sha256:").expect("it names its hash");
    assert!(
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    );
}
