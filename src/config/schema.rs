//! The JSON Schemas of both files, for editors: what the types and their doc comments say.
use serde_json::{Map, Value, json};

use super::{Inputs, Settings};

/// The schema (2020-12) of `dcr-gitops.yaml`.
pub fn settings_schema() -> Value {
    let mut schema = schemars::schema_for!(Settings).to_value();
    require(&mut schema, &["apiVersion"]);
    relax(&mut schema);
    schema
}

/// The schema (2020-12) of `dcr.yaml`. What is required may stand in the `defaults` of the settings
/// instead, so it isn't required here.
pub fn inputs_schema() -> Value {
    let mut schema = schemars::schema_for!(Inputs).to_value();
    require(&mut schema, &["apiVersion"]);
    relax(&mut schema);
    schema
}

fn require(schema: &mut Value, keys: &[&str]) {
    schema["required"] = json!(keys);
}

/// In these everything may be left to a layer below.
fn relax(schema: &mut Value) {
    for name in ["Inputs", "Synchronizer", "Farmers", "Command"] {
        if let Some(definition) = schema.pointer_mut(&format!("/$defs/{name}"))
            && let Some(definition) = definition.as_object_mut()
        {
            definition.shift_remove("required");
        }
    }
}

/// One schema (2020-12) that describes both files: each by its name in `$defs`, and either at the top.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let mut either = Vec::new();
    for (file, schema) in [("dcr-gitops.yaml", settings_schema()), ("dcr.yaml", inputs_schema())] {
        let Value::Object(mut schema) = schema else { continue };
        schema.shift_remove("$schema");
        if let Some(Value::Object(shared)) = schema.shift_remove("$defs") {
            definitions.extend(shared);
        }
        definitions.insert(file.to_owned(), Value::Object(schema));
        either.push(json!({ "$ref": format!("#/$defs/{file}") }));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dcr-gitops",
        "anyOf": either,
        "$defs": definitions,
    })
}
