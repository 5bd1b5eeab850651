//! What befalls one run, drawn from a seed: the same seed, the same schedule.
use dcr_gitops::rehearse::reviewer::{Landing, Manners};
use dcr_gitops::run::Phase;
use jiff::SignedDuration;

/// One run and its troubles.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub seed: u64,
    pub manners: Manners,
    /// Between two looks of a watcher.
    pub poll: SignedDuration,
    pub watchers: usize,
    /// How often in a hundred ticks one is missed, comes twice, or is late with its commit.
    pub unsteady: u64,
    pub proves_propagation: bool,
    /// The hub is a cluster of its own.
    pub hub: bool,
    pub outlives_synchronizer: bool,
    pub frontends_keep_lost: bool,
    pub fails_at: Option<u32>,
    /// Argo CD syncs nothing for a while after a step of this phase.
    pub window: Option<Phase>,
    pub troubles: Vec<Trouble>,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trouble {
    /// After the first look.
    pub at: SignedDuration,
    /// Until it is over, where it lasts.
    pub lasts: SignedDuration,
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    FarmerDies,
    FarmerCrashes,
    SynchronizerDies,
    NodeLost,
    SlowBoot,
    ClusterAway,
    ClusterStumbles,
    HubAway,
    AdminAway,
    NodeBabbles,
    FrontendsOmitted,
    StatusLies,
    BranchDeleted,
    BranchTouched,
    StepReverted,
    BaseRewound,
    InputsChanged,
    DeadlineShortened,
    VersionChanged,
    ScaledByHand,
    ScaleAsked,
    AbortAsked,
    JobDeleted,
    NamespaceRestored,
    ClockJumps,
}

/// All of them.
pub const WHATS: [What; 25] = [
    What::FarmerDies,
    What::FarmerCrashes,
    What::SynchronizerDies,
    What::NodeLost,
    What::SlowBoot,
    What::ClusterAway,
    What::ClusterStumbles,
    What::HubAway,
    What::AdminAway,
    What::NodeBabbles,
    What::FrontendsOmitted,
    What::StatusLies,
    What::BranchDeleted,
    What::BranchTouched,
    What::StepReverted,
    What::BaseRewound,
    What::InputsChanged,
    What::DeadlineShortened,
    What::VersionChanged,
    What::ScaledByHand,
    What::ScaleAsked,
    What::AbortAsked,
    What::JobDeleted,
    What::NamespaceRestored,
    What::ClockJumps,
];

impl Schedule {
    pub fn new(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let landings = [Landing::Merge, Landing::Squash, Landing::Rebase, Landing::Queue];
        let manners = Manners {
            landing: landings[dice.below(4) as usize],
            after: minutes(20 + dice.below(8 * 60)),
            jitter: minutes(dice.below(120)),
            others: dice.below(3) as u32,
            deletes_branches: dice.below(4) != 0,
            declines: (dice.below(6) == 0).then(|| 1 + dice.below(5) as u32),
        };
        let troubles = (0..dice.below(5)).map(|_| Trouble {
            at: minutes(dice.below(64 * 60)),
            lasts: minutes(30 + dice.below(26 * 60)),
            what: WHATS[dice.below(WHATS.len() as u64) as usize],
        });
        let mut troubles: Vec<Trouble> = troubles.collect();
        troubles.sort_by_key(|trouble| trouble.at);
        Schedule {
            seed,
            manners,
            poll: minutes(90 + dice.below(330)),
            watchers: 1 + usize::from(dice.below(3) == 0),
            unsteady: dice.below(3) * 10,
            proves_propagation: dice.below(3) != 0,
            hub: dice.below(2) == 0,
            outlives_synchronizer: dice.below(2) == 0,
            frontends_keep_lost: dice.below(4) == 0,
            fails_at: (dice.below(8) == 0).then(|| dice.below(100) as u32),
            window: (dice.below(8) == 0).then(|| Phase::ALL[dice.below(5) as usize]),
            troubles,
        }
    }

    /// The same with one trouble less, for each of them.
    pub fn shorter(&self) -> impl Iterator<Item = Schedule> {
        (0..self.troubles.len()).map(|without| {
            let mut shorter = self.clone();
            shorter.troubles.remove(without);
            shorter
        })
    }
}

pub fn minutes(minutes: u64) -> SignedDuration {
    SignedDuration::from_mins(i64::try_from(minutes).unwrap())
}

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// 0 to `bound`, without it.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
