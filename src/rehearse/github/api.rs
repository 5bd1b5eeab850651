//! The embedded GitHub as an HTTP service: who asks, what it costs, and which answer is whose.
mod commits;
mod issues;
mod page;
mod pulls;
mod refs;
mod repo;
mod route;
pub(super) mod shape;

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::header;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::route::{Route, route};
use super::account::{Access, Account, AccountKind};
use super::desk::Desk;
use super::limits::Resource;
use super::refusal::Refusal;
use super::{GitHub, graphql};
use crate::rehearse::loopback::BoxError;
use crate::rehearse::wire::{Answer, Call, Platform, Wire, serve};

impl<B> tower::Service<Request<B>> for GitHub
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

impl Platform for GitHub {
    fn wire(&self) -> &Wire {
        self.wire()
    }

    fn now(&self) -> Timestamp {
        self.now()
    }

    fn prefix<'a>(&self, path: &'a str) -> (&'a str, &'a str) {
        match path.strip_prefix("/api/v3") {
            Some(rest) if rest.starts_with('/') => path.split_at("/api/v3".len()),
            _ if path == "/api/graphql" => path.split_at("/api".len()),
            _ => ("", path),
        }
    }

    fn route(&self, call: &Call) -> String {
        match call.path.as_str() {
            // What is asked of GraphQL is in the body: the names of the outermost fields.
            "/graphql" => format!("/graphql {}", graphql::asked(&call.body)),
            path => route(path).map_or("?", |route| route.template).to_owned(),
        }
    }

    fn answer(&self, call: &Call) -> Answer {
        let now = self.now();
        self.write(|desk| desk.changing(|desk| answer(desk, call, now)))
    }

    fn trouble(&self, status: u16) -> Value {
        match status {
            // The proxy in front answers for a server that doesn't.
            502 => "<html><head><title>502 Bad Gateway</title></head></html>".into(),
            403 | 429 => json!({
                "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
                "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
            }),
            _ => json!({"message": "Server Error"}),
        }
    }
}

/// What one request is about, in the hands of those who answer it.
struct Asked<'a> {
    call: &'a Call,
    route: Route,
    account: &'a Account,
    now: Timestamp,
}

fn answer(desk: &mut Desk, call: &Call, now: Timestamp) -> Answer {
    if let Err(error) = desk.notice(now) {
        return Refusal::from(error).answer();
    }
    let Some(route) = route(&call.path) else { return Refusal::not_found().answer() };
    let Some(secret) = secret(call) else {
        return Refusal::new(401, "Requires authentication").answer();
    };
    if let Some(answer) = app(desk, call, &route, secret, now) {
        return answer.unwrap_or_else(|refusal| refusal.answer());
    }
    let known = desk.tokens.iter().find(|token| token.secret == secret);
    let known = known.filter(|token| token.ends.is_none_or(|ends| now < ends));
    let Some(account) = known.map(|token| token.account.clone()) else {
        return Refusal::bad_credentials().answer();
    };
    let resource = if route.template == "/graphql" { Resource::GraphQl } else { Resource::Rest };
    let limits = desk.rules.limits;
    if let Some(limits) = limits
        && let Err(refusal) = desk.spent.spend(limits, &account.login, resource, now)
    {
        return desk.spent.told(refusal.answer(), limits, &account.login, resource, now);
    }
    let asked = Asked { call, route, account: &account, now };
    let mut answer = dispatch(desk, &asked).unwrap_or_else(|refusal| refusal.answer());
    // What was asked for may be all that something waited for.
    if let Err(error) = desk.notice(now) {
        answer = Refusal::from(error).answer();
    }
    if call.method == http::Method::GET && answer.status == 200 {
        let tag = tag(&answer);
        if call.headers.get(header::IF_NONE_MATCH).is_some_and(|given| given == tag.as_str()) {
            desk.spent.give_back(&account.login, resource, now);
            answer = Answer { status: 304, headers: Vec::new(), body: None };
        }
        answer = answer.with("etag", tag);
    }
    match limits {
        Some(limits) => desk.spent.told(answer, limits, &account.login, resource, now),
        None => answer,
    }
}

/// The secret of an `Authorization` header.
fn secret(call: &Call) -> Option<&str> {
    let (scheme, secret) =
        call.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let known = ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then_some(secret)
}

fn tag(answer: &Answer) -> String {
    let body = answer.body.clone().unwrap_or_default().to_string();
    let hash: String =
        Sha256::digest(body).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{hash}\"")
}

/// What an App asks for as itself, with an assertion instead of a token.
fn app(
    desk: &mut Desk,
    call: &Call,
    route: &Route,
    secret: &str,
    now: Timestamp,
) -> Option<Result<Answer, Refusal>> {
    match (call.method.as_str(), route.template) {
        ("GET", "/app") => Some(desk.app_of(secret, now).map(|app| {
            let slug = app.account.slug();
            Answer::new(200, json!({"id": app.id, "slug": slug, "name": slug}))
        })),
        ("POST", "/app/installations/{installation_id}/access_tokens") => {
            let token = route.number(0).and_then(|id| desk.installation_token(secret, id, now));
            Some(token.map(|token| Answer::new(201, token)))
        }
        _ => None,
    }
}

fn dispatch(desk: &mut Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let route = &asked.route;
    if route.template == "/graphql" {
        return Ok(graphql::answer(desk, asked.call, asked.account, asked.now));
    }
    if route.template.starts_with("/repos/{owner}/{repo}") {
        let named = format!("{}/{}", route.text(0), route.text(1));
        let is_here = named.eq_ignore_ascii_case(&desk.full_name());
        if !is_here || !asked.account.permissions.sees() {
            return Err(Refusal::not_found());
        }
    }
    let area = route.template.strip_prefix("/repos/{owner}/{repo}").unwrap_or_default();
    let first = area.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "pulls" => pulls::answer(desk, asked),
        "issues" => issues::answer(desk, asked),
        "git" => refs::answer(desk, asked),
        "commits" | "statuses" => commits::answer(desk, asked),
        _ => repo::answer(desk, asked),
    }
}

impl Asked<'_> {
    fn method(&self) -> &str {
        self.call.method.as_str()
    }

    /// Refuses who has less than this.
    fn needs(&self, has: Access, least: Access) -> Result<(), Refusal> {
        if has >= least {
            return Ok(());
        }
        Err(match (least, self.account.kind) {
            (_, AccountKind::Person) => {
                Refusal::new(403, "Resource not accessible by personal access token")
            }
            (_, AccountKind::App | AccountKind::Actions) => Refusal::forbidden(),
        })
    }

    /// A text of the body, if it is given; 422 where it is something else.
    fn text(&self, field: &str) -> Result<Option<String>, Refusal> {
        match &self.call.body[field] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => {
                let message =
                    format!("Invalid request.\n\nFor 'properties/{field}', it is not a string.");
                Err(Refusal::new(422, message))
            }
        }
    }

    /// A text of the body that has to be there.
    fn required(&self, field: &str) -> Result<String, Refusal> {
        self.text(field)?.ok_or_else(|| {
            Refusal::new(422, format!("Invalid request.\n\n\"{field}\" wasn't supplied."))
        })
    }

    /// A list of texts of the body; none where it isn't given.
    fn texts(&self, field: &str) -> Result<Vec<String>, Refusal> {
        let wrong = || {
            let message = format!(
                "Invalid request.\n\nFor 'properties/{field}', it is not an array of strings."
            );
            Refusal::new(422, message)
        };
        match &self.call.body[field] {
            Value::Null => Ok(Vec::new()),
            Value::Array(all) => {
                let texts = all.iter().map(|it| it.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}
