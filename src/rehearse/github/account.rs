//! Who may do what on the embedded GitHub: people, bots, and the tokens that stand for them.
use std::fmt;

use jiff::Timestamp;

/// What kind of account it is; the API shows some things to people only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    Person,
    /// A GitHub App, known by its installation.
    App,
    /// What `GITHUB_TOKEN` stands for in a workflow.
    Actions,
}

/// What an account may do with one part of the repo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    #[default]
    None,
    Read,
    Write,
}

/// What a token may do, as GitHub divides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    pub contents: Access,
    pub pull_requests: Access,
    pub issues: Access,
    pub statuses: Access,
}

impl Permissions {
    /// All that review of steps needs.
    pub const WRITE: Permissions = Permissions::all(Access::Write);
    pub const READ: Permissions = Permissions::all(Access::Read);
    /// The repo can't even be seen.
    pub const NONE: Permissions = Permissions::all(Access::None);

    pub const fn all(access: Access) -> Self {
        Permissions { contents: access, pull_requests: access, issues: access, statuses: access }
    }

    /// Whether the repo is there at all for who has only these.
    pub fn sees(&self) -> bool {
        let Permissions { contents, pull_requests, issues, statuses } = *self;
        [contents, pull_requests, issues, statuses].into_iter().any(|it| it > Access::None)
    }
}

/// Somebody, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// A person's name as it is; an App's ends with `[bot]`.
    pub login: String,
    pub kind: AccountKind,
    pub permissions: Permissions,
}

impl Account {
    pub fn person(login: &str, permissions: Permissions) -> Self {
        Account { login: login.to_owned(), kind: AccountKind::Person, permissions }
    }

    /// The App of this name (`dcr` becomes `dcr[bot]`).
    pub fn app(slug: &str, permissions: Permissions) -> Self {
        Account { login: format!("{slug}[bot]"), kind: AccountKind::App, permissions }
    }

    /// What a workflow runs as.
    pub fn actions(permissions: Permissions) -> Self {
        let login = "github-actions[bot]".to_owned();
        Account { login, kind: AccountKind::Actions, permissions }
    }

    /// The login without the mark of a bot, as GraphQL says it.
    pub fn slug(&self) -> &str {
        self.login.trim_end_matches("[bot]")
    }
}

/// A token that is known.
#[derive(Clone)]
pub struct Token {
    pub secret: String,
    pub account: Account,
    /// It is no good from then on.
    pub ends: Option<Timestamp>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("account", &self.account).finish_non_exhaustive()
    }
}
