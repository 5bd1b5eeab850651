//! Running the `git` program and the ones that sign: no prompt, no hook, no endless wait, no leaked token.
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use regex::Regex;

use super::{Error, Repo};

/// How long a remote may take. A push or fetch of a few objects takes seconds; a machine that sleeps
/// meanwhile, or a proxy that swallows packets, must not hold a watcher for ever.
const PATIENCE: Duration = Duration::from_secs(300);

/// One call of a program.
pub(crate) struct Call {
    command: Command,
    /// As quoted in errors.
    name: String,
    input: Vec<u8>,
    patience: Duration,
}

/// What a program said.
pub(crate) struct Said {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub success: bool,
    how: String,
}

impl Repo {
    /// A call of `git` in this repo; no hook of the user runs.
    pub(crate) fn git(&self, arguments: &[&str]) -> Call {
        self.git_in(self.git_dir(), arguments)
    }

    /// The same with another git folder, whose remotes and objects are this repo's.
    pub(super) fn git_in(&self, git_dir: &Path, arguments: &[&str]) -> Call {
        let mut call = self.program(std::ffi::OsStr::new("git"));
        call.command.arg("--git-dir").arg(git_dir);
        call.command.args(["-c", "core.hooksPath=/dev/null"]).args(arguments);
        let name =
            arguments.iter().find(|argument| !argument.starts_with('-') && !argument.contains('='));
        call.name = format!("git {}", name.unwrap_or(&""));
        call
    }

    /// A call of any other program, with this repo's environment.
    pub(crate) fn program(&self, program: &std::ffi::OsStr) -> Call {
        let mut command = Command::new(program);
        // What points git at another repo was followed when this one was opened.
        let elsewhere = [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_COMMON_DIR",
            "GIT_NAMESPACE",
            "GIT_PREFIX",
        ];
        let env = self.env.iter().filter(|(name, _)| !elsewhere.iter().any(|known| *name == known));
        command.env_clear().envs(env);
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
        // A remote or a key may be named by a path relative to the work tree.
        let top = self.inner.workdir().filter(|top| top.is_dir());
        command.current_dir(top.unwrap_or(self.git_dir()));
        let name = program.to_string_lossy().into_owned();
        Call { command, name, input: Vec::new(), patience: PATIENCE }
    }
}

impl Call {
    pub fn input(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.input = text.into();
        self
    }

    /// One more variable in its environment.
    pub fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// How long it may take.
    pub fn patience(self, patience: Duration) -> Self {
        Call { patience, ..self }
    }

    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments.into_iter().map(Into::into));
        self
    }

    /// Runs it; a failure is an error with what it said.
    pub fn run(self) -> Result<Said, Error> {
        let name = self.name.clone();
        let said = self.said()?;
        if said.success { Ok(said) } else { Err(said.into_error(&name)) }
    }

    /// Runs it, however it ends.
    pub fn said(mut self) -> Result<Said, Error> {
        let starting = || Error::io(format!("running `{}`", self.name));
        tracing::debug!("{}", self.name);
        let stdin = if self.input.is_empty() { Stdio::null() } else { Stdio::piped() };
        let mut child = self
            .command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(starting())?;
        if let Some(mut stdin) = child.stdin.take() {
            let input = self.input;
            // A program that stops reading says why on its standard error.
            std::thread::spawn(move || drop(stdin.write_all(&input)));
        }
        let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
        let end = Instant::now() + self.patience;
        let left = || end.saturating_duration_since(Instant::now());
        let heard = stdout
            .recv_timeout(left())
            .and_then(|stdout| Ok((stdout, stderr.recv_timeout(left())?)));
        let Ok((stdout, stderr)) = heard else {
            return Err(give_up(child, &self.name, self.patience));
        };
        let status = child.wait().map_err(Error::io(format!("waiting for `{}`", self.name)))?;
        Ok(Said { stdout, stderr, success: status.success(), how: format!("failed ({status})") })
    }
}

impl Said {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn into_error(self, name: &str) -> Error {
        Error::Program {
            command: name.trim_start_matches("git ").to_owned(),
            how: self.how,
            stderr: without_credentials(&String::from_utf8_lossy(&self.stderr)).trim().to_owned(),
        }
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a broken pipe is still worth quoting.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

fn give_up(mut child: Child, name: &str, patience: Duration) -> Error {
    // It may have ended on its own meanwhile.
    let _ = child.kill();
    let _ = child.wait();
    Error::Program {
        command: name.trim_start_matches("git ").to_owned(),
        how: format!("gave no answer in {} s", patience.as_secs()),
        stderr: String::new(),
    }
}

/// Text from a program or a remote, fit to be shown: user and password of URLs are cut out, and control
/// characters other than line ends are escaped.
pub fn without_credentials(text: &str) -> String {
    static USER_INFO: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s'\x22]*@").ok());
    let text = match USER_INFO.as_ref() {
        Some(user_info) => user_info.replace_all(text, "$1***@"),
        None => return String::new(),
    };
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}
