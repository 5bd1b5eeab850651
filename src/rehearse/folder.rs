//! The folder a rehearsal takes place in: its files, its own HOME, and the environment of every program
//! that runs in it.
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::reviewer::{Request, State};
use super::world::TOKEN;

/// Whoever commits in a rehearsal.
const IDENTITY: &str = "[user]\n\tname = Rehearsal\n\temail = rehearsal@example.com\n\
    [init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";

/// The kubeconfig context of the embedded cluster.
pub const CONTEXT: &str = "rehearsal";

/// A folder with the layout of a rehearsal. A temporary one is deleted when this is dropped.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    _temporary: Option<TempDir>,
    path: Option<OsString>,
}

/// Why there is no such folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    #[error("making the rehearsal's folder")]
    Io(#[from] io::Error),
}

/// What git said when it failed.
#[derive(Debug, thiserror::Error)]
#[error("`git {command}` failed: {said}")]
pub struct GitFailed {
    command: String,
    said: String,
}

impl Folder {
    /// A temporary folder, or the one to `keep`, which has to be empty or absent. Programs are found on `path`.
    ///
    /// # Errors
    /// The folder holds something, or can't be written.
    pub fn new(keep: Option<&Path>, path: Option<&OsStr>) -> Result<Self, FolderError> {
        let (root, temporary) = match keep {
            None => {
                let temporary = tempfile::Builder::new().prefix("dcr-gitops-rehearsal-").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
            Some(root) => {
                match fs::read_dir(root) {
                    Ok(mut entries) if entries.next().is_some() => {
                        return Err(FolderError::NotEmpty(root.to_owned()));
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(root)?,
                    Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                        return Err(FolderError::NotAFolder(root.to_owned()));
                    }
                    Err(error) => return Err(error.into()),
                }
                (root.to_owned(), None)
            }
        };
        let root = root.canonicalize()?;
        let folder = Folder { root, _temporary: temporary, path: path.map(OsStr::to_owned) };
        fs::create_dir(folder.home())?;
        fs::write(folder.home().join(".gitconfig"), IDENTITY)?;
        fs::create_dir(folder.requests())?;
        Ok(folder)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The bare repo that is the remote.
    pub fn remote(&self) -> PathBuf {
        self.root.join("deployment.git")
    }

    /// The clone of it that the program works in.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    fn kubeconfig(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }

    fn requests(&self) -> PathBuf {
        self.root.join("pull-requests")
    }

    /// The whole environment of a program in here: nothing of the user's but where programs are found.
    pub fn environment(&self) -> BTreeMap<OsString, OsString> {
        let mut environment = BTreeMap::new();
        let mut set = |name: &str, value: &OsStr| environment.insert(name.into(), value.to_owned());
        set("HOME", self.home().as_os_str());
        set("KUBECONFIG", self.kubeconfig().as_os_str());
        set("GIT_CONFIG_GLOBAL", self.home().join(".gitconfig").as_os_str());
        set("GIT_CONFIG_NOSYSTEM", OsStr::new("1"));
        // A repo with missing objects must not fetch them from wherever they are.
        set("GIT_NO_LAZY_FETCH", OsStr::new("1"));
        set("GIT_TERMINAL_PROMPT", OsStr::new("0"));
        set("LC_ALL", OsStr::new("C"));
        set("TZ", OsStr::new("UTC"));
        if let Some(path) = &self.path {
            set("PATH", path);
        }
        environment
    }

    /// Runs git on the remote or wherever `dir` is, and gives what it printed.
    ///
    /// # Errors
    /// git isn't there, or failed.
    pub fn git<I: AsRef<OsStr>>(
        &self,
        dir: &Path,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<String, GitFailed> {
        let mut command = Command::new("git");
        command.current_dir(dir).args(arguments).env_clear().envs(self.environment());
        let name = command.get_args().next().unwrap_or_default().to_string_lossy().into_owned();
        let failed = |said: String| GitFailed { command: name.clone(), said };
        let output = command.output().map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(failed(crate::git::without_credentials(said.trim())))
        }
    }

    /// Writes the kubeconfig of the embedded cluster, which listens at `url`.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write_kubeconfig(&self, url: &str) -> io::Result<()> {
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "clusters": [{"name": CONTEXT, "cluster": {"server": url}}],
            "users": [{"name": CONTEXT, "user": {"token": TOKEN}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        });
        fs::write(self.kubeconfig(), format!("{kubeconfig:#}\n"))
    }

    /// Writes a request down as `pull-requests/<n>.md`, or anew as it is now.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write_request(&self, request: &Request) -> io::Result<()> {
        let Request { number, branch, head, title, body, opened, state, .. } = request;
        let state = match state {
            State::Open => "open".to_owned(),
            State::Merged(commit) => format!("merged with {commit}"),
            State::Declined => "declined".to_owned(),
            State::Closed => "closed".to_owned(),
        };
        let text = format!(
            "# {title} #{number}\n\n{state}; opened {opened}\n{branch} at {head}\n\n{body}\n"
        );
        fs::write(self.requests().join(format!("{number}.md")), text)
    }
}
