//! What the inputs demand of the A/A status besides ready pods: `admin.aaStatus.require`.
use super::super::express::{AaRow, AaState, AaStatus, Detail, Readiness};
use super::super::{Observation, Phase, Verdict, Why};
use crate::config::{AaWord, NodesPhase};

/// What the status lacks in this phase: of the synchronizer, and of so many farmers. `None` where nothing is
/// demanded or nothing is lacking.
pub fn required(seen: &Observation, phase: Phase, farmers: u32) -> Option<Verdict> {
    let phase = match phase {
        Phase::HistoryUpdate => NodesPhase::HistoryUpdate,
        Phase::FarmUp => NodesPhase::FarmUp,
        Phase::Synchronizer => NodesPhase::Synchronizer,
        Phase::Rebuild | Phase::Propagate | Phase::Teardown => return None,
    };
    let rows = seen.deployment.inputs.admin.aa_status.require.get(&phase)?;
    let needed = if rows.farmers.is_empty() { 0 } else { farmers as usize };
    if rows.synchronizer.is_empty() && needed == 0 {
        return None;
    }
    let Some(status) = &seen.world.admin.aa_status else {
        let why = Why::new("no node answers with an A/A status");
        return Some(Verdict::Unknown(why.hint(HINT)));
    };
    let system = &seen.deployment.system;
    if !rows.synchronizer.is_empty() {
        let node = system.synchronizer_pod();
        match shows(status, &node, &rows.synchronizer) {
            Some(true) => {}
            Some(false) => {
                let words = quoted(&rows.synchronizer);
                let why = Why::new(format!("{node} doesn't show {words} in the A/A status"));
                return Some(Verdict::Unmet(why.hint(HINT)));
            }
            None => return Some(unknown(&node)),
        }
    }
    let set = system.farmer_set();
    let nodes = (0..seen.deployment.record.as_ref()?.farmers).map(|n| format!("{set}-{n}"));
    let nodes: Vec<(String, Option<bool>)> = nodes
        .map(|node| {
            let shown = shows(status, &node, &rows.farmers);
            (node, shown)
        })
        .collect();
    let count = |is: Option<bool>| nodes.iter().filter(|(_, shown)| *shown == is).count();
    let showing = count(Some(true));
    if showing >= needed {
        return None;
    }
    // As many as aren't known might show it.
    let unclear = nodes.iter().find(|(_, shown)| shown.is_none());
    if let Some((node, _)) = unclear.filter(|_| showing + count(None) >= needed) {
        return Some(unknown(node));
    }
    let words = quoted(&rows.farmers);
    let message = format!("{showing} farmers show {words} in the A/A status, {needed} are needed");
    Some(Verdict::Unmet(Why::new(message).hint(HINT)))
}

const HINT: &str = "`admin.aaStatus.require` in dcr.yaml asks for it";

fn unknown(node: &str) -> Verdict {
    let message = format!("{node} isn't in the A/A status, or its row isn't understood");
    Verdict::Unknown(Why::new(message).hint(HINT))
}

/// Whether a node's row shows all words; `None` where there is none that can be believed.
fn shows(status: &AaStatus, node: &str, words: &[AaWord]) -> Option<bool> {
    let row = status.row(node).filter(|row| row.unknown.is_empty())?;
    Some(words.iter().all(|word| has(row, *word)))
}

fn has(row: &AaRow, word: AaWord) -> bool {
    match word {
        AaWord::Synchronized => row.state == Some(AaState::Synchronized),
        AaWord::Booting => row.state == Some(AaState::Booting),
        AaWord::Down => row.state == Some(AaState::Down),
        AaWord::Visible => row.visible == Some(true),
        AaWord::Invisible => row.visible == Some(false),
        AaWord::Sync => row.sync == Some(true),
        AaWord::NotSync => row.sync == Some(false),
        AaWord::Ready => row.readiness == Some(Readiness::Ready),
        AaWord::Waiting => row.readiness == Some(Readiness::Waiting),
        AaWord::Hidden => row.readiness == Some(Readiness::Hidden),
        AaWord::Unreachable => row.readiness == Some(Readiness::Unreachable),
        AaWord::Inactive => row.detail == Some(Detail::Inactive),
    }
}

fn quoted(words: &[AaWord]) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
    format!("`{}`", words.join(" "))
}
