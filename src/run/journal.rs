//! What earlier looks noted: it helps estimates, bounds a deadline from before, and decides nothing else.
//!
//! A journal is never changed in place. [`Journal::after`] makes the next one from what is stored and one
//! look, so whoever was outrun by another watcher takes theirs and adds the same look to it.
mod samples;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::deployment::{Action, StepContent};
use super::gate::{began, of_this_attempt};
use super::position::open_step;
use super::{Attention, AttentionClass, Observation, Phase, Record};

/// How far two looks may be apart for the time between them to count as watched (assumed): scheduled
/// pipelines come late, and some not at all.
pub const GAP: SignedDuration = SignedDuration::from_hours(2);

/// How often it is written at the most.
pub const WRITTEN_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// How long it is shown afterwards that nobody watched.
const OUTAGE_SHOWN: SignedDuration = SignedDuration::from_hours(24);

/// How many stretches, attempts, proposals and reports are kept, the newest.
const KEPT: usize = 32;

/// The longest message that is kept to know a report again, in bytes.
const LONGEST_MESSAGE: usize = 200;

/// The memory of a system's watcher. Losing it loses an estimate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Journal {
    /// When a watcher looked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_tick: Option<Timestamp>,
    /// The times in which somebody watched, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<Stretch>,
    /// The times in which, besides, a node said how far the rebuild is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Stretch>,
    /// The attempts of the rebuild.
    pub attempts: Vec<AttemptSeen>,
    /// Progress of the rebuild since it last began or went back, the oldest first.
    pub samples: Vec<Sample>,
    /// More farmers that were proposed, whatever became of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scales: Vec<ScaleSeen>,
    /// What people were told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<Reported>,
    /// What kept it from being read or written, in words: then it is what this process remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A time without a gap longer than [`GAP`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stretch {
    pub from: Timestamp,
    pub to: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttemptSeen {
    pub run: u32,
    pub attempt: u32,
    /// When it was first seen on the base or in the cluster.
    pub first_seen: Timestamp,
    /// The furthest it has been since it began or last went back, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub furthest: Option<Mark>,
    /// The furthest it had been when it went back, and when it was last seen to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub went_back: Option<Mark>,
}

/// How far a rebuild was at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mark {
    /// 0 to 100.
    pub percent: f64,
    pub since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sample {
    pub run: u32,
    pub attempt: u32,
    pub at: Timestamp,
    /// 0 to 100.
    pub percent: f64,
}

/// A step that was to bring more farmers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaleSeen {
    pub run: u32,
    pub farmers: u32,
    /// When it was first seen open.
    pub at: Timestamp,
}

/// A matter that was brought to somebody's attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reported {
    pub run: u32,
    pub class: AttentionClass,
    /// Since when it had been so, which tells it from the next one of its class.
    pub since: Option<Timestamp>,
    /// Where that isn't known, its words do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub at: Timestamp,
}

impl Journal {
    /// The journal with one more look in it.
    pub fn with(seen: &Observation) -> Journal {
        let at = seen.at;
        let mut journal = seen.world.journal.clone().until(at);
        journal.last_tick = Some(at);
        look_at(&mut journal.watched, at);
        let Some(record) = &seen.deployment.record else { return journal };
        journal.keep_run(record.run);
        if let Some(step) = open_step(seen)
            && let StepContent::Ours(intent) = &step.content
            && intent.action == Action::Scale
        {
            let scale = ScaleSeen { run: record.run, farmers: intent.farmers, at };
            let known = |it: &ScaleSeen| (it.run, it.farmers) == (scale.run, scale.farmers);
            if !journal.scales.iter().any(known) {
                journal.scales.push(scale);
            }
        }
        if record.phase == Phase::Rebuild {
            journal.note_attempt(seen, record);
        }
        newest(&mut journal.scales);
        newest(&mut journal.attempts);
        journal
    }

    /// The same once `reported` were told to people.
    pub fn after(seen: &Observation, reported: &[Attention]) -> Journal {
        let mut journal = Journal::with(seen);
        let run = seen.deployment.record.as_ref().map(|record| record.run);
        for attention in reported {
            if !journal.told(run, attention) {
                let (class, since) = (attention.class, attention.since);
                let message = since.is_none().then(|| start_of(&attention.message).to_owned());
                let run = run.unwrap_or_default();
                journal.reported.push(Reported { run, class, since, message, at: seen.at });
            }
        }
        newest(&mut journal.reported);
        journal
    }

    /// Whether so much time has passed since it was written that it may be again.
    pub fn may_be_written(&self, at: Timestamp) -> bool {
        self.last_tick.is_none_or(|last| at.duration_since(last) >= WRITTEN_EVERY)
    }

    /// The newest time in which nobody watched, if it ended within the last day or lasts `at` that moment.
    /// It is shown, and no more: whoever has to be woken by it is woken by the heartbeat that is missing.
    pub fn outage(&self, at: Timestamp) -> Option<Stretch> {
        let closed =
            self.watched.windows(2).map(|two| Stretch { from: two[0].to, to: two[1].from });
        let open = self.last_tick.map(|last| Stretch { from: last, to: at });
        let is_long = |it: &Stretch| it.to.duration_since(it.from) > GAP;
        let newest = closed.chain(open).filter(is_long).max_by_key(|it| it.to)?;
        let ago = at.duration_since(newest.to);
        (SignedDuration::ZERO..=OUTAGE_SHOWN).contains(&ago).then_some(newest)
    }

    /// Whether people were told of it already.
    fn told(&self, run: Option<u32>, attention: &Attention) -> bool {
        let run = run.unwrap_or_default();
        self.reported.iter().any(|reported| {
            (reported.run, reported.class, reported.since)
                == (run, attention.class, attention.since)
                && (reported.since.is_some()
                    || reported.message.as_deref() == Some(start_of(&attention.message)))
        })
    }

    /// What is noted of the attempt on the base.
    pub(super) fn attempt(&self, record: &Record) -> Option<&AttemptSeen> {
        let of = (record.run, record.attempt);
        self.attempts.iter().find(|noted| (noted.run, noted.attempt) == of)
    }

    /// Takes out what can't be: it comes from wherever a ref may be pushed from.
    fn until(mut self, at: Timestamp) -> Self {
        let whole = |stretch: &Stretch| stretch.from <= stretch.to && stretch.to <= at;
        self.last_tick = self.last_tick.filter(|last| *last <= at);
        for stretches in [&mut self.watched, &mut self.answered] {
            stretches.retain(whole);
            stretches.sort_by_key(|stretch| stretch.to);
        }
        let possible = |mark: &Mark| samples::is_percent(mark.percent) && mark.since <= at;
        self.attempts.retain(|noted| noted.first_seen <= at);
        for noted in &mut self.attempts {
            noted.furthest = noted.furthest.filter(possible);
            noted.went_back = noted.went_back.filter(possible);
        }
        self.samples.retain(|sample| samples::is_percent(sample.percent) && sample.at <= at);
        self.samples.sort_by_key(|sample| sample.at);
        self.scales.retain(|scale| scale.at <= at);
        self
    }

    /// Forgets other runs.
    fn keep_run(&mut self, run: u32) {
        self.attempts.retain(|noted| noted.run == run);
        self.samples.retain(|sample| sample.run == run);
        self.scales.retain(|scale| scale.run == run);
        self.reported.retain(|reported| reported.run == run);
    }

    fn note_attempt(&mut self, seen: &Observation, record: &Record) {
        let of = (record.run, record.attempt);
        self.samples.retain(|sample| (sample.run, sample.attempt) == of);
        let first_seen = began(seen, record).unwrap_or(seen.at).min(seen.at);
        let known = self.attempts.iter().position(|noted| (noted.run, noted.attempt) == of);
        let (run, attempt) = of;
        let mut noted = match known {
            Some(known) => self.attempts.remove(known),
            None => AttemptSeen { run, attempt, first_seen, furthest: None, went_back: None },
        };
        noted.first_seen = first_seen;
        if let Some(sample) = sample(seen, record) {
            look_at(&mut self.answered, sample.at);
            samples::take(&mut self.samples, &mut noted, sample, seen.at);
        }
        self.attempts.push(noted);
    }
}

/// Of these, the ones that nobody was told of yet.
pub fn unreported<'a>(seen: &Observation, all: &'a [Attention]) -> Vec<&'a Attention> {
    let run = seen.deployment.record.as_ref().map(|record| record.run);
    all.iter().filter(|attention| !seen.world.journal.told(run, attention)).collect()
}

/// The earliest moment that is noted of an attempt. An attempt can't have begun before the step it
/// follows, whatever a journal says; where nothing older is known, it isn't believed at all.
pub(super) fn first_seen(seen: &Observation, record: &Record) -> Option<Timestamp> {
    let noted = seen.world.journal.attempt(record)?.first_seen;
    let landed = seen.deployment.history.landed.iter().filter(|landed| landed.run == record.run);
    let of_attempt =
        |phase: Phase, attempt: u32| (phase, attempt) == (record.phase, record.attempt);
    let before = landed.filter(|landed| !of_attempt(landed.phase, landed.attempt));
    let before = before.filter(|landed| landed.step < record.step).map(|landed| landed.at).max();
    let created = || {
        let objects = seen.world.cluster.seen()?.objects.iter();
        objects.filter(|live| live.run == Some(record.run)).filter_map(|live| live.created).min()
    };
    Some(noted.max(before.or_else(created)?))
}

/// How far the nodes say that the rebuild of the attempt on the base is: the one that says most.
pub(super) fn sample(seen: &Observation, record: &Record) -> Option<Sample> {
    let answers = seen.world.admin.rebuild.iter();
    let ours = answers.filter(|answer| of_this_attempt(seen, record, answer));
    let said = ours.filter_map(|answer| Some((answer.percent?, answer.at.min(seen.at))));
    let said = said.filter(|(percent, _)| samples::is_percent(*percent));
    let (percent, at) = said.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Sample { run: record.run, attempt: record.attempt, at, percent })
}

/// A look at this time: it goes on with the last stretch, or begins one.
fn look_at(stretches: &mut Vec<Stretch>, at: Timestamp) {
    match stretches.last_mut() {
        Some(last) if at <= last.to => {}
        Some(last) if at.duration_since(last.to) <= GAP => last.to = at,
        _ => stretches.push(Stretch { from: at, to: at }),
    }
    newest(stretches);
}

fn newest<T>(kept: &mut Vec<T>) {
    kept.drain(..kept.len().saturating_sub(KEPT));
}

fn start_of(message: &str) -> &str {
    &message[..message.floor_char_boundary(LONGEST_MESSAGE)]
}
