//! `action.yml`, played as a runner would: its lines of shell, with the inputs in their environment.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::cli::{Deployment, FOLDER, Wired, step};
use crate::env::Ran;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SHELL_SPECIALS: &str = "$(touch pwned) `touch pwned` ; touch pwned & ' \" *";

fn action() -> Value {
    let text = std::fs::read_to_string(Path::new(ROOT).join("action.yml")).unwrap();
    serde_yaml::from_str_with_options(&text, serde_yaml::options! {}).unwrap()
}

/// A runner that is to play the action on a deployment repo.
struct Runner {
    repo: Deployment,
    inputs: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
}

/// What was left behind.
struct Played {
    code: i32,
    log: String,
    outputs: BTreeMap<String, String>,
}

impl Runner {
    fn new(inputs: &[(&str, &str)]) -> Self {
        let repo = Deployment::cloned(Wired::Directory);
        let temp = repo.sandbox.path("temp");
        std::fs::create_dir(&temp).unwrap();
        let env = [
            ("RUNNER_OS", "Linux"),
            ("RUNNER_ARCH", "X64"),
            ("RUNNER_TEMP", temp.to_str().unwrap()),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTOR", "octocat"),
            ("GITHUB_SERVER_URL", "https://github.com"),
        ];
        let mut runner = Runner {
            repo,
            inputs: BTreeMap::new(),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        };
        let described = action();
        for (name, input) in described["inputs"].as_object().unwrap() {
            let default = input["default"].as_str().unwrap_or_default();
            runner.inputs.insert(name.clone(), default.to_owned());
        }
        runner.inputs.insert("token".to_owned(), "secretTOKEN".to_owned());
        runner.release("dcr-gitops-0.1.0-x86_64-unknown-linux-musl.tar.gz");
        for (name, value) in inputs {
            assert!(runner.inputs.contains_key(*name), "{name}");
            runner.inputs.insert((*name).to_owned(), (*value).to_owned());
        }
        runner
    }

    fn releases(&self) -> PathBuf {
        self.repo.sandbox.path("releases/v0.1.0")
    }

    /// Puts an archive with the program and its sum where releases are found.
    fn release(&mut self, archive: &str) {
        let releases = self.releases();
        std::fs::create_dir_all(&releases).unwrap();
        // A link to it: packing and unpacking the program itself takes seconds.
        let link = self.repo.sandbox.path("dcr-gitops");
        if !link.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dcr-gitops"), &link).unwrap();
        }
        let folder = link.parent().unwrap().display();
        sh(&releases, &format!("tar -czf {archive} -C '{folder}' dcr-gitops"));
        sh(&releases, &format!("sha256sum {archive} > SHA256SUMS"));
        let from = format!("file://{}", self.repo.sandbox.path("releases").display());
        self.inputs.insert("from".to_owned(), from);
    }

    /// Plays the action's steps, as far as they come.
    fn play(&self) -> Played {
        let described = action();
        let mut played = Played { code: 0, log: String::new(), outputs: BTreeMap::new() };
        let mut of_steps = BTreeMap::new();
        for (number, step) in described["runs"]["steps"].as_array().unwrap().iter().enumerate() {
            if step["if"] == "inputs.command != ''" && self.inputs["command"].is_empty() {
                continue;
            }
            let file = self.repo.sandbox.path(&format!("outputs-{number}"));
            std::fs::write(&file, "").unwrap();
            let ran = self.step(step, &of_steps, &file);
            played.log += &format!("{}{}", ran.out, ran.err);
            for (name, value) in outputs(&std::fs::read_to_string(&file).unwrap()) {
                let id = step["id"].as_str().unwrap();
                of_steps.insert(format!("steps.{id}.outputs.{name}"), value);
            }
            played.code = ran.code;
            if ran.code != 0 {
                break;
            }
        }
        for (name, output) in described["outputs"].as_object().unwrap() {
            let expression = output["value"].as_str().unwrap();
            let expression = expression.strip_prefix("${{ ").unwrap().strip_suffix(" }}").unwrap();
            if let Some(value) = of_steps.get(expression) {
                played.outputs.insert(name.clone(), value.clone());
            }
        }
        played
    }

    fn step(&self, step: &Value, of_steps: &BTreeMap<String, String>, outputs: &Path) -> Ran {
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "what is put into a script can be code:\n{script}");
        assert_eq!(step["shell"], "bash");
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]);
        command.current_dir(&self.repo.work).env_clear();
        command.envs(&self.repo.sandbox.env).envs(&self.env).env("GITHUB_OUTPUT", outputs);
        command.env("GITHUB_STEP_SUMMARY", self.repo.sandbox.path("summary"));
        command.env("GIT_CEILING_DIRECTORIES", self.repo.sandbox.dir.path());
        for (name, value) in step["env"].as_object().unwrap() {
            command.env(name, self.value(value.as_str().unwrap(), of_steps));
        }
        let output: Output = command.stdin(Stdio::null()).output().unwrap();
        output.into()
    }

    fn value(&self, text: &str, of_steps: &BTreeMap<String, String>) -> String {
        let inside = text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}"));
        let expression =
            inside.unwrap_or_else(|| panic!("{text}: one expression, or env won't quote it"));
        match expression.strip_prefix("inputs.") {
            Some(input) => self.inputs[input].clone(),
            None if expression == "github.action_path" => ROOT.to_owned(),
            None => of_steps.get(expression).cloned().unwrap_or_else(|| panic!("no {expression}")),
        }
    }
}

/// A runner's file of outputs: `name=value` and `name<<END` lines.
pub fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, end)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        } else {
            let (name, value) = line.split_once('=').unwrap();
            outputs.insert(name.to_owned(), value.to_owned());
        }
    }
    outputs
}

fn sh(dir: &Path, script: &str) {
    let status = Command::new("sh").args(["-c", script]).current_dir(dir).status().unwrap();
    assert!(status.success(), "{script}");
}

impl Played {
    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.log);
        self
    }
}

#[test]
fn a_released_program_is_brought_and_run() {
    let played = Runner::new(&[
        ("command", "next-phase"),
        ("systems", "system6"),
        ("forced", "true"),
        ("publish", "push"),
    ]);
    let repo = &played.repo;
    let done = played.play().ends(0);
    assert!(done.log.contains("next: history-update"), "{}", done.log);
    let pushed =
        repo.sandbox.git(&repo.origin(), &["log", "-1", "--format=%an <%ae> %cn%n%B", &step(1, 1)]);
    let committer = "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com> github-actions[bot]";
    assert!(pushed.starts_with(committer), "{pushed}");
    assert!(pushed.contains("Dcr-Requested-By: octocat"), "{pushed}");
    let record = repo
        .sandbox
        .git(&repo.origin(), &["show", &format!("{}:{FOLDER}/dcr/run.yaml", step(1, 1))]);
    assert!(record.contains("forced: \"true\""), "{record}");
    // The token is masked, and nowhere but in the environment.
    assert!(!done.log.contains("secretTOKEN"), "{}", done.log);
    assert!(!repo.git(&["config", "--list"]).contains("extraheader"));
    assert!(done.outputs["program"].ends_with("/dcr-gitops-0.1.0/bin/dcr-gitops"));
    // Brought once, it isn't brought again.
    std::fs::remove_dir_all(played.releases()).unwrap();
    played.play().ends(0);
}

#[test]
fn waiting_is_no_failure_and_halting_is_one() {
    let mut runner = Runner::new(&[("command", "retry"), ("systems", "system6")]);
    runner.play().ends(0);
    runner.inputs.insert("command".to_owned(), "scale".to_owned());
    runner.inputs.insert("farmers".to_owned(), "5".to_owned());
    runner.play().ends(3);
    runner.inputs.insert("command".to_owned(), "rm".to_owned());
    runner.play().ends(2);
}

#[test]
fn what_people_type_is_never_code() {
    let runner = Runner::new(&[
        ("command", "abort"),
        ("systems", SHELL_SPECIALS),
        ("reason", SHELL_SPECIALS),
        ("committer", SHELL_SPECIALS),
    ]);
    let played = runner.play().ends(3);
    assert!(played.log.contains("there is no system"), "{}", played.log);
    for dir in [&runner.repo.work, Path::new(&runner.env["RUNNER_TEMP"])] {
        assert!(!dir.join("pwned").exists());
    }
    // What looks like a flag is a name.
    let runner = Runner::new(&[("command", "status"), ("systems", "--help")]);
    let played = runner.play().ends(3);
    assert!(played.log.contains("there is no system `--help`"), "{}", played.log);
}

#[test]
fn a_kubeconfig_is_gone_with_its_step() {
    let runner = Runner::new(&[
        ("command", "status"),
        ("systems", "system6"),
        ("kubeconfig", "apiVersion: v1\nkind: Config\n"),
        ("arguments", "-o\njson"),
    ]);
    let played = runner.play().ends(0);
    assert!(played.log.contains("\"observed\""), "{}", played.log);
    let left = std::fs::read_dir(&runner.env["RUNNER_TEMP"]).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["dcr-gitops-0.1.0"]);
}

#[test]
fn an_archive_is_what_its_digest_says() {
    let mut runner = Runner::new(&[]);
    let archive = runner.releases().join("dcr-gitops-0.1.0-x86_64-unknown-linux-musl.tar.gz");
    let program = runner.play().ends(0).outputs["program"].clone();
    assert!(Path::new(&program).is_file());
    std::fs::remove_file(&program).unwrap();

    let mut text = std::fs::read(&archive).unwrap();
    text.push(0);
    std::fs::write(&archive, text).unwrap();
    let played = runner.play().ends(1);
    assert!(played.log.contains("the archive is not what its digest says"), "{}", played.log);
    sh(&runner.releases(), ": > SHA256SUMS");
    let played = runner.play().ends(1);
    assert!(played.log.contains("SHA256SUMS does not name the archive"), "{}", played.log);
    runner.inputs.insert("digest".to_owned(), "0".repeat(64));
    let played = runner.play().ends(1);
    assert!(played.log.contains("the archive is not what its digest says"), "{}", played.log);
    assert!(!Path::new(&program).exists());
    runner.inputs.insert("version".to_owned(), "../../elsewhere".to_owned());
    runner.play().ends(1);
}

#[test]
fn where_there_is_no_binary_it_is_built() {
    let mut runner = Runner::new(&[]);
    runner.env.insert("RUNNER_OS".to_owned(), "Plan9".to_owned());
    // A stand-in for cargo that notes what it was asked for and "builds".
    let bin = runner.repo.sandbox.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let cargo = bin.join("cargo");
    let script = format!(
        "#!/bin/sh\necho \"cargo $*\"\nwhile [ $# -gt 1 ]; do shift; done\nmkdir -p \"$1/bin\"\nln -sf '{}' \"$1/bin/\"\n",
        env!("CARGO_BIN_EXE_dcr-gitops")
    );
    std::fs::write(&cargo, script).unwrap();
    sh(&bin, "chmod +x cargo");
    let path = runner.repo.sandbox.env[std::ffi::OsStr::new("PATH")].to_str().unwrap();
    runner.env.insert("PATH".to_owned(), format!("{}:{path}", bin.display()));
    let played = runner.play().ends(0);
    let asked = format!("cargo install --locked --path {ROOT} --root ");
    assert!(played.log.contains(&asked), "{}", played.log);
    // An archive that can't be had is built as well.
    let mut runner = Runner::new(&[]);
    runner.env.insert("PATH".to_owned(), format!("{}:{path}", bin.display()));
    std::fs::remove_dir_all(runner.releases()).unwrap();
    let played = runner.play().ends(0);
    assert!(played.log.contains(&asked), "{}", played.log);
}

#[test]
fn it_brings_the_version_it_belongs_to() {
    assert_eq!(action()["inputs"]["version"]["default"], env!("CARGO_PKG_VERSION"));
}
