//! What `next-phase` costs: the commit in repos of three sizes, a short name among many, and rendering.
//! See `README.md` beside this file.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench may stop where it stands")]
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dcr_gitops::commands;
use dcr_gitops::config::{Wiring, parse_inputs, parse_settings};
use dcr_gitops::context::{Clock, Context, Terminal};
use dcr_gitops::render::{BaseFolder, Templates, change, message};
use dcr_gitops::run::deployment::Action;
use dcr_gitops::run::{Kind, Phase, Place, Record, Step, SystemRef};

/// Files of one system, `dcr.yaml` among them; 25 systems in a namespace, 100 namespaces in a cluster.
const FILES: u32 = 10;
const SETTINGS: &str = "apiVersion: dcr-gitops/v1\n";
const INPUTS: &str = "\
apiVersion: dcr-gitops/v1
image: registry.example.com/express:e686.131
synchronizer: {resources: {requests: {cpu: \"2\", memory: 16Gi}}}
farmers: {resources: {requests: {cpu: \"8\", memory: 64Gi}}}
";

fn system(number: u32) -> SystemRef {
    SystemRef {
        cluster: format!("cluster{}", number / 2_500),
        namespace: format!("tenant-{}", number / 25),
        system: format!("system{number}"),
    }
}

/// A deployment repo of so many systems, apart from the machine's own git.
struct Repo {
    dir: tempfile::TempDir,
}

impl Repo {
    fn of(systems: u32) -> Self {
        let repo = Repo { dir: tempfile::tempdir().unwrap() };
        repo.git(&["init", "--quiet", "--bare", "--initial-branch=main", "."], "");
        let mut stream =
            "commit refs/heads/main\ncommitter A <a@example.com> 0 +0000\ndata 5\nBegin\n\
                          M 100644 inline dcr-gitops.yaml\n"
                .to_owned();
        write!(stream, "data {}\n{SETTINGS}\n", SETTINGS.len()).unwrap();
        for number in 0..systems {
            let system = system(number);
            for file in 0..FILES {
                let (name, text) = match file {
                    0 => ("dcr.yaml".to_owned(), INPUTS.to_owned()),
                    _ => (format!("{file}.yaml"), format!("# {number} {file}\n").repeat(60)),
                };
                writeln!(stream, "M 100644 inline clusters/{system}/{name}").unwrap();
                write!(stream, "data {}\n{text}\n", text.len()).unwrap();
            }
        }
        repo.git(&["fast-import", "--quiet"], &stream);
        repo
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn git(&self, arguments: &[&str], input: &str) {
        let mut git = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        git.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        assert!(git.wait().unwrap().success());
    }

    /// Takes the step of one system back, as if it had never been made.
    fn forget(&self, system: &SystemRef) {
        let refs: PathBuf = self.path().join("refs/heads/dcr").join(system.to_string());
        std::fs::remove_dir_all(refs).ok();
    }

    /// Runs a command of the program in this process.
    fn run(&self, arguments: &[&str]) {
        let env = [("HOME", "/nonexistent"), ("GIT_CONFIG_GLOBAL", "/dev/null")]
            .into_iter()
            .chain([("GIT_CONFIG_NOSYSTEM", "1"), ("EMAIL", "a@example.com")])
            .chain([("GIT_AUTHOR_NAME", "A"), ("GIT_COMMITTER_NAME", "A")]);
        let mut context = Context {
            env: env.map(|(name, value)| (name.into(), value.into())).collect(),
            clock: Clock::new(|| jiff::Timestamp::UNIX_EPOCH),
            cwd: self.path().to_owned(),
            out: Box::new(std::io::sink()),
            err: Box::new(std::io::sink()),
            terminal: Terminal::default(),
            actions: None,
        };
        let all = ["dcr-gitops"].iter().chain(arguments).map(|argument| (*argument).into());
        assert_eq!(commands::main(&mut context, all.collect::<Vec<_>>()), 0);
    }
}

/// Open, read, decide, render, commit, print: all but the start of a process.
fn commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("next-phase");
    group.sample_size(30);
    for (label, systems) in [("1k files", 100), ("10k files", 1_000), ("100k files", 10_000)] {
        let repo = Repo::of(systems);
        let system = system(7);
        let name = system.to_string();
        group.bench_function(label, |bencher| {
            bencher.iter_batched(
                || repo.forget(&system),
                |()| repo.run(&["next-phase", &name, "-o", "json"]),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn names(criterion: &mut Criterion) {
    let repo = Repo::of(10_000);
    let mut group = criterion.benchmark_group("status, 10k systems");
    group.sample_size(20);
    group.bench_function("whole name", |bencher| {
        bencher.iter(|| repo.run(&["status", "cluster3/tenant-399/system9999", "-q"]));
    });
    group.bench_function("short name", |bencher| {
        bencher.iter(|| repo.run(&["status", "system9999", "-q"]));
    });
    group.finish();
}

fn render(criterion: &mut Criterion) {
    let system = system(7);
    let settings = parse_settings("dcr-gitops.yaml", SETTINGS).unwrap();
    let inputs = parse_inputs(&settings, &system, "dcr.yaml", INPUTS).unwrap();
    let record = Record {
        frontends: inputs.frontends.resolve(&system),
        system,
        run: 1,
        kind: Kind::Rebuild,
        step: 1,
        phase: Phase::HistoryUpdate,
        attempt: 1,
        forced: false,
        farmers: 4,
        ticket: None,
        inputs: "sha256:00".to_owned(),
        gate_skipped: None,
    };
    let step = Step {
        action: Action::Start,
        record,
        outcome: None,
        reason: "a run was asked for".to_owned(),
        not_proved: vec![],
        place: Place::New,
    };
    let base = BaseFolder { dcr: "clusters/system7/dcr".to_owned(), ..BaseFolder::default() };
    let templates = Templates::builtin().unwrap();
    criterion.bench_function("rendering/first step", |bencher| {
        bencher.iter(|| {
            let change = change(&step, &base, &inputs, Wiring::Directory, &templates).unwrap();
            message(&step, &change, None).unwrap()
        });
    });
    criterion.bench_function("rendering/templates read", |bencher| {
        bencher.iter(|| Templates::builtin().unwrap());
    });
}

criterion_group!(benches, render, commit, names);
criterion_main!(benches);
