//! How far a rebuild, the history update or a propagation has got: work done by the time nodes spent on it.
use jiff::{SignedDuration, Timestamp};

use super::conduct::Conduct;

/// A time in which the synchronizer is up and the number of working farmers stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub from: Timestamp,
    pub to: Timestamp,
    pub farmers: u32,
}

/// Work in whole units, so that it comes to the same however the time is cut into stretches: a
/// nanosecond of one farmer at full speed is 100 units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    done: i128,
}

impl Work {
    /// Works at `rate` units per nanosecond until `goal` is reached. Returns when that was, if it was.
    fn spend(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        rate: i128,
        goal: i128,
    ) -> Option<Timestamp> {
        if self.done >= goal {
            return Some(from);
        }
        if rate == 0 {
            return None;
        }
        let needed = (goal - self.done + rate - 1) / rate;
        let had = to.duration_since(from).as_nanos();
        self.done += needed.min(had) * rate;
        let needed = i64::try_from(needed).ok().filter(|_| needed <= had)?;
        from.checked_add(SignedDuration::from_nanos(needed)).ok()
    }

    /// 0 to 100 in steps of 0.1, rounded down: never 100 before it is.
    fn percent(self, total: i128) -> f64 {
        let thousandths = if total == 0 { 1000 } else { (self.done * 1000 / total).min(1000) };
        f64::from(u16::try_from(thousandths).unwrap_or_default()) / 10.0
    }
}

fn units(length: SignedDuration) -> i128 {
    length.as_nanos() * 100
}

/// What a farm does once before its first rebuild: the history update.
#[derive(Debug, Clone, Default)]
pub struct History {
    work: Work,
    pub complete: bool,
}

impl History {
    /// Takes what it needs of the stretch and gives back the rest.
    pub fn spend(&mut self, stretch: Stretch, conduct: &Conduct) -> Option<Stretch> {
        let rate = if stretch.farmers == 0 { 0 } else { 100 };
        let end = self.work.spend(stretch.from, stretch.to, rate, units(conduct.history))?;
        self.complete = true;
        Some(Stretch { from: end, ..stretch })
    }

    /// 0 to 100.
    pub fn percent(&self, conduct: &Conduct) -> f64 {
        self.work.percent(units(conduct.history))
    }

    pub fn begun(&self) -> bool {
        self.work != Work::default() || self.complete
    }
}

/// How a rebuild stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Running,
    Complete,
    Failed,
    /// There was nothing to do; the word that says so.
    NotNeeded(String),
}

/// A rebuild, as a node that knows of it remembers it.
#[derive(Debug, Clone)]
pub struct Rebuild {
    /// As the trigger named them, if it did.
    pub run: Option<u32>,
    pub attempt: Option<u32>,
    pub started: Timestamp,
    pub standing: Standing,
    /// The process of the synchronizer that holds it.
    pub synchronizer: String,
    work: Work,
    /// Percentage.
    fails_at: Option<u32>,
}

impl Rebuild {
    pub fn new(
        (run, attempt): (Option<u32>, Option<u32>),
        forced: bool,
        synchronizer: &str,
        started: Timestamp,
        conduct: &mut Conduct,
    ) -> Self {
        let fails_at = conduct.fails_at.pop_front().flatten();
        let nothing = conduct.nothing_to_do.clone().filter(|_| !forced);
        let standing = nothing.map_or(Standing::Running, Standing::NotNeeded);
        let synchronizer = synchronizer.to_owned();
        Rebuild { run, attempt, started, standing, synchronizer, work: Work::default(), fails_at }
    }

    pub fn spend(&mut self, stretch: Stretch, conduct: &Conduct) {
        if self.standing != Standing::Running {
            return;
        }
        let total = units(conduct.work);
        let goal = self.fails_at.map_or(total, |percent| total * i128::from(percent) / 100);
        let rate = i128::from(stretch.farmers) * i128::from(conduct.speed);
        if self.work.spend(stretch.from, stretch.to, rate, goal).is_some() {
            self.standing =
                if self.fails_at.is_some() { Standing::Failed } else { Standing::Complete };
        }
    }

    /// The synchronizer can serve its result.
    pub fn succeeded(&self) -> bool {
        matches!(self.standing, Standing::Complete | Standing::NotNeeded(_))
    }

    /// 0 to 100.
    pub fn percent(&self, conduct: &Conduct) -> f64 {
        if self.succeeded() { 100.0 } else { self.work.percent(units(conduct.work)) }
    }

    /// What went wrong so far: warnings, and why it failed.
    pub fn errors(&self, conduct: &Conduct) -> Option<String> {
        let percent = self.percent(conduct);
        let said = conduct.warnings.iter().filter(|it| f64::from(it.percent) <= percent);
        let mut lines: Vec<&str> = said.map(|warning| warning.text.as_str()).collect();
        if self.standing == Standing::Failed {
            lines.push("java.lang.IllegalStateException: a cache segment couldn't be built");
        }
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    /// It is the one that this run and attempt triggered. Nothing is known where either isn't named.
    pub fn is_of(&self, run: Option<u32>, attempt: Option<u32>) -> bool {
        run.is_some() && attempt.is_some() && (self.run, self.attempt) == (run, attempt)
    }
}

/// Caches on their way to the frontends.
#[derive(Debug, Clone)]
pub struct Propagation {
    pub run: Option<u32>,
    pub attempt: Option<u32>,
    pub started: Timestamp,
}

impl Propagation {
    /// 0 to 100.
    pub fn percent(&self, conduct: &Conduct, now: Timestamp) -> f64 {
        let mut work = Work::default();
        work.spend(self.started, now, 100, units(conduct.propagation));
        work.percent(units(conduct.propagation))
    }
}
