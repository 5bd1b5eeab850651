//! What stands between an embedded platform and its clients: every request is counted and written down, and
//! some are befallen by faults.
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::faults::Faults;
use super::loopback::BoxError;
use super::uri::{decoded, parameters};

/// What happens to a request instead of, before or after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status instead of an answer, and nothing was done.
    Refused(u16),
    /// What was asked for is done, and this status is the answer all the same.
    Lost(u16),
    /// The connection breaks before anything was done.
    Reset,
    /// What was asked for is done, and then the connection breaks.
    Cut,
    /// The answer is right, but late by this time of tokio's clock.
    Slow(Duration),
    /// GraphQL says within an answer that is fine otherwise that something went wrong; nothing was done.
    Troubled,
    /// Lists show the state of so many changes ago.
    Stale(usize),
    /// 429, or 403 where the platform has that too, and how many seconds to wait, if it says so.
    Limited { status: u16, retry_after: Option<u64> },
}

/// One request as it came, without the headers, which hold a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub method: String,
    /// The path as the platform documents it: `/repos/{owner}/{repo}/pulls`. Paths that it doesn't know
    /// are `?`.
    pub route: String,
    /// The path itself, decoded.
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// Null where there was none, a string where it wasn't JSON.
    pub body: Value,
    /// What was answered; `None` where the connection broke.
    pub answer: Option<(u16, Value)>,
}

/// A request in the platform's hands.
#[derive(Debug)]
pub struct Call {
    pub method: Method,
    /// Percent-encoded, without the prefix.
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub headers: HeaderMap,
    /// Null where there is none.
    pub body: Value,
    /// What paths of this platform begin with for this client: `http://127.0.0.1:4711/api/v3`.
    pub root: String,
    /// Lists show the state of so many changes ago.
    pub stale: usize,
}

/// What a platform answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
}

impl Answer {
    pub fn new(status: u16, body: Value) -> Self {
        Answer { status, headers: Vec::new(), body: Some(body) }
    }

    /// 204.
    pub fn nothing() -> Self {
        Answer { status: 204, headers: Vec::new(), body: None }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// A platform that answers calls.
pub trait Platform {
    fn wire(&self) -> &Wire;
    fn now(&self) -> Timestamp;
    /// Takes what all paths begin with off this one: the prefix, and what is left.
    fn prefix<'a>(&self, path: &'a str) -> (&'a str, &'a str);
    /// The path of a call as it is documented.
    fn route(&self, call: &Call) -> String;
    fn answer(&self, call: &Call) -> Answer;
    /// The body that goes with a fault's status: JSON, or the page that a proxy in between would show.
    fn trouble(&self, status: u16) -> Value;
}

/// What the platform keeps of its clients' requests.
#[derive(Debug, Default)]
pub struct Wire(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    log: Vec<Asked>,
    counts: BTreeMap<String, u64>,
    faults: Faults<Fault>,
    outages: Vec<(Timestamp, Timestamp)>,
}

impl Wire {
    /// The next `count` requests with this method and route (`*`: any) go wrong.
    pub fn fail_next(&self, method: &str, route: &str, count: u32, fault: Fault) {
        self.kept().faults.add(method, route, count, fault);
    }

    /// Whatever waits to go wrong doesn't any more.
    pub fn mend(&self) {
        let mut kept = self.kept();
        kept.faults.clear();
        kept.outages.clear();
    }

    /// In this time of the world everything is answered with 503.
    pub fn down(&self, from: Timestamp, until: Timestamp) {
        self.kept().outages.push((from, until));
    }

    /// All requests so far, in the order they were answered.
    pub fn log(&self) -> Vec<Asked> {
        self.kept().log.clone()
    }

    /// How many requests were made, by method and route.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.kept().counts.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a request through all of it.
///
/// # Errors
/// The connection is to break.
pub async fn serve<P, B>(
    platform: P,
    request: Request<B>,
) -> Result<Response<Full<Bytes>>, BoxError>
where
    P: Platform,
    B: hyper::body::Body,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(Into::into)?.to_bytes();
    let (prefix, path) = platform.prefix(parts.uri.path());
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or(parts.uri.host()).unwrap_or("127.0.0.1");
    let mut call = Call {
        method: parts.method,
        path: path.to_owned(),
        query: parameters(&parts.uri),
        root: format!("http://{host}{prefix}"),
        headers: parts.headers,
        body: json(&body),
        stale: 0,
    };
    let route = platform.route(&call);
    let wire = platform.wire();
    let fault = {
        let mut kept = wire.kept();
        *kept.counts.entry(format!("{} {route}", call.method)).or_default() += 1;
        let now = platform.now();
        let is_down = kept.outages.iter().any(|(from, until)| *from <= now && now < *until);
        let fault = kept.faults.take(call.method.as_str(), &route);
        if is_down { Some(Fault::Refused(503)) } else { fault }
    };
    let answer = match fault {
        Some(Fault::Reset) => None,
        Some(Fault::Troubled) => Some(Answer::new(200, troubled())),
        Some(Fault::Refused(status)) => Some(Answer::new(status, platform.trouble(status))),
        Some(Fault::Limited { status, retry_after }) => {
            let answer = Answer::new(status, platform.trouble(status));
            Some(match retry_after {
                Some(seconds) => answer.with("retry-after", seconds),
                None => answer,
            })
        }
        Some(Fault::Cut) => {
            platform.answer(&call);
            None
        }
        Some(Fault::Lost(status)) => {
            platform.answer(&call);
            Some(Answer::new(status, platform.trouble(status)))
        }
        Some(Fault::Slow(by)) => {
            tokio::time::sleep(by).await;
            Some(platform.answer(&call))
        }
        Some(Fault::Stale(changes)) => {
            call.stale = changes;
            Some(platform.answer(&call))
        }
        None => Some(platform.answer(&call)),
    };
    wire.kept().log.push(Asked {
        method: call.method.to_string(),
        route,
        path: decoded(&call.path),
        query: call.query,
        body: call.body,
        answer: answer.as_ref().map(|it| (it.status, it.body.clone().unwrap_or_default())),
    });
    match answer {
        Some(answer) => response(answer),
        None => Err("connection reset by peer".into()),
    }
}

fn response(answer: Answer) -> Result<Response<Full<Bytes>>, BoxError> {
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status)?);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let (kind, body) = match answer.body {
        None => return Ok(response.body(Full::default())?),
        Some(Value::String(page)) => ("text/html; charset=utf-8", page),
        Some(json) => ("application/json; charset=utf-8", json.to_string()),
    };
    Ok(response.header(header::CONTENT_TYPE, kind).body(Full::new(body.into()))?)
}

fn json(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let text = || Value::String(String::from_utf8_lossy(body).into_owned());
    serde_json::from_slice(body).unwrap_or_else(|_| text())
}

/// GitHub's words for what went wrong at its own end.
fn troubled() -> Value {
    let message = "Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug. Please include `0A1B:2C3D` when reporting this issue.";
    json!({"data": null, "errors": [{"message": message}]})
}
