//! Who may do what: bearer tokens and RBAC rules.
use std::fmt;

use super::kind::Kind;
use super::refusal::{Refusal, details};

/// What every secret of the embedded world contains, so that one search finds any that leaked.
pub const TOKEN_MARK: &str = "rehearsalTOKEN";

/// Somebody who may call the API.
#[derive(Clone)]
pub struct User {
    pub name: String,
    token: String,
    rules: Option<Vec<Rule>>,
}

/// The token lacks [`TOKEN_MARK`].
#[derive(Debug, thiserror::Error)]
#[error("tokens of the embedded world contain `{TOKEN_MARK}`")]
pub struct UnmarkedToken;

/// Allows verbs on resources. Rules only ever allow.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// `None`: in all namespaces, and across them.
    pub namespace: Option<String>,
    /// API group; empty for the core one.
    pub group: &'static str,
    /// `pods`, `pods/proxy`, …
    pub resources: Vec<&'static str>,
    /// Empty: any name. A pod behind its proxy is named as in the path: `system6-fe1:9100`.
    pub names: Vec<String>,
    pub verbs: Vec<&'static str>,
}

/// What a request wants to do.
#[derive(Debug, Clone)]
pub struct Attempt<'a> {
    pub verb: &'static str,
    pub kind: Kind,
    pub subresource: Option<&'a str>,
    pub namespace: Option<&'a str>,
    pub name: Option<&'a str>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

impl User {
    /// Somebody who may do everything.
    pub fn new(name: &str, token: &str) -> Result<Self, UnmarkedToken> {
        if !token.contains(TOKEN_MARK) {
            return Err(UnmarkedToken);
        }
        Ok(Self { name: name.to_owned(), token: token.to_owned(), rules: None })
    }

    /// The same user, who may do only what the rules allow.
    pub fn limited_to(self, rules: Vec<Rule>) -> Self {
        Self { rules: Some(rules), ..self }
    }

    /// Whether the value of a header `Authorization` is this user's.
    pub fn sends(&self, authorization: &str) -> bool {
        authorization.strip_prefix("Bearer ") == Some(&self.token)
    }

    /// Refuses what no rule allows, in the API server's words.
    pub fn check(&self, attempt: &Attempt<'_>) -> Result<(), Refusal> {
        let Some(rules) = &self.rules else { return Ok(()) };
        if rules.iter().any(|rule| rule.allows(attempt)) {
            return Ok(());
        }
        let kind = attempt.kind;
        let named = attempt.name.map(|name| format!(" \"{name}\"")).unwrap_or_default();
        let place = match attempt.namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{}{named} is forbidden: User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            kind.resource(),
            self.name,
            attempt.verb,
            attempt.resource(),
            kind.group(),
        );
        Err(Refusal {
            details: details(attempt.name.unwrap_or_default(), kind.group(), kind.plural()),
            ..Refusal::new(403, "Forbidden", message)
        })
    }

    /// Forwarding ports takes the right to create, too, however the connection is made: since 1.35.
    pub fn check_upgrade(&self, attempt: &Attempt<'_>) -> Result<(), Refusal> {
        match attempt.subresource {
            Some("portforward") => self.check(&Attempt { verb: "create", ..attempt.clone() }),
            _ => Ok(()),
        }
    }
}

impl Attempt<'_> {
    /// The resource as RBAC names it: `pods`, `pods/proxy`.
    pub fn resource(&self) -> String {
        match self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.kind.plural()),
            None => self.kind.plural().to_owned(),
        }
    }
}

impl Rule {
    fn allows(&self, attempt: &Attempt<'_>) -> bool {
        let names_it = |name: &str| self.names.iter().any(|allowed| allowed == name);
        self.verbs.contains(&attempt.verb)
            && self.group == attempt.kind.group()
            && self.resources.contains(&attempt.resource().as_str())
            && (self.namespace.is_none() || self.namespace.as_deref() == attempt.namespace)
            && (self.names.is_empty() || attempt.name.is_some_and(names_it))
    }
}
