//! Signing a commit as `git commit` would: with ssh-keygen, gpg or gpgsm, by the user's configuration.
use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;

use git2::Signature;

use crate::git::{Error, Repo};

/// The signature over a commit's text, if `commit.gpgsign` asks for one.
///
/// # Errors
/// No key is configured where one is needed, or the program that signs fails.
pub fn sign_if_asked(
    repo: &Repo,
    commit: &str,
    committer: &Signature<'_>,
) -> Result<Option<String>, Error> {
    if !repo.config().flag("commit.gpgsign") {
        return Ok(None);
    }
    let format = repo.config().text("gpg.format").unwrap_or_else(|| "openpgp".to_owned());
    let signature = match format.as_str() {
        "openpgp" => gpg(repo, commit, committer, &["gpg.openpgp.program", "gpg.program"], "gpg"),
        "x509" => gpg(repo, commit, committer, &["gpg.x509.program"], "gpgsm"),
        "ssh" => ssh(repo, commit),
        other => {
            return Err(Error::Signing(format!("gpg.format is `{other}`, which git doesn't know")));
        }
    }?;
    Ok(Some(signature.replace('\r', "")))
}

fn gpg(
    repo: &Repo,
    commit: &str,
    committer: &Signature<'_>,
    programs: &[&str],
    default: &str,
) -> Result<String, Error> {
    let program = programs.iter().find_map(|name| repo.config().text(name));
    let program = program.unwrap_or_else(|| default.to_owned());
    let key = repo.config().text("user.signingkey").unwrap_or_else(|| {
        let (name, email) = (committer.name_bytes(), committer.email_bytes());
        format!("{} <{}>", String::from_utf8_lossy(name), String::from_utf8_lossy(email))
    });
    let call = repo.program(OsStr::new(&program));
    let said = call
        .arguments(["--status-fd=2", "-bsau", &key])
        .input(commit)
        .run()
        .map_err(|error| Error::Signing(error.to_string()))?;
    let created = String::from_utf8_lossy(&said.stderr).contains("[GNUPG:] SIG_CREATED ");
    if created {
        Ok(said.text())
    } else {
        Err(Error::Signing(format!("`{program}` made no signature")))
    }
}

fn ssh(repo: &Repo, commit: &str) -> Result<String, Error> {
    let key = ssh_key(repo)?;
    let program = repo.config().text("gpg.ssh.program").unwrap_or_else(|| "ssh-keygen".to_owned());
    // A key given as such has its secret part in the agent.
    let literal = key.strip_prefix("key::").or_else(|| key.starts_with("ssh-").then_some(&*key));
    let written = literal.map(|key| {
        let mut file = tempfile::NamedTempFile::new()?;
        writeln!(file, "{key}")?;
        std::io::Result::Ok(file)
    });
    let written =
        written.transpose().map_err(Error::io("writing the signing key's public part"))?;
    let (file, agent) = match &written {
        Some(file) => (file.path().to_owned(), Some("-U")),
        None => (path(repo, &key), None),
    };
    let arguments =
        ["-Y", "sign", "-n", "git", "-f"].map(|argument| OsStr::new(argument).to_owned());
    let said = repo
        .program(OsStr::new(&program))
        .arguments(arguments.into_iter().chain([file.into_os_string()]))
        .arguments(agent)
        .input(commit)
        .run()
        .map_err(|error| Error::Signing(error.to_string()))?;
    Ok(said.text())
}

fn ssh_key(repo: &Repo) -> Result<String, Error> {
    if let Some(key) = repo.config().text("user.signingkey").filter(|key| !key.is_empty()) {
        return Ok(key);
    }
    let Some(command) = repo.config().text("gpg.ssh.defaultkeycommand") else {
        return Err(Error::Signing(
            "either user.signingkey or gpg.ssh.defaultKeyCommand needs to be configured".to_owned(),
        ));
    };
    let said = repo.program(OsStr::new("sh")).arguments(["-c", &command]).run();
    let said = said.map_err(|error| Error::Signing(error.to_string()))?.text();
    let key = said.lines().find(|line| line.starts_with("ssh-") || line.starts_with("key::"));
    key.map(str::to_owned)
        .ok_or_else(|| Error::Signing("gpg.ssh.defaultKeyCommand named no key".to_owned()))
}

fn path(repo: &Repo, key: &str) -> PathBuf {
    let home = repo.env().get(OsStr::new("HOME"));
    match (key.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(key),
    }
}
