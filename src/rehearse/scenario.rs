//! The scenarios of rehearsals, as data: how fast, who reviews, and what goes wrong when.
use jiff::SignedDuration;

use super::express::Conduct;
use super::reviewer::{Landing, Manners};
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
}

/// Something that happens to a run, once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trouble {
    /// The pod of this farmer is deleted when the rebuild has got so far (percent).
    FarmerLost { farmer: u32, at: f64 },
    /// The trigger Job is deleted so long after it was created.
    TriggerDeleted { after: SignedDuration },
    /// From the moment a step of this phase lands, Argo CD syncs nothing for so long.
    SyncWindow { phase: Phase, length: SignedDuration },
}

const HOUR: f64 = 3600.0;

impl Scenario {
    /// All there are; the first one is played unless another is asked for.
    pub fn all() -> Vec<Scenario> {
        vec![happy(), farmer_lost(), rebuild_fails(), second_run(), same_hash(), retriggered()]
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
