//! When a rebuild may be complete, from the rates it had: the middle half of many, so that neither a burst
//! nor a pause tells more than it is worth. Rather nothing than nonsense.
use jiff::{SignedDuration, Timestamp};

use super::{rebuilding, standstill};
use crate::run::Observation;
use crate::run::journal::{Journal, Sample};

/// How far back rates are taken from.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// From how many samples on, and over what time at least, there is an estimate.
const FEWEST: usize = 4;
const SHORTEST: SignedDuration = SignedDuration::from_hours(1);

/// What takes longer than this is no estimate any more.
const LONGEST: SignedDuration = SignedDuration::from_hours(365 * 24);

/// An estimate of when the rebuild is complete.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Later than the look it was made at.
    pub complete: Timestamp,
    /// The newest sample that it is made from.
    pub as_of: Timestamp,
    /// The time from the first sample to the newest.
    pub over: SignedDuration,
    /// Percent in an hour.
    pub rate: f64,
}

/// The estimate, where the samples bear one: not too few, not at a standstill, and since the farm last
/// changed.
pub fn estimate(seen: &Observation) -> Option<Estimate> {
    rebuilding(seen)?;
    if standstill(seen).is_some() {
        return None;
    }
    let journal = Journal::with(seen);
    let from = seen.at.checked_sub(WINDOW).ok()?;
    let from = farmers_since(seen).map_or(from, |changed| changed.max(from));
    let window: Vec<&Sample> = journal.samples.iter().filter(|sample| sample.at >= from).collect();
    let (first, last) = (window.first()?, window.last()?);
    let over = last.at.duration_since(first.at);
    if window.len() < FEWEST || over < SHORTEST {
        return None;
    }
    let rate = PARTS.iter().map(|part| rate(&window, over / *part)).find(|rate| *rate > 0.0)?;
    let furthest = window.iter().map(|sample| sample.percent).fold(0.0, f64::max);
    let left = (100.0 - furthest) / rate;
    if !(left > 0.0 && left <= LONGEST.as_secs_f64() / HOUR) {
        return None;
    }
    let left = SignedDuration::try_from_secs_f64(left * HOUR).ok()?;
    // To the second: nobody reads more into it.
    let complete = last.at.checked_add(SignedDuration::from_secs(left.as_secs())).ok()?;
    (complete > seen.at).then_some(Estimate { complete, as_of: last.at, over, rate })
}

const HOUR: f64 = 3600.0;

/// Into how many parts the time is cut to take rates over: into fewer where those show nothing, for many
/// nodes count in whole percent.
const PARTS: [i32; 3] = [6, 3, 1];

/// Since when the run has had as many farmers as it has now, where that changed while it was rebuilding.
fn farmers_since(seen: &Observation) -> Option<Timestamp> {
    let record = rebuilding(seen)?;
    let landed = seen.deployment.history.landed.iter().filter(|landed| landed.run == record.run);
    let same = landed.filter(|landed| landed.phase == record.phase);
    same.filter(|landed| landed.farmers == record.farmers).map(|landed| landed.at).min()
}

/// The rate (percent in an hour) over spans of at least this length, one from each sample on: the mean of
/// the middle half of them. 0 without any.
fn rate(window: &[&Sample], length: SignedDuration) -> f64 {
    let mut to = 0;
    let mut rates = Vec::new();
    for from in window {
        while window.get(to).is_some_and(|to| to.at.duration_since(from.at) < length) {
            to += 1;
        }
        let Some(to) = window.get(to) else { break };
        let hours = to.at.duration_since(from.at).as_secs_f64() / HOUR;
        rates.push((to.percent - from.percent) / hours);
    }
    rates.sort_unstable_by(f64::total_cmp);
    let quarter = rates.len() / 4;
    let middle = &rates[quarter..rates.len() - quarter];
    if middle.is_empty() { 0.0 } else { middle.iter().sum::<f64>() / middle.len() as f64 }
}
