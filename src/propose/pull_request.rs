//! A step's pull request on GitHub: opened once, found again, described anew, closed.
//!
//! What GitHub shows decides, not what it answered: after an error it is looked at before anything is sent
//! again, so that two who race, or one who never got an answer, end with one request.
mod auto;
mod finish;

use http::Method;
use serde_json::{Value, json};

pub use auto::{Auto, arm, disarm};
pub use finish::{CONTEXT, Light, finish, light, shown};

use crate::github::{Error, Writer};
use crate::observe::review::{Pull, requests_of};
use crate::run::review::Described;

/// How often something is tried that GitHub doesn't show to be done.
const ATTEMPTS: u32 = 4;

/// The request that is wanted.
pub struct Wanted<'a> {
    /// Without `refs/heads/`.
    pub branch: &'a str,
    /// The base branch.
    pub base: &'a str,
    /// What the branch holds.
    pub commit: &'a str,
    pub title: &'a str,
    pub body: &'a str,
    pub draft: bool,
}

/// The request there is.
#[derive(Debug, Clone)]
pub enum Found {
    /// It is there since now.
    Opened(Pull),
    /// It was there.
    Adopted(Pull),
    /// It was merged or turned down: there won't be another one for this commit.
    Over(Pull),
}

/// Opens the request, unless there is one.
///
/// # Errors
/// GitHub refuses, or doesn't show what it says that it has.
pub async fn open(writer: &Writer, wanted: &Wanted<'_>) -> Result<Found, Error> {
    let mut attempt = 0;
    loop {
        if let Some(found) = there(writer, wanted).await? {
            return Ok(found);
        }
        let body = json!({
            "title": wanted.title,
            "head": wanted.branch,
            "base": wanted.base,
            "body": wanted.body,
            "draft": wanted.draft,
            "maintainer_can_modify": true,
        });
        match writer.send::<Pull>(Method::POST, "pulls", &body).await {
            Ok(pull) => return Ok(Found::Opened(pull)),
            Err(error) => {
                attempt += 1;
                let look_again = error.may_be_done()
                    || is_there_already(&error)
                    || matches!(error, Error::Limited { .. });
                if attempt == ATTEMPTS || !look_again {
                    // The very last answer may have been lost, too.
                    return there(writer, wanted).await?.ok_or(error);
                }
            }
        }
        writer.reader().pause(attempt).await;
    }
}

/// What the branch's requests come to. An open one, whichever commit it shows: its head follows the branch.
async fn there(writer: &Writer, wanted: &Wanted<'_>) -> Result<Option<Found>, Error> {
    let pulls = requests_of(writer.reader(), wanted.base, wanted.branch).await?;
    if let Some(open) = pulls.iter().find(|pull| pull.is_open()) {
        return Ok(Some(Found::Adopted(open.clone())));
    }
    let over =
        pulls.into_iter().find(|pull| pull.merged_at.is_some() || pull.head.sha == wanted.commit);
    Ok(over.map(Found::Over))
}

/// GitHub's words for the second of two racers. What it then shows is what counts.
fn is_there_already(error: &Error) -> bool {
    matches!(error, Error::Refused { status: 422, message, .. } if message.contains("already exists"))
}

/// Has the request say what is wanted, unless it does, or a person wrote it. Whether it was changed.
///
/// # Errors
/// GitHub refuses.
pub async fn describe(writer: &Writer, pull: &Pull, wanted: &Wanted<'_>) -> Result<bool, Error> {
    let ours = match Described::of(pull.body.as_deref().unwrap_or_default()) {
        Described::OwnWords => false,
        Described::Nothing => true,
        Described::Commit(commit) => commit != wanted.commit,
    };
    if !ours {
        return Ok(false);
    }
    let below = format!("pulls/{}", pull.number);
    let body = json!({"title": wanted.title, "body": wanted.body});
    writer.send::<Value>(Method::PATCH, &below, &body).await?;
    Ok(true)
}

/// Closes a request without merging it, and says why. Whether it was open until now.
///
/// # Errors
/// GitHub refuses, or doesn't do it.
pub async fn close(writer: &Writer, number: u64, why: &str) -> Result<bool, Error> {
    let below = format!("pulls/{number}");
    let mut attempt = 0;
    loop {
        let pull: Pull = writer.reader().get(&below).await?;
        if !pull.is_open() {
            break;
        }
        let closing = json!({"state": "closed"});
        match writer.send::<Pull>(Method::PATCH, &below, &closing).await {
            Ok(_) => break,
            Err(error) => {
                attempt += 1;
                if attempt == ATTEMPTS || !error.may_be_done() {
                    return Err(error);
                }
            }
        }
        writer.reader().pause(attempt).await;
    }
    // Without these words it is closed all the same, and a second time they aren't said.
    let comment = json!({"body": why});
    let below = format!("issues/{number}/comments");
    if let Err(error) = writer.send::<Value>(Method::POST, &below, &comment).await {
        tracing::warn!("pull request {number} was closed without a word of why: {error}");
    }
    Ok(true)
}
