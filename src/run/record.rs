//! The run record: what a run is and how far it has come, as it stands on the base branch.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Kind, Phase, SystemRef};

/// The `data` of the ConfigMap `<system>-dcr-run` in `dcr/run.yaml`.
///
/// It is the run's only memory that counts: every commit of the run rewrites it, so a step is merged
/// exactly when the record on the base branch is at that step or later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    pub system: SystemRef,
    /// Numbered per system from 1.
    pub run: u32,
    pub kind: Kind,
    /// Numbered per run from 1; every commit of the run adds one.
    pub step: u32,
    pub phase: Phase,
    /// Counted per phase, from 1.
    pub attempt: u32,
    /// Rebuild even if the node finds nothing to do.
    pub forced: bool,
    /// How many farmers the run is to have (`farmers.count` when it began; a `scale` step raises it).
    /// While the history updates, fewer are running.
    pub farmers: u32,
    /// The frontends that must have the cache in the end.
    pub frontends: Vec<String>,
    /// The Jira issue the run reports to.
    pub ticket: Option<String>,
    /// Digest of the inputs when the run began, `sha256:` and 64 hex digits.
    pub inputs: String,
    /// Why a person skipped the gate before this step.
    pub gate_skipped: Option<String>,
}

/// What `teardown` leaves in `dcr/last-run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LastRun {
    pub run: u32,
    pub step: u32,
    pub kind: Kind,
    pub outcome: Outcome,
    /// Why a person skipped the gate before the teardown; on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate_skipped: Option<String>,
    /// Why a person aborted the run; on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Complete,
    Aborted,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Aborted => "aborted",
        }
    }
}

/// A key of a run record or of `last-run` that is missing or says something impossible.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{key}` is {found}, expected {expected}")]
pub struct BadField {
    pub key: &'static str,
    pub found: String,
    pub expected: &'static str,
}

impl Record {
    /// The record as the `data` of its ConfigMap: strings only, absent facts left out.
    pub fn to_data(&self) -> BTreeMap<&'static str, String> {
        let mut data = BTreeMap::from([
            ("run", self.run.to_string()),
            ("kind", self.kind.to_string()),
            ("step", self.step.to_string()),
            ("phase", self.phase.to_string()),
            ("attempt", self.attempt.to_string()),
            ("forced", self.forced.to_string()),
            ("farmers", self.farmers.to_string()),
            ("frontends", self.frontends.join(",")),
            ("cluster", self.system.cluster.clone()),
            ("namespace", self.system.namespace.clone()),
            ("system", self.system.system.clone()),
            ("inputs", self.inputs.clone()),
        ]);
        if let Some(ticket) = &self.ticket {
            data.insert("ticket", ticket.clone());
        }
        if let Some(reason) = &self.gate_skipped {
            data.insert("gateSkipped", reason.clone());
        }
        data
    }

    /// Reads the `data` of a run record; keys it doesn't know are left to the caller to report.
    pub fn from_data(data: &BTreeMap<String, String>) -> Result<Self, BadField> {
        let fields = Fields(data);
        let kind = fields.word("kind", "`rebuild` or `synchronizer`")?;
        let phase = fields.word("phase", "the name of a phase")?;
        if !is_on(kind, phase) {
            return Err(BadField {
                key: "phase",
                found: format!("`{phase}`"),
                expected: "a phase of its kind of run, before the teardown",
            });
        }
        Ok(Record {
            system: SystemRef {
                cluster: fields.text("cluster")?,
                namespace: fields.text("namespace")?,
                system: fields.text("system")?,
            },
            run: fields.number("run")?,
            kind,
            step: fields.number("step")?,
            phase,
            attempt: fields.number("attempt")?,
            forced: fields.word("forced", "`true` or `false`")?,
            farmers: fields.count("farmers")?,
            frontends: match fields.text("frontends")?.as_str() {
                "" => Vec::new(),
                names => names.split(',').map(str::to_owned).collect(),
            },
            ticket: data.get("ticket").cloned(),
            inputs: fields.text("inputs")?,
            gate_skipped: data.get("gateSkipped").cloned(),
        })
    }
}

/// Whether a run of this kind that is on can be in this phase: a teardown leaves no record.
fn is_on(kind: Kind, phase: Phase) -> bool {
    match phase {
        Phase::HistoryUpdate | Phase::FarmUp | Phase::Rebuild | Phase::Propagate => {
            kind == Kind::Rebuild
        }
        Phase::Synchronizer => kind == Kind::Synchronizer,
        Phase::Teardown => false,
    }
}

impl LastRun {
    /// The lines of `dcr/last-run`; those that a person gave no reason for are left out.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "run: {}\nstep: {}\nkind: {}\noutcome: {}\n",
            self.run,
            self.step,
            self.kind,
            self.outcome.as_str()
        );
        for (key, words) in [("gateSkipped", &self.gate_skipped), ("reason", &self.reason)] {
            let words = words.as_deref().map(one_line).unwrap_or_default();
            if !words.is_empty() {
                text += &format!("{key}: {words}\n");
            }
        }
        text
    }

    /// Reads `dcr/last-run`: one `key: value` on each line.
    pub fn from_text(text: &str) -> Result<Self, BadField> {
        let data: BTreeMap<String, String> = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect();
        let fields = Fields(&data);
        Ok(LastRun {
            run: fields.number("run")?,
            step: fields.number("step")?,
            kind: fields.word("kind", "`rebuild` or `synchronizer`")?,
            outcome: fields.word("outcome", "`complete` or `aborted`")?,
            gate_skipped: data.get("gateSkipped").cloned(),
            reason: data.get("reason").cloned(),
        })
    }
}

/// What a person said, so that no line of it can pass for another key.
fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Fields<'a>(&'a BTreeMap<String, String>);

impl Fields<'_> {
    fn text(&self, key: &'static str) -> Result<String, BadField> {
        self.0.get(key).cloned().ok_or_else(|| BadField {
            key,
            found: "missing".to_owned(),
            expected: "a value",
        })
    }

    fn count(&self, key: &'static str) -> Result<u32, BadField> {
        let text = self.text(key)?;
        text.parse().map_err(|_| BadField {
            key,
            found: format!("`{text}`"),
            expected: "a whole number",
        })
    }

    fn number(&self, key: &'static str) -> Result<u32, BadField> {
        match self.count(key)? {
            0 => Err(BadField { key, found: "`0`".to_owned(), expected: "a number from 1" }),
            number => Ok(number),
        }
    }

    fn word<T: serde::de::DeserializeOwned>(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<T, BadField> {
        let text = self.text(key)?;
        let value = match text.as_str() {
            "true" => serde_json::Value::Bool(true),
            "false" => serde_json::Value::Bool(false),
            word => serde_json::Value::String(word.to_owned()),
        };
        serde_json::from_value(value).map_err(|_| BadField {
            key,
            found: format!("`{text}`"),
            expected,
        })
    }
}
