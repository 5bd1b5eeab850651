//! The side moves as people ask for them: the built program in real clones.
mod abort;
mod retry;
mod scale;
mod synchronizer;

use dcr_gitops::run::Observation;
use dcr_gitops::run::express::ProbeState;
use serde_json::Value;

use crate::cli::observed::{met, save};
use crate::cli::{Deployment, FOLDER, Wired, step, untouched};

impl Deployment {
    /// `arguments` with `-o json`; the line, if it ends with `code`.
    #[track_caller]
    fn asks(&self, arguments: &[&str], code: i32) -> Value {
        self.run(&[arguments, &["-o", "json"]].concat()).ends(code).line()
    }

    /// A run whose first `steps` steps are merged one after the other.
    fn reached(steps: u32) -> Self {
        let repo = Deployment::cloned(Wired::Directory);
        for number in 1..=steps {
            repo.next(&["--skip-gate", "played through"], 0);
            repo.lands(&step(1, number));
        }
        repo
    }

    /// Merges a step's branch where everybody looks.
    fn lands(&self, branch: &str) {
        self.merge(branch);
        self.git(&["push", "--quiet", "origin", "main"]);
    }

    /// A file with a world in which all is well, but for what `spoil` does to it.
    fn sees(&self, name: &str, spoil: impl FnOnce(&mut Observation)) -> String {
        let text = std::fs::read_to_string(met(self)).unwrap();
        let line: Value = serde_json::from_str(&text).unwrap();
        let mut seen: Observation = serde_json::from_value(line["observed"].clone()).unwrap();
        spoil(&mut seen);
        save(self, name, &seen)
    }

    /// A world in which the rebuild is half-way.
    fn rebuilding(&self) -> String {
        self.sees("running.json", |seen| {
            for answer in &mut seen.world.admin.rebuild {
                answer.state = ProbeState::Running;
                answer.percent = Some(50.0);
            }
        })
    }

    /// A world in which the rebuild has failed.
    fn failed(&self) -> String {
        self.sees("failed.json", |seen| {
            for answer in &mut seen.world.admin.rebuild {
                answer.state = ProbeState::Failed;
                answer.error = Some("OutOfMemoryError".to_owned());
            }
        })
    }

    /// What a branch changes on the base, as `git diff --name-status` says it.
    fn changed(&self, branch: &str) -> Vec<String> {
        let all = self.git(&["diff", "--name-status", "main", branch]);
        let folder = format!("{FOLDER}/dcr/");
        all.lines().map(|line| line.replace(&folder, "").replace('\t', " ")).collect()
    }

    /// The first line of a commit.
    fn title(&self, revision: &str) -> String {
        self.git(&["log", "-1", "--format=%s", revision])
    }
}

#[test]
fn a_gate_is_skipped_for_a_phase_only() {
    let repo = Deployment::reached(0);
    for asked in [
        &["scale", "system6", "--farmers", "5"][..],
        &["retry", "system6"],
        &["abort", "system6", "--reason", "x"],
        &["synchronizer", "up", "system6"],
        &["synchronizer", "down", "system6"],
    ] {
        let ran = repo.run(&[asked, &["--skip-gate", "why not"]].concat()).ends(2);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.err, @r"
            error: --skip-gate goes with next-phase and plan only
            hint: a side move has no gate that could be skipped
            ");
        }
    }
}
