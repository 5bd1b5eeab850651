//! `dcr-gitops.yaml`: values that make no sense.
use super::text::bad_url;
use super::{Check, steps};
use crate::config::Settings;

/// Looks through the settings, `defaults` excepted.
pub fn settings(check: &mut Check<'_>, settings: &Settings) {
    for (path, name) in [("branch", &settings.branch), ("remote", &settings.remote)] {
        if let Some(why) = bad_ref(name) {
            check.refuse(path, format!("`{path}` {why}"), None);
        }
    }
    if let Some(why) = bad_folder(&settings.templates) {
        check.refuse(
            "templates",
            format!("`templates` {why}"),
            Some("write `builtin`, or a folder relative to the repo"),
        );
    }
    if settings.max_runs_per_cluster == 0 {
        check.refuse("maxRunsPerCluster", "`maxRunsPerCluster` must be at least 1", None);
    }
    for (name, cluster) in &settings.clusters {
        let mut path = steps("clusters");
        path.push(name.clone());
        let contexts = [
            (&["context"][..], &cluster.context),
            (&["argocd", "context"][..], &cluster.argocd.context),
        ];
        for (below, context) in contexts {
            if context.as_deref().is_some_and(|context| context.trim().is_empty()) {
                let mut path = path.clone();
                path.extend(below.iter().map(|step| (*step).to_owned()));
                let message = format!("`clusters.{name}.{}` is empty", below.join("."));
                check.refuse_all(&[&path], message, Some("leave it out to take the default"));
            }
        }
    }
    let lists = [
        ("labels", &settings.github.labels),
        ("reviewers", &settings.github.reviewers),
        ("teamReviewers", &settings.github.team_reviewers),
    ];
    for (key, names) in lists {
        for (index, name) in names.iter().enumerate() {
            if name.trim().is_empty() {
                let message = format!("`github.{key}[{index}]` is empty");
                check.refuse(&format!("github/{key}/{index}"), message, None);
            }
        }
    }
    if let Some(why) = settings.jira.as_ref().and_then(|jira| bad_url(&jira.url)) {
        check.refuse("jira/url", format!("`jira.url` {why}"), None);
    }
    if let Some(why) = settings.heartbeat.as_ref().and_then(|heartbeat| bad_url(&heartbeat.url)) {
        check.refuse("heartbeat/url", format!("`heartbeat.url` {why}"), None);
    }
}

/// Why a branch or remote can't have this name, by the rules of git-check-ref-format(1). One that begins
/// with `-` would be taken for an option by git.
fn bad_ref(name: &str) -> Option<&'static str> {
    let forbidden = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    if name.is_empty() {
        Some("is empty")
    } else if name.starts_with('-') {
        Some("must not begin with `-`")
    } else if name.starts_with("refs/") {
        Some("must be given without `refs/…/`")
    } else if name.chars().any(forbidden)
        || name.contains("..")
        || name.contains("@{")
        || name == "@"
        || name.ends_with('.')
        || name
            .split('/')
            .any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"))
    {
        Some("is no name that git takes")
    } else {
        None
    }
}

fn bad_folder(folder: &str) -> Option<&'static str> {
    if folder.is_empty() {
        Some("is empty")
    } else if folder.starts_with('/') || folder.contains('\\') {
        Some("must be a path inside the repo")
    } else if folder
        .trim_end_matches('/')
        .split('/')
        .any(|part| matches!(part, "" | "." | ".." | ".git"))
    {
        Some("must not lead through empty names, `.`, `..` or `.git`")
    } else {
        None
    }
}
