//! The pull requests of steps: one list serves all systems, and costs nothing while nothing changes.
//!
//! The list is followed from look to look, the newest change first. What is older than it reaches is asked for
//! by its branch, once: from then on it would show up in the list.
mod list;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::Mutex;

use crate::github::{Error, Github};
use crate::run::branch::step_branch;
use crate::run::deployment::Deployment;
use crate::run::review::{Described, Review, ReviewRequest, ReviewState, Standing};
use crate::run::{SystemRef, branch};

use list::{Known, follow};
pub use list::{Pull, requests_of};

/// The pull requests of one repo, and what is remembered of them between two looks so that less is asked.
pub struct Reviews {
    github: Github,
    /// The base branch: a request into another one is somebody's own affair.
    base: String,
    known: Mutex<Known>,
}

impl Reviews {
    pub fn new(github: Github, base: &str) -> Self {
        Reviews { github, base: base.to_owned(), known: Mutex::default() }
    }

    /// The client that this reads with.
    pub fn github(&self) -> &Github {
        &self.github
    }

    /// The requests of these systems' steps, those of the run that is on or comes next above all.
    ///
    /// # Errors
    /// GitHub doesn't answer, or not as it should.
    pub async fn look(&self, systems: &[Deployment]) -> Result<BTreeMap<SystemRef, Review>, Error> {
        let mut known = self.known.lock().await;
        let wanted: BTreeSet<String> = systems.iter().flat_map(of_interest).collect();
        follow(&self.github, &self.base, &mut known, &wanted).await?;
        let mine = |pull: &&Pull| {
            let parsed = branch::parse(&pull.head.name);
            parsed.is_some_and(|(of, ..)| systems.iter().any(|it| it.system == of))
        };
        let pulls: Vec<Pull> = known.pulls.values().filter(mine).cloned().collect();
        let more = standing::ask(&self.github, &pulls, &mut known.closed_by, &wanted).await?;
        let mut reviews: BTreeMap<SystemRef, Review> =
            systems.iter().map(|it| (it.system.clone(), Review::default())).collect();
        for pull in &pulls {
            let Some((system, run, step)) = branch::parse(&pull.head.name) else { continue };
            let now = more.get(&pull.number);
            let state = match (now.map(|now| now.state), pull.is_open(), pull.merged_at) {
                (Some(standing::State::Merged), ..) | (None, _, Some(_)) => ReviewState::Merged,
                (Some(standing::State::Open), ..) | (None, true, None) => ReviewState::Open,
                (Some(standing::State::Closed), ..) | (None, false, None) => {
                    ReviewState::Closed { by: known.closed_by.get(&pull.number).cloned().flatten() }
                }
            };
            let standing = Standing {
                conflicts: now.is_some_and(|now| now.conflicts),
                armed: now.map_or(pull.auto_merge.is_some(), |now| now.armed),
                queued: now.is_some_and(|now| now.queued),
                describes: Described::of(pull.body.as_deref().unwrap_or_default()),
            };
            let request = ReviewRequest {
                number: pull.number,
                url: pull.html_url.clone(),
                run,
                step,
                head: now.map_or(&pull.head.sha, |now| &now.head).clone(),
                state,
                opened: pull.created_at,
                intent: None,
                standing,
            };
            reviews.entry(system).or_default().requests.push(request);
        }
        Ok(reviews)
    }
}

/// The branches whose requests matter to a system: those of its steps, and of the step that is next.
fn of_interest(deployment: &Deployment) -> BTreeSet<String> {
    let next = match (&deployment.record, &deployment.last_run) {
        (Some(record), _) => (record.run, record.step.saturating_add(1)),
        (None, Some(last)) => (last.run.saturating_add(1), 1),
        (None, None) => (1, 1),
    };
    let steps = deployment.steps.iter().map(|step| (step.run, step.step));
    steps.chain([next]).map(|(run, step)| step_branch(&deployment.system, run, step)).collect()
}
