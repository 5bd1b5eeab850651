//! Asks by running a command of the inputs: no shell, no input, nothing of it left when its time is up.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::context::Context;
use crate::observe::express::LONGEST_ANSWER;
use crate::observe::express::excerpt::excerpt;

/// How much of what it prints on standard error is read, in bytes.
const LONGEST_COMPLAINT: u64 = 4096;

/// What a command has no business with.
const OUR_SECRETS: [&str; 4] =
    ["GITHUB_TOKEN", "DCR_GITHUB_APP_PRIVATE_KEY", "JIRA_TOKEN", "JIRA_USER"];

/// Where commands are run, and with which environment.
pub struct Commands {
    folder: PathBuf,
    env: BTreeMap<OsString, OsString>,
}

impl std::fmt::Debug for Commands {
    /// The environment may hold tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Commands {
    /// In `folder`, with the environment of this program but for its own tokens.
    pub fn new(context: &Context, folder: PathBuf) -> Self {
        let mut env = context.env.clone();
        env.retain(|name, _| !OUR_SECRETS.iter().any(|secret| name == secret));
        Commands { folder, env }
    }

    /// What it prints on standard output, if it succeeds. Dropped before, it is killed.
    pub(super) async fn run(&self, command: &[String]) -> Result<Vec<u8>, String> {
        let Some((program, arguments)) = command.split_first() else {
            return Err("the command is empty".to_owned());
        };
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("`{program}` can't be run: {error}"))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (answer, complaint) =
            tokio::join!(at_most(LONGEST_ANSWER, out), beginning(LONGEST_COMPLAINT, err));
        let answer = answer.map_err(|error| format!("`{program}`: {error}"))?;
        let Some(answer) = answer else {
            return Err(format!("`{program}` printed more than {LONGEST_ANSWER} bytes"));
        };
        let status = child.wait().await.map_err(|error| format!("`{program}`: {error}"))?;
        if !status.success() {
            let complaint = excerpt(&complaint.unwrap_or_default());
            return Err(format!("`{program}` failed ({status}): `{complaint}`"));
        }
        Ok(answer)
    }
}

/// All that comes. Of too much nothing: the pipe is closed then, which ends whoever still writes.
async fn at_most(
    longest: usize,
    from: Option<impl AsyncRead + Unpin>,
) -> std::io::Result<Option<Vec<u8>>> {
    let mut read = Vec::new();
    if let Some(from) = from {
        from.take(longest as u64 + 1).read_to_end(&mut read).await?;
    }
    Ok((read.len() <= longest).then_some(read))
}

/// The beginning of what comes. The rest is read, too: nobody has to fail for complaining at length.
async fn beginning(longest: u64, from: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(longest).read_to_end(&mut read).await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(read)
}
