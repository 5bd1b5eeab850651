//! A deployment repo, the embedded GitHub over its remote, and the built program between them.
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::UNIX_EPOCH;

use dcr_gitops::git::Oid;
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::github::GitHub;
use dcr_gitops::rehearse::github::account::{Account, Permissions};
use dcr_gitops::rehearse::github::pull::{Method, Pull, State};
use dcr_gitops::rehearse::loopback::BoxError;
use dcr_gitops::rehearse::loopback::Loopback;
use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use jiff::Timestamp;
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

use crate::cli::{Deployment, Wired, step};
use crate::env::Ran;
use crate::git_repo::NOW;

/// The program's token.
pub const TOKEN: &str = "rehearsalTOKEN-of-the-program";

pub struct Stage {
    pub repo: Deployment,
    pub github: GitHub,
    pub clock: WorldClock,
    /// Of the API, as Actions says it.
    pub url: String,
    _server: Loopback,
    pub runtime: Runtime,
}

impl Stage {
    /// A repo whose base is what the clone has, with these settings added.
    pub fn with(settings: &str) -> Self {
        Stage::lossy(settings, 0)
    }

    /// The same, where the answer to every so-manieth request is lost after all was done.
    pub fn lossy(settings: &str, every: u64) -> Self {
        Stage::over(Deployment::cloned(Wired::Directory), settings, every)
    }

    /// Systems that Argo CD sees by the kustomization of their folder.
    pub fn kustomized() -> Self {
        Stage::over(Deployment::cloned(Wired::Kustomize), "", 0)
    }

    fn over(repo: Deployment, settings: &str, every: u64) -> Self {
        if !settings.is_empty() {
            let text = repo.show("main", "dcr-gitops.yaml") + "\n" + settings;
            repo.edit(&[("dcr-gitops.yaml", &text)]);
            repo.git(&["push", "--quiet", "origin", "main"]);
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let clock = WorldClock::standing(Timestamp::from_second(NOW).unwrap());
        let github =
            GitHub::new(clock.reader(), &repo.origin(), "acme", "deployment", "main").unwrap();
        let write = Permissions::WRITE;
        github.add_token(TOKEN, Account::app("dcr", write), None).unwrap();
        for person in ["ann", "ben"] {
            github.add_account(Account::person(person, write));
        }
        github.set_pusher("dcr[bot]");
        let lossy = Lossy { github: github.clone(), asked: Arc::default(), every };
        let server = runtime.block_on(Loopback::serve(lossy)).unwrap();
        let url = format!("{}/api/v3", server.url());
        Stage { repo, github, clock, url, _server: server, runtime }
    }

    pub fn new() -> Self {
        Stage::with("")
    }

    /// A commit on the base branch of the remote.
    pub fn land(&self, files: &[(&str, &str)]) {
        let files: Vec<(String, String)> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        self.repo.sandbox.land(&self.repo.origin(), "main", "By others", &files);
    }

    /// The program in `dir`, as a workflow would start it; its clock begins with the world's and is fast, so
    /// that nobody waits for its pauses.
    pub fn program(&self, dir: &Path, arguments: &[&str]) -> Command {
        let written = self.repo.sandbox.path("now");
        std::fs::write(&written, "").unwrap();
        let since = std::fs::metadata(written).unwrap().modified().unwrap();
        let since = since.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let mut command = self.repo.sandbox.program(dir, arguments);
        command.arg("--clock").arg(format!("{}@{since}x1000", self.clock.now()));
        command.env("GITHUB_TOKEN", TOKEN).env("GITHUB_REPOSITORY", "acme/deployment");
        command.env("GITHUB_API_URL", &self.url);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.program(&self.repo.work, arguments).output().unwrap().into()
    }

    /// `next-phase system6 --pr` with these flags; its JSON line, if it ends with `code`.
    #[track_caller]
    pub fn next(&self, flags: &[&str], code: i32) -> Value {
        let mut arguments = vec!["next-phase", "system6", "--pr", "-o", "json"];
        arguments.extend(flags);
        self.run(&arguments).ends(code).line()
    }

    /// The only pull request.
    #[track_caller]
    pub fn pull(&self) -> Pull {
        let mut pulls = self.github.pulls();
        assert_eq!(pulls.len(), 1, "{pulls:?}");
        pulls.remove(0)
    }

    pub fn open(&self) -> Vec<u64> {
        let open = self.github.pulls().into_iter().filter(|pull| pull.state == State::Open);
        open.map(|pull| pull.number).collect()
    }

    /// What the remote's branch of this step holds.
    pub fn held(&self, run: u32, number: u32) -> Oid {
        let name = step(run, number);
        let id = self.repo.sandbox.git(&self.repo.origin(), &["rev-parse", &name]);
        Oid::from_str(&id).unwrap()
    }

    /// Ann approves and merges it.
    pub fn merge(&self, number: u64, method: Method) {
        self.github.approve(number, "ann").unwrap();
        self.github.merge(number, "ann", method).unwrap();
    }

    /// How many requests were made since, by method and route.
    pub fn count(&self, method: &str, route: &str) -> u64 {
        self.github.wire().counts().get(&format!("{method} {route}")).copied().unwrap_or_default()
    }
}

/// A GitHub whose answers get lost now and then.
#[derive(Clone)]
struct Lossy {
    github: GitHub,
    asked: Arc<AtomicU64>,
    /// Never, if it is 0.
    every: u64,
}

impl Service<Request<Incoming>> for Lossy {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let is_lost = self.every > 0 && asked.is_multiple_of(self.every);
        let github = self.github.clone();
        async move {
            let answer = github.oneshot(request).await?;
            match is_lost {
                true => Ok(Response::builder().status(502).body(Full::default())?),
                false => Ok(answer),
            }
        }
        .boxed()
    }
}

/// This many `next-phase system6 --pr` at once, from two clones; their JSON lines.
pub fn racers(stage: &Stage, count: usize) -> Vec<Value> {
    let second = stage.repo.sandbox.clone("second", &[]);
    let arguments = ["next-phase", "system6", "--pr", "-o", "json"];
    let start = |racer: usize| {
        let dir = if racer.is_multiple_of(2) { &stage.repo.work } else { &second };
        stage.program(dir, &arguments).spawn().unwrap()
    };
    let racing: Vec<_> = (0..count).map(start).collect();
    let ended = racing.into_iter().map(|racer| Ran::from(racer.wait_with_output().unwrap()));
    ended.map(|ran| ran.ends(0).line()).collect()
}
