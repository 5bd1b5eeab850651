//! The embedded world on loopback and a clone beside it, with the built program run in it by hand.
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::UNIX_EPOCH;

use dcr_gitops::rehearse::folder::Folder;
use dcr_gitops::rehearse::kubernetes::Loopback;
use dcr_gitops::rehearse::scenario::Scenario;
use dcr_gitops::rehearse::world::World;
use jiff::SignedDuration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::env::Ran;
use crate::journey::play::prepare;

pub struct Stage {
    pub folder: Folder,
    pub world: World,
    server: Loopback,
}

impl Stage {
    pub async fn new() -> Self {
        let path = std::env::var_os("PATH");
        let folder = Folder::new(None, path.as_deref()).unwrap();
        let setting = prepare(&folder, true);
        let world = World::new(&setting, &Scenario::named("happy").unwrap()).unwrap();
        let server = world.kubernetes.listen().await.unwrap();
        folder.write_kubeconfig(&server.url()).unwrap();
        let stage = Stage { folder, world, server };
        stage.clone("work");
        stage
    }

    /// The same with the first step landed, applied and done: the second one is due.
    pub async fn due() -> Self {
        let stage = Stage::new().await;
        stage.run(&["next-phase", "system6", "--push"]).await.ends(0);
        stage.pass(12).await;
        stage
    }

    pub fn clone(&self, name: &str) -> PathBuf {
        self.folder.git(self.folder.root(), ["clone", "--quiet", "deployment.git", name]).unwrap();
        self.folder.root().join(name)
    }

    /// The program in the usual clone, at work.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.program(&self.folder.work(), arguments))
    }

    /// Where the branch of this name is on the remote, if it is there.
    pub fn pushed(&self, name: &str) -> Option<String> {
        let found = self.folder.git(&self.folder.remote(), ["rev-parse", "--verify", name]);
        found.ok().map(|commit| commit.trim().to_owned())
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub async fn pass(&self, hours: i64) {
        self.world.until(self.world.now() + SignedDuration::from_hours(hours)).await.unwrap();
    }

    /// The program in `dir`, whose clock begins at the world's time.
    pub fn program(&self, dir: &Path, arguments: &[&str]) -> Command {
        // What was just written tells what time it is outside.
        let written = self.folder.root().join("now");
        fs::write(&written, "").unwrap();
        let now = fs::metadata(written).unwrap().modified().unwrap();
        let now = now.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dcr-gitops"));
        command.arg("--clock").arg(format!("{}@{now}x1", self.world.now())).args(arguments);
        command.env_clear().envs(self.folder.environment()).current_dir(dir);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.program(&self.folder.work(), arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap()
    }

    /// Every ref of the remote and of the clone.
    pub fn refs(&self) -> Vec<String> {
        let repos = [self.folder.remote(), self.folder.work()];
        repos.map(|repo| self.folder.git(&repo, ["for-each-ref"]).unwrap()).into()
    }

    /// The clone is whole, and nobody holds a lock on it.
    pub fn is_clean(&self) {
        let work = self.folder.work();
        self.folder.git(&work, ["fsck", "--strict", "--no-dangling"]).unwrap();
        let mut open = vec![work.join(".git")];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                assert!(path.extension().is_none_or(|it| it != "lock"), "{}", path.display());
                if path.is_dir() {
                    open.push(path);
                }
            }
        }
    }

    /// Another API server in place of the world's.
    pub fn reach(&self, url: &str) {
        assert_ne!(url, self.server.url());
        self.folder.write_kubeconfig(url).unwrap();
    }
}

/// The program at work, line by line.
pub struct Running {
    pub child: Child,
    lines: UnboundedReceiver<String>,
    pub heard: Vec<String>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (tell, lines) = unbounded_channel();
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for pipe in pipes {
            let tell = tell.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines() {
                    tell.send(line.unwrap()).ok();
                }
            });
        }
        Running { child, lines, heard: Vec::new() }
    }

    /// Waits until it says a line with this in it.
    pub async fn says(&mut self, part: &str) {
        let limit = std::time::Duration::from_secs(120);
        loop {
            let line = tokio::time::timeout(limit, self.lines.recv()).await;
            let Ok(Some(line)) = line else { panic!("no `{part}` in {:#?}", self.heard) };
            self.heard.push(line);
            if self.heard.last().unwrap().contains(part) {
                return;
            }
        }
    }

    /// Sends it a signal, and waits for its end: the exit code.
    pub async fn end_by(mut self, signal: &str) -> (Option<i32>, Vec<String>) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        while let Some(line) = self.lines.recv().await {
            self.heard.push(line);
        }
        (self.child.wait().unwrap().code(), self.heard)
    }
}
