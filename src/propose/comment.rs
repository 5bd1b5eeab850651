//! Keeps one comment on the newest pull request of a run: where the run stands now, edited in place. When
//! the run moves on to the next request, the comment on the one before says where it went.
//!
//! It is found by its first line and by being ours, on whichever page; so it is the same one whoever looks.
mod owed;
mod thread;

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

pub use owed::{Owed, owed};

use super::patience::Patience;
use crate::github::{Error, Writer};
use crate::run::SystemRef;
use thread::{Comment, ours};

/// How often something is tried that GitHub doesn't show to be done.
const ATTEMPTS: u32 = 4;

/// What goes on from look to look: what is known to be there, and when to try again.
#[derive(Default)]
pub struct Comments {
    /// Of each system: the request, and what its comment says.
    settled: BTreeMap<SystemRef, (u64, String)>,
    patience: Patience<Error>,
}

impl Comments {
    /// Brings the comments up to date. Gives what couldn't be done, by the system it was for.
    pub async fn deliver(
        &mut self,
        writer: &Writer,
        owed: &[Owed],
        now: Timestamp,
    ) -> Vec<(SystemRef, Error)> {
        let mut troubles = Vec::new();
        for owed in owed {
            let settled = (owed.request, owed.digest.clone());
            if self.settled.get(&owed.system) == Some(&settled) {
                continue;
            }
            if let Some(trouble) = self.patience.waits_for(now) {
                troubles.push((owed.system.clone(), trouble.clone()));
                break;
            }
            match settle(writer, owed).await {
                Ok(()) => {
                    self.patience.succeeded();
                    self.settled.insert(owed.system.clone(), settled);
                }
                Err(error) => {
                    self.patience.failed(now, &error, None);
                    troubles.push((owed.system.clone(), error));
                    break;
                }
            }
        }
        troubles
    }
}

/// What GitHub shows decides, not what it answered: after an error it is looked at before anything is sent
/// again, so that two who race, or one who never got an answer, end with one comment.
async fn settle(writer: &Writer, owed: &Owed) -> Result<(), Error> {
    let mut attempt = 0;
    loop {
        let Err(error) = step(writer, owed).await else { return Ok(()) };
        attempt += 1;
        if attempt == ATTEMPTS || !error.may_be_done() {
            return Err(error);
        }
        writer.reader().pause(attempt).await;
    }
}

/// From what is there to what should be.
async fn step(writer: &Writer, owed: &Owed) -> Result<(), Error> {
    let mut there = ours(writer.reader(), owed.request, &owed.marker).await?.into_iter();
    let Some(first) = there.next() else {
        // The older ones first: once there is a comment here, nobody looks at them again.
        for request in &owed.before {
            for comment in ours(writer.reader(), *request, &owed.marker).await? {
                edit(writer, &comment, &owed.moved).await?;
            }
        }
        let below = format!("issues/{}/comments", owed.request);
        let _: Value = writer.send(Method::POST, &below, &json!({"body": owed.body})).await?;
        // Two watchers may both have found nothing and written. Both see both now, and the older one stays.
        let there = ours(writer.reader(), owed.request, &owed.marker).await?;
        return remove(writer, there.into_iter().skip(1)).await;
    };
    if !first.says(&owed.marker, &owed.digest) {
        edit(writer, &first, &owed.body).await?;
    }
    remove(writer, there).await
}

async fn edit(writer: &Writer, comment: &Comment, body: &str) -> Result<(), Error> {
    if comment.body == body {
        return Ok(());
    }
    let below = format!("issues/comments/{}", comment.id);
    let _: Value = writer.send(Method::PATCH, &below, &json!({"body": body})).await?;
    Ok(())
}

async fn remove(writer: &Writer, extra: impl Iterator<Item = Comment>) -> Result<(), Error> {
    for comment in extra {
        let below = format!("issues/comments/{}", comment.id);
        match writer.send::<Value>(Method::DELETE, &below, &json!({})).await {
            // The other watcher was faster.
            Err(error) if error.status() == Some(404) => {}
            result => drop(result?),
        }
    }
    Ok(())
}
