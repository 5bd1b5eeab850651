//! The embedded GitHub, asked over HTTP as its clients do, on real bare repos.
mod access;
mod commits;
mod faults;
mod merging;
mod pulls;
mod schema;

use std::path::PathBuf;

use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::github::GitHub;
use dcr_gitops::rehearse::github::account::{Account, Permissions};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::git_repo::{NOW, Sandbox};

/// The program's token, and a person's who reviews.
pub const BOT: &str = "rehearsalTOKEN-of-the-bot";
pub const ANN: &str = "rehearsalTOKEN-of-ann";

pub const STEP: &str = "dcr/den/tenant-105858-prod/system6/run-1/step-1";
pub const RECORD: &str = "clusters/den/tenant-105858-prod/system6/dcr/run.yaml";

pub struct World {
    pub sandbox: Sandbox,
    pub origin: PathBuf,
    pub clock: WorldClock,
    pub github: GitHub,
}

/// What came back.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl World {
    /// A repo with one step over its base; the bot may write, and so may Ann and Ben.
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let origin = sandbox.bare(&[("README".to_owned(), "A deployment repo\n".to_owned())]);
        let clock = WorldClock::standing(Timestamp::from_second(NOW).unwrap());
        let github = GitHub::new(clock.reader(), &origin, "acme", "deployment", "main").unwrap();
        let write = Permissions::WRITE;
        github.add_token(BOT, Account::app("dcr", write), None).unwrap();
        github.add_token(ANN, Account::person("ann", write), None).unwrap();
        github.add_account(Account::person("ben", write));
        github.set_pusher("dcr[bot]");
        let world = World { sandbox, origin, clock, github };
        world.push(STEP, "step: '1'\n");
        world
    }

    /// Replaces a branch by one commit over the base.
    pub fn push(&self, branch: &str, text: &str) -> String {
        self.git(&["branch", "--quiet", "--force", branch, "main"]);
        let message = "Added/Modified system6 via automation (Starting)\n\nDcr-Step: 1";
        self.sandbox.land(&self.origin, branch, message, &[(RECORD.to_owned(), text.to_owned())]);
        self.git(&["rev-parse", branch])
    }

    pub fn land(&self, path: &str, text: &str) {
        self.sandbox.land(&self.origin, "main", path, &[(path.to_owned(), text.to_owned())]);
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        self.sandbox.git(&self.origin, arguments)
    }

    pub async fn ask(&self, token: &str, method: &str, path: &str, body: Value) -> Answered {
        self.ask_with(token, method, path, body, &[]).await.expect("an answer")
    }

    /// `None` where the connection breaks.
    pub async fn ask_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Option<Answered> {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = request.body(Full::new(body)).unwrap();
        let response: Response<Full<Bytes>> = self.github.clone().oneshot(request).await.ok()?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
        };
        Some(Answered { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// What GraphQL answers; the whole of it where there are errors.
    pub async fn graphql(&self, token: &str, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables});
        let answered = self.ask(token, "POST", "/graphql", body).await;
        assert_eq!(answered.status, 200, "{answered:?}");
        if answered.body["errors"].is_null() {
            answered.body["data"].clone()
        } else {
            answered.body
        }
    }

    /// The pull request for the step.
    pub async fn open(&self) -> Value {
        let opened = self.ask(BOT, "POST", PULLS, draft(STEP)).await;
        assert_eq!(opened.status, 201, "{opened:?}");
        opened.body
    }
}

pub const PULLS: &str = "/repos/acme/deployment/pulls";

pub fn draft(head: &str) -> Value {
    json!({"title": "Starting", "body": "Dcr-Step: 1", "head": head, "base": "main"})
}
