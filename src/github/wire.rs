//! One request on its way: held back by limits, signed with who asks, sent, and, if it only asks, sent again.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use octocrab::OctoBody;
use reqwest::{Client, Method, Url};
use secrecy::{ExposeSecret, SecretString};
use tower::Service;

use super::limits::Limits;
use super::{Credentials, Error, Place};
use crate::context::{Clock, Context};
use crate::web;

/// How often a request that only asks is sent again, and what lies between (doubled each time).
const AGAIN: u32 = 3;
const PAUSE: SignedDuration = SignedDuration::from_secs(1);

const CONNECT: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(60);

/// What any answer of GitHub fits into.
const LONGEST_ANSWER: usize = 32 << 20;

/// Whether a request changes nothing, so that it may be sent again.
#[derive(Debug, Clone, Copy)]
pub struct Repeatable(pub bool);

/// The way to GitHub, under octocrab.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

struct Inner {
    http: Client,
    place: Arc<Place>,
    credentials: Credentials,
    limits: Limits,
    clock: Clock,
    /// How long one request may wait until requests are taken again.
    patience: SignedDuration,
    /// The last request was sent again and again for nothing: until one is answered, each is sent once.
    away: AtomicBool,
}

/// A request that can be sent more than once.
struct Prepared {
    method: Method,
    url: Url,
    headers: http::HeaderMap,
    body: Bytes,
    repeatable: bool,
}

type Answer = Response<Bytes>;

impl Wire {
    pub fn new(
        context: &Context,
        place: Arc<Place>,
        credentials: Credentials,
        patience: SignedDuration,
    ) -> Result<Self, Error> {
        let http = web::client(context, CONNECT, TOTAL)
            .map_err(|error| Error::Setup(error.to_string()))?;
        let (limits, clock) = (Limits::default(), context.clock.clone());
        let away = AtomicBool::new(false);
        Ok(Wire(Arc::new(Inner { http, place, credentials, limits, clock, patience, away })))
    }
}

impl Service<Request<OctoBody>> for Wire {
    type Response = Response<BoxBody<Bytes, octocrab::Error>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(lost)?.to_bytes();
            let repeatable = parts.extensions.get().is_some_and(|Repeatable(yes)| *yes);
            let (method, headers) = (parts.method, parts.headers);
            let url = inner.url(&parts.uri)?;
            let prepared = Prepared { method, url, headers, body, repeatable };
            let answer = inner.send(&prepared).await?;
            Ok(answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed()))
        })
    }
}

impl Inner {
    /// Where a route leads. A whole address, as links to pages have it, must be one of ours: the token goes
    /// with it.
    fn url(&self, route: &Uri) -> Result<Url, Error> {
        let rest = &self.place.rest;
        let foreign = || Error::Setup(format!("{} isn't at {rest}", route.path()));
        if route.authority().is_some() {
            let url = Url::parse(&route.to_string()).map_err(|_| foreign())?;
            return if url.origin() == rest.origin() { Ok(url) } else { Err(foreign()) };
        }
        if route.path() == "/graphql" {
            return Ok(self.place.graphql.clone());
        }
        let below = route.path_and_query().map_or("/", |path| path.as_str());
        Url::parse(&format!("{}{below}", rest.as_str().trim_end_matches('/')))
            .map_err(|_| foreign())
    }

    async fn send(&self, prepared: &Prepared) -> Result<Answer, Error> {
        let mut sent_again = 0;
        let mut renewed = false;
        loop {
            self.wait_for_limits().await?;
            let token = self.token().await?;
            let answer = self.once(prepared, &token).await;
            let failed = answer.as_ref().map_or(true, |answer| answer.status().is_server_error());
            let again = prepared.repeatable
                && sent_again < AGAIN
                && !(failed && self.away.load(Ordering::Relaxed));
            if prepared.repeatable && !(failed && again) {
                self.away.store(failed, Ordering::Relaxed);
            }
            match answer {
                Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED && !renewed => {
                    renewed = true;
                    match &self.credentials {
                        // Nothing was done, so that it may be sent again whatever it asks for.
                        Credentials::App(app) => app.forget(&token).await,
                        Credentials::Token(_) => return Ok(answer),
                    }
                }
                Ok(answer) => {
                    let (now, status) = (self.clock.now(), answer.status());
                    if let Some(until) =
                        self.limits.note(status, answer.headers(), answer.body(), now)
                    {
                        if !again {
                            return Err(Error::Limited { until });
                        }
                    } else if !(again && status.is_server_error()) {
                        return Ok(answer);
                    } else {
                        self.pause(sent_again).await;
                    }
                    sent_again += 1;
                }
                Err(_) if again => {
                    self.pause(sent_again).await;
                    sent_again += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn once(&self, prepared: &Prepared, token: &SecretString) -> Result<Answer, Error> {
        let Prepared { method, url, headers, body, .. } = prepared;
        tracing::debug!("{method} {}", url.path());
        let mut headers = headers.clone();
        headers.insert(AUTHORIZATION, bearer(token)?);
        if !headers.contains_key(ACCEPT) {
            headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        }
        let request = self.http.request(method.clone(), url.clone()).headers(headers);
        let mut answer = request.body(body.clone()).send().await.map_err(unanswered)?;
        let mut parts = Response::builder().status(answer.status());
        if let Some(headers) = parts.headers_mut() {
            *headers = answer.headers().clone();
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(lost(format!("it is longer than {LONGEST_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        parts.body(Bytes::from(body)).map_err(lost)
    }

    async fn wait_for_limits(&self) -> Result<(), Error> {
        while let Some(until) = self.limits.closed_until(self.clock.now()) {
            let length = until.duration_since(self.clock.now());
            if length > self.patience {
                return Err(Error::Limited { until });
            }
            tracing::warn!("GitHub's rate limit is used up: waiting until {until}");
            tokio::time::sleep(self.clock.real(length)).await;
        }
        Ok(())
    }

    async fn pause(&self, sent_again: u32) {
        tokio::time::sleep(self.clock.real(PAUSE * 2_i32.pow(sent_again))).await;
    }

    async fn token(&self) -> Result<SecretString, Error> {
        let app = match &self.credentials {
            Credentials::Token(token) => return Ok(token.clone()),
            Credentials::App(app) => app,
        };
        let now = self.clock.now();
        app.token(now, async |path, claim| self.installation_token(&path, &claim, now).await).await
    }

    /// Fetches a token for the App's installation. Another one more does no harm, so it is asked again.
    async fn installation_token(
        &self,
        path: &str,
        claim: &SecretString,
        now: Timestamp,
    ) -> Result<super::credentials::Token, Error> {
        let path: Uri = path.parse().map_err(lost)?;
        let prepared = Prepared {
            method: Method::POST,
            url: self.url(&path)?,
            headers: http::HeaderMap::new(),
            body: Bytes::new(),
            repeatable: true,
        };
        for attempt in 0.. {
            match self.once(&prepared, claim).await {
                Ok(answer) if answer.status().is_success() => {
                    return serde_json::from_slice(answer.body()).map_err(|error| {
                        Error::Unreadable {
                            doing: "the App's claim".to_owned(),
                            why: error.to_string(),
                        }
                    });
                }
                Ok(answer) if !answer.status().is_server_error() || attempt == AGAIN => {
                    let (status, headers) = (answer.status(), answer.headers());
                    if let Some(until) = self.limits.note(status, headers, answer.body(), now) {
                        return Err(Error::Limited { until });
                    }
                    let why = format!("GitHub gives the App no token ({})", status.as_u16());
                    return Err(Error::Credentials(why));
                }
                Err(error) if attempt == AGAIN => return Err(error),
                Ok(_) | Err(_) => self.pause(attempt).await,
            }
        }
        Err(Error::Credentials("GitHub gives the App no token".to_owned()))
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    let value = format!("Bearer {}", token.expose_secret());
    let mut value = HeaderValue::from_str(&value).map_err(|_| {
        Error::Credentials("the token holds characters that no token has".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn lost(why: impl ToString) -> Error {
    Error::Lost { doing: String::new(), why: why.to_string() }
}

fn unanswered(error: reqwest::Error) -> Error {
    lost(web::why(error))
}
