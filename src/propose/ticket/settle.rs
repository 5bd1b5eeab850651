//! Makes one issue hold what it should: looks, then writes what differs, then looks whether somebody else
//! wrote the same meanwhile.
use super::Error;
use super::jira::{Comment, Jira};
use super::owed::{Link, Owed, Tiding};

pub async fn settle(jira: &Jira, owed: &Owed) -> Result<(), Error> {
    if !owed.tidings.is_empty() && tell(jira, owed).await? {
        // Two watchers may both have found nothing and written. Both see both now, and agree on which one stays.
        let comments = jira.comments(&owed.ticket).await?;
        for tiding in &owed.tidings {
            let (_, extra) = ours(jira, &comments, tiding).await?;
            remove(jira, &owed.ticket, &extra).await?;
        }
    }
    link(jira, &owed.ticket, &owed.links).await
}

/// Whether a comment was made.
async fn tell(jira: &Jira, owed: &Owed) -> Result<bool, Error> {
    let comments = jira.comments(&owed.ticket).await?;
    let mut made = false;
    for tiding in &owed.tidings {
        match ours(jira, &comments, tiding).await? {
            (None, _) => {
                jira.create(&owed.ticket, &tiding.prose).await?;
                made = true;
            }
            (Some(first), extra) => {
                if jira.digest(first, &tiding.marker).as_deref() != Some(&tiding.digest) {
                    jira.update(&owed.ticket, &first.id, &tiding.prose).await?;
                }
                remove(jira, &owed.ticket, &extra).await?;
            }
        }
    }
    Ok(made)
}

/// Our comment on this matter, the oldest one, and the others. Somebody else's that ends like ours is theirs.
async fn ours<'a>(
    jira: &Jira,
    comments: &'a [Comment],
    tiding: &Tiding,
) -> Result<(Option<&'a Comment>, Vec<&'a Comment>), Error> {
    let me = jira.me().await?;
    let is_ours = |comment: &&Comment| {
        comment.author == *me && jira.digest(comment, &tiding.marker).is_some()
    };
    let mut ours: Vec<&Comment> = comments.iter().filter(is_ours).collect();
    ours.sort_by_key(|comment| (comment.id.len(), &comment.id));
    let mut ours = ours.into_iter();
    Ok((ours.next(), ours.collect()))
}

/// Not every project lets users delete what they wrote. Then it stays, and there is nothing to be done.
async fn remove(jira: &Jira, ticket: &str, extra: &[&Comment]) -> Result<(), Error> {
    for comment in extra {
        match jira.delete(ticket, &comment.id).await {
            Err(Error::Refused { status: 403, .. } | Error::NoIssue { .. }) => {
                tracing::debug!("comment {} on {ticket} stays", comment.id);
            }
            result => result?,
        }
    }
    Ok(())
}

async fn link(jira: &Jira, ticket: &str, links: &[Link]) -> Result<(), Error> {
    if links.is_empty() {
        return Ok(());
    }
    let there = jira.links(ticket).await?;
    for link in links {
        if !there.contains(link) {
            jira.link(ticket, link).await?;
        }
    }
    Ok(())
}
