//! How a system behaves: its pace, its moods and the trouble it is told to make.
use std::collections::VecDeque;

use jiff::SignedDuration;

/// What can be chosen about a system. All of it is assumed: the notes tell what nodes print, not how fast
/// they are nor how they refuse.
#[derive(Debug, Clone)]
pub struct Conduct {
    /// The admin port of every node.
    pub port: u16,
    /// From the start of a pod's container until the node answers.
    pub boots: SignedDuration,
    /// How long the history update takes, while the synchronizer and a farmer are up.
    pub history: SignedDuration,
    /// How long one farmer would need for the whole rebuild: two need half of it.
    pub work: SignedDuration,
    /// In percent of the usual speed; at 0 a rebuild stands still without failing.
    pub speed: u32,
    /// A rebuilding farmer is too busy to be reached in every second stretch of this length; zero: never.
    pub busy: SignedDuration,
    /// How long a propagation takes.
    pub propagation: SignedDuration,
    /// How long a node that went away keeps its row in the A/A status.
    pub row_outlives_node: SignedDuration,
    /// Per rebuild to come: the percentage (below 100) at which it fails, if it does.
    pub fails_at: VecDeque<Option<u32>>,
    /// Listed by a rebuild once it got that far.
    pub warnings: Vec<Warning>,
    /// A rebuild outlives its synchronizer: the next one goes on with it.
    pub outlives_synchronizer: bool,
    /// The frontends go on telling of a running rebuild that its synchronizer has lost.
    pub frontends_keep_lost: bool,
    /// An unforced rebuild finds nothing to do and says so with this word.
    pub nothing_to_do: Option<String>,
    /// The HTTP status of a refused command. There are servers that refuse with 200.
    pub refuses_with: u16,
    /// The A/A status leaves the frontends out once the rebuild is complete, as one transcript does.
    pub omits_frontends: bool,
}

/// Something a rebuild complains of without failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// 0 to 100.
    pub percent: u32,
    pub text: String,
}

impl Default for Conduct {
    fn default() -> Self {
        Conduct {
            port: 9100,
            boots: SignedDuration::from_mins(3),
            history: SignedDuration::from_hours(6),
            work: SignedDuration::from_hours(40 * 24),
            speed: 100,
            busy: SignedDuration::from_mins(10),
            propagation: SignedDuration::from_mins(15),
            row_outlives_node: SignedDuration::from_mins(10),
            fails_at: VecDeque::new(),
            warnings: Vec::new(),
            outlives_synchronizer: false,
            frontends_keep_lost: false,
            nothing_to_do: None,
            refuses_with: 409,
            omits_frontends: false,
        }
    }
}
