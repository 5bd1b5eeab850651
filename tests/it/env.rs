//! Runs the built program apart from the machine's own git, kubeconfig and colours.
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::git_repo::Sandbox;

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Sandbox {
    /// The program with these arguments, in `dir`, with the sandbox's environment and nothing else.
    pub fn program(&self, dir: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dcr-gitops"));
        command.args(arguments).current_dir(dir).env_clear().envs(&self.env);
        // A repo around the temporary folder is none of ours.
        command.env("GIT_CEILING_DIRECTORIES", self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, dir: &Path, arguments: &[&str]) -> Ran {
        self.program(dir, arguments).output().unwrap().into()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            code: output.status.code().unwrap_or_else(|| panic!("ended by {}", output.status)),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Asserts the exit code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    /// The only line on standard output, as JSON.
    #[track_caller]
    pub fn line(&self) -> Value {
        assert_eq!(self.out.matches('\n').count(), 1, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}
