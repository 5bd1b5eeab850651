//! Finding and opening a repo, and refusing by name what can't be read rightly.
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use git2::{ErrorCode, RepositoryOpenFlags};

use super::{Config, Env, Error, Repo};

impl Repo {
    /// Opens the repo that `dir` is in, as git would find it: `GIT_DIR` and `GIT_CEILING_DIRECTORIES` count.
    ///
    /// # Errors
    /// No repo there, one that belongs to somebody else, or one in a format that isn't supported
    /// (SHA-256 objects, reftable, an unknown extension).
    pub fn open(dir: &Path, env: &Env) -> Result<Self, Error> {
        let git_dir = find(dir, env)?;
        let common_dir = common_dir(&git_dir);
        check_format(&git_dir, &common_dir)?;
        let nowhere: [&str; 0] = [];
        let inner = git2::Repository::open_ext(&git_dir, RepositoryOpenFlags::NO_SEARCH, nowhere)
            .map_err(|error| match error.code() {
            ErrorCode::Owner => Error::ForeignOwner(git_dir.clone()),
            ErrorCode::NotFound => Error::NotARepo(dir.to_owned()),
            _ => Error::git(format!("opening {}", git_dir.display()))(error),
        })?;
        let config = Config::read(env, &git_dir, &common_dir)?;
        let promisor = config.text("extensions.partialclone").or_else(|| {
            let mut remotes = config.subsections("remote", "promisor").into_iter();
            remotes.find(|remote| config.flag(&format!("remote.{remote}.promisor")))
        });
        let mut repo = Repo {
            inner,
            config,
            env: env.clone(),
            promisor,
            opened_shallow: false,
            read: Cell::new(0),
        };
        repo.opened_shallow = repo.is_shallow();
        Ok(repo)
    }

    /// The folder that refs and objects are in, shared by all worktrees.
    pub fn common_dir(&self) -> &Path {
        self.inner.commondir()
    }
}

fn find(dir: &Path, env: &Env) -> Result<PathBuf, Error> {
    let path = |name: &str| env.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty());
    if let Some(git_dir) = path("GIT_DIR") {
        let git_dir = dir.join(git_dir);
        return git_dir.canonicalize().map_err(|_| Error::NotARepo(git_dir));
    }
    let ceilings: Vec<PathBuf> = path("GIT_CEILING_DIRECTORIES")
        .map(|list| std::env::split_paths(list).filter(|path| path.is_absolute()).collect())
        .unwrap_or_default();
    git2::Repository::discover_path(dir, ceilings).map_err(|error| match error.code() {
        ErrorCode::Owner => Error::ForeignOwner(dir.to_owned()),
        _ => Error::NotARepo(dir.to_owned()),
    })
}

fn common_dir(git_dir: &Path) -> PathBuf {
    match std::fs::read_to_string(git_dir.join("commondir")) {
        Ok(path) => git_dir.join(path.trim_end_matches('\n')),
        Err(_) => git_dir.to_owned(),
    }
}

/// Looks at the format before libgit2 does, whose own words for it help nobody.
fn check_format(git_dir: &Path, common_dir: &Path) -> Result<(), Error> {
    let file = common_dir.join("config");
    if !file.is_file() {
        return Ok(());
    }
    let config =
        git2::Config::open(&file).map_err(Error::git(format!("reading {}", file.display())))?;
    let unsupported =
        |feature: String| Err(Error::Unsupported { repo: git_dir.to_owned(), feature });
    if let Ok(format) = config.get_string("extensions.objectformat")
        && format != "sha1"
    {
        return unsupported(format!("{format} object ids (extensions.objectFormat)"));
    }
    if let Ok(storage) = config.get_string("extensions.refstorage")
        && storage != "files"
    {
        return unsupported(format!("{storage} refs (extensions.refStorage)"));
    }
    if config.get_string("extensions.partialclone").is_ok() {
        allow_partial_clones()?;
    }
    Ok(())
}

/// git before 2.24 marked a partial clone by an extension that libgit2 doesn't know. What it means, that
/// objects may be missing, is dealt with here.
fn allow_partial_clones() -> Result<(), Error> {
    static ALLOWED: OnceLock<Result<(), String>> = OnceLock::new();
    let allowed = ALLOWED.get_or_init(|| {
        // SAFETY: libgit2 keeps the list in a static that it reads when a repo is opened. It is set once,
        // and every thread that opens such a repo waits here first; a thread that opens another repo
        // meanwhile asks only for extensions that are built in.
        #[allow(unsafe_code)]
        let set = unsafe { git2::opts::set_extensions(&["partialclone"]) };
        set.map_err(|error| error.to_string())
    });
    allowed.clone().map_err(|error| Error::Git {
        doing: "allowing partial clones".to_owned(),
        source: git2::Error::from_str(&error),
    })
}
