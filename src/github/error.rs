//! What can go wrong with a request to GitHub, told apart where somebody acts on it.
use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error as ThisError;

use crate::git::without_credentials;

/// Why there is no answer to go on with. No text holds a token.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Error {
    /// It wants to be left alone for longer than could be waited; nothing was done.
    #[error("GitHub takes no requests before {until}: its rate limit is used up")]
    Limited { until: Timestamp },
    /// It answered, and said no.
    #[error("GitHub refused {doing}: {message} ({status})")]
    Refused { doing: String, status: u16, message: String },
    /// What was asked for may have been done.
    #[error("no answer from GitHub to {doing}: {why}")]
    Lost { doing: String, why: String },
    #[error("GitHub refused: {}", .errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; "))]
    Graphql { errors: Vec<GraphqlError> },
    #[error("GitHub's answer to {doing} isn't understood: {why}")]
    Unreadable { doing: String, why: String },
    #[error("{0}")]
    Credentials(String),
    #[error("setting up the connection to GitHub: {0}")]
    Setup(String),
}

/// One error of a GraphQL answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GraphqlError {
    /// GitHub's word for it, e.g. `STALE_DATA`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    pub message: String,
}

impl GraphqlError {
    /// Whether GitHub itself went wrong, which GraphQL says in an answer that is fine otherwise, and without
    /// a type.
    fn is_passing(&self) -> bool {
        const SAID: [&str; 3] = ["Something went wrong", "Timeout on", "couldn't respond"];
        self.kind.is_none() && SAID.iter().any(|said| self.message.contains(said))
    }
}

impl Error {
    /// From what octocrab says.
    pub(super) fn of(doing: &str, error: octocrab::Error) -> Self {
        let doing = doing.to_owned();
        match error {
            octocrab::Error::GitHub { source, .. } => {
                let details = source.errors.unwrap_or_default();
                let mut message = source.message;
                for detail in details {
                    let text = detail.get("message").and_then(|text| text.as_str());
                    let text = text.map_or_else(|| detail.to_string(), str::to_owned);
                    message = format!("{message}: {text}");
                }
                let message = shown(&message);
                Error::Refused { doing, status: source.status_code.as_u16(), message }
            }
            octocrab::Error::Service { source, .. } => match source.downcast::<Error>() {
                Ok(error) => error.doing(doing),
                Err(source) => Error::Lost { doing, why: shown(&source.to_string()) },
            },
            other => Error::Unreadable { doing, why: shown(&other.to_string()) },
        }
    }

    fn doing(self, doing: String) -> Self {
        match self {
            Error::Lost { why, .. } => Error::Lost { doing, why },
            other => other,
        }
    }

    /// The status it was refused with.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether looking again later may help, without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Limited { .. } | Error::Lost { .. } => true,
            Error::Refused { status, .. } => *status >= 500,
            Error::Graphql { errors } => errors.iter().any(GraphqlError::is_passing),
            _ => false,
        }
    }

    /// Whether what was asked for may have been done nevertheless.
    pub fn may_be_done(&self) -> bool {
        match self {
            Error::Lost { .. } | Error::Unreadable { .. } => true,
            Error::Refused { status, .. } => *status >= 500,
            Error::Graphql { errors } => errors.iter().any(GraphqlError::is_passing),
            _ => false,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Limited { .. } | Error::Lost { .. } => {
                "run it again: it goes on where it stopped"
            }
            Error::Refused { status: 401, .. } => {
                "GITHUB_TOKEN isn't accepted: it may have ended, or be another server's"
            }
            Error::Refused { status: 403, .. } => {
                "the token needs `contents: write`, `pull-requests: write` and `statuses: write`; in Actions the repo has to allow workflows to create pull requests"
            }
            Error::Refused { status: 404, .. } => {
                "the token sees no such thing: is it for this repo, and does it have `pull-requests`?"
            }
            Error::Refused { status: 301 | 302 | 307 | 308, .. } => {
                "the repo was renamed or moved: give the remote its new address"
            }
            Error::Credentials(_) => {
                "set GITHUB_TOKEN, or DCR_GITHUB_APP_ID, DCR_GITHUB_APP_INSTALLATION_ID and DCR_GITHUB_APP_PRIVATE_KEY"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// A server's words, fit to be shown: of sensible length, without credentials.
fn shown(text: &str) -> String {
    without_credentials(&text.chars().take(500).collect::<String>())
}
