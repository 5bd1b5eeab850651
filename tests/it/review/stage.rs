//! A deployment repo, the embedded GitHub over its remote, and the built program between them.
use std::path::Path;
use std::process::Command;
use std::time::UNIX_EPOCH;

use dcr_gitops::git::Oid;
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::github::GitHub;
use dcr_gitops::rehearse::github::account::{Account, Permissions};
use dcr_gitops::rehearse::github::pull::{Method, Pull, State};
use dcr_gitops::rehearse::loopback::Loopback;
use jiff::Timestamp;
use serde_json::Value;
use tokio::runtime::Runtime;

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
        let repo = Deployment::cloned(Wired::Directory);
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
        let server = runtime.block_on(github.listen()).unwrap();
        let url = format!("{}/api/v3", server.url());
        Stage { repo, github, clock, url, _server: server, runtime }
    }

    pub fn new() -> Self {
        Stage::with("")
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
