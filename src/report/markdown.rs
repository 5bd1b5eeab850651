//! A plan as a comment on a pull request: what would be committed, with the diff folded.
use super::json::Line;
use super::{diff, escape, pull_request};
use crate::render::Change;
use crate::run::{Decision, Step};

/// What a comment may hold. GitHub refuses a body of more than 65,536 characters; this leaves room for
/// whatever is put around it.
pub const LIMIT: usize = 60_000;

/// The first line of a plan's comment, by which it is found again.
pub const MARKER: &str = "<!-- dcr-gitops: plan -->";

/// One system's part: its decision, and each commit that would follow.
pub fn section(
    line: &Line,
    decision: &Decision,
    notices: &[String],
    changes: &[(Step, Change)],
) -> String {
    let name = escape::markdown(&format!("{}/{}/{}", line.cluster, line.namespace, line.system));
    let mut text = format!("### {name}\n\n");
    if let (Some(run), Some(step), Some(phase)) = (line.run, line.step, line.phase) {
        text += &format!("Run {run}, step {step}: `{phase}`. ");
    }
    text += &match decision {
        Decision::Propose(_) => format!("Next, because {}:\n", escape::markdown(&line.reason)),
        Decision::Wait(unmet) => {
            let rows = unmet.iter().map(|unmet| {
                format!("- waits for `{}`: {}\n", unmet.gate, escape::markdown(&unmet.message))
            });
            format!("\n\n{}", rows.collect::<String>())
        }
        Decision::Halt(_) => format!("**Halted**: {}\n", escape::markdown(&line.reason)),
        Decision::Finished(_) | Decision::Idle(_) | Decision::Withdraw(_) => {
            format!("Nothing to do: {}\n", escape::markdown(&line.reason))
        }
    };
    for notice in notices {
        text += &format!("\n> {}\n", escape::markdown(notice));
    }
    changes.iter().for_each(|(step, change)| text += &commit(step, change));
    text
}

/// All sections as one body within the limit; what is cut is named.
pub fn body(sections: &[String]) -> String {
    let mut text = format!("{MARKER}\n");
    for (at, section) in sections.iter().enumerate() {
        if text.chars().count() + section.chars().count() > LIMIT {
            text += &format!(
                "\n_{} more systems don't fit here: run `dcr-gitops plan` to see them._\n",
                sections.len() - at
            );
            break;
        }
        text += &format!("\n{section}");
    }
    text
}

fn commit(step: &Step, change: &Change) -> String {
    let mut text = format!(
        "\n#### Step {}: {}\n\n",
        step.record.step,
        escape::markdown(&step.intent().name())
    );
    for not_proved in &step.not_proved {
        text += &format!("Not proved: {}.\n\n", escape::markdown(not_proved));
    }
    text + &files(change)
}

/// What became different for one system: `note` says in which of its runs.
pub fn comparison(system: &str, note: &str, change: &Change) -> String {
    let (system, note) = (escape::markdown(system), escape::markdown(note));
    format!("### {system}\n\n{note}\n\n{}", files(change))
}

/// What happens to each file, and the diff, if that takes no more than half of a body.
fn files(change: &Change) -> String {
    let mut text = "| file | change |\n| --- | --- |\n".to_owned();
    for file in &change.files {
        let (added, removed) = diff::counts(file);
        let what = match (&file.before, &file.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        text += &format!("| {} | {what} (+{added} −{removed}) |\n", escape::markdown(&file.path));
    }
    let patch = match pull_request::patch(change) {
        Ok(patch) => patch,
        Err(error) => {
            return text
                + &format!(
                    "\nThe diff can't be shown: {}\n",
                    escape::markdown(&error.to_string())
                );
        }
    };
    if patch.chars().count() > LIMIT / 2 {
        return text
            + "\nThe diff is too long to be shown here: run `dcr-gitops plan` to see it.\n";
    }
    let fence = escape::fence(&patch);
    text + &format!(
        "\n<details><summary>Diff</summary>\n\n{fence}diff\n{patch}{fence}\n\n</details>\n"
    )
}
