//! `schema`: JSON Schema (2020-12) of the settings, of the inputs, or of either.
use super::exit;
use crate::cli::{Schema, SchemaFile};
use crate::config::{inputs_schema, schema, settings_schema};
use crate::context::Context;

pub fn run(context: &mut Context, arguments: &Schema) -> anyhow::Result<u8> {
    let schema = match arguments.file {
        Some(SchemaFile::Settings) => settings_schema(),
        Some(SchemaFile::Inputs) => inputs_schema(),
        None => schema(),
    };
    context.print(&format!("{}\n", serde_json::to_string_pretty(&schema)?))?;
    Ok(exit::OK)
}
