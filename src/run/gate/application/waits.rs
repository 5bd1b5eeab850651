//! What an Application is about while it goes on by itself.
use super::super::super::Why;
use super::{Look, NOTICED, colon};

impl Look<'_> {
    /// How far it is.
    pub(super) fn waits(&self) -> Option<Why> {
        let reasons = [Self::syncing, Self::not_compared, Self::differs];
        reasons.iter().find_map(|reason| reason(self))
    }

    fn syncing(&self) -> Option<Why> {
        let (application, name) = (self.application, self.name());
        if application.starting {
            return Some(Why::new(format!("a sync of {name} is about to start")));
        }
        let operation = application.operation.as_ref()?;
        let said = colon(operation.message.as_ref());
        let message = match operation.phase.as_str() {
            "Running" if operation.retries > 0 => {
                let most = operation.retry_limit.map(|most| format!(" of {most}"));
                let most = most.unwrap_or_default();
                format!(
                    "the sync of {name} failed and is tried again, attempt {}{most}{said}",
                    operation.retries
                )
            }
            "Running" => format!("{name} is syncing{said}"),
            "Terminating" => format!("the sync of {name} is being stopped{said}"),
            _ => return None,
        };
        Some(Why::new(message))
    }

    /// It doesn't know of the commit yet.
    fn not_compared(&self) -> Option<Why> {
        let (application, name) = (self.application, self.name());
        if application.refreshing {
            return Some(Why::new(format!("{name} is about to be compared with git")));
        }
        let Some(at) = application.compared_at.filter(|_| application.sync.is_some()) else {
            return Some(Why::new(format!("{name} wasn't compared with git yet")));
        };
        let landed = self.landed()?.at;
        if at.duration_since(landed) >= NOTICED {
            return None;
        }
        let why =
            Why::new(format!("{name} may not have noticed the commit yet: it compared at {at}"));
        Some(match self.seen.at.duration_since(landed) >= NOTICED && at < landed {
            true => {
                why.hint("a webhook that doesn't come, or an application controller that is down")
            }
            false => why,
        })
    }

    fn differs(&self) -> Option<Why> {
        let (application, name) = (self.application, self.name());
        let revision = short(application.revisions.first()?);
        Some(match application.sync.as_deref()? {
            "OutOfSync" => Why::new(format!("{name} is OutOfSync at {revision}")),
            "Synced" => Why::new(format!("{name} says that it is Synced at {revision}")).hint(
                "is that the commit on the base branch? See its target revision, `manifest-generate-paths`, and what changes objects on their way",
            ),
            status => Why::new(format!("{name} is {status}")),
        })
    }
}

fn short(revision: &str) -> &str {
    revision.get(..10).unwrap_or(revision)
}
