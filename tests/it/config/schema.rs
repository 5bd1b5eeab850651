//! The JSON Schemas say what the parser says, as far as a schema can.
use super::*;

fn yaml(text: &str) -> Value {
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(text, options).expect("it is YAML")
}

fn accepts(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = jsonschema::draft202012::new(schema).expect("the schema is valid");
    validator.validate(value).map_err(|error| format!("{}: {error}", error.instance_path()))
}

#[test]
fn both_are_valid_and_name_their_draft() {
    for schema in [settings_schema(), inputs_schema()] {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::draft202012::meta::validate(&schema).expect("it is a valid schema");
    }
}

#[test]
fn they_accept_the_fixture_repo() {
    accepts(&settings_schema(), &yaml(&fixture(SETTINGS))).expect("the settings fit");
    for (path, text) in fixture_inputs() {
        accepts(&inputs_schema(), &yaml(&text)).unwrap_or_else(|why| panic!("{path}: {why}"));
    }
}

#[test]
fn they_show_the_defaults_and_the_words_of_the_types() {
    let schema = settings_schema();
    assert_eq!(schema["required"], json!(["apiVersion"]));
    assert_eq!(schema["properties"]["maxRunsPerCluster"]["default"], json!(3));
    assert_eq!(schema["properties"]["branch"]["description"], "The base branch.");
    assert_eq!(schema["properties"]["defaults"]["$ref"], "#/$defs/Inputs");
    let schema = inputs_schema();
    assert_eq!(schema["properties"]["admin"]["default"]["port"], json!(9100));
}

#[test]
fn every_key_is_described() {
    for schema in [settings_schema(), inputs_schema()] {
        let types = schema["$defs"].as_object().expect("it has types");
        for (name, object) in types.iter().map(|(name, object)| (name.as_str(), object)) {
            for (key, property) in object["properties"].as_object().into_iter().flatten() {
                assert!(property["description"].is_string(), "{name}.{key} says nothing");
            }
        }
    }
}

/// A text that the parser refuses for its form is refused by the schema too.
#[test]
fn they_reject_what_the_parser_rejects() {
    let schema = inputs_schema();
    for wrong in [
        "farmer: {}",
        "farmers: {counts: 3}",
        "farmers: {count: four}",
        "farmers: {count: -1}",
        "farmers: {resources: {requests: {cpu: lots}}}",
        "farmers: {resources: {requests: {cpu: -1}}}",
        "farmers: []",
        "farmers: {initial: 0}",
        "frontends: {count: 0}",
        "admin: {port: 0}",
        "image: ''",
        "image: 5",
        "image: null",
        "rebuild: {deadline: 14 days}",
        "rebuild: {deadline: 14}",
        "rebuild: {deadline: ''}",
        "rebuild: {stall: null}",
        "frontends: {names: system6-fe1}",
        "frontends: {names: [1]}",
        "argocd: {app: x}",
        "admin: {port: 65536}",
        "admin: {via: ssh}",
        "admin: {aaStatus: {command: ./admin}}",
        "admin: {rebuildStatus: {fields: {state: state}}}",
        "admin: {rebuildStatus: {fields: {state: {regexp: (a)}}}}",
        "admin: {rebuildStatus: {fields: {state: {regex: (a), flags: i}}}}",
        "admin: {trigger: {path: null}}",
    ] {
        let problems = inputs_over(&settings(), &format!("{wrong}\n"));
        assert!(problems.is_err(), "the parser takes {wrong}");
        let value = yaml(&format!("apiVersion: dcr-gitops/v1\n{wrong}\n"));
        assert!(accepts(&schema, &value).is_err(), "the schema takes {wrong}");

        let text = format!("apiVersion: dcr-gitops/v1\ndefaults:\n  {wrong}\n");
        assert!(parse_settings(SETTINGS, &text).is_err(), "the defaults take {wrong}");
        assert!(accepts(&settings_schema(), &yaml(&text)).is_err(), "the schema takes {wrong}");
    }
    for wrong in [
        "branches: main",
        "branch: 5",
        "systems: clusters/{cluster}/{system}/dcr.yaml",
        "systems: clusters/{cluster}/{namespace}/{system}/",
        "wiring: helm",
        "review: {rebuild: never}",
        "review: {farmUp: auto}",
        "attention: {rebuild: 8h}",
        "attention: {nodes: soon}",
        "github: {labels: dcr}",
        "jira: {kind: cloud}",
        "jira: {url: 'https://j.example.com', kind: server}",
        "heartbeat: https://h.example.com",
        "heartbeat: {}",
        "heartbeat: {url: h.example.com}",
        "jira: {url: 'ftp://j.example.com'}",
        "maxRunsPerCluster: 0",
        "maxRunsPerCluster: many",
        "clusters: {den: den-admin}",
    ] {
        let text = format!("apiVersion: dcr-gitops/v1\n{wrong}\n");
        assert!(parse_settings(SETTINGS, &text).is_err(), "the parser takes {wrong}");
        let value = yaml(&text);
        assert!(accepts(&settings_schema(), &value).is_err(), "the schema takes {wrong}");
    }
}
