//! The JSON Schemas of both files, for editors: what the types and their doc comments say.
use serde_json::{Value, json};

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
