//! Plays a scenario: the program as a process of its own, started and started again, against the world.
mod listening;

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::folder::Folder;
use super::reviewer::{Act, State};
use super::scenario::{Asked, MAX_FARMERS, Moment, Scenario};
use super::timeline::Timeline;
use super::world::{Event, Ledger, Setting, TICKET, What, World};
use crate::cli::ScaledClock;
use crate::context::Clock;
use crate::exit;

use listening::Listening;

/// How often the world catches up with the clock.
const TICK: Duration = Duration::from_millis(10);
/// Between two looks of the watcher, in real time.
const POLL: Duration = Duration::from_millis(250);
/// How long one watcher watches, in real time, before another one takes over.
const SLICE: Duration = Duration::from_secs(3);
/// The longest that a program lives that is to be killed: a look or two.
const LIFE: Duration = Duration::from_millis(700);
/// A rehearsal that takes longer than this has gone wrong.
const LONGEST: Duration = Duration::from_secs(300);

/// How the lines of an error begin.
const ERRORS: [&str; 2] = ["error: ", "caused by: "];
const HINT: &str = "hint: ";

/// What is played, with what.
pub struct Play<'a> {
    /// This very program.
    pub program: PathBuf,
    pub folder: &'a Folder,
    pub scenario: &'a Scenario,
    pub setting: &'a Setting,
    /// The port that the settings name as Jira's.
    pub jira: Option<TcpListener>,
    /// The real one.
    pub clock: Clock,
    /// The program's results are wanted as JSON.
    pub json: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// The exit code of the last program.
    pub code: u8,
    /// How many steps landed on the base branch.
    pub steps: usize,
    pub ledger: Ledger,
    /// The last line that the program printed.
    pub last: String,
    /// The errors that the last program ended with, as it printed them.
    pub errors: String,
    /// How many times the program was killed.
    pub killed: u32,
}

impl Play<'_> {
    /// Plays all of it, unless `stop` ends it; `show` gets the timeline, line by line.
    ///
    /// # Errors
    /// The world can't be made or go on, or the program can't be run or doesn't come to an end.
    pub async fn run(
        &self,
        stop: impl Future<Output = ()>,
        show: impl FnMut(&str) -> std::io::Result<()>,
    ) -> anyhow::Result<Played> {
        let world = World::new(self.setting, self.scenario)?;
        let server = world.kubernetes.listen().await.context("listening on loopback")?;
        let platforms = Listening::new(&world, self.jira.as_ref()).await;
        let platforms = platforms.context("listening on loopback")?;
        self.folder.write_kubeconfig(&server.url()).context("writing the kubeconfig")?;
        let now = self.clock.now().as_millisecond();
        let scaled = ScaledClock {
            start: self.setting.start,
            since: Timestamp::from_millisecond(now)?,
            scale: self.scenario.pace,
        };
        let stage = Stage {
            play: self,
            scaled,
            clock: self.clock.scaled(scaled.start, scaled.since, scaled.scale),
            log: File::create_new(self.folder.log()).context("opening the log")?,
            timeline: Timeline::new(self.setting.start),
            steps: 0,
            last: String::new(),
            errors: String::new(),
            environment: platforms.environment(&world),
            world,
            asks: self.scenario.asks.iter().copied().collect(),
            killed: 0,
            show,
        };
        tokio::select! {
            played = timeout(LONGEST, stage.play()) => match played {
                Ok(played) => played,
                Err(_) => bail!("the rehearsal came to no end in {} s", LONGEST.as_secs()),
            },
            () = stop => bail!("the rehearsal was stopped"),
        }
    }
}

/// A play that is on.
struct Stage<'a, S> {
    play: &'a Play<'a>,
    scaled: ScaledClock,
    /// The world's.
    clock: Clock,
    world: World,
    log: File,
    timeline: Timeline,
    steps: usize,
    last: String,
    errors: String,
    /// Where the program finds GitHub and Jira.
    environment: Vec<(&'static str, String)>,
    /// What people are still to ask for.
    asks: VecDeque<Asked>,
    /// How many times the program was killed.
    killed: u32,
    show: S,
}

impl<S: FnMut(&str) -> std::io::Result<()>> Stage<'_, S> {
    async fn play(mut self) -> anyhow::Result<Played> {
        let system = self.play.setting.system.to_string();
        let (poll, slice) = (self.in_world(POLL), self.in_world(SLICE));
        let watch = ["watch", &system, "--pr", "--poll", &poll, "--for", &slice];
        let watch = watch.map(str::to_owned);
        let mut code = exit::OK;
        for _ in 0..self.play.scenario.runs {
            let mut begin = self.ask(self.play.scenario.begins_with);
            if self.world.jira.is_some() {
                begin.extend(["--ticket".to_owned(), TICKET.to_owned()]);
            }
            code = self.until_done(&begin).await?;
            if code == exit::OK {
                code = self.until_done(&watch).await?;
            }
            while let Some(asked) = self.asks.pop_front_if(|it| it.when == Moment::Ended(code)) {
                self.asked(asked).await?;
                code = self.until_done(&watch).await?;
            }
            if code == exit::HALTED
                && let Some(later) = self.play.scenario.again
            {
                self.pass(later).await?;
                code = self.until_done(&watch).await?;
            }
            if code != exit::OK {
                break;
            }
        }
        self.catch_up().await?;
        let ledger = self.world.ledger();
        let Stage { steps, last, errors, killed, .. } = self;
        Ok(Played { code, steps, ledger, last, errors, killed })
    }

    /// Lets so much time of the world pass.
    async fn pass(&mut self, length: SignedDuration) -> anyhow::Result<()> {
        let end = self.clock.now().checked_add(length)?;
        let mut ticks = interval(TICK);
        while self.clock.now() < end {
            ticks.tick().await;
            self.catch_up().await?;
        }
        Ok(())
    }

    /// Runs the program again and again, as long as it says that it still waits.
    async fn until_done(&mut self, arguments: &[String]) -> anyhow::Result<u8> {
        loop {
            let killed = self.killed;
            let status = self.program(arguments).await?;
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            match code {
                Some(exit::WAITING) => {}
                Some(code) => return Ok(code),
                None if self.killed > killed => {}
                None => bail!("the program was killed ({status})"),
            }
        }
    }

    /// What a person types who asks for this command.
    fn ask(&self, command: &[&str]) -> Vec<String> {
        let Setting { system, inputs, .. } = self.play.setting;
        let (system, max) = (system.to_string(), inputs.farmers.max.to_string());
        let words = command.iter().copied().chain([system.as_str(), "--pr"]);
        words.map(|word| if word == MAX_FARMERS { max.clone() } else { word.to_owned() }).collect()
    }

    /// Tells of what a person asks for, and runs it until it is done.
    async fn asked(&mut self, asked: Asked) -> anyhow::Result<()> {
        let arguments = self.ask(asked.command);
        let line = self.timeline.asked(self.clock.now(), &arguments.join(" "));
        (self.show)(&line)?;
        match self.until_done(&arguments).await? {
            exit::OK => Ok(()),
            code => {
                bail!("`{}` ended with {code}\n{}", arguments.join(" "), self.errors.trim_end())
            }
        }
    }

    /// What a person asks for while the watcher watches: at a terminal of their own, beside it.
    async fn asked_beside(&mut self) -> anyhow::Result<()> {
        let far = self.world.percent();
        let due = |it: &mut Asked| matches!(it.when, Moment::Rebuilt(at) if far.is_some_and(|far| far >= at));
        let Some(asked) = self.asks.pop_front_if(due) else { return Ok(()) };
        let (last, errors) = (self.last.clone(), std::mem::take(&mut self.errors));
        Box::pin(self.asked(asked)).await?;
        (self.last, self.errors) = (last, errors);
        Ok(())
    }

    /// Runs the program once, while the world goes on.
    async fn program(&mut self, arguments: &[String]) -> anyhow::Result<ExitStatus> {
        writeln!(self.log, "$ dcr-gitops {}", arguments.join(" ")).context("writing the log")?;
        self.errors.clear();
        let mut child = self.start(arguments)?;
        let mut out = lines(child.stdout.take());
        let mut err = lines(child.stderr.take());
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut of_error = false;
        let mut lives_until = self.life().map(|life| Instant::now() + life);
        loop {
            tokio::select! {
                Some(line) = next(&mut out) => {
                    let line = line.context("reading what the program prints")?;
                    self.said(&line)?;
                    self.last = line;
                }
                Some(line) = next(&mut err) => {
                    let line = line.context("reading what the program complains of")?;
                    self.said(&line)?;
                    // A warning may have a hint, too.
                    let begins = ERRORS.iter().any(|label| line.starts_with(label));
                    of_error = begins || of_error && line.starts_with(HINT);
                    if of_error {
                        self.errors += &format!("{line}\n");
                    }
                }
                _ = ticks.tick() => {
                    if lives_until.take_if(|until| *until <= Instant::now()).is_some() {
                        self.killed += 1;
                        child.start_kill().context("killing the program")?;
                    }
                    self.catch_up().await?;
                    self.asked_beside().await?;
                }
                status = child.wait(), if out.is_none() && err.is_none() => {
                    return status.context("waiting for the program");
                }
            }
        }
    }

    /// How long the next program lives that is to be killed, in real time.
    fn life(&self) -> Option<Duration> {
        let Scenario { kills, seed, .. } = self.play.scenario;
        // Knuth's multiplicative hash: neighbouring numbers come out far apart.
        let chance =
            seed.wrapping_add(self.killed.into()).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let most = LIFE.as_millis() as u64;
        (self.killed < *kills).then(|| Duration::from_millis(chance % most))
    }

    fn start(&self, arguments: &[String]) -> anyhow::Result<Child> {
        let Play { program, folder, json, .. } = self.play;
        let mut command = Command::new(program);
        command.arg("--clock").arg(self.scaled.to_string()).args(arguments);
        if *json {
            command.args(["-o", "json"]);
        }
        command
            .env_clear()
            .envs(folder.environment())
            .envs(self.environment.clone())
            .current_dir(folder.work());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn().context("starting the program")
    }

    async fn catch_up(&mut self) -> anyhow::Result<()> {
        for event in self.world.until(self.clock.now()).await? {
            self.note(&event)?;
            let line = self.timeline.event(&event);
            (self.show)(&line)?;
        }
        Ok(())
    }

    /// Keeps account of the requests.
    fn note(&mut self, event: &Event) -> anyhow::Result<()> {
        let What::Review(act) = &event.what else { return Ok(()) };
        let (Act::Opened(request)
        | Act::Updated(request)
        | Act::Ended(request)
        | Act::Conflicts(request)) = act
        else {
            return Ok(());
        };
        if matches!(request.state, State::Merged(_)) {
            self.steps += 1;
        }
        self.play.folder.write_request(request).context("writing a request down")
    }

    /// A line that the program printed: all of them are in the log, some in the timeline.
    fn said(&mut self, line: &str) -> anyhow::Result<()> {
        writeln!(self.log, "{line}").context("writing the log")?;
        if let Some(line) = self.timeline.said(self.clock.now(), line) {
            (self.show)(&line)?;
        }
        Ok(())
    }

    /// What a real length of time is in the world, as a flag takes it.
    fn in_world(&self, length: Duration) -> String {
        let seconds = length.as_secs_f64() * self.scaled.scale;
        let length = SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX);
        format!("{}s", length.as_secs())
    }
}

type Pipe<R> = Option<Lines<BufReader<R>>>;

fn lines<R: AsyncRead + Unpin>(pipe: Option<R>) -> Pipe<R> {
    pipe.map(|pipe| BufReader::new(pipe).lines())
}

/// The next line; none when the pipe has ended, which is then dropped.
async fn next<R: AsyncRead + Unpin>(pipe: &mut Pipe<R>) -> Option<std::io::Result<String>> {
    let line = pipe.as_mut()?.next_line().await.transpose();
    if line.is_none() {
        *pipe = None;
    }
    line
}
