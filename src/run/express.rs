//! What the nodes of an Express instance answered: the A/A status and how far the rebuild is.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The answers of one look, each with the node that gave it. A node that didn't answer is in none of
/// them but in `silent`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Admin {
    pub aa_status: Option<AaStatus>,
    /// Of every node that was asked and answered.
    pub rebuild: Vec<ProbeAnswer>,
    pub history: Option<ProbeAnswer>,
    pub propagation: Option<ProbeAnswer>,
    /// Nodes that were asked and gave no usable answer, with the reason.
    pub silent: Vec<Silent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Silent {
    pub node: String,
    /// Which answer was asked for: `aaStatus`, `rebuildStatus`, `history` or `propagation`.
    pub asked: String,
    pub why: String,
}

/// An A/A status as one node printed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AaStatus {
    pub node: String,
    pub at: Timestamp,
    pub rows: Vec<AaRow>,
    /// Lines, and words in rows, outside the vocabulary: kept, reported, never guessed.
    pub unknown: Vec<UnknownWord>,
}

/// One node's row. `None` stands for a printed `?`, or for a field the row doesn't have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AaRow {
    pub group: Option<AaGroup>,
    pub node: String,
    pub state: Option<AaState>,
    pub visible: Option<bool>,
    pub sync: Option<bool>,
    /// As printed, e.g. `e686.131`.
    pub version: Option<String>,
    pub readiness: Option<Readiness>,
    pub detail: Option<Detail>,
    /// Words of the row outside the vocabulary, or saying again what another word said. Each is also in
    /// [`AaStatus::unknown`]. What such a row means is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AaGroup {
    ClassicFrontends,
    DynamicSynchronizers,
    DynamicFarmers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AaState {
    Synchronized,
    Booting,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    Ready,
    Waiting,
    Hidden,
    Unreachable,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// 16 hexadecimal digits.
    Hash(String),
    Inactive,
    /// The name of a Java exception.
    Exception(String),
}

/// A word outside the vocabulary, with the line it stands in (counted from 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnknownWord {
    pub line: u32,
    pub word: String,
}

/// What one node said about the rebuild (or the history update, or the propagation).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProbeAnswer {
    pub node: String,
    pub at: Timestamp,
    pub state: ProbeState,
    /// 0 to 100.
    pub percent: Option<f64>,
    pub started_at: Option<Timestamp>,
    /// Which run and attempt the answer is about, where it says so.
    pub of: Option<Echo>,
    /// Errors listed so far: warnings while it runs.
    pub error: Option<String>,
}

/// The state word, by the map of the inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ProbeState {
    /// The node knows of none: no state word, or an empty one.
    None,
    Running,
    Complete,
    Failed,
    /// An unforced rebuild with nothing to do.
    NotNeeded,
    /// A word the map doesn't have.
    Unmapped(String),
}

/// The run, and the attempt where the answer names it, that an answer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Echo {
    pub run: u32,
    pub attempt: Option<u32>,
}

impl AaRow {
    /// The node holds the result of a rebuild and serves it: the hash, if so. A row with an unknown word
    /// shows nothing: nobody knows what the word takes back.
    pub fn synchronized_hash(&self) -> Option<&str> {
        if !self.unknown.is_empty() {
            return None;
        }
        match (self.state, self.visible, self.sync, self.readiness, &self.detail) {
            (
                Some(AaState::Synchronized),
                Some(true),
                Some(true),
                Some(Readiness::Ready),
                Some(Detail::Hash(hash)),
            ) => Some(hash),
            _ => None,
        }
    }
}

impl AaStatus {
    /// The row of a node. `None` if there is none, or if rows of the same name contradict each other.
    pub fn row(&self, node: &str) -> Option<&AaRow> {
        let says = |row: &AaRow| AaRow { group: None, ..row.clone() };
        let mut rows = self.rows.iter().filter(|row| row.node == node);
        let first = rows.next()?;
        rows.all(|row| says(row) == says(first)).then_some(first)
    }
}
