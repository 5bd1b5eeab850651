//! Every folder of `fixtures/scenarios` is a test: a repo, what was seen, what was asked, and what came of it.
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::git_repo::{NOW, Sandbox};

/// What a scenario came to, as the files of its `expected` folder; a file that is absent is `None`.
struct Outcome {
    decision: String,
    patch: Option<String>,
    commit: Option<String>,
}

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios")
}

/// All files below a folder by their path in it.
fn files_in(folder: &Path) -> Vec<(String, String)> {
    let mut files = vec![];
    let mut open = vec![folder.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                // The repo's builder ends every file with a line break of its own.
                let text = fs::read_to_string(&path).unwrap();
                files.push((name, text.strip_suffix('\n').unwrap_or(&text).to_owned() + "\n"));
            }
        }
    }
    files.sort();
    files
}

fn play(scenario: &Path) -> Outcome {
    let mut sandbox = Sandbox::new();
    sandbox.bare(&files_in(&scenario.join("repo")));
    let work = sandbox.clone("work", &[]);
    sandbox.git(&work, &["remote", "remove", "origin"]);
    for date in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
        sandbox.env.insert(date.into(), format!("@{} +0000", NOW + 86_400).into());
    }
    let request = fs::read_to_string(scenario.join("request")).unwrap();
    let observed = scenario.join("observed.json");
    let mut arguments: Vec<&str> = request.split_whitespace().collect();
    arguments.extend(["-o", "json"]);
    if observed.exists() {
        arguments.extend(["--observed", observed.to_str().unwrap()]);
    }
    let ran = sandbox.run(&work, &arguments);
    let line = ran.line();
    let code = match line["decision"].as_str().unwrap() {
        "wait" => 10,
        "halt" => 11,
        _ => 0,
    };
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    let committed = line["outcome"] == "committed";
    let branch = line["branch"].as_str().unwrap_or_default().to_owned();
    let git = |arguments: &[&str]| committed.then(|| sandbox.git(&work, arguments) + "\n");
    Outcome {
        decision: laid_out(&line),
        patch: git(&["diff", "--no-ext-diff", "--full-index", "main", &branch]),
        commit: git(&["log", "-1", "--format=%B", &branch]),
    }
}

fn laid_out(line: &Value) -> String {
    serde_json::to_string_pretty(line).unwrap() + "\n"
}

impl Outcome {
    fn files(&self) -> [(&'static str, Option<&String>); 3] {
        [
            ("decision.json", Some(&self.decision)),
            ("patch.diff", self.patch.as_ref()),
            ("commit.txt", self.commit.as_ref()),
        ]
    }

    fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for (name, text) in self.files() {
            match text {
                Some(text) => fs::write(folder.join(name), text).unwrap(),
                None => drop(fs::remove_file(folder.join(name))),
            }
        }
    }

    /// How it differs from what is expected, for people; empty if it doesn't.
    fn differences(&self, folder: &Path) -> String {
        let mut said = String::new();
        for (name, text) in self.files() {
            let path = folder.join(name);
            let expected = fs::read_to_string(&path).unwrap_or_default();
            let text = text.cloned().unwrap_or_default();
            if expected != text {
                let diff = similar::TextDiff::from_lines(&expected, &text);
                let diff = diff.unified_diff().header("expected", "is").to_string();
                writeln!(said, "{}:\n{diff}", path.display()).unwrap();
            }
        }
        said
    }
}

#[test]
fn every_scenario_comes_to_what_is_expected() {
    let update = std::env::vars_os().any(|(name, _)| name == "UPDATE_SCENARIOS");
    let mut wrong = String::new();
    let mut played = 0;
    for entry in fs::read_dir(scenarios()).unwrap() {
        let scenario = entry.unwrap().path();
        let outcome = play(&scenario);
        let expected = scenario.join("expected");
        if update {
            outcome.write(&expected);
        }
        wrong += &outcome.differences(&expected);
        played += 1;
    }
    assert!(played > 0, "there are scenarios");
    assert!(wrong.is_empty(), "{wrong}UPDATE_SCENARIOS=1 writes what is; review it as a change");
}
