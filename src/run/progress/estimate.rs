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
    /// Where it all went on as fast as in the faster of its recent hours, not before the look; and as slowly as in
    /// the slower ones. Half of them lie between.
    pub earliest: Timestamp,
    pub latest: Timestamp,
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
    let all = PARTS.map(|part| rates(&window, over / part));
    let middle = all.iter().map(|rates| middle(rates)).find(|(_, rate, _)| *rate > 0.0);
    let (_, rate, fast) = middle?;
    // Where even the middle half stood still for a while, longer stretches tell how slow it may be.
    let slow = all.iter().map(|rates| self::middle(rates).0).find(|slow| *slow > 0.0);
    let furthest = window.iter().map(|sample| sample.percent).fold(0.0, f64::max);
    let longest = LONGEST.as_secs_f64() / HOUR;
    let left = (100.0 - furthest) / rate;
    if !(left > 0.0 && left <= longest) {
        return None;
    }
    let after = |hours: f64| {
        let left = SignedDuration::try_from_secs_f64(hours.min(longest) * HOUR).ok()?;
        // To the second: nobody reads more into it.
        last.at.checked_add(SignedDuration::from_secs(left.as_secs())).ok()
    };
    let complete = after(left)?;
    let earliest = after((100.0 - furthest) / fast.max(rate))?.max(seen.at);
    let latest = after((100.0 - furthest) / slow.unwrap_or(rate).min(rate))?;
    let estimate = Estimate { complete, earliest, latest, as_of: last.at, over, rate };
    (complete > seen.at).then_some(estimate)
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

/// The rates (percent in an hour) over spans of at least this length, one from each sample on, sorted.
fn rates(window: &[&Sample], length: SignedDuration) -> Vec<f64> {
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
    rates
}

/// The slowest, the mean and the fastest of the middle half of sorted rates. 0 without any.
fn middle(rates: &[f64]) -> (f64, f64, f64) {
    let quarter = rates.len() / 4;
    let middle = &rates[quarter..rates.len() - quarter];
    let (Some(slow), Some(fast)) = (middle.first(), middle.last()) else { return (0.0, 0.0, 0.0) };
    (*slow, middle.iter().sum::<f64>() / middle.len() as f64, *fast)
}
