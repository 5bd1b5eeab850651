//! What the embedded Jira says when it won't.
use serde_json::{Value, json};

use super::Kind;
use crate::rehearse::wire::Answer;

/// A request that is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub body: Value,
}

impl Refusal {
    /// With a message for the whole request.
    pub fn new(status: u16, message: &str) -> Self {
        Refusal { status, body: json!({"errorMessages": [message], "errors": {}}) }
    }

    /// 400, with a message for one field.
    pub fn field(name: &str, message: &str) -> Self {
        Refusal { status: 400, body: json!({"errorMessages": [], "errors": {name: message}}) }
    }

    pub fn unauthorized() -> Self {
        let message = "Client must be authenticated to access this resource.";
        Refusal { status: 401, body: json!({"message": message, "status-code": 401}) }
    }

    pub fn no_ticket(kind: Kind) -> Self {
        Self::new(
            404,
            match kind {
                Kind::DataCenter => "Issue Does Not Exist",
                Kind::Cloud => "Issue does not exist or you do not have permission to see it.",
            },
        )
    }

    pub fn no_comment(id: &str) -> Self {
        Self::new(404, &format!("Can not find a comment for the id: {id}."))
    }

    /// A path that isn't there is answered with a page for people.
    pub fn no_page() -> Self {
        Refusal {
            status: 404,
            body: "<html><title>Oops, you've found a dead link.</title></html>".into(),
        }
    }

    pub fn answer(self) -> Answer {
        Answer::new(self.status, self.body)
    }
}
