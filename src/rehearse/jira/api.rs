//! The embedded Jira as an HTTP service.
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Access, Comment, Jira, Kind, Office, RemoteLink, User, document, shape};
use crate::rehearse::loopback::BoxError;
use crate::rehearse::uri::decoded;
use crate::rehearse::wire::{Answer, Call, Platform, Wire, serve};

/// The longest text, in units of UTF-16, as Java counts.
const LONGEST_TEXT: usize = 32_767;
/// The longest key and value of a property, in characters.
const LONGEST_KEY: usize = 255;
const LONGEST_VALUE: usize = 32_768;
/// How many comments Cloud gives at most, and if nothing is said.
const CLOUD_PAGE: usize = 100;

impl<B> tower::Service<Request<B>> for Jira
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Full<Bytes>>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(serve(self.clone(), request))
    }
}

impl Platform for Jira {
    fn wire(&self) -> &Wire {
        self.wire()
    }

    fn now(&self) -> Timestamp {
        self.now()
    }

    fn prefix<'a>(&self, path: &'a str) -> (&'a str, &'a str) {
        path.split_at(path.find("/rest/").unwrap_or_default())
    }

    fn route(&self, call: &Call) -> String {
        let mut parts: Vec<&str> = call.path.split('/').collect();
        for at in 1..parts.len() {
            parts[at] = match parts[at - 1] {
                "issue" => "{issueIdOrKey}",
                "comment" => "{commentId}",
                "remotelink" => "{linkId}",
                "properties" => "{propertyKey}",
                _ => parts[at],
            };
        }
        parts.join("/")
    }

    fn answer(&self, call: &Call) -> Answer {
        let (kind, now) = (self.kind(), self.now());
        self.write(|office| {
            answer(office, kind, call, now).unwrap_or_else(|refusal| refusal.answer())
        })
    }

    fn trouble(&self, status: u16) -> Value {
        match status {
            403 | 429 => json!({"errorMessages": ["Rate limit exceeded."], "errors": {}}),
            // A proxy answers for a server that is down.
            _ => format!("<html><head><title>{status}</title></head></html>").into(),
        }
    }
}

/// One request, in the hands of whoever answers it.
struct Asked<'a> {
    kind: Kind,
    call: &'a Call,
    /// What addresses of this API begin with.
    root: String,
    /// Texts are documents.
    documents: bool,
    user: User,
    now: Timestamp,
}

fn answer(office: &mut Office, kind: Kind, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    let (documents, path) = match call.path.strip_prefix("/rest/api/") {
        Some(path) if kind == Kind::Cloud && path.starts_with("3/") => (true, &path[2..]),
        Some(path) if path.starts_with("2/") => (false, &path[2..]),
        Some(path) if path.starts_with("latest/") => (kind == Kind::Cloud, &path[7..]),
        _ => return Err(Refusal::no_page()),
    };
    let user = user(office, kind, call)?;
    let version = &call.path[..call.path.len() - path.len() - 1];
    let root = format!("{}{version}", call.root);
    let asked = Asked { kind, call, root, documents, user, now };
    let parts: Vec<String> = path.split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["myself"]) => {
            Ok(Answer::new(200, shape::user(kind, &asked.root, &asked.user.mail)))
        }
        (_, ["issue", key, rest @ ..]) => {
            if asked.user.access < Access::Read || !office.tickets.contains_key(*key) {
                return Err(Refusal::no_ticket(kind));
            }
            asked.ticket(office, key, rest)
        }
        (_, ["comment", id, "properties"]) => asked.properties(office, id, None),
        (_, ["comment", id, "properties", key]) => asked.properties(office, id, Some(key)),
        _ => Err(Refusal::no_page()),
    }
}

/// Who asks: Data Center knows people by a token, Cloud by mail address and token.
fn user(office: &Office, kind: Kind, call: &Call) -> Result<User, Refusal> {
    let given = call.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let (scheme, secret) =
        given.and_then(|it| it.split_once(' ')).ok_or_else(Refusal::unauthorized)?;
    let found = match kind {
        Kind::DataCenter if scheme.eq_ignore_ascii_case("bearer") => {
            office.users.iter().find(|user| user.token == secret)
        }
        Kind::Cloud if scheme.eq_ignore_ascii_case("basic") => {
            let pair = STANDARD.decode(secret).unwrap_or_default();
            office.users.iter().find(|it| format!("{}:{}", it.mail, it.token).as_bytes() == pair)
        }
        Kind::DataCenter | Kind::Cloud => None,
    };
    found.cloned().ok_or_else(Refusal::unauthorized)
}

impl Asked<'_> {
    /// What is asked of a ticket that is there.
    fn ticket(&self, office: &mut Office, key: &str, rest: &[&str]) -> Result<Answer, Refusal> {
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

    fn properties(
        &self,
        office: &mut Office,
        id: &str,
        key: Option<&str>,
    ) -> Result<Answer, Refusal> {
        let number = id.parse().map_err(|_| Refusal::no_comment(id))?;
        let found = office.comment_mut(number).filter(|_| self.user.access >= Access::Read);
        let comment = found.ok_or_else(|| Refusal::no_comment(id))?;
        let address = |key: &str| format!("{}/comment/{id}/properties/{key}", self.root);
        let missing = |key: &str| Refusal::new(404, &format!("The property {key} does not exist."));
        let Some(key) = key else {
            let keys = comment.properties.keys();
            let keys: Vec<Value> =
                keys.map(|key| json!({"key": key, "self": address(key)})).collect();
            return Ok(Answer::new(200, json!({"keys": keys})));
        };
        match self.call.method.as_str() {
            "GET" => {
                let value = comment.properties.get(key).ok_or_else(|| missing(key))?;
                Ok(Answer::new(200, json!({"key": key, "value": value})))
            }
            "PUT" => {
                self.may_comment()?;
                let value = self.call.body.clone();
                if key.chars().count() > LONGEST_KEY {
                    return Err(Refusal::new(400, "The property key is too long."));
                }
                if value.is_null() || value.to_string().chars().count() > LONGEST_VALUE {
                    return Err(Refusal::new(400, "The property value is empty or too long."));
                }
                let old = comment.properties.insert(key.to_owned(), value);
                Ok(Answer::new(
                    if old.is_some() { 200 } else { 201 },
                    json!({"self": address(key)}),
                ))
            }
            "DELETE" => {
                self.may_comment()?;
                comment.properties.remove(key).ok_or_else(|| missing(key))?;
                Ok(Answer::nothing())
            }
            _ => Err(Refusal::no_page()),
        }
    }

    fn may_comment(&self) -> Result<(), Refusal> {
        if self.user.access >= Access::Comment {
            return Ok(());
        }
        Err(Refusal::new(403, "You do not have the permission to comment on this issue."))
    }

    /// The text of a comment: wiki text in v2, a document in v3.
    fn body(&self) -> Result<Value, Refusal> {
        let body = &self.call.body["body"];
        let length = match (self.documents, body) {
            (false, Value::String(text)) if !text.trim().is_empty() => text.encode_utf16().count(),
            (true, document) if document.is_object() => {
                document::check(document).map_err(|why| Refusal {
                    status: 400,
                    body: json!({"errorMessages": ["INVALID_INPUT"], "errors": {"comment": why}}),
                })?;
                document.to_string().encode_utf16().count()
            }
            (false, Value::Null | Value::String(_)) => {
                return Err(Refusal::field("comment", "Comment body can not be empty!"));
            }
            _ => return Err(Refusal::field("comment", "Comment body is not valid!")),
        };
        match (length > LONGEST_TEXT, self.documents) {
            (false, _) => Ok(body.clone()),
            (true, true) => Err(Refusal::new(400, "CONTENT_LIMIT_EXCEEDED")),
            (true, false) => {
                let message = format!(
                    "The entered text is too long. It exceeds the allowed limit of {LONGEST_TEXT} characters."
                );
                Err(Refusal::field("comment", &message))
            }
        }
    }
}
