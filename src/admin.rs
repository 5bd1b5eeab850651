//! The program inside the trigger and propagate Jobs: asks the nodes, and sends one command if and only if
//! that may be sent.
//!
//! The command is sent at most once, whatever becomes of its answer: an answer that is lost is made up for
//! by asking how things stand, never by sending again. Questions change nothing, so they are repeated while
//! a node is still booting. A trigger Job that is created again by hand, by self-heal or from a backup
//! therefore starts nothing, even if its synchronizer was started anew meanwhile: a trigger asks the frontends,
//! too, whether they remember its attempt. No answer says whether caches are being propagated: there the rule is only
//! that the synchronizer serves the complete rebuild they come from, however often they are sent.
mod message;
mod path;
mod rule;

use std::time::Duration;

use jiff::Timestamp;

use crate::admin_job::{AdminJob, VARIABLE};
use crate::observe::express::aa_status;
use crate::observe::express::excerpt::excerpt;
use crate::observe::express::http::{Http, HttpError};
use crate::observe::express::probe::{self, ProbeError};
use crate::run::SystemRef;
use crate::run::express::{AaStatus, ProbeAnswer};

use rule::Ruling;

pub use message::LONGEST_MESSAGE;

/// How long the Job asks a node that gives no usable answer. Together with the command and the questions
/// after a lost answer (two minutes at most) it has to fit into the Job's `activeDeadlineSeconds`.
const BOOTING: Duration = Duration::from_secs(5 * 60);

/// The pauses before the questions after a lost answer.
const AFTER_A_LOST_ANSWER: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
];

/// Which command the Job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Starts the rebuild.
    Trigger,
    /// Propagates the rebuilt caches to the frontends.
    Propagate,
}

/// How the Job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// 0: the command was accepted, now or before. 1: it was not, or that isn't known.
    pub exit: u8,
    /// For `/dev/termination-log`: at most [`LONGEST_MESSAGE`] bytes on one line, control characters escaped.
    pub message: String,
}

/// Where the Job takes its time from.
pub trait Time {
    fn now(&self) -> Timestamp;
    fn pause(&self, length: Duration) -> impl Future<Output = ()> + Send;
}

/// What lies between the Job and the nodes: a network, except where the nodes are in the same process.
pub trait Wire {
    /// The body of an answer with status 200 to a question, which changes nothing.
    fn ask(&self, url: &str) -> impl Future<Output = Result<Vec<u8>, HttpError>> + Send;
    /// Sends a command, once, and gives the body of its answer with status 200.
    fn command(&self, url: &str) -> impl Future<Output = Result<Vec<u8>, HttpError>> + Send;
}

impl Wire for Http {
    async fn ask(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        Http::ask(self, url).await
    }

    async fn command(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        Http::command(self, url).await
    }
}

/// Does what the Job is for. `told` is the value of the environment variable [`VARIABLE`].
pub async fn run(
    kind: Kind,
    told: Option<&str>,
    http: &(impl Wire + Sync),
    time: &(impl Time + Sync),
) -> Outcome {
    let job = match told.map(serde_json::from_str::<AdminJob>) {
        Some(Ok(job)) => job,
        Some(Err(error)) => {
            return ended(Err(unsent(format!("{VARIABLE} can't be read: {error}"))));
        }
        None => return ended(Err(unsent(format!("{VARIABLE} isn't set")))),
    };
    let nodes = Nodes { job: &job, http, time };
    ended(match kind {
        Kind::Trigger => nodes.trigger().await,
        Kind::Propagate => nodes.propagate().await,
    })
}

fn ended(end: Result<String, String>) -> Outcome {
    let (exit, message) = match end {
        Ok(message) => (0, message),
        Err(message) => (1, message),
    };
    Outcome { exit, message: message::bounded(&message) }
}

/// The nodes as one Job sees them. Errors are the reason the Job ends with.
struct Nodes<'a, W, T> {
    job: &'a AdminJob,
    http: &'a W,
    time: &'a T,
}

impl<W: Wire + Sync, T: Time + Sync> Nodes<'_, W, T> {
    async fn trigger(&self) -> Result<String, String> {
        let give_up = self.time.now() + BOOTING;
        let node = &self.job.synchronizer;
        let before =
            self.until(give_up, node, "rebuildStatus", || self.rebuild_status(node)).await?;
        let mut ruling = rule::trigger(self.job, &before);
        if matches!(ruling, Ruling::Send) {
            let nodes = self.job.frontends.join(", ");
            ruling = self.until(give_up, &nodes, "rebuildStatus", || self.frontends()).await?;
        }
        match ruling {
            Ruling::Send => {}
            Ruling::Already(why) => return Ok(unsent(why)),
            Ruling::Refuse(why) => return Err(unsent(why)),
        }
        match self.send().await? {
            Sent::Answered(message) => Ok(message),
            Sent::Unclear(why) => self.accepted_after_all(&before, why).await,
        }
    }

    async fn propagate(&self) -> Result<String, String> {
        let give_up = self.time.now() + BOOTING;
        let from = &self.job.synchronizer;
        let status = self.until(give_up, from, "aaStatus", || self.aa_status()).await?;
        let rebuild =
            self.until(give_up, from, "rebuildStatus", || self.rebuild_status(from)).await?;
        let node = SystemRef {
            cluster: self.job.cluster.clone(),
            namespace: self.job.namespace.clone(),
            system: self.job.system.clone(),
        }
        .synchronizer_pod();
        rule::propagate(self.job, &node, &status, &rebuild).map_err(unsent)?;
        match self.send().await? {
            Sent::Answered(message) => Ok(message),
            // No answer says whether caches are being propagated, so there is nothing to ask.
            Sent::Unclear(why) => Err(unknown(&why)),
        }
    }

    /// Asks until there is a usable answer, at least once, with growing pauses until `give_up`.
    async fn until<A, F: Future<Output = Result<A, Unusable>>>(
        &self,
        give_up: Timestamp,
        node: &str,
        what: &str,
        ask: impl Fn() -> F,
    ) -> Result<A, String> {
        const LONGEST_PAUSE: Duration = Duration::from_secs(15);
        let mut pause = Duration::from_secs(1);
        loop {
            let why = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(Unusable::ForGood(why)) => return Err(unsent(why)),
                Err(Unusable::Now(why) | Unusable::Absent(why)) => why,
            };
            if self.time.now() + pause > give_up {
                return Err(unsent(format!("{node} gives no usable answer to {what}: {why}")));
            }
            self.time.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// What the frontends remember. One that gives no usable answer is passed over if another gives one.
    async fn frontends(&self) -> Result<Ruling, Unusable> {
        let (mut answered, mut unusable) = (false, None);
        for node in &self.job.frontends {
            match self.rebuild_status(node).await {
                Ok(answer) => match rule::remembered(self.job, &answer) {
                    Ruling::Send => answered = true,
                    ruling => return Ok(ruling),
                },
                // There is nobody to remember anything, nor to wait for.
                Err(Unusable::Absent(_)) => {}
                Err(Unusable::Now(why) | Unusable::ForGood(why)) => unusable = Some(why),
            }
        }
        match unusable {
            Some(why) if !answered => Err(Unusable::Now(why)),
            _ => Ok(Ruling::Send),
        }
    }

    async fn rebuild_status(&self, node: &str) -> Result<ProbeAnswer, Unusable> {
        let query = &self.job.rebuild_status;
        let body = self.ask(node, &query.path).await?;
        probe::read(&body, &query.fields, &query.states, node, self.time.now()).map_err(|error| {
            match error {
                ProbeError::NoStateField | ProbeError::Field { .. } => {
                    Unusable::ForGood(error.to_string())
                }
                _ => Unusable::Now(error.to_string()),
            }
        })
    }

    async fn aa_status(&self) -> Result<AaStatus, Unusable> {
        let path = self.job.aa_status.as_deref().ok_or_else(|| {
            Unusable::ForGood("the Job isn't told the path of the A/A status".to_owned())
        })?;
        let body = self.ask(&self.job.synchronizer, path).await?;
        let status = aa_status::parse(&body, &self.job.synchronizer, self.time.now());
        if status.rows.is_empty() {
            return Err(Unusable::Now(format!("no node has a row in `{}`", excerpt(&body))));
        }
        Ok(status)
    }

    /// Asks one node.
    async fn ask(&self, node: &str, path: &str) -> Result<Vec<u8>, Unusable> {
        let url = path::question(self.job, node, path).map_err(Unusable::ForGood)?;
        self.http.ask(&url).await.map_err(|error| match error {
            HttpError::Url { .. } => Unusable::ForGood(error.to_string()),
            HttpError::NotConnected(_) | HttpError::Status { status: 404, .. } => {
                Unusable::Absent(error.to_string())
            }
            _ => Unusable::Now(error.to_string()),
        })
    }

    /// Sends the command: the only place that does, and nothing in here repeats it.
    async fn send(&self) -> Result<Sent, String> {
        let order = &self.job.command;
        let to = match order.to.as_str() {
            "synchronizer" => &self.job.synchronizer,
            node => node,
        };
        let url = path::command(self.job, to, &order.path).map_err(unsent)?;
        let body = match self.http.command(&url).await {
            Ok(body) => body,
            Err(error @ (HttpError::Url { .. } | HttpError::NotConnected(_))) => {
                return Err(unsent(format!("{to}: {error}")));
            }
            Err(error) => return Ok(Sent::Unclear(format!("{to}: {error}"))),
        };
        let answer = excerpt(&body);
        let attempt = rule::attempt(self.job);
        match order.expect.as_deref() {
            Some(expect) if !String::from_utf8_lossy(&body).contains(expect) => Err(format!(
                "{to} was sent the command of {attempt}, but its answer doesn't contain `{expect}`: `{answer}`"
            )),
            _ => Ok(Sent::Answered(format!("{to} accepted the command of {attempt}: `{answer}`"))),
        }
    }

    /// After a lost answer: whether the rebuild shows that the command was accepted.
    async fn accepted_after_all(
        &self,
        before: &ProbeAnswer,
        why: String,
    ) -> Result<String, String> {
        for pause in AFTER_A_LOST_ANSWER {
            self.time.pause(pause).await;
            if let Ok(after) = self.rebuild_status(&self.job.synchronizer).await
                && let Some(seen) = rule::accepted(self.job, before, &after)
            {
                return Ok(format!("the command was accepted: {seen} (its own answer: {why})"));
            }
        }
        Err(unknown(&why))
    }
}

/// Why an answer can't be used.
enum Unusable {
    /// Asking again may help: the node boots, its server isn't complete yet.
    Now(String),
    /// Nothing is there that could answer; it may still be booting.
    Absent(String),
    /// No answer could be.
    ForGood(String),
}

/// What became of a command that was sent.
enum Sent {
    Answered(String),
    /// Whether it was accepted isn't known, and why.
    Unclear(String),
}

fn unsent(why: String) -> String {
    format!("nothing was sent: {why}")
}

fn unknown(why: &str) -> String {
    format!(
        "the command was sent once and isn't sent again, and it is not known whether it was accepted: {why}"
    )
}
