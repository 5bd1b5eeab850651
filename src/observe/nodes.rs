//! Asks the nodes of a run what they say of it: everybody in the order agreed on, nobody for longer than
//! the limit, and whoever gave no usable answer is named.
mod command;
mod question;
mod way;

use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;

use self::question::Question;
use super::clusters::Clusters;
use super::express::excerpt::excerpt;
use super::express::http::Http;
use super::express::{aa_status, probe};
use crate::config;
use crate::context::Clock;
use crate::run::express::{AaStatus, Admin, ProbeAnswer, ProbeState, Silent};
use crate::run::{Kind, Phase, Record};

pub use command::Commands;
pub(super) use question::ENCODED;

/// How long a node may take for one answer.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How many nodes of a run are asked at the same time.
const AT_A_TIME: usize = 8;

/// The ways to the nodes.
#[derive(Debug)]
pub struct Nodes<'a> {
    pub clusters: &'a Clusters,
    pub http: &'a Http,
    pub clock: &'a Clock,
    /// `None`: no command is run, whatever the inputs say. So it is in `plan` and `check`.
    pub commands: Option<&'a Commands>,
}

impl Nodes<'_> {
    /// All answers about one run: the A/A status always, the others in the phases that need them.
    ///
    /// The A/A status is asked of the synchronizer, then of the frontends by name, until one answers. The
    /// rebuild status is asked of all of them, frontends first: only if all answer and none knows of a
    /// rebuild, there is none.
    pub async fn ask(&self, record: &Record, inputs: &config::Admin) -> Admin {
        let rebuild = match (record.kind, record.phase) {
            (Kind::Synchronizer, _) | (_, Phase::Teardown) => None,
            _ => Some(&inputs.rebuild_status),
        };
        let history = inputs.history.as_ref().filter(|_| record.phase == Phase::HistoryUpdate);
        let propagation = inputs.propagation.as_ref().filter(|_| record.phase == Phase::Propagate);
        let ((aa_status, a), (rebuild, b), (history, c), (propagation, d)) = tokio::join!(
            self.aa_status(record, inputs),
            self.probe("rebuildStatus", record, inputs, rebuild),
            self.probe("history", record, inputs, history),
            self.probe("propagation", record, inputs, propagation),
        );
        Admin {
            aa_status,
            rebuild,
            history: least_done(history),
            propagation: least_done(propagation),
            silent: [a, b, c, d].concat(),
        }
    }

    async fn aa_status(
        &self,
        record: &Record,
        inputs: &config::Admin,
    ) -> (Option<AaStatus>, Vec<Silent>) {
        let question = Question::of_aa_status(inputs);
        let mut silent = Vec::new();
        let mut nodes = frontends(record);
        nodes.insert(0, record.system.synchronizer_pod());
        nodes.truncate(question.askable(nodes.len()));
        for node in nodes {
            let usable = match self.answer(&question, record, &node).await {
                Ok((answer, at)) => {
                    let status = aa_status::parse(&answer, &node, at);
                    if status.rows.is_empty() {
                        Err(format!("no row of an A/A status in its answer `{}`", excerpt(&answer)))
                    } else {
                        Ok(status)
                    }
                }
                Err(why) => Err(why),
            };
            match usable {
                Ok(status) => return (Some(status), silent),
                Err(why) => silent.push(question.silent(node, why)),
            }
        }
        (None, silent)
    }

    /// What every node answers to a question about a state, and who doesn't.
    async fn probe(
        &self,
        name: &'static str,
        record: &Record,
        inputs: &config::Admin,
        probe: Option<&config::Probe>,
    ) -> (Vec<ProbeAnswer>, Vec<Silent>) {
        let Some(probe) = probe else { return Default::default() };
        let question = &Question::of_probe(name, inputs, probe);
        let mut nodes = frontends(record);
        nodes.push(record.system.synchronizer_pod());
        nodes.truncate(question.askable(nodes.len()));
        let each = nodes.into_iter().map(|node| async move {
            let answer = match self.answer(question, record, &node).await {
                Ok((answer, at)) => probe::read(&answer, &probe.fields, &probe.states, &node, at)
                    .map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            answer.map_err(|why| question.silent(node, why))
        });
        let all: Vec<_> = stream::iter(each).buffered(AT_A_TIME).collect().await;
        let (mut answers, mut silent) = (Vec::new(), Vec::new());
        for answer in all {
            match answer {
                Ok(answer) => answers.push(answer),
                Err(none) => silent.push(none),
            }
        }
        (answers, silent)
    }

    /// What one node answers, and when.
    async fn answer(
        &self,
        question: &Question<'_>,
        record: &Record,
        node: &str,
    ) -> Result<(Vec<u8>, Timestamp), String> {
        let asked = self.by_its_way(question, &record.system, node);
        match tokio::time::timeout(LIMIT, asked).await {
            Ok(answer) => Ok((answer?, self.clock.now())),
            Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
        }
    }
}

fn frontends(record: &Record) -> Vec<String> {
    let mut frontends = record.frontends.clone();
    frontends.sort();
    frontends
}

/// Of several answers about one thing, the one that says most is still to be done: it is done when nobody
/// who knows of it says otherwise.
fn least_done(answers: Vec<ProbeAnswer>) -> Option<ProbeAnswer> {
    answers.into_iter().min_by_key(|answer| match answer.state {
        ProbeState::Unmapped(_) => 0,
        ProbeState::Failed => 1,
        ProbeState::Running => 2,
        ProbeState::Complete | ProbeState::NotNeeded => 3,
        ProbeState::None => 4,
    })
}
