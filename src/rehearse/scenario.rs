//! The scenarios of rehearsals, as data: how fast, who reviews, what is asked for and what goes wrong when.
use jiff::SignedDuration;

use super::express::Conduct;
use super::reviewer::{Landing, Manners};
use crate::exit;
use crate::rbac::Form;
use crate::run::Phase;

/// One story that a rehearsal plays.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub name: &'static str,
    /// What happens in it, in a few words.
    pub about: &'static str,
    /// How many runs are played, one after the other.
    pub runs: u32,
    /// How many seconds of the world pass in a real one.
    pub pace: f64,
    pub conduct: Conduct,
    pub manners: Manners,
    /// All that is random follows from it.
    pub seed: u64,
    pub troubles: Vec<Trouble>,
    /// What the program may read of the cluster: the least that it needs, in one form or the other.
    pub rights: Form,
    /// What the inputs say of the rebuild, by the keys of `rebuild`; the others stay as they are.
    pub rebuild: &'static [(&'static str, &'static str)],
    /// How many times the watcher is killed outright, wherever it is.
    pub kills: u32,
    /// What begins a run: the command, without the system and how far its step goes.
    pub begins_with: &'static [&'static str],
    /// What a person asks for at a terminal, one after the other.
    pub asks: Vec<Asked>,
    /// The watcher that ended in a halt is started once more so much later, as by a schedule.
    pub again: Option<SignedDuration>,
}

/// Something that a person asks for once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    pub when: Moment,
    /// The command, without the system and how far its step goes.
    pub command: &'static [&'static str],
}

/// When a person asks for something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    /// The rebuild has got so far (percent), and the watcher watches it.
    Rebuilt(f64),
    /// The watcher has ended with this code.
    Ended(u8),
}

/// Something that happens to a run, once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trouble {
    /// The pod of this farmer is deleted when the rebuild has got so far (percent).
    FarmerLost { farmer: u32, at: f64 },
    /// The trigger Job is deleted so long after it was created.
    TriggerDeleted { after: SignedDuration },
    /// The rebuild makes no progress any more once it has got so far (percent).
    Standstill { at: f64 },
    /// From the moment a step of this phase lands, Argo CD syncs nothing for so long.
    SyncWindow { phase: Phase, length: SignedDuration },
    /// When the trigger lands, the API server refuses its Job, and goes on doing so.
    TriggerRefused,
    /// When the rebuild has got so far (percent), the synchronizer's answers and what is written of the
    /// Application stay as they are for so long, whatever happens.
    Stale { at: f64, length: SignedDuration },
    /// Somebody reverts the step of this phase so long after it landed.
    Reverted { phase: Phase, after: SignedDuration },
    /// When the rebuild has got so far (percent), somebody scales the farmers, and for so long Argo CD
    /// syncs nothing.
    ScaledByHand { farmers: u32, at: f64, length: SignedDuration },
    /// When the rebuild has got so far (percent), another image lands in the inputs.
    InputsChanged { at: f64 },
    /// When the rebuild has got so far (percent), Jira is down for so long.
    JiraDown { at: f64, length: SignedDuration },
    /// When the step of this phase is put in review, these farmers' pods are deleted, and it takes them so
    /// long to come back.
    FarmersAway { phase: Phase, farmers: &'static [u32], length: SignedDuration },
    /// Around every step GitHub fails before and after it did what was asked, breaks connections, wants to be
    /// left alone, and shows lists that are old.
    GitHubFlaky,
}

const HOUR: f64 = 3600.0;

impl Scenario {
    /// All there are; the first one is played unless another is asked for.
    pub fn all() -> Vec<Scenario> {
        vec![
            happy(),
            farmer_lost(),
            rebuild_fails(),
            second_run(),
            same_hash(),
            retriggered(),
            scaled_up(),
            declined_scale(),
            aborted(),
            retried(),
            synchronizer_only(),
            argocd_fails(),
            stale_status(),
            reverted(),
            scaled_by_hand(),
            inputs_changed(),
            slow(),
            stalled(),
            watcher_killed(),
            declined(),
            github_flaky(),
            jira_down(),
            gate_lapses(),
        ]
    }

    pub fn named(name: &str) -> Option<Scenario> {
        Scenario::all().into_iter().find(|scenario| scenario.name == name)
    }
}

/// Four farmers need three days.
fn happy() -> Scenario {
    Scenario {
        name: "happy",
        about: "everything goes as it should",
        runs: 1,
        pace: 10.0 * HOUR,
        conduct: Conduct { work: SignedDuration::from_hours(12 * 24), ..Conduct::default() },
        manners: Manners::default(),
        seed: 1,
        troubles: Vec::new(),
        rights: Form::ClusterWide,
        rebuild: &[],
        kills: 0,
        begins_with: &["next-phase"],
        asks: Vec::new(),
        again: None,
    }
}

fn farmer_lost() -> Scenario {
    Scenario {
        name: "farmer-lost",
        about: "a farmer's pod is deleted in the middle of the rebuild and comes back",
        manners: Manners { landing: Landing::Squash, ..Manners::default() },
        troubles: vec![Trouble::FarmerLost { farmer: 2, at: 40.0 }],
        rights: Form::Namespaced,
        ..happy()
    }
}

fn rebuild_fails() -> Scenario {
    let conduct = happy().conduct;
    Scenario {
        name: "rebuild-fails",
        about: "the rebuild fails half-way, and the run halts",
        conduct: Conduct { fails_at: [Some(45)].into(), ..conduct },
        ..happy()
    }
}

fn second_run() -> Scenario {
    let conduct = happy().conduct;
    Scenario {
        name: "second-run",
        about: "two runs one after the other, rebased onto other teams' commits",
        runs: 2,
        conduct: Conduct { work: conduct.work / 2, ..conduct },
        manners: Manners {
            landing: Landing::Rebase,
            others: 2,
            deletes_branches: false,
            ..Manners::default()
        },
        ..happy()
    }
}

fn same_hash() -> Scenario {
    let conduct = happy().conduct;
    Scenario {
        name: "same-hash",
        about: "the frontends look done all the time, and the propagation begins a day late",
        conduct: Conduct { work: conduct.work / 2, ..conduct },
        manners: Manners {
            landing: Landing::Queue,
            after: SignedDuration::from_hours(6),
            ..Manners::default()
        },
        troubles: vec![Trouble::SyncWindow {
            phase: Phase::Propagate,
            length: SignedDuration::from_hours(24),
        }],
        ..happy()
    }
}

/// Four farmers need ten days.
fn retriggered() -> Scenario {
    Scenario {
        name: "retriggered",
        about: "the trigger Job is deleted on the ninth day of the rebuild and comes back",
        pace: 24.0 * HOUR,
        conduct: Conduct::default(),
        troubles: vec![Trouble::TriggerDeleted { after: SignedDuration::from_hours(8 * 24) }],
        ..happy()
    }
}

/// In a command: as many farmers as the inputs allow.
pub const MAX_FARMERS: &str = "{max}";

const MORE_FARMERS: Asked =
    Asked { when: Moment::Rebuilt(30.0), command: &["scale", "--farmers", MAX_FARMERS] };

fn scaled_up() -> Scenario {
    Scenario {
        name: "scaled-up",
        about: "somebody adds farmers in the middle of the rebuild, which goes on faster",
        asks: vec![MORE_FARMERS],
        ..happy()
    }
}

fn declined_scale() -> Scenario {
    Scenario {
        name: "declined-scale",
        about: "more farmers are asked for and turned down, and the run goes on without them",
        manners: Manners { declines: Some(4), ..Manners::default() },
        asks: vec![MORE_FARMERS],
        ..happy()
    }
}

/// Four farmers need ten days.
fn aborted() -> Scenario {
    let command = &["abort", "--reason", "the disks are needed elsewhere"];
    Scenario {
        name: "aborted",
        about: "somebody ends the run on the ninth day of the rebuild",
        pace: 24.0 * HOUR,
        conduct: Conduct::default(),
        asks: vec![Asked { when: Moment::Rebuilt(80.0), command }],
        ..happy()
    }
}

fn retried() -> Scenario {
    Scenario {
        name: "retried",
        about: "the rebuild fails half-way, and a second attempt succeeds",
        asks: vec![Asked { when: Moment::Ended(exit::HALTED), command: &["retry"] }],
        ..rebuild_fails()
    }
}

fn synchronizer_only() -> Scenario {
    Scenario {
        name: "synchronizer-only",
        about: "a dynamic synchronizer on its own is brought up and taken down again",
        begins_with: &["synchronizer", "up"],
        asks: vec![Asked { when: Moment::Ended(exit::OK), command: &["synchronizer", "down"] }],
        ..happy()
    }
}

fn argocd_fails() -> Scenario {
    Scenario {
        name: "argocd-fails",
        about: "the trigger Job is refused until Argo CD gives up on it, and the run halts",
        troubles: vec![Trouble::TriggerRefused],
        ..happy()
    }
}

/// Four farmers need a day and a half: the rebuild is complete within the time that nothing new is told.
fn stale_status() -> Scenario {
    let conduct = happy().conduct;
    Scenario {
        name: "stale-status",
        about: "the rebuild is complete while the synchronizer and Argo CD still tell of the day before",
        conduct: Conduct { work: conduct.work / 2, ..conduct },
        troubles: vec![Trouble::Stale { at: 50.0, length: SignedDuration::from_hours(36) }],
        ..happy()
    }
}

fn reverted() -> Scenario {
    let after = SignedDuration::from_hours(2);
    Scenario {
        name: "reverted",
        about: "somebody reverts a merged step, and the run halts",
        troubles: vec![Trouble::Reverted { phase: Phase::HistoryUpdate, after }],
        ..happy()
    }
}

fn scaled_by_hand() -> Scenario {
    let length = SignedDuration::from_hours(12);
    Scenario {
        name: "scaled-by-hand",
        about: "somebody scales the farmers down during the rebuild, and Argo CD undoes it half a day later",
        troubles: vec![Trouble::ScaledByHand { farmers: 3, at: 40.0, length }],
        ..happy()
    }
}

fn inputs_changed() -> Scenario {
    Scenario {
        name: "inputs-changed",
        about: "another image lands in the inputs during the rebuild, and the farm stays as it is",
        manners: Manners { landing: Landing::Squash, ..Manners::default() },
        troubles: vec![Trouble::InputsChanged { at: 40.0 }],
        ..happy()
    }
}

/// Four farmers need a day. Between two looks there is no hour: an estimate has to be fresh.
fn slow() -> Scenario {
    let (work, history) = (SignedDuration::from_hours(4 * 24), SignedDuration::from_mins(30));
    Scenario {
        name: "slow",
        about: "the rebuild would take too long, so that one more farmer is proposed",
        pace: 2.0 * HOUR,
        conduct: Conduct { work, history, ..Conduct::default() },
        manners: Manners {
            after: SignedDuration::from_mins(20),
            jitter: SignedDuration::from_mins(10),
            ..Manners::default()
        },
        rebuild: &[("addFarmersWhenEtaExceeds", "12h")],
        ..happy()
    }
}

/// Four farmers would need ten hours.
fn stalled() -> Scenario {
    let (work, history) = (SignedDuration::from_hours(40), SignedDuration::from_mins(10));
    Scenario {
        name: "stalled",
        about: "the rebuild stops making progress, which is reported, and misses its deadline",
        // Time that is watched has no gap of hours.
        pace: 0.3 * HOUR,
        conduct: Conduct { work, history, ..Conduct::default() },
        manners: Manners {
            after: SignedDuration::from_mins(5),
            jitter: SignedDuration::from_mins(5),
            ..Manners::default()
        },
        troubles: vec![Trouble::Standstill { at: 5.0 }],
        rebuild: &[("stall", "1h"), ("deadline", "4h")],
        ..happy()
    }
}

fn declined() -> Scenario {
    Scenario {
        name: "declined",
        about: "a step is turned down in review, and the run halts",
        manners: Manners { declines: Some(2), ..Manners::default() },
        ..happy()
    }
}

fn watcher_killed() -> Scenario {
    Scenario {
        name: "watcher-killed",
        about: "the watcher is killed again and again, in the middle of whatever it does",
        kills: 20,
        ..happy()
    }
}

fn github_flaky() -> Scenario {
    Scenario {
        name: "github-flaky",
        about: "GitHub fails, forgets to answer and shows what is old, and each step is proposed once",
        manners: Manners { landing: Landing::Squash, ..Manners::default() },
        troubles: vec![Trouble::GitHubFlaky],
        ..happy()
    }
}

fn jira_down() -> Scenario {
    let length = SignedDuration::from_hours(24);
    Scenario {
        name: "jira-down",
        about: "the rebuild fails while Jira is down; the ticket is told once it is back",
        troubles: vec![Trouble::JiraDown { at: 40.0, length }],
        again: Some(length),
        ..rebuild_fails()
    }
}

fn gate_lapses() -> Scenario {
    let (farmers, length) = (&[1, 2], SignedDuration::from_hours(12));
    Scenario {
        name: "gate-lapses",
        about: "farmers are lost while the rebuild's step is in review, which waits until they are back",
        manners: Manners { after: SignedDuration::from_hours(8), ..Manners::default() },
        troubles: vec![Trouble::FarmersAway { phase: Phase::Rebuild, farmers, length }],
        ..happy()
    }
}
