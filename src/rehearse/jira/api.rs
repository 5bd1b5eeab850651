//! The embedded Jira as an HTTP service.
mod property;
mod ticket;

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
use super::{Access, Jira, Kind, Office, User, document, shape};
use crate::rehearse::loopback::BoxError;
use crate::rehearse::uri::decoded;
use crate::rehearse::wire::{Answer, Call, Platform, Wire, serve};

/// The longest text, in units of UTF-16, as Java counts.
const LONGEST_TEXT: usize = 32_767;
/// The longest key of a property, and the longest global id of a link, in characters.
const LONGEST_KEY: usize = 255;

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
    pub(super) fn may_comment(&self) -> Result<(), Refusal> {
        if self.user.access >= Access::Comment {
            return Ok(());
        }
        Err(Refusal::new(403, "You do not have the permission to comment on this issue."))
    }

    /// The text of a comment: wiki text in v2, a document in v3.
    pub(super) fn body(&self) -> Result<Value, Refusal> {
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
