//! The progress of a rebuild as a drawing: what the journal noted, and where it is estimated to go on.
use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::report::overview::Overview;
use crate::report::time::moment;
use crate::run::Observation;

/// The drawing's size in its own units; the page scales it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 160.0;

/// Paths and places of an SVG of 640 by 160.
#[derive(Debug, Serialize)]
pub(super) struct Curve {
    /// Through every sample, as `d` of a path.
    path: String,
    /// From now to the estimated end, as `d` of a path.
    ahead: Option<String>,
    /// The area it is likely to go through, as `d` of a path.
    band: Option<String>,
    /// Where now is, from the left.
    now: f64,
    /// Where the deadline is, if it is on the drawing.
    deadline: Option<f64>,
    from: String,
    to: String,
}

impl Curve {
    /// Nothing where fewer than two moments are known.
    pub(super) fn of(seen: &Observation, view: &Overview) -> Option<Self> {
        let record = seen.deployment.record.as_ref()?;
        let of_attempt = seen.world.journal.samples.iter();
        let mut points: Vec<(Timestamp, f64)> = of_attempt
            .filter(|sample| (sample.run, sample.attempt) == (record.run, record.attempt))
            .filter(|sample| sample.at <= seen.at)
            .map(|sample| (sample.at, sample.percent))
            .collect();
        if let Some(percent) = view.percent() {
            points.push((seen.at, percent));
        }
        points.sort_by_key(|(at, _)| *at);
        let (from, _) = *points.first()?;
        let (last, percent) = *points.last()?;
        if points.len() < 2 {
            return None;
        }
        let eta = view.progress.as_ref().and_then(|progress| progress.eta);
        let eta = eta.filter(|eta| *eta > last);
        let band = view.band.filter(|_| eta.is_some());
        let to = eta.unwrap_or(seen.at).max(seen.at);
        // A very late end isn't worth squeezing everything else into a corner.
        let farthest = to.checked_add(to.duration_since(from)).unwrap_or(to);
        let to = band.map_or(to, |(_, latest)| latest.clamp(to, farthest));
        let span = seconds(to.duration_since(from)).max(1.0);
        let x = |at: Timestamp| round(seconds(at.duration_since(from)) / span * WIDTH);
        let y = |percent: f64| round(HEIGHT - percent.clamp(0.0, 100.0) / 100.0 * HEIGHT);
        let mut path = String::new();
        for (place, (at, percent)) in points.iter().enumerate() {
            let verb = if place == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{verb}{} {} ", x(*at), y(*percent));
        }
        let ahead = eta.map(|eta| format!("M{} {} L{} {}", x(last), y(percent), x(eta), y(100.0)));
        let band = band.map(|(earliest, latest)| {
            let share = seconds(to.duration_since(last)) / seconds(latest.duration_since(last));
            let end = percent + (100.0 - percent) * share.clamp(0.0, 1.0);
            let (start, right) = (format!("M{} {}", x(last), y(percent)), x(to));
            format!(
                "{start} L{} {} L{right} {} L{right} {} Z",
                x(earliest),
                y(100.0),
                y(100.0),
                y(end)
            )
        });
        let deadline = view.deadline.filter(|deadline| (from..=to).contains(deadline));
        Some(Curve {
            path: path.trim_end().to_owned(),
            ahead,
            band,
            now: x(seen.at),
            deadline: deadline.map(x),
            from: moment(from),
            to: moment(to),
        })
    }
}

fn seconds(length: SignedDuration) -> f64 {
    length.as_secs_f64()
}

/// Tenths are finer than any screen.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
