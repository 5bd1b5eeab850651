//! Where a run stands: on the base, in review, and against everything that was ever merged of it.
use super::deployment::{Action, Deployment, Intent, Landed, StepBranch, StepContent};
use super::review::{ReviewRequest, ReviewState};
use super::{Observation, Phase};

/// A step that waits for review.
#[derive(Debug, Clone, Copy)]
pub struct Open<'a> {
    pub branch: &'a StepBranch,
    /// Its open request; one that was closed before spoke of another commit.
    pub request: Option<&'a ReviewRequest>,
}

/// A step whose request was closed without being merged: counted for exactly the commit that was its head.
#[derive(Debug, Clone, Copy)]
pub struct Declined<'a> {
    pub request: &'a ReviewRequest,
    /// Its branch, unless that was deleted.
    pub branch: Option<&'a StepBranch>,
}

/// A step that was merged once and isn't on the base any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub run: u32,
    /// The step that would come after the base's, of those that are missing.
    pub next: Option<Landed>,
    /// The furthest one.
    pub furthest: u32,
    /// Where it was seen.
    pub evidence: String,
}

/// The step of a run that is next, and what there is of it already.
#[derive(Debug, Clone)]
pub struct Position<'a> {
    /// The number of the run that is on, or of the one that would start.
    pub run: u32,
    /// The step that the next commit would be.
    pub step: u32,
    pub open: Option<Open<'a>>,
    pub declined: Option<Declined<'a>>,
    pub missing: Option<Missing>,
}

impl<'a> Open<'a> {
    /// What the step means to do, if it is ours and complete.
    pub fn intent(&self) -> Option<&'a Intent> {
        match &self.branch.content {
            StepContent::Ours(intent) => Some(intent),
            StepContent::Empty | StepContent::Foreign { .. } => None,
        }
    }

    pub fn is_scale(&self) -> bool {
        self.intent().is_some_and(|intent| intent.action == Action::Scale)
    }
}

impl<'a> Declined<'a> {
    /// What the declined step meant to do, where that can still be read.
    pub fn intent(&self) -> Option<&'a Intent> {
        match self.branch.map(|branch| &branch.content) {
            Some(StepContent::Ours(intent)) => Some(intent),
            Some(StepContent::Empty | StepContent::Foreign { .. }) => None,
            None => self.request.intent.as_ref(),
        }
    }
}

impl<'a> Position<'a> {
    pub fn of(seen: &'a Observation) -> Self {
        let base = on_base(&seen.deployment);
        let missing = missing(seen, base);
        let run = match (&seen.deployment.record, &missing) {
            (Some(record), _) => record.run,
            (None, Some(missing)) => missing.run,
            (None, None) => new_run(seen),
        };
        let reached = if base.0 == run { base.1 } else { 0 };
        let after = missing
            .as_ref()
            .filter(|missing| missing.run == run)
            .map_or(reached, |missing| missing.furthest);

        let review = &seen.world.review;
        let branches =
            seen.deployment.steps.iter().filter(|step| step.run == run && step.step > after);
        let open = branches
            .filter(|branch| {
                let request = review.request(branch.run, branch.step);
                request.is_none_or(|request| !declines(request, branch))
            })
            .max_by_key(|branch| branch.step)
            .map(|branch| Open { branch, request: review.open_request(branch.run, branch.step) });
        // Whoever can push branches can name the largest number: then there is no next one, and what
        // holds that number is in the way.
        let next = after.saturating_add(1);
        let declined = declined(seen, run, next).filter(|_| next > after);
        let step = open.map_or(next, |open| open.branch.step);
        Position { run, step, open, declined, missing }
    }
}

/// The step that waits for review, if one does.
pub fn open_step(seen: &Observation) -> Option<&StepBranch> {
    Position::of(seen).open.map(|open| open.branch)
}

fn declines(request: &ReviewRequest, branch: &StepBranch) -> bool {
    matches!(request.state, ReviewState::Closed { .. }) && request.head == branch.commit
}

/// The step, if its request was closed, and its branch is gone or still what was closed.
fn declined(seen: &Observation, run: u32, step: u32) -> Option<Declined<'_>> {
    let request = seen.world.review.request(run, step)?;
    let closed = matches!(request.state, ReviewState::Closed { .. });
    let mut branches = seen.deployment.steps.iter();
    let branch = branches.find(|branch| (branch.run, branch.step) == (run, step));
    let stands = closed && branch.is_none_or(|branch| declines(request, branch));
    stands.then_some(Declined { request, branch })
}

/// Run and step that the base is at; (0, 0) before any run.
fn on_base(deployment: &Deployment) -> (u32, u32) {
    let record = deployment.record.as_ref().map(|record| (record.run, record.step));
    let last = deployment.last_run.as_ref().map(|last| (last.run, last.step));
    record.or(last).unwrap_or((0, 0))
}

/// The number of the next run: above the last one, and above whatever was begun anywhere. A branch of a
/// *first* step hasn't begun anything yet.
fn new_run(seen: &Observation) -> u32 {
    let begun_in_branches =
        seen.deployment.steps.iter().filter(|step| step.step > 1).map(|step| step.run);
    let cluster = seen.world.cluster.seen();
    let live = cluster.iter().flat_map(|cluster| {
        let objects = cluster.objects.iter().filter_map(|live| live.run);
        let pods = cluster.pods.iter().filter_map(|pod| pod.run);
        let claims = cluster.claims.iter().filter_map(|claim| claim.run);
        objects.chain(pods).chain(claims)
    });
    let begun =
        begun_in_branches.chain(live).chain(seen.deployment.latest_run()).max().unwrap_or(0);
    let waiting =
        seen.deployment.steps.iter().filter(|step| step.step == 1).map(|step| step.run).max();
    waiting.unwrap_or(0).max(begun.saturating_add(1))
}

/// Whether something merged is missing on the base: by its own history, by the `last-run` beside a record,
/// by a merged request, or by the record that is live.
fn missing(seen: &Observation, base: (u32, u32)) -> Option<Missing> {
    let deployment = &seen.deployment;
    let landed = deployment.furthest_landed().map(|landed| {
        (
            (landed.run, landed.step),
            format!("it landed with {} and was taken back", short(&landed.commit)),
        )
    });
    let over = deployment.last_run.as_ref();
    let over =
        over.map(|last| ((last.run, last.step), "`last-run` says that it is over".to_owned()));
    let merged =
        seen.world.review.requests.iter().filter(|request| request.state == ReviewState::Merged);
    let merged = merged
        .map(|request| ((request.run, request.step), format!("{} was merged", request.url)))
        .max_by_key(|(at, _)| *at);
    let live = seen.world.cluster.seen().and_then(|cluster| {
        let ours = cluster.runs.iter().filter(|live| live.system == deployment.system);
        let furthest = ours.map(|record| (record.run, record.step)).max()?;
        Some((furthest, "its run record is live in the cluster".to_owned()))
    });
    let ((run, furthest), evidence) =
        [landed, over, merged, live].into_iter().flatten().max_by_key(|(at, _)| *at)?;
    if (run, furthest) <= base {
        return None;
    }
    let next = deployment
        .history
        .landed
        .iter()
        .filter(|landed| landed.run == run && (landed.run, landed.step) > base)
        .min_by_key(|landed| landed.step)
        .cloned();
    Some(Missing { run, next, furthest, evidence })
}

/// The attempt of a phase after the highest that was ever seen in this run: on the base, in its history, or
/// as a live Job.
pub fn next_attempt(seen: &Observation, run: u32, phase: Phase) -> u32 {
    let deployment = &seen.deployment;
    let landed = deployment.history.landed.iter();
    let landed = landed.filter(|landed| landed.run == run && landed.phase == phase);
    let on_base =
        deployment.record.iter().filter(|record| record.run == run && record.phase == phase);
    let job = |attempt| match phase {
        Phase::Rebuild => Some(deployment.system.trigger_job(run, attempt)),
        Phase::Propagate => Some(deployment.system.propagate_job(run, attempt)),
        _ => None,
    };
    let live = seen.world.cluster.seen().into_iter().flat_map(|cluster| &cluster.objects);
    let jobs = live.filter_map(|live| {
        let attempt: u32 = live.name.rsplit_once('-')?.1.parse().ok()?;
        (job(attempt)? == live.name).then_some(attempt)
    });
    let attempts = landed.map(|landed| landed.attempt);
    let attempts = attempts.chain(on_base.map(|record| record.attempt)).chain(jobs);
    attempts.max().unwrap_or(0).saturating_add(1)
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
