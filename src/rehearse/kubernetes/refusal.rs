//! What the API server says when it doesn't do what it was asked: `Status` bodies.
use serde_json::{Value, json};

use super::kind::Kind;

/// A refused request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// HTTP status.
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Box<Value>,
    /// Value of the header `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// `metadata.continue`: how to go on with a list whose version is forgotten.
    pub continue_at: Option<String>,
}

impl Refusal {
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            reason,
            message,
            details: Box::default(),
            retry_after: None,
            continue_at: None,
        }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub fn not_found(kind: Kind, name: &str) -> Self {
        Self {
            details: details(name, kind.group(), kind.plural()),
            ..Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.resource()))
        }
    }

    /// An object with values that aren't allowed.
    pub fn invalid(kind: Kind, name: &str, problem: &str) -> Self {
        let message = format!("{} \"{name}\" is invalid: {problem}", kind.qualified_name());
        Self {
            details: details(name, kind.group(), kind.name()),
            ..Self::new(422, "Invalid", message)
        }
    }

    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message)
    }

    /// A watch that begins at a version which is forgotten.
    pub fn too_old(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// A version that isn't written yet.
    pub fn too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Self {
            details: Box::new(json!({
                "causes": [{
                    "reason": "ResourceVersionTooLarge",
                    "message": "Too large resource version",
                }],
                "retryAfterSeconds": 1,
            })),
            retry_after: Some(1),
            ..Self::new(504, "Timeout", message)
        }
    }

    /// The object of kind `Status`.
    pub fn status(&self) -> Value {
        let metadata = match &self.continue_at {
            Some(token) => json!({"continue": token}),
            None => json!({}),
        };
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        });
        if !self.details.is_null() {
            status["details"] = Value::clone(&self.details);
        }
        status["code"] = json!(self.code);
        status
    }
}

/// `details` of a Status; what is empty is left out.
pub fn details(name: &str, group: &str, kind: &str) -> Box<Value> {
    let named = [("name", name), ("group", group), ("kind", kind)];
    let named = named.into_iter().filter(|(_, value)| !value.is_empty());
    Box::new(named.map(|(key, value)| (key.to_owned(), json!(value))).collect())
}
