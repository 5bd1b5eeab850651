//! The embedded GitHub's limits of requests per hour, for each account.
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::refusal::Refusal;
use super::rules::Limits;
use crate::rehearse::wire::Answer;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Rest,
    GraphQl,
}

/// How much of its limits each account has spent in the hour that is on.
#[derive(Debug, Default)]
pub struct Spent(BTreeMap<(String, Resource), Hour>);

#[derive(Debug, Clone, Copy)]
struct Hour {
    ends: Timestamp,
    used: u64,
}

impl Spent {
    /// Counts one request, unless the hour's are used up.
    pub fn spend(
        &mut self,
        limits: Limits,
        login: &str,
        resource: Resource,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let hour = self.hour(login, resource, now);
        if hour.used >= limits.of(resource) {
            return Err(Refusal::new(403, "API rate limit exceeded for user ID 1."));
        }
        hour.used += 1;
        Ok(())
    }

    /// Takes back what was counted for an answer that costs nothing.
    pub fn give_back(&mut self, login: &str, resource: Resource, now: Timestamp) {
        let hour = self.hour(login, resource, now);
        hour.used = hour.used.saturating_sub(1);
    }

    /// The answer with the headers that tell how much is left.
    pub fn told(
        &mut self,
        answer: Answer,
        limits: Limits,
        login: &str,
        resource: Resource,
        now: Timestamp,
    ) -> Answer {
        let Hour { ends, used } = *self.hour(login, resource, now);
        let limit = limits.of(resource);
        let name = match resource {
            Resource::Rest => "core",
            Resource::GraphQl => "graphql",
        };
        answer
            .with("x-ratelimit-limit", limit)
            .with("x-ratelimit-remaining", limit.saturating_sub(used))
            .with("x-ratelimit-used", used)
            .with("x-ratelimit-reset", ends.as_second())
            .with("x-ratelimit-resource", name)
    }

    fn hour(&mut self, login: &str, resource: Resource, now: Timestamp) -> &mut Hour {
        let fresh = Hour { ends: now + HOUR, used: 0 };
        let hour = self.0.entry((login.to_owned(), resource)).or_insert(fresh);
        if hour.ends <= now {
            *hour = fresh;
        }
        hour
    }
}

impl Limits {
    fn of(self, resource: Resource) -> u64 {
        match resource {
            Resource::Rest => self.rest,
            Resource::GraphQl => self.graphql,
        }
    }
}
