//! What can go wrong with a repo, told apart where somebody acts on it.
use std::path::PathBuf;

use thiserror::Error;

/// An error of git, of the repo, or of what was asked of it.
#[derive(Debug, Error)]
pub enum Error {
    #[error("{} is not in a git repo", .0.display())]
    NotARepo(PathBuf),
    #[error("{} uses {feature}, which isn't supported", .repo.display())]
    Unsupported { repo: PathBuf, feature: String },
    #[error("{} belongs to another user", .0.display())]
    ForeignOwner(PathBuf),
    #[error("Author identity unknown")]
    NoIdentity,
    #[error("{what}: {value:?} is no date that git takes")]
    BadDate { what: String, value: String },
    #[error("{object} is missing in {} and no remote promised it", .repo.display())]
    Missing { object: git2::Oid, repo: PathBuf },
    #[error("{name} is checked out in {}", .worktree.display())]
    CheckedOut { name: String, worktree: PathBuf },
    #[error("{name} can't be created beside {other}")]
    NameTaken { name: String, other: String },
    #[error("{0} is locked by another process")]
    Locked(String),
    #[error("cannot sign the commit: {0}")]
    Signing(String),
    /// Text is quoted without credentials and control characters.
    #[error("`git {command}` {how}{}{stderr}", if .stderr.is_empty() { "" } else { ":\n" })]
    Program { command: String, how: String, stderr: String },
    #[error("{doing}")]
    Git { doing: String, source: git2::Error },
    #[error("{doing}")]
    Io { doing: String, source: std::io::Error },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NotARepo(_) => {
                Some("run it in a clone of the deployment repo, or name one with --repo".to_owned())
            }
            Error::Unsupported { .. } => Some(
                "use a clone made with `git clone --ref-format=files` of a SHA-1 repo".to_owned(),
            ),
            Error::ForeignOwner(repo) => Some(format!(
                "if you trust it: git config --global --add safe.directory {}",
                repo.display()
            )),
            Error::NoIdentity => Some(WHO_ARE_YOU.to_owned()),
            Error::BadDate { .. } => {
                Some("write `<seconds since 1970> <+hhmm>`, RFC 2822 or ISO 8601".to_owned())
            }
            Error::Missing { .. } => Some("`git fsck` says what else is missing".to_owned()),
            Error::CheckedOut { .. } => Some("switch that work tree to another branch".to_owned()),
            Error::NameTaken { other, .. } => Some(format!("rename or delete {other}")),
            Error::Locked(_) => {
                Some("if no git process is running, remove the `.lock` file it left".to_owned())
            }
            Error::Signing(_) => {
                Some("see `commit.gpgsign`, `gpg.format` and `user.signingkey`".to_owned())
            }
            Error::Program { .. } | Error::Git { .. } | Error::Io { .. } => None,
        }
    }

    /// Whether the repo or its configuration must be mended, rather than the request tried again
    /// (exit code 3).
    pub fn is_about_the_repo(&self) -> bool {
        !matches!(
            self,
            Error::Locked(_) | Error::Program { .. } | Error::Git { .. } | Error::Io { .. }
        )
    }

    pub(crate) fn git(doing: impl Into<String>) -> impl FnOnce(git2::Error) -> Error {
        let doing = doing.into();
        move |source| Error::Git { doing, source }
    }

    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        let doing = doing.into();
        move |source| Error::Io { doing, source }
    }
}

/// git's own words where it doesn't know who commits.
const WHO_ARE_YOU: &str = "Please tell me who you are. Run

  git config --global user.email \"you@example.com\"
  git config --global user.name \"Your Name\"

to set your account's default identity.
Omit --global to set the identity only in this repository.";
