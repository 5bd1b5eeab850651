//! Everything the program takes from its process: built once in `main`, passed down, asked nowhere else.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::report::actions::Actions;
use crate::report::for_runner;

/// Environment, clock, working directory and the two output streams.
pub struct Context {
    pub env: BTreeMap<OsString, OsString>,
    pub clock: Clock,
    pub cwd: PathBuf,
    pub out: Box<dyn Write + Send>,
    pub err: Box<dyn Write + Send>,
    /// Whether `out` and `err` are terminals.
    pub terminal: Terminal,
    /// The step of a GitHub Actions job that the program runs in.
    pub actions: Option<Actions>,
}

/// Which output streams a person looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terminal {
    pub out: bool,
    pub err: bool,
}

/// Where the time comes from, and how fast it passes; and where chance comes from that spreads things over
/// time.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// How many seconds of this clock pass in a real one; 1 except in rehearsals.
    scale: f64,
    seed: u64,
}

impl Clock {
    /// Its chance follows from the moment it was made at: two programs hardly share it.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let nanoseconds = now().as_nanosecond();
        Clock { now: Arc::new(now), scale: 1.0, seed: nanoseconds as u64 }
    }

    /// The same clock with chance that can be foretold.
    pub fn seeded(self, seed: u64) -> Self {
        Clock { seed, ..self }
    }

    /// A clock that showed `start` when this one showed `since`, and runs `scale` times as fast.
    pub fn scaled(&self, start: Timestamp, since: Timestamp, scale: f64) -> Self {
        let real = self.clone();
        let now = move || {
            let passed = real.now().duration_since(since).as_secs_f64() * scale;
            start
                .checked_add(SignedDuration::try_from_secs_f64(passed).unwrap_or_default())
                .unwrap_or(Timestamp::MAX)
        };
        Clock { now: Arc::new(now), scale, seed: self.seed }
    }

    /// A number in `0.0..1.0`: the `nth` that follows from the seed.
    pub fn chance(&self, nth: u64) -> f64 {
        // SplitMix64 (Steele, Lea, Flood 2014): neighbouring numbers come out as far apart as any.
        let mut bits = self.seed.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// How much of this clock's time passes in a real length.
    pub fn passes_in(&self, length: Duration) -> SignedDuration {
        let seconds = length.as_secs_f64() * self.scale;
        SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX)
    }

    /// How long a length of this clock's time really takes.
    pub fn real(&self, length: SignedDuration) -> Duration {
        let seconds = (length.as_secs_f64() / self.scale).max(0.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

impl Context {
    /// A variable that is set, not empty, and UTF-8.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.get(OsStr::new(name))?.to_str().filter(|value| !value.is_empty())
    }

    /// This context for something that outlives the caller; what is left behind prints nowhere.
    pub fn take(&mut self) -> Context {
        let nowhere = Context {
            env: self.env.clone(),
            clock: self.clock.clone(),
            cwd: self.cwd.clone(),
            out: Box::new(std::io::sink()),
            err: Box::new(std::io::sink()),
            terminal: self.terminal,
            actions: self.actions.clone(),
        };
        std::mem::replace(self, nowhere)
    }

    /// Writes to standard output. That nobody reads it any more (`| head`) is no error.
    ///
    /// # Errors
    /// It can't be written, e.g. to a full disk: then what was asked for wasn't delivered.
    pub fn print(&mut self, text: &str) -> std::io::Result<()> {
        self.reach(text).map(drop)
    }

    /// The same; whether anybody still reads it.
    ///
    /// # Errors
    /// As for [`Context::print`].
    pub fn reach(&mut self, text: &str) -> std::io::Result<bool> {
        let text = self.for_log(text);
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            result => result.map(|()| true),
        }
    }

    /// Writes to standard error; if that fails, there is nobody left to tell.
    pub fn complain(&mut self, text: &str) {
        let text = self.for_log(text);
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }

    /// Gives commands to the runner of a GitHub Actions job. It reads them from standard error too, where
    /// they are in nobody's way.
    pub fn command(&mut self, commands: &str) {
        let _ = self.err.write_all(commands.as_bytes()).and_then(|()| self.err.flush());
    }

    /// Whether a runner reads what is printed. Nothing of it may be a command to it but what is meant so.
    pub fn is_in_actions(&self) -> bool {
        self.var("GITHUB_ACTIONS") == Some("true")
    }

    fn for_log<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_in_actions() { for_runner(text) } else { Cow::Borrowed(text) }
    }
}

impl fmt::Debug for Context {
    /// The environment may hold tokens, so it isn't shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("cwd", &self.cwd).finish_non_exhaustive()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
