//! Whether a sync starts by itself: the questions that Argo CD asks of a comparison, in its order.
use jiff::{SignedDuration, Timestamp};

use super::Application;
use super::comparison::Resource;
use super::status::{OperationState, SyncStatus};

/// How long after a sync self-heal begins another one of the same commit.
const SELF_HEAL: SignedDuration = SignedDuration::from_secs(5);

/// What automation makes of a comparison.
pub enum Automation {
    Rests,
    /// With this `SyncError`.
    Refuses(String),
    /// Not yet: compare again then.
    Later(Timestamp),
    /// Of everything, or only of what isn't as it was synced before.
    Syncs {
        heals: bool,
    },
}

/// Asked only while no operation is under way; `last` is the state of the one before.
pub fn automation(
    settings: &Application,
    last: Option<&OperationState>,
    sync: &SyncStatus,
    resources: &[Resource],
    at: Timestamp,
) -> Automation {
    let Some(automated) = settings.automated else { return Automation::Rests };
    let denied = settings.deny_windows.iter().any(|(from, to)| (*from..*to).contains(&at));
    if denied || settings.wedged || sync.status != "OutOfSync" {
        return Automation::Rests;
    }
    let differs = |resource: &Resource| !resource.is_synced() && !resource.requires_pruning;
    if !automated.prune && !resources.iter().any(differs) {
        return Automation::Rests;
    }
    let revision = sync.revision.as_deref().unwrap_or_default();
    let of_this = |last: &&OperationState| {
        last.sync_result.as_ref().is_some_and(|result| result.revision == revision)
    };
    let last = last.filter(of_this);
    if let Some(last) = last {
        if last.phase != "Succeeded" {
            let message = &last.message;
            let message = format!("Failed last sync attempt to [{revision}]: {message}");
            return Automation::Refuses(message);
        }
        if !automated.self_heal {
            return Automation::Rests;
        }
        let finished = last.finished_at.as_ref().and_then(|at| at.parse().ok()).unwrap_or(at);
        let then = finished.checked_add(SELF_HEAL).unwrap_or(at);
        if at < then {
            return Automation::Later(then);
        }
    }
    let all_surplus = resources.iter().all(|resource| resource.requires_pruning);
    if automated.prune && !automated.allow_empty && all_surplus {
        return Automation::Refuses(format!(
            "Skipping sync attempt to [{revision}]: auto-sync will wipe out all resources"
        ));
    }
    Automation::Syncs { heals: last.is_some() }
}
