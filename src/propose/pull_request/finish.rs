//! What goes with an open pull request: labels, reviewers, and the light that shows whether its gate still holds.
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::GithubSettings;
use crate::github::{Error, Writer};
use crate::observe::review::Pull;
use crate::run::Holds;

/// The name of the commit status that shows whether the gate still holds.
pub const CONTEXT: &str = "dcr-gitops/gate";

/// What GitHub takes for a status's description.
const LONGEST_DESCRIPTION: usize = 140;

/// What a commit status shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    Success,
    Failure,
    Pending,
    Error,
}

#[derive(Deserialize)]
struct Combined {
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    context: String,
    state: Light,
}

/// Asks the reviewers, if nobody was asked yet, and puts the labels on that are missing. What GitHub doesn't
/// take is no failure: what can be said of it comes back. `asks`: it may be that nobody was asked.
pub async fn finish(
    writer: &Writer,
    pull: &Pull,
    settings: &GithubSettings,
    asks: bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    let missing: Vec<&String> = settings
        .labels
        .iter()
        .filter(|label| !pull.labels.iter().any(|there| there.name.eq_ignore_ascii_case(label)))
        .collect();
    let GithubSettings { reviewers, team_reviewers, .. } = settings;
    // Before the labels are put on, by which it is known later that this was done.
    if asks && pull.requested_reviewers.is_empty() && pull.requested_teams.is_empty() {
        let below = format!("pulls/{}/requested_reviewers", pull.number);
        // One name that GitHub doesn't take makes it refuse all of them.
        let people = reviewers.iter().map(|name| (name, json!({"reviewers": [name]})));
        let teams = team_reviewers.iter().map(|name| (name, json!({"team_reviewers": [name]})));
        for (name, body) in people.chain(teams) {
            if let Err(error) = writer.send::<Value>(Method::POST, &below, &body).await {
                notes.push(format!("`{name}` wasn't asked for a review: {error}"));
            }
        }
    }
    if !missing.is_empty() {
        let below = format!("issues/{}/labels", pull.number);
        let body = json!({"labels": missing});
        if let Err(error) = writer.send::<Value>(Method::POST, &below, &body).await {
            let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
            notes.push(format!("the labels {} weren't put on: {error}", names.join(", ")));
        }
    }
    notes
}

/// What a commit shows of the gate before it, if that was shown yet.
///
/// # Errors
/// GitHub can't be asked.
pub async fn shown(writer: &Writer, commit: &str) -> Result<Option<Light>, Error> {
    let below = format!("commits/{commit}/status?per_page=100");
    let shown: Combined = writer.reader().get(&below).await?;
    let mut statuses = shown.statuses.into_iter();
    Ok(statuses.find(|status| status.context == CONTEXT).map(|status| status.state))
}

/// Shows on a commit whether the gate before it holds, if that isn't what is shown. GitHub takes a thousand
/// statuses of a commit, so that only a change is written.
///
/// # Errors
/// GitHub refuses.
pub async fn light(writer: &Writer, commit: &str, holds: &Holds) -> Result<(), Error> {
    let (light, state, words) = match holds {
        Holds::Yes(fact) => (Light::Success, "success", format!("still holds: {fact}")),
        Holds::No(why) => (Light::Failure, "failure", format!("holds no more: {why}")),
        Holds::Unseen(why) => (Light::Pending, "pending", format!("can't be looked at: {why}")),
        // Shown all the same: a check that is required and never reports would keep it from being merged.
        Holds::NoGate => (Light::Success, "success", "no gate stands before this step".to_owned()),
    };
    if shown(writer, commit).await? == Some(light) {
        return Ok(());
    }
    let words = crate::report::line(&words);
    let description: String = match words.chars().count() > LONGEST_DESCRIPTION {
        true => words.chars().take(LONGEST_DESCRIPTION - 1).chain(['…']).collect(),
        false => words,
    };
    let body = json!({"state": state, "context": CONTEXT, "description": description});
    writer.send::<Value>(Method::POST, &format!("statuses/{commit}"), &body).await?;
    Ok(())
}
