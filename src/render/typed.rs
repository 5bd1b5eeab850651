//! Reads a value as a Kubernetes type, strictly: an unknown field or a wrong type is reported with its path.
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

/// A field that isn't what its type says.
#[derive(Debug)]
pub(super) struct Misfit {
    /// Like `spec.template.spec.containers[0].image`.
    pub path: String,
    pub message: String,
    pub hint: Option<&'static str>,
}

/// The value as a `T`, or all unknown fields, or the first field of a wrong type.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Vec<Misfit>> {
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let reader = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(reader, |path| unknown.push(unknown_field(&path)));
    match read {
        Ok(read) if unknown.is_empty() => Ok(read),
        Ok(_) => Err(unknown),
        Err(error) => {
            let message = error.to_string();
            let unquoted = message.ends_with("expected a string");
            let path = match track.path().to_string().as_str() {
                // Of the object itself only this can be wrong: its kind chose the type.
                "." => "apiVersion".to_owned(),
                path => path.to_owned(),
            };
            unknown.push(Misfit { path, message, hint: unquoted.then_some("put it in quotes") });
            Err(unknown)
        }
    }
}

fn unknown_field(path: &Path<'_>) -> Misfit {
    Misfit {
        path: readable(path),
        message: "unknown field".to_owned(),
        hint: Some("look for a typing error, or for a field of another kind or Kubernetes version"),
    }
}

fn readable(path: &Path<'_>) -> String {
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", readable(parent)),
        Path::Map { parent, key } => match readable(parent).as_str() {
            "" => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => readable(parent),
    }
}
