//! What a node answers to a request on its admin port.
use std::collections::BTreeMap;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::rebuild::{Rebuild, Standing};
use super::system::System;
use super::{Accepted, Reply, Sent, aa_status};

/// The commands a node knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cmd {
    AaStatus,
    RebuildStatus,
    HistoryStatus,
    PropagationStatus,
    StartRebuild,
    PropagateCaches,
}

impl Cmd {
    fn named(name: &str) -> Option<Cmd> {
        Some(match name {
            "aaStatus" => Cmd::AaStatus,
            "rebuildStatus" => Cmd::RebuildStatus,
            "historyStatus" => Cmd::HistoryStatus,
            "propagationStatus" => Cmd::PropagationStatus,
            "startRebuild" => Cmd::StartRebuild,
            "propagateCaches" => Cmd::PropagateCaches,
            _ => return None,
        })
    }
}

/// A wrong answer, on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status, with an error page.
    Status(u16),
    /// 200 with bytes that mean nothing.
    Garbage,
    /// The connection is taken and no answer ever comes.
    Never,
    /// Nothing listens.
    Unreachable,
}

/// A request, as far as nodes look at it. GET and POST are the same to them.
pub struct Query {
    known_path: bool,
    known_method: bool,
    pub cmd: Option<Cmd>,
    parameters: BTreeMap<String, String>,
}

impl Query {
    pub fn read(method: &http::Method, path_and_query: &str, body: &[u8]) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let form = String::from_utf8_lossy(body);
        let pairs = query.split('&').chain(form.split('&')).filter_map(|pair| pair.split_once('='));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let parameters: BTreeMap<String, String> =
            pairs.map(|(name, value)| (decode(name), decode(value))).collect();
        Query {
            known_path: path == "/.admin",
            known_method: matches!(*method, http::Method::GET | http::Method::POST),
            cmd: parameters.get("cmd").and_then(|name| Cmd::named(name)),
            parameters,
        }
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.parameters.get(name)?.parse().ok()
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.parameters.get(name).is_some_and(|it| it.eq_ignore_ascii_case(value))
    }
}

/// What comes of a node that misbehaves.
pub fn faulty(fault: &Fault) -> Reply {
    Reply::Answer(match fault {
        Fault::Status(status) => plain(*status, format!("<html><h1>Error {status}</h1></html>\n")),
        Fault::Garbage => {
            response(200, "application/octet-stream", b"\x00\xff\x1b[31m{\"state\":".into())
        }
        Fault::Never => return Reply::Silence,
        Fault::Unreachable => return Reply::Unreachable,
    })
}

/// The answer of a node in its right mind.
pub fn answer(
    system: &mut System,
    sent: &mut Sent,
    node: &str,
    query: &Query,
    now: Timestamp,
) -> http::Response<Vec<u8>> {
    if !query.known_path {
        return plain(404, "not found\n".to_owned());
    }
    if !query.known_method {
        return plain(405, "method not allowed\n".to_owned());
    }
    match query.cmd {
        None => plain(400, "ERROR: unknown command\n".to_owned()),
        Some(Cmd::AaStatus) => plain(200, aa_status::print(system, now)),
        Some(Cmd::RebuildStatus) => status(query, of_rebuild(system, system.known_to(node))),
        Some(Cmd::HistoryStatus) => status(query, of_history(system)),
        Some(Cmd::PropagationStatus) => status(query, of_propagation(system, now)),
        Some(cmd @ (Cmd::StartRebuild | Cmd::PropagateCaches)) => {
            let (run, attempt) = (query.number("run"), query.number("attempt"));
            let outcome = if cmd == Cmd::StartRebuild {
                let forced = query.is("force", "true");
                system.start_rebuild(node, (run, attempt), forced, now)
            } else {
                // One that is remembered is refused, so an accepted one never is.
                system.propagate(node, run, attempt, now).map(|()| false)
            };
            match outcome {
                Ok(violation) => {
                    sent.accepted.push(Accepted {
                        namespace: system.namespace.clone(),
                        system: system.name.clone(),
                        cmd,
                        run,
                        attempt,
                        at: now,
                        node: node.to_owned(),
                        violation,
                    });
                    plain(200, "OK\n".to_owned())
                }
                Err(why) => {
                    let refusal = format!("ERROR: {why}\n");
                    sent.refused.push((cmd, why));
                    plain(system.conduct.refuses_with, refusal)
                }
            }
        }
    }
}

/// The fields of a status, in the order they are printed; those that say nothing are left out.
type Fields = Vec<(&'static str, serde_json::Value)>;

fn of_rebuild(system: &System, known: Option<&Rebuild>) -> Fields {
    let Some(rebuild) = known else { return Vec::new() };
    let state = match &rebuild.standing {
        Standing::Running => "RUNNING",
        Standing::Complete => "COMPLETE",
        Standing::Failed => "FAILED",
        Standing::NotNeeded(word) => word,
    };
    let mut fields = vec![
        ("state", json!(state)),
        ("percent", json!(rebuild.percent(&system.conduct))),
        ("startedAt", json!(whole_seconds(rebuild.started))),
    ];
    let echo = rebuild.run.map(|run| match rebuild.attempt {
        Some(attempt) => format!("{run}-{attempt}"),
        None => run.to_string(),
    });
    fields.extend(echo.map(|run| ("run", json!(run))));
    fields.extend(rebuild.errors(&system.conduct).map(|error| ("error", json!(error))));
    fields
}

fn of_history(system: &System) -> Fields {
    if !system.history.begun() {
        return Vec::new();
    }
    let state = if system.history.complete { "COMPLETE" } else { "RUNNING" };
    let percent = system.history.percent(&system.conduct);
    let mut fields = vec![("state", json!(state)), ("percent", json!(percent))];
    fields.extend(system.history.started.map(|at| ("startedAt", json!(whole_seconds(at)))));
    fields
}

fn of_propagation(system: &System, now: Timestamp) -> Fields {
    let Some(propagation) = &system.propagation else { return Vec::new() };
    let percent = propagation.percent(&system.conduct, now);
    let state = if percent < 100.0 { "RUNNING" } else { "COMPLETE" };
    let started = whole_seconds(propagation.started);
    vec![("state", json!(state)), ("percent", json!(percent)), ("startedAt", json!(started))]
}

fn whole_seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// JSON where it is asked for, else a page for people.
fn status(query: &Query, fields: Fields) -> http::Response<Vec<u8>> {
    if query.is("format", "JSON") {
        let object: serde_json::Map<_, _> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let text = serde_json::Value::Object(object).to_string();
        return response(200, "application/json", text.into_bytes());
    }
    let line = |(name, value): (&str, serde_json::Value)| match value.as_str() {
        Some(text) => format!("{name}: {text}\n"),
        None => format!("{name}: {value}\n"),
    };
    plain(200, fields.into_iter().map(line).collect())
}

fn plain(status: u16, text: String) -> http::Response<Vec<u8>> {
    response(status, "text/plain; charset=utf-8", text.into_bytes())
}

fn response(status: u16, kind: &'static str, body: Vec<u8>) -> http::Response<Vec<u8>> {
    let mut response = http::Response::new(body);
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let kind = http::HeaderValue::from_static(kind);
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}
