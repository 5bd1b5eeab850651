//! How the embedded GitHub's REST says what it knows: users, the repo, pull requests, comments, commits.
use git2::{Commit, Oid};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::rehearse::github::WEB;
use crate::rehearse::github::desk::{Comment, Desk, Status};
use crate::rehearse::github::pull::{Pull, State};

/// Where REST is, in addresses that nobody follows.
const API: &str = "https://github.example.com/api/v3";

/// As GitHub writes times: to the second.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An id of GraphQL.
pub fn node(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}_{id}")
}

/// A number that belongs to a name.
pub fn id_of(name: &str) -> u64 {
    let hash = Sha256::digest(name);
    hash.iter().take(4).fold(0, |id, byte| id << 8 | u64::from(*byte))
}

pub fn user(login: &str) -> Value {
    let url = format!("{API}/users/{login}");
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    let slug = login.trim_end_matches("[bot]");
    let html = match kind {
        "Bot" => format!("{WEB}/apps/{slug}"),
        _ => format!("{WEB}/{login}"),
    };
    let of = |what: &str| format!("{}/{what}", url.replace('[', "%5B").replace(']', "%5D"));
    json!({
        "login": login,
        "id": id_of(login),
        "node_id": node("U", id_of(login)),
        "avatar_url": format!("{WEB}/avatars/{}", id_of(login)),
        "gravatar_id": "",
        "url": of("").trim_end_matches('/'),
        "html_url": html,
        "followers_url": of("followers"),
        "following_url": of("following%7B/other_user%7D"),
        "gists_url": of("gists%7B/gist_id%7D"),
        "starred_url": of("starred%7B/owner%7D%7B/repo%7D"),
        "subscriptions_url": of("subscriptions"),
        "organizations_url": of("orgs"),
        "repos_url": of("repos"),
        "events_url": of("events%7B/privacy%7D"),
        "received_events_url": of("received_events"),
        "type": kind,
        "site_admin": false,
    })
}

pub fn team(slug: &str) -> Value {
    json!({
        "id": id_of(slug), "node_id": node("T", id_of(slug)), "name": slug, "slug": slug,
        "url": format!("{API}/teams/{slug}"), "html_url": format!("{WEB}/orgs/teams/{slug}"),
        "description": null, "privacy": "closed", "permission": "push", "parent": null,
        "members_url": format!("{API}/teams/{slug}/members"),
        "repositories_url": format!("{API}/teams/{slug}/repos"),
    })
}

/// The repo, as it stands at each end of a pull request.
pub fn repo(desk: &Desk) -> Value {
    let full = desk.full_name();
    json!({
        "id": id_of(&full),
        "node_id": node("R", id_of(&full)),
        "name": desk.name,
        "full_name": full,
        "private": true,
        "owner": user(&desk.owner),
        "html_url": format!("{WEB}/{full}"),
        "description": null,
        "fork": false,
        "url": format!("{API}/repos/{full}"),
        "default_branch": desk.base,
    })
}

pub fn label(desk: &Desk, name: &str) -> Value {
    json!({
        "id": id_of(name),
        "node_id": node("LA", id_of(name)),
        "url": format!("{API}/repos/{}/labels/{}", desk.full_name(), name.replace(' ', "%20")),
        "name": name,
        "description": null,
        "color": "ededed",
        "default": false,
    })
}

/// A pull request as lists have it: what takes time to find out isn't there.
pub fn pull(desk: &Desk, pull: &Pull) -> Value {
    let full = desk.full_name();
    let (number, url) = (pull.number, format!("{API}/repos/{full}/pulls/{}", pull.number));
    let html = format!("{WEB}/{full}/pull/{number}");
    let end = |label: &str, reference: &str, commit: Oid| {
        json!({
            "label": label,
            "ref": reference,
            "sha": commit.to_string(),
            "user": user(&desk.owner),
            "repo": repo(desk),
        })
    };
    let ended = pull.ending().map(|ending| time(ending.at));
    let merged = match pull.state {
        State::Merged(commit) => Some(commit.to_string()),
        State::Open | State::Closed => None,
    };
    let auto = pull.auto_merge.as_ref().map(|auto| {
        json!({
            "enabled_by": user(&auto.by),
            "merge_method": auto.method.as_str(),
            "commit_title": null,
            "commit_message": null,
        })
    });
    let labels: Vec<Value> = pull.labels.iter().map(|name| label(desk, name)).collect();
    let reviewers: Vec<Value> = pull.reviewers.iter().map(|login| user(login)).collect();
    let teams: Vec<Value> = pull.teams.iter().map(|slug| team(slug)).collect();
    json!({
        "id": id_of(&url),
        "node_id": node("PR", number),
        "url": url,
        "html_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "issue_url": format!("{API}/repos/{full}/issues/{number}"),
        "commits_url": format!("{url}/commits"),
        "comments_url": format!("{API}/repos/{full}/issues/{number}/comments"),
        "statuses_url": format!("{API}/repos/{full}/statuses/{}", pull.head),
        "number": number,
        "state": if pull.is_open() { "open" } else { "closed" },
        "locked": false,
        "title": pull.title,
        "user": user(&pull.author),
        "body": (!pull.body.is_empty()).then_some(&pull.body),
        "labels": labels,
        "milestone": null,
        "created_at": time(pull.created),
        "updated_at": time(pull.updated),
        "closed_at": ended,
        "merged_at": merged.as_ref().and(ended.as_ref()),
        "merge_commit_sha": merged,
        "assignee": null,
        "assignees": [],
        "requested_reviewers": reviewers,
        "requested_teams": teams,
        "head": end(&format!("{}:{}", desk.owner, pull.head_ref), &pull.head_ref, pull.head),
        "base": end(&format!("{}:{}", desk.owner, pull.base_ref), &pull.base_ref, pull.base),
        "author_association": "MEMBER",
        "auto_merge": auto,
        "draft": pull.draft,
    })
}

pub fn comment(desk: &Desk, comment: &Comment) -> Value {
    let (full, Comment { id, pull, .. }) = (desk.full_name(), comment);
    json!({
        "id": id,
        "node_id": node("IC", id),
        "url": format!("{API}/repos/{full}/issues/comments/{id}"),
        "html_url": format!("{WEB}/{full}/pull/{pull}#issuecomment-{id}"),
        "issue_url": format!("{API}/repos/{full}/issues/{pull}"),
        "body": comment.body,
        "user": user(&comment.author),
        "created_at": time(comment.created),
        "updated_at": time(comment.updated),
        "author_association": "MEMBER",
    })
}

pub fn status(desk: &Desk, commit: Oid, status: &Status) -> Value {
    let full = desk.full_name();
    json!({
        "url": format!("{API}/repos/{full}/statuses/{commit}"),
        "avatar_url": null,
        "id": status.id,
        "node_id": node("SC", status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target,
        "context": status.context,
        "created_at": time(status.created),
        "updated_at": time(status.created),
        "creator": user(&status.creator),
    })
}

pub fn reference(desk: &Desk, name: &str, commit: Oid) -> Value {
    let full = desk.full_name();
    json!({
        "ref": name,
        "node_id": node("REF", name),
        "url": format!("{API}/repos/{full}/git/{name}"),
        "object": {
            "type": "commit",
            "sha": commit.to_string(),
            "url": format!("{API}/repos/{full}/git/commits/{commit}"),
        },
    })
}

/// A commit, and whether GitHub vouches for it.
pub fn commit(desk: &Desk, commit: &Commit<'_>) -> Value {
    let (full, id) = (desk.full_name(), commit.id());
    let who = |who: &git2::Signature<'_>| {
        let at = Timestamp::from_second(who.when().seconds()).unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        json!({"name": text(who.name_bytes()), "email": text(who.email_bytes()), "date": time(at)})
    };
    let is_signed = desk.repo.extract_signature(&id, None).is_ok();
    let (verified, reason) = match (desk.verified.contains(&id), is_signed) {
        (true, _) => (true, "valid"),
        (false, true) => (false, "unknown_key"),
        (false, false) => (false, "unsigned"),
    };
    let url = format!("{API}/repos/{full}/commits/{id}");
    let parents = commit.parent_ids().map(|parent| {
        let url = format!("{API}/repos/{full}/commits/{parent}");
        json!({"sha": parent.to_string(), "url": url})
    });
    json!({
        "sha": id.to_string(),
        "node_id": node("C", id),
        "url": url,
        "html_url": format!("{WEB}/{full}/commit/{id}"),
        "comments_url": format!("{url}/comments"),
        "commit": {
            "url": format!("{API}/repos/{full}/git/commits/{id}"),
            "author": who(&commit.author()),
            "committer": who(&commit.committer()),
            "message": String::from_utf8_lossy(commit.message_bytes()),
            "tree": {
                "sha": commit.tree_id().to_string(),
                "url": format!("{API}/repos/{full}/git/trees/{}", commit.tree_id()),
            },
            "comment_count": 0,
            "verification": {
                "verified": verified, "reason": reason,
                "signature": null, "payload": null, "verified_at": null,
            },
        },
        "author": null,
        "committer": null,
        "parents": parents.collect::<Vec<_>>(),
    })
}
