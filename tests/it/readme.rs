//! The README's session is played, and what it says of phases and exit codes is held against the program.
use std::path::Path;
use std::process::Command;

use dcr_gitops::run::Phase;
use regex::Regex;

use crate::git_repo::Sandbox;

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).unwrap()
}

/// The commands of the ```console blocks, each with the lines below it.
fn session() -> Vec<(String, Vec<String>)> {
    let mut session: Vec<(String, Vec<String>)> = vec![];
    let mut inside = false;
    for line in readme().lines() {
        match (line, inside) {
            ("```console", false) => inside = true,
            ("```", true) => inside = false,
            (line, true) => match (line.strip_prefix("$ "), session.last_mut()) {
                (Some(command), _) => session.push((command.to_owned(), vec![])),
                (None, Some((_, output))) => output.push(normal(line)),
                (None, None) => panic!("output without a command: {line}"),
            },
            _ => {}
        }
    }
    session
}

/// Without what differs each time: ids of objects and times.
fn normal(line: &str) -> String {
    let times = Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    let ids = Regex::new(r"\b[0-9a-f]{10,64}\b").unwrap();
    ids.replace_all(&times.replace_all(line, "TIME"), "ID").into_owned()
}

/// Whether the lines are the expected ones, `...` standing for any number of them.
fn fits(expected: &[String], lines: &[String]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines.first() == Some(first) && fits(rest, &lines[1..]),
    }
}

/// A clone of the sample deployment repo.
fn clone_of_the_sample(sandbox: &Sandbox) -> std::path::PathBuf {
    let work = sandbox.path("work");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/deployment");
    let copied = Command::new("cp").arg("-r").arg(sample).arg(&work).status().unwrap();
    assert!(copied.success());
    sandbox.git(&work, &["init", "--quiet"]);
    sandbox.git(&work, &["add", "--all"]);
    sandbox.git(&work, &["commit", "--quiet", "-m", "Begin"]);
    work
}

#[test]
fn the_session_is_what_happens() {
    let sandbox = Sandbox::new();
    let work = clone_of_the_sample(&sandbox);
    let program = Path::new(env!("CARGO_BIN_EXE_dcr-gitops")).parent().unwrap();
    let inherited = sandbox.env[std::ffi::OsStr::new("PATH")].clone();
    let path = std::env::join_paths(
        [program.to_owned()].into_iter().chain(std::env::split_paths(&inherited)),
    );
    let session = session();
    assert!(session.len() > 5, "{session:?}");
    for (command, expected) in session {
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(&work)
            .env_clear()
            .envs(&sandbox.env)
            .env("PATH", path.as_ref().unwrap())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<String> = text.lines().map(normal).collect();
        assert!(fits(&expected, &lines), "$ {command}\n{text}\nthe README says:\n{expected:#?}");
    }
}

#[test]
fn phases_and_exit_codes_are_those_of_the_program() {
    let readme = readme();
    for phase in Phase::ALL {
        let row = match phase {
            Phase::Synchronizer => format!("phase `{phase}` (\"{}\")", phase.title()),
            _ => format!("| `{phase}` | {} |", phase.title()),
        };
        assert!(readme.replace('\n', " ").contains(&row), "{row}");
    }
    let sandbox = Sandbox::new();
    let help = sandbox.run(sandbox.dir.path(), &["--help"]).ends(0).out;
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let codes: Vec<&str> =
        codes.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(codes, ["0", "1", "2", "3", "10", "11"]);
    for code in codes {
        assert!(readme.contains(&format!("\n| {code} | ")), "{code}");
    }
}
