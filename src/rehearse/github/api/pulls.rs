//! Pull requests: list, open, change, merge, and whose review is asked for.
use std::cmp::Reverse;

use serde_json::{Value, json};

use super::page::page;
use super::{Asked, shape};
use crate::rehearse::github::account::Access;
use crate::rehearse::github::acts::{Draft, check_texts};
use crate::rehearse::github::desk::Desk;
use crate::rehearse::github::landing::Words;
use crate::rehearse::github::pull::{Method, Pull, State};
use crate::rehearse::github::refusal::Refusal;
use crate::rehearse::github::standing::Mergeable;
use crate::rehearse::wire::Answer;

const ALL: &str = "/repos/{owner}/{repo}/pulls";
const ONE: &str = "/repos/{owner}/{repo}/pulls/{pull_number}";
const MERGE: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/merge";
const REVIEWERS: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers";
const COMMITS: &str = "/repos/{owner}/{repo}/pulls/{pull_number}/commits";

pub fn answer(desk: &mut Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let access = asked.account.permissions;
    let least = if asked.method() == "GET" { Access::Read } else { Access::Write };
    asked.needs(access.pull_requests, least)?;
    match (asked.method(), asked.route.template) {
        ("GET", ALL) => Ok(list(desk, asked)),
        ("POST", ALL) => open(desk, asked),
        ("GET", ONE) => Ok(Answer::new(200, whole(desk, asked.route.number(2)?)?)),
        ("PATCH", ONE) => change(desk, asked),
        ("GET", MERGE) => match desk.pull(asked.route.number(2)?)?.state {
            State::Merged(_) => Ok(Answer::nothing()),
            State::Open | State::Closed => Err(Refusal::not_found()),
        },
        ("PUT", MERGE) => {
            asked.needs(access.contents, Access::Write)?;
            merge(desk, asked)
        }
        ("GET", REVIEWERS) => Ok(Answer::new(200, reviewers(desk.pull(asked.route.number(2)?)?))),
        ("POST", REVIEWERS) => request_reviewers(desk, asked),
        ("DELETE", REVIEWERS) => {
            let (people, teams) = (asked.texts("reviewers")?, asked.texts("team_reviewers")?);
            let pull = desk.pull_mut(asked.route.number(2)?)?;
            pull.reviewers.retain(|login| !people.contains(login));
            pull.teams.retain(|slug| !teams.contains(slug));
            let pull = pull.clone();
            Ok(Answer::new(200, shape::pull(desk, &pull)))
        }
        ("GET", COMMITS) => commits(desk, asked),
        _ => Err(Refusal::not_found()),
    }
}

fn list(desk: &Desk, asked: &Asked<'_>) -> Answer {
    let query = |name: &str| asked.call.query.get(name).map(String::as_str);
    // Without its owner, a head filters nothing.
    let head = query("head").filter(|head| head.contains(':'));
    let state = query("state").unwrap_or("open");
    let fits = |pull: &&Pull| {
        let is_in_state = match state {
            "open" => pull.is_open(),
            "closed" => !pull.is_open(),
            _ => true,
        };
        is_in_state
            && head.is_none_or(|head| head == format!("{}:{}", desk.owner, pull.head_ref))
            && query("base").is_none_or(|base| base == pull.base_ref)
    };
    let mut found: Vec<&Pull> = desk.pulls_before(asked.call.stale).values().filter(fits).collect();
    let sort = query("sort").unwrap_or("created");
    let newest_first = query("direction").map_or(sort == "created", |it| it == "desc");
    found.sort_by_key(|pull| match sort {
        "updated" => (pull.updated, pull.number),
        _ => (pull.created, pull.number),
    });
    if newest_first {
        found.sort_by_key(|pull| match sort {
            "updated" => Reverse((pull.updated, pull.number)),
            _ => Reverse((pull.created, pull.number)),
        });
    }
    page(asked, found.into_iter().map(|pull| shape::pull(desk, pull)).collect())
}

fn open(desk: &mut Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let draft = Draft {
        title: asked.required("title")?,
        body: asked.text("body")?.unwrap_or_default(),
        head: asked.required("head")?,
        base: asked.required("base")?,
        draft: asked.call.body["draft"].as_bool().unwrap_or_default(),
    };
    let pull = desk.open(draft, &asked.account.login, asked.now)?;
    let shown = whole(desk, pull.number)?;
    // Saying that it was opened is no look at it yet.
    desk.pull_mut(pull.number)?.looked_at = None;
    Ok(Answer::new(201, shown))
}

/// A pull request as it is shown by itself, with what only that look finds out.
fn whole(desk: &mut Desk, number: u64) -> Result<Value, Refusal> {
    let (mergeable, standing) = desk.look(number)?;
    let pull = desk.pull(number)?;
    let mut shown = shape::pull(desk, pull);
    let merged_by = match pull.state {
        State::Merged(_) => pull.ending().map(|ending| shape::user(&ending.by)),
        State::Open | State::Closed => None,
    };
    let comments = desk.comments.values().filter(|it| it.pull == number).count();
    let more = json!({
        "merged": matches!(pull.state, State::Merged(_)),
        "mergeable": match mergeable {
            Mergeable::Unknown => None,
            Mergeable::Yes => Some(true),
            Mergeable::No => Some(false),
        },
        "mergeable_state": standing.as_str().to_lowercase(),
        "merged_by": merged_by,
        "comments": comments,
        "review_comments": 0,
        "maintainer_can_modify": false,
    });
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more);
    }
    Ok(shown)
}

fn change(desk: &mut Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let number = asked.route.number(2)?;
    let (title, body) = (asked.text("title")?, asked.text("body")?);
    check_texts(title.as_deref(), body.as_deref())?;
    let before = desk.pull(number)?.clone();
    if let Some(base) = asked.text("base")?
        && base != before.base_ref
    {
        let commit = desk.branch(&base)?.ok_or_else(|| Refusal::invalid_field("base"))?;
        let pull = desk.pull_mut(number)?;
        (pull.base_ref, pull.base) = (base, commit);
    }
    match asked.text("state")?.as_deref() {
        None => {}
        Some("open") => desk.reopen(number, asked.now)?,
        Some("closed") => desk.end(number, State::Closed, &asked.account.login, asked.now),
        Some(_) => return Err(Refusal::invalid_field("state")),
    }
    let pull = desk.pull_mut(number)?;
    pull.title = title.unwrap_or_else(|| pull.title.clone());
    pull.body = body.unwrap_or_else(|| pull.body.clone());
    if *pull != before {
        pull.updated = asked.now;
    }
    Ok(Answer::new(200, whole(desk, number)?))
}

fn merge(desk: &mut Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let number = asked.route.number(2)?;
    let head = desk.pull(number)?.head.to_string();
    if asked.text("sha")?.is_some_and(|expected| expected != head) {
        let message = "Head branch was modified. Review and try the merge again.";
        return Err(Refusal::new(409, message));
    }
    let method = asked.text("merge_method")?.unwrap_or_else(|| "merge".to_owned());
    let method = Method::named(&method).ok_or_else(|| Refusal::invalid_field("merge_method"))?;
    let words =
        Words { title: asked.text("commit_title")?, message: asked.text("commit_message")? };
    let commit = desk.merge(number, method, &words, &asked.account.login, asked.now)?;
    let message = "Pull Request successfully merged";
    Ok(Answer::new(200, json!({"sha": commit.to_string(), "merged": true, "message": message})))
}

fn reviewers(pull: &Pull) -> Value {
    let users: Vec<Value> = pull.reviewers.iter().map(|login| shape::user(login)).collect();
    let teams: Vec<Value> = pull.teams.iter().map(|slug| shape::team(slug)).collect();
    json!({"users": users, "teams": teams})
}

fn request_reviewers(desk: &mut Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let number = asked.route.number(2)?;
    let (people, teams) = (asked.texts("reviewers")?, asked.texts("team_reviewers")?);
    let pull = desk.pull(number)?;
    if people.contains(&pull.author) {
        return Err(Refusal::new(422, "Review cannot be requested from pull request author."));
    }
    let all_are_there = people.iter().all(|login| desk.accounts.contains_key(login))
        && teams.iter().all(|slug| desk.teams.contains(slug));
    if !all_are_there {
        let message = format!(
            "Reviews may only be requested from collaborators. One or more of the users or teams you \
             specified is not a collaborator of the {} repository.",
            desk.full_name()
        );
        return Err(Refusal::new(422, message));
    }
    let pull = desk.pull_mut(number)?;
    pull.reviewers.extend(people);
    pull.teams.extend(teams);
    let pull = pull.clone();
    Ok(Answer::new(201, shape::pull(desk, &pull)))
}

fn commits(desk: &Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let pull = desk.pull(asked.route.number(2)?)?;
    let mut walk = desk.repo.revwalk()?;
    walk.push(pull.head)?;
    walk.hide(pull.base)?;
    let mut found = Vec::new();
    for id in walk {
        found.push(shape::commit(desk, &desk.repo.find_commit(id?)?));
    }
    found.reverse();
    Ok(page(asked, found))
}
