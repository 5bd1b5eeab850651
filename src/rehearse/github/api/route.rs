//! Which paths the embedded GitHub has, named as GitHub's own description of its API names them.
use crate::rehearse::github::refusal::Refusal;
use crate::rehearse::uri::decoded;

const TEMPLATES: [&str; 25] = [
    "/graphql",
    "/user",
    "/rate_limit",
    "/app",
    "/app/installations/{installation_id}/access_tokens",
    "/repos/{owner}/{repo}",
    "/repos/{owner}/{repo}/branches/{branch}",
    "/repos/{owner}/{repo}/pulls",
    "/repos/{owner}/{repo}/pulls/{pull_number}",
    "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
    "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
    "/repos/{owner}/{repo}/pulls/{pull_number}/commits",
    "/repos/{owner}/{repo}/issues/{issue_number}",
    "/repos/{owner}/{repo}/issues/{issue_number}/labels",
    "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "/repos/{owner}/{repo}/commits/{ref}",
    "/repos/{owner}/{repo}/commits/{ref}/status",
    "/repos/{owner}/{repo}/commits/{ref}/statuses",
    "/repos/{owner}/{repo}/statuses/{sha}",
    "/repos/{owner}/{repo}/git/refs",
    // References have slashes in their names.
    "/repos/{owner}/{repo}/git/refs/{ref}",
    "/repos/{owner}/{repo}/git/ref/{ref}",
    "/repos/{owner}/{repo}/git/matching-refs/{ref}",
];

/// A path that is known, and what stands in the places of its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub template: &'static str,
    parameters: Vec<String>,
}

/// The route of a path; none if it isn't one of this API.
pub fn route(path: &str) -> Option<Route> {
    TEMPLATES.into_iter().find_map(|template| {
        let parameters = parameters(template, path)?;
        Some(Route { template, parameters })
    })
}

fn parameters(template: &str, path: &str) -> Option<Vec<String>> {
    let takes_the_rest = template.contains("/git/") && template.ends_with("/{ref}");
    let expected: Vec<&str> = template.split('/').collect();
    let given: Vec<&str> = match takes_the_rest {
        true => path.splitn(expected.len(), '/').collect(),
        false => path.split('/').collect(),
    };
    if expected.len() != given.len() {
        return None;
    }
    let mut parameters = Vec::new();
    for (expected, given) in expected.into_iter().zip(given) {
        // `/issues/comments/7` isn't the issue `comments`.
        let is_number = given.bytes().all(|byte| byte.is_ascii_digit()) && !given.is_empty();
        match expected.strip_prefix('{') {
            Some(name) if name.contains("number") && !is_number => return None,
            Some(_) if given.is_empty() => return None,
            Some(_) => parameters.push(decoded(given)),
            None if expected == given => {}
            None => return None,
        }
    }
    Some(parameters)
}

impl Route {
    /// The parameter at this place of the path; empty if there is none.
    pub fn text(&self, at: usize) -> &str {
        self.parameters.get(at).map(String::as_str).unwrap_or_default()
    }

    /// It as a number; nothing is found at any other.
    pub fn number(&self, at: usize) -> Result<u64, Refusal> {
        self.text(at).parse().map_err(|_| Refusal::not_found())
    }
}
