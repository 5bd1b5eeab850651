//! What stands between a pull request and its base branch.
use git2::Oid;

use super::desk::Desk;
use super::pull::Pull;

/// Whether a pull request can be merged, as GraphQL's `mergeStateStatus` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It isn't known yet whether it merges.
    Unknown,
    Draft,
    /// It conflicts with the base.
    Dirty,
    /// An approval or a check is missing.
    Blocked,
    /// It has to be brought up to the base first.
    Behind,
    /// A check failed, or is pending, that needn't have passed.
    Unstable,
    Clean,
}

impl Standing {
    /// As GraphQL says it; REST says it in small letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Unknown => "UNKNOWN",
            Standing::Draft => "DRAFT",
            Standing::Dirty => "DIRTY",
            Standing::Blocked => "BLOCKED",
            Standing::Behind => "BEHIND",
            Standing::Unstable => "UNSTABLE",
            Standing::Clean => "CLEAN",
        }
    }

    /// Whether it may be merged now.
    pub fn allows_merging(self) -> bool {
        matches!(self, Standing::Unstable | Standing::Clean)
    }
}

/// Whether a pull request merges without conflicts, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mergeable {
    Unknown,
    Yes,
    No,
}

impl Desk {
    /// What a client sees: the first look after a change only begins to work it out.
    pub fn look(&mut self, number: u64) -> Result<(Mergeable, Standing), git2::Error> {
        let takes_time = self.rules.mergeable_takes_time;
        let Some(pull) = self.pulls.get_mut(&number) else {
            return Ok((Mergeable::Unknown, Standing::Unknown));
        };
        let key = Some((pull.head, pull.base));
        let known = !takes_time || pull.looked_at == key;
        pull.looked_at = key;
        if !pull.is_open() || !known {
            return Ok((Mergeable::Unknown, Standing::Unknown));
        }
        let pull = pull.clone();
        let mergeable =
            if self.merges(pull.head, pull.base)? { Mergeable::Yes } else { Mergeable::No };
        Ok((mergeable, self.standing(&pull)?))
    }

    /// How it really is.
    pub fn standing(&mut self, pull: &Pull) -> Result<Standing, git2::Error> {
        Ok(if pull.draft {
            Standing::Draft
        } else if !self.merges(pull.head, pull.base)? {
            Standing::Dirty
        } else if !self.missing(pull).is_empty() {
            Standing::Blocked
        } else if self.rules.strict && !self.repo.graph_descendant_of(pull.head, pull.base)? {
            Standing::Behind
        } else if self.latest_states(pull.head).any(|(_, state)| state != "success") {
            Standing::Unstable
        } else {
            Standing::Clean
        })
    }

    /// What is required and not there, in the words of the answer to an attempt to merge.
    pub fn missing(&self, pull: &Pull) -> Vec<String> {
        let mut missing = Vec::new();
        let approved = u32::try_from(pull.approvals.len()).unwrap_or(u32::MAX);
        if approved < self.rules.approvals {
            let (few, s) = (self.rules.approvals, if self.rules.approvals == 1 { "" } else { "s" });
            missing.push(format!(
                "At least {few} approving review{s} is required by reviewers with write access."
            ));
        }
        if !pull.objections.is_empty() {
            missing.push("Changes have been requested.".to_owned());
        }
        for check in &self.rules.required_checks {
            let state = self.latest_states(pull.head).find(|(context, _)| context == check);
            match state {
                Some((_, "success")) => {}
                Some((_, "pending")) | None => {
                    missing.push(format!("Required status check \"{check}\" is expected."));
                }
                Some(_) => missing.push(format!("Required status check \"{check}\" is failing.")),
            }
        }
        missing
    }

    /// Contexts of a commit's statuses with the newest state of each.
    pub fn latest_states(&self, commit: Oid) -> impl Iterator<Item = (&str, &str)> {
        let statuses = self.statuses.get(&commit).map(Vec::as_slice).unwrap_or_default();
        let newest = statuses.iter().enumerate().filter(|(at, status)| {
            statuses[at + 1..].iter().all(|later| later.context != status.context)
        });
        newest.map(|(_, status)| (status.context.as_str(), status.state.as_str()))
    }

    /// Whether two commits merge without conflicts.
    fn merges(&mut self, head: Oid, base: Oid) -> Result<bool, git2::Error> {
        if let Some(known) = self.merges.get(&(head, base)) {
            return Ok(*known);
        }
        let (ours, theirs) = (self.repo.find_commit(base)?, self.repo.find_commit(head)?);
        let merges = !self.repo.merge_commits(&ours, &theirs, None)?.has_conflicts();
        self.merges.insert((head, base), merges);
        Ok(merges)
    }
}
