//! The settings of the embedded GitHub's repo: how pull requests may be merged, and what they need for it.
use super::pull::Method;

/// The repo's settings and the protection of its base branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub allow_auto_merge: bool,
    /// The ways in which a pull request may be merged.
    pub methods: Vec<Method>,
    pub delete_branch_on_merge: bool,
    /// How many people other than the author must approve.
    pub approvals: u32,
    /// An approval counts for the commit it was given to, and no other.
    pub dismiss_stale_approvals: bool,
    /// Contexts of statuses that must be a success.
    pub required_checks: Vec<String>,
    /// A branch must hold the newest base to be merged.
    pub strict: bool,
    /// Everything is merged by the queue, in this way.
    pub merge_queue: Option<Method>,
    /// Workflows may open pull requests with their own token.
    pub actions_open_pull_requests: bool,
    /// Limits of requests are kept and told. Off, as on a GitHub Enterprise Server by default, no answer
    /// says anything of limits.
    pub limits: Option<Limits>,
    /// Whether a pull request can be merged is worked out only once somebody asks: the first look after a
    /// change says that it isn't known.
    pub mergeable_takes_time: bool,
}

/// How many requests a token may make in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub rest: u64,
    pub graphql: u64,
}

impl Default for Rules {
    /// As a repo of a deployment is mostly set up: one approval, auto-merge allowed, every way of merging.
    fn default() -> Self {
        Rules {
            allow_auto_merge: true,
            methods: vec![Method::Merge, Method::Squash, Method::Rebase],
            delete_branch_on_merge: false,
            approvals: 1,
            dismiss_stale_approvals: true,
            required_checks: Vec::new(),
            strict: false,
            merge_queue: None,
            actions_open_pull_requests: true,
            limits: Some(Limits { rest: 5000, graphql: 5000 }),
            mergeable_takes_time: true,
        }
    }
}
