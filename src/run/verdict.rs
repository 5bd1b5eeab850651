//! What a gate may say: never a bool, always with a reason that a person can act on.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Gate;

/// The state of one gate at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, and this was seen to show it.
    Met(String),
    /// It doesn't hold yet.
    Unmet(Why),
    /// It will not come to hold by waiting.
    Failed(Why),
    /// It couldn't be seen whether it holds.
    Unknown(Why),
}

/// Why a gate isn't met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A gate that is waited for, as it is printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unmet {
    pub gate: Gate,
    pub message: String,
    /// What to do about it; for people only.
    #[serde(skip)]
    pub hint: Option<String>,
    /// Since when it has been waited for, where that is known.
    pub since: Option<Timestamp>,
}

impl Why {
    pub fn new(message: impl Into<String>) -> Self {
        Why { message: message.into(), hint: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Why { hint: Some(hint.into()), ..self }
    }
}

impl From<String> for Why {
    fn from(message: String) -> Self {
        Why::new(message)
    }
}

impl From<&str> for Why {
    fn from(message: &str) -> Self {
        Why::new(message)
    }
}
