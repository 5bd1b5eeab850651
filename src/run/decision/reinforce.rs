//! One more farmer for a rebuild that would take too long, where the inputs ask for it
//! (`rebuild.addFarmersWhenEtaExceeds`).
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::config::Duration;
use crate::run::journal::GAP;
use crate::run::progress::{Estimate, estimate};

/// Over how long the samples of an estimate have to reach (assumed): a farm needs some hours to show
/// what it is worth.
const OVER: SignedDuration = SignedDuration::from_hours(6);

/// From one proposal to the next (assumed), merged, declined or by hand.
const ONCE_IN: SignedDuration = SignedDuration::from_hours(24);

impl Look<'_> {
    /// The step that adds a farmer, if nothing else is to be done than to wait.
    pub(super) fn reinforce(&self, record: &Record) -> Option<Decision> {
        let inputs = &self.seen.deployment.inputs;
        let limit = inputs.rebuild.add_farmers_when_eta_exceeds?;
        let phase = (record.kind, record.phase) == (Kind::Rebuild, Phase::Rebuild);
        if !phase || record.farmers >= inputs.farmers.max {
            return None;
        }
        let estimate = self.weighty_estimate()?;
        let left = estimate.complete.duration_since(self.seen.at);
        let running = matches!(gate::verdict(self.seen, Gate::Rebuild), Verdict::Unmet(_));
        let applied = matches!(gate::verdict(self.seen, Gate::Applied), Verdict::Met(_));
        if left <= limit.signed() || !running || !applied || self.proposed_lately(record) {
            return None;
        }
        let farmers = record.farmers + 1;
        let left = Duration::hours(u32::try_from(left.as_hours()).unwrap_or(u32::MAX / 3_600));
        let reason = format!(
            "the rebuild would take {left} more, which exceeds {limit}: from {} to {farmers} farmers",
            record.farmers
        );
        let next = Record { step: self.at.step, farmers, gate_skipped: None, ..record.clone() };
        match self.propose(Action::Scale, next, None, reason) {
            // A branch that isn't ours is in the way of nothing but this.
            Decision::Propose(step) => Some(Decision::Propose(step)),
            _ => None,
        }
    }

    fn weighty_estimate(&self) -> Option<Estimate> {
        let old = |estimate: &Estimate| self.seen.at.duration_since(estimate.as_of);
        // What isn't answered any more may have changed.
        estimate(self.seen).filter(|estimate| estimate.over >= OVER && old(estimate) <= GAP)
    }

    /// Whether more farmers were proposed for this run within the last day, by whatever is known of that:
    /// the base's history, requests for review, and what the watcher noted.
    fn proposed_lately(&self, record: &Record) -> bool {
        let seen = self.seen;
        let landed = &seen.deployment.history.landed;
        let landed = landed.iter().filter(|it| it.run == record.run && it.phase == record.phase);
        let least = landed.clone().map(|it| it.farmers).min().unwrap_or(record.farmers);
        let scaled = landed.filter(|it| it.farmers > least).map(|it| it.at);
        let requests = seen.world.review.requests.iter().filter(|it| it.run == record.run);
        let is_scale = |intent: &Intent| intent.action == Action::Scale;
        let asked = requests.filter(|it| it.intent.as_ref().is_some_and(is_scale));
        let noted = seen.world.journal.scales.iter().filter(|it| it.run == record.run);
        let times = scaled.chain(asked.map(|it| it.opened)).chain(noted.map(|it| it.at));
        let latest: Option<Timestamp> = times.filter(|at| *at <= seen.at).max();
        latest.is_some_and(|latest| seen.at.duration_since(latest) < ONCE_IN)
    }
}
