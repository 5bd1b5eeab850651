//! Whether a command may be sent, judged from the nodes' answers alone. Pure.
use std::cmp::Ordering;

use crate::admin_job::AdminJob;
use crate::run::express::{AaStatus, Echo, ProbeAnswer, ProbeState};

/// What an answer allows.
pub enum Ruling {
    Send,
    /// This very attempt is running or complete.
    Already(String),
    Refuse(String),
}

/// The attempt a rebuild belongs to, compared with one of ours.
enum Attempt {
    Earlier,
    Own,
    Later,
    /// The answer doesn't say, or only says a run that has several.
    Unsaid,
}

impl Attempt {
    fn of(echo: Option<Echo>, run: u32, attempt: u32) -> Attempt {
        let Some(echo) = echo else { return Attempt::Unsaid };
        match (echo.run.cmp(&run), echo.attempt) {
            (Ordering::Less, _) => Attempt::Earlier,
            (Ordering::Greater, _) => Attempt::Later,
            (Ordering::Equal, None) if attempt == 1 => Attempt::Own,
            (Ordering::Equal, None) => Attempt::Unsaid,
            (Ordering::Equal, Some(said)) => match said.cmp(&attempt) {
                Ordering::Less => Attempt::Earlier,
                Ordering::Equal => Attempt::Own,
                Ordering::Greater => Attempt::Later,
            },
        }
    }
}

/// The trigger is sent only if no rebuild is running and no attempt from ours on is running or done.
/// Where the answer doesn't say which attempt it is about, only if it knows of none, or, when ours is a
/// further attempt, if it says that the rebuild failed.
pub fn trigger(job: &AdminJob, answer: &ProbeAnswer) -> Ruling {
    use ProbeState as State;
    let node = &answer.node;
    let said = said(answer);
    match (&answer.state, Attempt::of(answer.of, job.run, job.attempt)) {
        (State::Unmapped(_), _) => Ruling::Refuse(format!(
            "{node} says {said}, which `admin.rebuildStatus.states` doesn't map"
        )),
        (State::Running | State::Complete | State::NotNeeded, Attempt::Own) => {
            Ruling::Already(format!("{node} says that {} is {said}", attempt(job)))
        }
        (State::Running, _) => Ruling::Refuse(format!("{node} says that a rebuild is {said}")),
        (State::None | State::Failed, Attempt::Own) => {
            Ruling::Refuse(format!("{node} says {said}: {} was triggered before", attempt(job)))
        }
        (_, Attempt::Later) => {
            Ruling::Refuse(format!("{node} says {said}, which is later than {}", attempt(job)))
        }
        (State::None, _) if !idle(answer) => Ruling::Refuse(format!(
            "{node} says no state, but a progress, a start or an error: its answer isn't understood"
        )),
        (State::None, Attempt::Earlier | Attempt::Unsaid)
        | (State::Complete | State::NotNeeded | State::Failed, Attempt::Earlier) => Ruling::Send,
        (State::Failed, Attempt::Unsaid) if job.attempt > 1 => Ruling::Send,
        (State::Complete | State::NotNeeded | State::Failed, Attempt::Unsaid) => Ruling::Refuse(
            format!("{node} says {said}, but not of which attempt: that might be {}", attempt(job)),
        ),
    }
}

/// What a frontend adds, once the synchronizer's answer allows the trigger: it may remember our attempt, or a
/// later one, that a synchronizer started anew knows nothing of. What it says of an earlier one, or of none it
/// can name, doesn't matter: frontends are older than the run, and the rebuild before may be all they know.
/// Only a rebuild that is running, nobody knows which, might be ours.
pub fn remembered(job: &AdminJob, answer: &ProbeAnswer) -> Ruling {
    use ProbeState as State;
    match (&answer.state, Attempt::of(answer.of, job.run, job.attempt)) {
        (_, Attempt::Earlier)
        | (State::None | State::Complete | State::NotNeeded | State::Failed, Attempt::Unsaid) => {
            Ruling::Send
        }
        _ => trigger(job, answer),
    }
}

/// Whether an answer without a state says nothing else either. A field of the state that looks in the
/// wrong place must not pass a running rebuild off as none.
fn idle(answer: &ProbeAnswer) -> bool {
    answer.started_at.is_none()
        && answer.error.is_none()
        && answer.percent.is_none_or(|percent| percent == 0.0)
}

/// Propagate is sent only if the synchronizer serves the result of its rebuild, and that is complete.
pub fn propagate(
    job: &AdminJob,
    synchronizer: &str,
    status: &AaStatus,
    rebuild: &ProbeAnswer,
) -> Result<(), String> {
    let row = status
        .row(synchronizer)
        .ok_or_else(|| format!("{synchronizer} has no (single) row in the A/A status"))?;
    if row.synchronized_hash().is_none() {
        let unknown = match row.unknown.as_slice() {
            [] => String::new(),
            words => format!(", and its row has unknown words: `{}`", words.join(" ")),
        };
        return Err(format!(
            "{synchronizer} isn't `SYNCHRONIZED visible sync ready` with a hash{unknown}"
        ));
    }
    let needed = job
        .rebuild_attempt
        .ok_or_else(|| "the Job isn't told which rebuild must be complete".to_owned())?;
    let complete = matches!(rebuild.state, ProbeState::Complete | ProbeState::NotNeeded);
    match Attempt::of(rebuild.of, job.run, needed) {
        Attempt::Own | Attempt::Unsaid if complete => Ok(()),
        _ => Err(format!(
            "{} says {}, not that attempt {needed} of the rebuild of run {} is complete",
            rebuild.node,
            said(rebuild),
            job.run
        )),
    }
}

/// What shows that a trigger whose answer was lost was accepted: the rebuild that is named, or, where none
/// is ever named, a state that wasn't there before.
pub fn accepted(job: &AdminJob, before: &ProbeAnswer, after: &ProbeAnswer) -> Option<String> {
    let begun = !matches!(after.state, ProbeState::None | ProbeState::Unmapped(_));
    let ours = match Attempt::of(after.of, job.run, job.attempt) {
        Attempt::Own => true,
        Attempt::Unsaid => {
            let says_all_it_can = after.of.is_some() || job.rebuild_status.fields.run.is_none();
            says_all_it_can && after.state != before.state
        }
        Attempt::Earlier | Attempt::Later => false,
    };
    (begun && ours).then(|| format!("{} says {}", after.node, said(after)))
}

/// This Job's attempt, for people.
pub fn attempt(job: &AdminJob) -> String {
    format!("attempt {} of run {}", job.attempt, job.run)
}

fn said(answer: &ProbeAnswer) -> String {
    let state = match &answer.state {
        ProbeState::None => "no state".to_owned(),
        ProbeState::Running => "running".to_owned(),
        ProbeState::Complete => "complete".to_owned(),
        ProbeState::Failed => "failed".to_owned(),
        ProbeState::NotNeeded => "not needed".to_owned(),
        ProbeState::Unmapped(word) => format!("`{word}`"),
    };
    match answer.of {
        None => state,
        Some(Echo { run, attempt: None }) => format!("{state} (run {run})"),
        Some(Echo { run, attempt: Some(attempt) }) => {
            format!("{state} (run {run}, attempt {attempt})")
        }
    }
}
