//! What the embedded GitHub says when it won't, in GitHub's own words.
use serde_json::{Value, json};

use crate::rehearse::wire::Answer;

/// A request that is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    pub errors: Vec<Value>,
}

impl Refusal {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Refusal { status, message: message.into(), errors: Vec::new() }
    }

    pub fn bad_credentials() -> Self {
        Self::new(401, "Bad credentials")
    }

    /// What isn't there, or isn't to be seen.
    pub fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    pub fn forbidden() -> Self {
        Self::new(403, "Resource not accessible by integration")
    }

    /// 422 with one error.
    pub fn invalid(error: Value) -> Self {
        Refusal { status: 422, message: "Validation Failed".to_owned(), errors: vec![error] }
    }

    /// 422 about a pull request, in words.
    pub fn custom(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::invalid(json!({"resource": "PullRequest", "code": "custom", "message": message}))
    }

    /// 422: this field of a pull request names nothing.
    pub fn invalid_field(field: &str) -> Self {
        Self::invalid(json!({"resource": "PullRequest", "field": field, "code": "invalid"}))
    }

    /// 422: a text is longer than it may be, in code points.
    pub fn too_long(field: &str, most: usize) -> Self {
        let message = format!("{field} is too long (maximum is {most} characters)");
        Self::invalid(
            json!({"resource": "Issue", "code": "custom", "field": field, "message": message}),
        )
    }

    pub fn answer(&self) -> Answer {
        let mut body = json!({"message": self.message});
        if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors.clone());
        }
        body["documentation_url"] = "https://docs.github.com/rest".into();
        body["status"] = self.status.to_string().into();
        Answer::new(self.status, body)
    }

    /// As an error of GraphQL.
    pub fn graphql(&self, path: &str) -> Value {
        let kind = match self.status {
            401 | 403 => "FORBIDDEN",
            404 => "NOT_FOUND",
            409 => "STALE_DATA",
            _ => "UNPROCESSABLE",
        };
        let details = self.errors.iter().filter_map(|it| it["message"].as_str());
        let details: Vec<&str> = details.collect();
        let message = if details.is_empty() { self.message.clone() } else { details.join(", ") };
        json!({"type": kind, "path": [path], "message": message})
    }
}

impl From<git2::Error> for Refusal {
    fn from(error: git2::Error) -> Self {
        Refusal::new(500, format!("Server Error: {}", error.message()))
    }
}
