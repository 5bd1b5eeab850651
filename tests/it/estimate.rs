//! What is made of a rebuild's progress over time: estimates, standstills, work lost, one more farmer.
mod properties;
mod reinforce;

use dcr_gitops::config::Duration;
use dcr_gitops::run::express::ProbeState;
use dcr_gitops::run::journal::Journal;
use dcr_gitops::run::{
    AttentionClass, Decision, Observation, Phase, Request, attentions, decide, estimate, progress,
    standstill, went_back,
};
use jiff::{SignedDuration, Timestamp};

use crate::world::*;

/// A rebuild that is watched: what one look notes, the next one finds.
pub struct Watched {
    pub seen: Observation,
}

impl Watched {
    /// From the moment its commit landed.
    pub fn new() -> Self {
        let mut seen = met(Phase::Rebuild);
        seen.deployment.history.landed[0].at = landed_at();
        Watched { seen }
    }

    /// A look so many minutes after it landed, at which the nodes say this; nothing: they don't answer.
    pub fn look(&mut self, minutes: i64, percent: Option<f64>) -> &mut Self {
        self.glance(minutes, percent);
        let stored = &self.seen.world.journal;
        if stored.may_be_written(self.seen.at) {
            self.seen.world.journal = Journal::after(&self.seen, &[]);
        }
        self
    }

    /// The same by somebody who notes nothing.
    pub fn glance(&mut self, minutes: i64, percent: Option<f64>) -> &mut Self {
        let at = landed_at() + SignedDuration::from_mins(minutes);
        self.seen.at = at;
        let answers = &mut self.seen.world.admin.rebuild;
        if percent.is_none() {
            answers.clear();
        } else if answers.is_empty() {
            *answers = met(Phase::Rebuild).world.admin.rebuild;
        }
        for answer in answers {
            answer.at = at;
            answer.state = ProbeState::Running;
            answer.percent = percent;
        }
        self
    }

    /// Looks every ten minutes, and the percentage grows evenly.
    pub fn steadily(&mut self, minutes: std::ops::RangeInclusive<i64>, per_hour: f64) -> &mut Self {
        let (from, to) = minutes.into_inner();
        let start = progress(&self.seen).and_then(|it| it.percent).filter(|it| *it < 100.0);
        let start = start.unwrap_or_default();
        for minute in (from..=to).step_by(10) {
            self.look(minute, Some(start + per_hour * (minute - from) as f64 / 60.0));
        }
        self
    }

    /// Hours from the look to the estimated end.
    pub fn hours_left(&self) -> Option<f64> {
        let estimate = estimate(&self.seen)?;
        Some(estimate.complete.duration_since(self.seen.at).as_secs_f64() / 3600.0)
    }

    pub fn told(&self) -> Vec<(AttentionClass, Option<Timestamp>)> {
        let decision = decide(&self.seen, &Request::Observe).unwrap();
        let all = attentions(&self.seen, &decision);
        all.into_iter().map(|it| (it.class, it.since)).collect()
    }
}

fn after(minutes: i64) -> Timestamp {
    landed_at() + SignedDuration::from_mins(minutes)
}

#[test]
fn a_steady_rebuild_ends_when_it_says() {
    let mut watched = Watched::new();
    watched.steadily(0..=12 * 60, 0.5);
    let hours = watched.hours_left().unwrap();
    assert!((hours - 188.0).abs() < 0.1, "6 % in 12 h, 94 % to go: {hours}");
    let progress = progress(&watched.seen).unwrap();
    assert_eq!(progress.percent, Some(6.0));
    assert_eq!(progress.eta, estimate(&watched.seen).map(|it| it.complete));
}

/// Six hours in turn at twice and at the usual pace: it is told how early and how late the one and the other come.
#[test]
fn what_is_likely_is_between_its_faster_and_its_slower_hours() {
    let mut watched = Watched::new();
    let mut percent = 0.0;
    for minute in (0..=24 * 60).step_by(10) {
        watched.look(minute, Some(percent));
        percent += if minute / 360 % 2 == 0 { 1.0 / 3.0 } else { 1.0 / 6.0 };
    }
    let found = estimate(&watched.seen).unwrap();
    let hours = |at: Timestamp| at.duration_since(watched.seen.at).as_secs_f64() / 3600.0;
    let [earliest, complete, latest] = [found.earliest, found.complete, found.latest].map(hours);
    // 36 % in 24 h, so 64 % are left: at 2, 1.5 and 1 % in an hour.
    assert!((32.0..38.0).contains(&earliest), "{earliest}");
    assert!((40.0..46.0).contains(&complete), "{complete}");
    assert!((54.0..65.0).contains(&latest), "{latest}");
    // An even pace leaves no doubt.
    let mut watched = Watched::new();
    watched.steadily(0..=12 * 60, 0.5);
    let found = estimate(&watched.seen).unwrap();
    let apart = found.latest.duration_since(found.earliest);
    assert!(apart <= SignedDuration::from_secs(10), "{apart:?}");
}

/// Nodes that count in whole percent stand still most of the time, and then leap.
#[test]
fn whole_percents_are_no_bursts() {
    let mut watched = Watched::new();
    for minute in (0..=24 * 60).step_by(10) {
        watched.look(minute, Some((minute as f64 / 150.0).floor()));
    }
    let hours = watched.hours_left().unwrap();
    assert!((hours - 227.0).abs() < 12.0, "0.4 % in an hour, 91 % to go: {hours}");
}

#[test]
fn neither_a_burst_nor_a_pause_tells_more_than_it_is_worth() {
    let steady = |minute: i64| minute as f64 / 60.0;
    let looks = |percent: &dyn Fn(i64) -> f64| {
        let mut watched = Watched::new();
        for minute in (0..=20 * 60).step_by(10) {
            watched.look(minute, Some(percent(minute)));
        }
        watched.hours_left().unwrap()
    };
    let expected = looks(&steady);
    assert!((expected - 80.0).abs() < 0.1);
    // Ten percent at once, though the pace is as before: only what is left is less.
    let burst = looks(&|minute| steady(minute) + if minute > 600 { 10.0 } else { 0.0 });
    assert!((40.0..75.0).contains(&burst), "{burst}");
    // Four hours of nothing.
    let pause = looks(&|minute| steady(minute.min(600)) + steady((minute - 840).max(0)));
    assert!((84.0..120.0).contains(&pause), "{pause}");
}

#[test]
fn rather_nothing_than_nonsense() {
    // Too few, and over too short a time.
    let mut watched = Watched::new();
    for minute in [0, 10, 20] {
        assert_eq!(watched.look(minute, Some(minute as f64)).hours_left(), None);
    }
    assert_eq!(watched.look(50, Some(50.0)).hours_left(), None);
    assert!(watched.look(60, Some(60.0)).hours_left().is_some());
    // Nothing happens.
    let mut watched = Watched::new();
    assert_eq!(watched.steadily(0..=300, 0.0).hours_left(), None);
    // So slowly that nobody will wait for it.
    let mut watched = Watched::new();
    assert_eq!(watched.steadily(0..=300, 0.001).hours_left(), None);
    // All of it is done, or the samples are of the day before yesterday, or of another phase.
    let mut watched = Watched::new();
    assert_eq!(watched.steadily(0..=300, 20.0).hours_left(), None);
    let mut watched = Watched::new();
    assert!(watched.steadily(0..=300, 1.0).hours_left().is_some());
    assert_eq!(watched.look(48 * 60, None).hours_left(), None);
    let journal = Watched::new().steadily(0..=300, 1.0).seen.world.journal.clone();
    let mut propagating = met(Phase::Propagate);
    propagating.world.journal = journal;
    assert_eq!(estimate(&propagating), None);
}

#[test]
fn an_estimate_has_an_age() {
    let mut watched = Watched::new();
    watched.steadily(0..=600, 1.0).look(900, None);
    let old = estimate(&watched.seen).unwrap();
    assert_eq!(old.as_of, after(600));
    let hours = watched.hours_left().unwrap();
    assert!((hours - 85.0).abs() < 0.1, "5 of 90 hours have passed since: {hours}");
    assert_eq!(progress(&watched.seen).unwrap().percent, None, "nobody says so now");
}

/// What another farm did says nothing of this one.
#[test]
fn rates_are_taken_since_farmers_were_added() {
    let mut watched = Watched::new();
    watched.steadily(0..=600, 0.5);
    let record = watched.seen.deployment.record.as_mut().unwrap();
    (record.farmers, record.step) = (8, 4);
    let mut scaled = watched.seen.deployment.history.landed[0].clone();
    (scaled.farmers, scaled.step, scaled.at) = (8, 4, after(601));
    watched.seen.deployment.history.landed.insert(0, scaled);
    assert_eq!(watched.hours_left(), None);
    watched.steadily(610..=900, 2.0);
    let hours = watched.hours_left().unwrap();
    assert!((hours - (100.0 - 5.0 - 29.0 / 3.0) / 2.0).abs() < 0.5, "{hours}");
}

#[test]
fn no_progress_for_six_hours_that_were_watched_is_told() {
    let mut watched = Watched::new();
    watched.steadily(0..=600, 1.0);
    for minute in (610..960).step_by(10) {
        watched.look(minute, Some(10.0));
        assert_eq!(standstill(&watched.seen), None, "{minute}");
    }
    watched.look(960, Some(10.0));
    assert_eq!(watched.told(), [(AttentionClass::Stall, Some(after(600)))]);
    assert_eq!(watched.hours_left(), None);
    // A tenth of a percent is progress.
    assert_eq!(watched.look(970, Some(10.1)).told(), []);
    // It is the gate's business what becomes of it: reported, never halted.
    let decision = decide(&watched.seen, &Request::Observe).unwrap();
    assert!(matches!(decision, Decision::Wait(_)), "{decision:?}");
}

#[test]
fn how_long_is_a_setting() {
    let mut watched = Watched::new();
    watched.seen.deployment.inputs.rebuild.stall = Duration::hours(1);
    watched.look(0, Some(1.0)).look(50, Some(1.0));
    assert_eq!(standstill(&watched.seen), None);
    watched.look(60, Some(1.0));
    assert_eq!(standstill(&watched.seen).unwrap().watched, SignedDuration::from_hours(1));
}

/// Neither the watcher's absence nor the nodes' silence is a standstill of the rebuild.
#[test]
fn what_nobody_saw_is_no_standstill() {
    let mut absent = Watched::new();
    absent.steadily(0..=300, 0.0).look(3_000, Some(0.0));
    assert_eq!(standstill(&absent.seen), None);
    let mut silent = Watched::new();
    silent.steadily(0..=300, 0.0);
    for minute in (310..3_000).step_by(10) {
        silent.look(minute, None);
    }
    assert_eq!(standstill(&silent.look(3_000, Some(0.0)).seen), None);
    // Five hours before and one after are six.
    let told = |watched: &mut Watched| watched.steadily(3_010..=3_060, 0.0).told();
    assert_eq!(told(&mut silent), [(AttentionClass::Stall, Some(after(0)))]);
    assert_eq!(told(&mut absent), [(AttentionClass::Stall, Some(after(0)))]);
}

/// A watcher that is scheduled to come every now and then watches, too.
#[test]
fn looks_an_hour_apart_watch() {
    let mut watched = Watched::new();
    for hour in 0..=6 {
        watched.look(hour * 60, Some(3.0));
    }
    assert!(standstill(&watched.seen).is_some());
}

#[test]
fn work_that_is_lost_is_told_until_it_is_made_up_for() {
    let mut watched = Watched::new();
    watched.steadily(0..=600, 4.0);
    let lost = [(AttentionClass::Restart, Some(after(610)))];
    assert_eq!(watched.look(610, Some(2.0)).told(), lost);
    assert_eq!(watched.hours_left(), None, "rates begin anew");
    watched.steadily(620..=900, 4.0);
    assert_eq!(watched.told(), lost, "the same matter, whoever looks");
    let back = went_back(&watched.seen).unwrap();
    assert_eq!((back.from, back.now), (40.0, 2.0 + 4.0 * 280.0 / 60.0));
    assert_eq!(standstill(&watched.seen), None, "it isn't there again, and yet it works");
    let hours = watched.hours_left().unwrap();
    assert!((hours - (100.0 - back.now) / 4.0).abs() < 0.1, "{hours}");
    assert_eq!(watched.look(910, Some(39.5)).told(), []);
}

#[test]
fn nodes_that_differ_a_little_lose_nothing() {
    let mut watched = Watched::new();
    watched.steadily(0..=600, 1.0).look(610, Some(9.4));
    assert_eq!(watched.told(), []);
    assert_eq!(progress(&watched.seen).unwrap().percent, Some(10.0), "once reached, it stands");
}

/// A second attempt begins at nothing without having gone back.
#[test]
fn attempts_are_told_apart() {
    let mut watched = Watched::new();
    watched.steadily(0..=600, 4.0);
    let record = watched.seen.deployment.record.as_mut().unwrap();
    (record.attempt, record.step) = (2, 4);
    let mut landed = watched.seen.deployment.history.landed[0].clone();
    (landed.attempt, landed.step, landed.at) = (2, 4, after(610));
    watched.seen.deployment.history.landed.insert(0, landed);
    for answer in &mut watched.seen.world.admin.rebuild {
        (answer.of, answer.started_at) = (None, Some(after(611)));
    }
    watched.look(620, Some(1.0));
    assert_eq!(watched.told(), []);
    assert_eq!(watched.seen.world.journal.samples.len(), 1);
    let attempts = &watched.seen.world.journal.attempts;
    assert_eq!(attempts.iter().map(|it| it.first_seen).collect::<Vec<_>>().len(), 2);
    assert_eq!(attempts[1].first_seen, after(610));
}
