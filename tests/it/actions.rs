//! In GitHub Actions: a runner, played, reads what the program printed and left in its files.
mod command;
mod outputs;
mod summary;

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::{Deployment, Wired};
use crate::env::Ran;

/// The commands that a runner knows.
const KNOWN: [&str; 18] = [
    "internal-set-repo-path",
    "set-env",
    "set-output",
    "save-state",
    "add-path",
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "warning",
    "error",
    "notice",
    "debug",
    "group",
    "endgroup",
    "echo",
    "stop-commands",
    "workflow-command",
    "command",
];

/// A command as a runner understands it: name, properties, data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub name: String,
    pub properties: BTreeMap<String, String>,
    pub data: String,
}

/// What a runner would do with a line of the log: `::name key=value,…::data` where the line begins so,
/// spaces left out, else `##[name key=value;…]data` anywhere in it.
pub fn understood(line: &str) -> Option<Command> {
    let (info, data, split, escapes): (_, _, _, &[(&str, &str)]) = if let Some(rest) =
        line.trim_start().strip_prefix("::")
    {
        let (info, data) = rest.split_once("::")?;
        (info, data, ',', &[("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")])
    } else {
        let (info, data) = line.split_once("##[")?.1.split_once(']')?;
        (info, data, ';', &[("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%")])
    };
    let decode = |text: &str| {
        escapes.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    };
    let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
    let properties = properties.split(split).filter_map(|pair| pair.split_once('='));
    let properties =
        properties.map(|(key, value)| (key.trim().to_owned(), decode(value))).collect();
    let known = KNOWN.contains(&name);
    known.then(|| Command { name: name.to_owned(), properties, data: decode(data) })
}

/// All commands in what was printed.
pub fn commands(ran: &Ran) -> Vec<Command> {
    let lines = |text: &str| text.split(['\n', '\r']).filter_map(understood).collect::<Vec<_>>();
    [lines(&ran.out), lines(&ran.err)].concat()
}

/// Name and value of each output, as a runner reads its file.
pub fn read_outputs(file: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = file.split('\n');
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (key, delimiter) = line.split_once("<<").expect(line);
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        assert!(outputs.insert(key.to_owned(), value.join("\n")).is_none(), "{key} twice");
    }
    outputs
}

/// What a step of a job left behind.
pub struct Step {
    pub ran: Ran,
    pub commands: Vec<Command>,
    pub outputs: BTreeMap<String, String>,
    pub summary: String,
}

/// Runs the program as a step of a job, in a folder of a sandbox.
pub fn step(repo: &Deployment, dir: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Step {
    let file = |name: &str| repo.sandbox.path(name);
    let (output, summary) = (file("output"), file("summary"));
    for file in [&output, &summary] {
        std::fs::write(file, "").unwrap();
    }
    let mut program = repo.sandbox.program(dir, arguments);
    program.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &output);
    program.env("GITHUB_STEP_SUMMARY", &summary).envs(more.iter().copied());
    let ran = Ran::from(program.output().unwrap());
    Step {
        commands: commands(&ran),
        outputs: read_outputs(&std::fs::read_to_string(&output).unwrap()),
        summary: std::fs::read_to_string(&summary).unwrap(),
        ran,
    }
}

/// A deployment repo in which system6 waits in its first phase.
pub fn waiting() -> Deployment {
    let repo = Deployment::cloned(Wired::Directory);
    let line = repo.next(&[], 0);
    repo.merge(line["branch"].as_str().unwrap());
    repo.git(&["push", "--quiet", "origin", "main"]);
    repo
}
