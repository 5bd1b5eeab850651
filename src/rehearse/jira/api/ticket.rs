//! What is asked of a ticket: itself, its comments, its remote links.
use serde_json::{Value, json};

use super::{Asked, LONGEST_KEY};
use crate::rehearse::jira::refusal::Refusal;
use crate::rehearse::jira::{Comment, Kind, Office, RemoteLink, shape};
use crate::rehearse::wire::Answer;

/// How many comments Cloud gives at most, and if nothing is said.
const CLOUD_PAGE: usize = 100;

impl Asked<'_> {
    /// What is asked of a ticket that is there.
    pub(super) fn ticket(
        &self,
        office: &mut Office,
        key: &str,
        rest: &[&str],
    ) -> Result<Answer, Refusal> {
        let id = office.next_id();
        let Some(ticket) = office.tickets.get_mut(key) else {
            return Err(Refusal::no_ticket(self.kind));
        };
        let shown =
            |ticket: u64, it: &Comment| shape::comment(self.kind, &self.root, ticket, it, false);
        match (self.call.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::new(200, shape::ticket(self.kind, &self.root, ticket))),
            ("GET", ["comment"]) => Ok(self.comments(ticket.id, &ticket.comments)),
            ("POST", ["comment"]) => {
                self.may_comment()?;
                let comment = Comment::new(id, &self.user.mail, self.body()?, self.now);
                ticket.comments.push(comment.clone());
                Ok(Answer::new(201, shown(ticket.id, &comment)))
            }
            ("GET" | "PUT" | "DELETE", ["comment", id]) => {
                let at = ticket.comments.iter().position(|it| it.id.to_string() == **id);
                let at = at.ok_or_else(|| Refusal::no_comment(id))?;
                let comment = &mut ticket.comments[at];
                if self.call.method != http::Method::GET {
                    self.may_comment()?;
                    if comment.author != self.user.mail {
                        let message = "You do not have the permission to edit this comment.";
                        return Err(Refusal::new(403, message));
                    }
                }
                if self.call.method == http::Method::DELETE {
                    ticket.comments.remove(at);
                    return Ok(Answer::nothing());
                }
                if self.call.method == http::Method::PUT {
                    (comment.body, comment.updated) = (self.body()?, self.now);
                }
                Ok(Answer::new(200, shown(ticket.id, comment)))
            }
            ("GET", ["remotelink"]) => {
                let wanted = self.call.query.get("globalId");
                let fits = |link: &&RemoteLink| {
                    wanted.is_none_or(|it| link.global_id.as_ref() == Some(it))
                };
                let found = ticket.links.iter().filter(fits);
                let found: Vec<Value> = found.map(|it| shape::link(&self.root, key, it)).collect();
                match (wanted, found.first()) {
                    (None, _) => Ok(Answer::new(200, found.into())),
                    (Some(_), Some(one)) => Ok(Answer::new(200, one.clone())),
                    (Some(wanted), None) => {
                        let message =
                            format!("There is no remote link with the global id {wanted}.");
                        Err(Refusal::new(404, &message))
                    }
                }
            }
            ("POST", ["remotelink"]) => {
                self.may_comment()?;
                self.link(id, &mut ticket.links, key)
            }
            _ => Err(Refusal::no_page()),
        }
    }

    /// The part of the comments that is asked for. Data Center gives all of them unless it is told otherwise.
    fn comments(&self, ticket: u64, all: &[Comment]) -> Answer {
        let query = |name: &str| self.call.query.get(name).map(String::as_str);
        let number = |name: &str| query(name).and_then(|it| it.parse::<usize>().ok());
        let most = match self.kind {
            Kind::DataCenter => number("maxResults").unwrap_or(usize::MAX),
            Kind::Cloud => number("maxResults").unwrap_or(CLOUD_PAGE).min(CLOUD_PAGE),
        };
        let start = number("startAt").unwrap_or_default();
        let properties =
            query("expand").is_some_and(|it| it.split(',').any(|it| it == "properties"));
        let mut ordered: Vec<&Comment> = all.iter().collect();
        if query("orderBy").is_some_and(|it| it.starts_with('-')) {
            ordered.reverse();
        }
        let page = ordered.into_iter().skip(start).take(most);
        let page = page.map(|it| shape::comment(self.kind, &self.root, ticket, it, properties));
        let page: Vec<Value> = page.collect();
        let told = if most == usize::MAX { 1_048_576 } else { most };
        Answer::new(
            200,
            json!({"startAt": start, "maxResults": told, "total": all.len(), "comments": page}),
        )
    }

    /// A link by its global id is there once: what comes later takes its place.
    fn link(&self, id: u64, links: &mut Vec<RemoteLink>, key: &str) -> Result<Answer, Refusal> {
        let body = &self.call.body;
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        for (pointer, message) in
            [("/object/url", "'url' is required."), ("/object/title", "'title' is required.")]
        {
            let given = body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            if given.is_empty() {
                return Err(Refusal::field(pointer.trim_start_matches("/object/"), message));
            }
        }
        let (global_id, object) = (text("globalId"), body["object"].clone());
        if global_id.as_ref().is_some_and(|it| it.chars().count() > LONGEST_KEY) {
            return Err(Refusal::field("globalId", "The global id is too long."));
        }
        let relationship = text("relationship");
        let old = links.iter_mut().find(|link| global_id.is_some() && link.global_id == global_id);
        let (status, id) = match old {
            Some(link) => {
                (link.object, link.relationship) = (object, relationship);
                (200, link.id)
            }
            None => {
                links.push(RemoteLink { id, global_id, object, relationship });
                (201, id)
            }
        };
        let address = format!("{}/issue/{key}/remotelink/{id}", self.root);
        Ok(Answer::new(status, json!({"id": id, "self": address})))
    }
}
