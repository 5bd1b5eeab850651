//! Samples of a rebuild's progress: which are kept, and what goes back.
use jiff::{SignedDuration, Timestamp};

use super::{AttemptSeen, Mark, Sample};

/// How much further back than the furthest (in percent of the whole) counts as going back: nodes differ a
/// little in what they say at the same time.
const BACK: f64 = 1.0;

/// How far apart samples are that are so old at the most: dense where rates are taken from.
const SPACING: [(SignedDuration, SignedDuration); 2] = [
    (SignedDuration::from_hours(24), SignedDuration::from_mins(10)),
    (SignedDuration::from_hours(72), SignedDuration::from_hours(1)),
];
const SPACING_OF_OLD: SignedDuration = SignedDuration::from_hours(6);

/// How many are kept whatever their age: those of two months.
const KEPT: usize = 400;

pub fn is_percent(percent: f64) -> bool {
    (0.0..=100.0).contains(&percent)
}

/// Takes a sample in. What was before it went back is over: rates and standstills begin anew.
pub fn take(samples: &mut Vec<Sample>, noted: &mut AttemptSeen, sample: Sample, now: Timestamp) {
    if samples.last().is_some_and(|last| sample.at <= last.at) {
        return;
    }
    let here = Mark { percent: sample.percent, since: sample.at };
    match noted.furthest {
        Some(furthest) if here.percent < furthest.percent - BACK => {
            let before = noted.went_back.map_or(0.0, |before| before.percent);
            let percent = furthest.percent.max(before);
            noted.went_back = Some(Mark { percent, since: sample.at });
            noted.furthest = Some(here);
            samples.clear();
        }
        Some(furthest) if here.percent <= furthest.percent => {}
        _ => noted.furthest = Some(here),
    }
    if let (Some(before), Some(furthest)) = (noted.went_back, noted.furthest)
        && furthest.percent >= before.percent - BACK
    {
        noted.went_back = None;
    }
    samples.push(sample);
    thin(samples, now);
}

/// Forgets samples that are too close together for their age, from the oldest on, never the newest.
fn thin(samples: &mut Vec<Sample>, now: Timestamp) {
    let newest = samples.pop();
    let mut last: Option<Timestamp> = None;
    samples.retain(|sample| {
        let age = now.duration_since(sample.at);
        let spacing = SPACING.iter().find(|(up_to, _)| age <= *up_to);
        let spacing = spacing.map_or(SPACING_OF_OLD, |(_, spacing)| *spacing);
        let kept = last.is_none_or(|last| sample.at.duration_since(last) >= spacing);
        if kept {
            last = Some(sample.at);
        }
        kept
    });
    samples.extend(newest);
    samples.drain(..samples.len().saturating_sub(KEPT));
}
