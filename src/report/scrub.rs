//! Takes what looks like a credential out of words that others will read: error texts of nodes, Jobs and
//! servers may hold one.
use std::sync::LazyLock;

use regex::Regex;

use crate::context::Context;

/// What stands in its place.
const GONE: &str = "***";

/// Variables whose values are nobody's business.
const SECRET: [&str; 3] = ["JIRA_TOKEN", "GITHUB_TOKEN", "DCR_GITHUB_APP_PRIVATE_KEY"];

/// A shorter value could be any word.
const SHORTEST: usize = 6;

/// Tokens by their forms (GitHub, GitLab, AWS, Slack, JSON Web Tokens, Atlassian), keys in PEM, users and
/// passwords in URLs, and values after a name that says what they are.
static FORMS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let forms = [
        (
            r"\b(?:gh[pousr]_[A-Za-z0-9]{10,}|github_pat_[A-Za-z0-9_]{10,}|glpat-[A-Za-z0-9_-]{10,})",
            GONE,
        ),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", GONE),
        (r"\b(?:xox[abpr]-[A-Za-z0-9-]{10,}|ATATT[A-Za-z0-9_=-]{10,})", GONE),
        (r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?", GONE),
        (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", GONE),
        (r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@'\x22]+@", "$1***@"),
        (r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", "$1***"),
        (
            r#"(?i)([a-z0-9_.-]*(?:password|passwd|secret|token|api[_-]?key|private[_-]?key|credential)[a-z0-9_.-]*["']?\s*[:=]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&"']+)"#,
            "$1***",
        ),
    ];
    forms.into_iter().filter_map(|(form, by)| Some((Regex::new(form).ok()?, by))).collect()
});

/// Knows what this invocation must not tell.
#[derive(Clone, Default)]
pub struct Scrub {
    values: Vec<String>,
}

impl std::fmt::Debug for Scrub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scrub")
    }
}

impl Scrub {
    pub fn new(context: &Context) -> Self {
        let values = SECRET.iter().filter_map(|name| context.var(name));
        let values = values.map(str::trim).filter(|value| value.len() >= SHORTEST);
        Scrub { values: values.map(str::to_owned).collect() }
    }

    /// The text without them.
    pub fn text(&self, text: &str) -> String {
        let text =
            self.values.iter().fold(text.to_owned(), |text, value| text.replace(value, GONE));
        FORMS.iter().fold(text, |text, (form, by)| form.replace_all(&text, *by).into_owned())
    }
}
