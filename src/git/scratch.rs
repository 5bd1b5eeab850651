//! A git folder of our own beside the user's: it has its remotes, credentials and objects, but what is
//! fetched or made in it leaves no ref and no object in the user's clone.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::{ObjectType, Oid, Repository, RepositoryInitOptions, Signature, Time};
use jiff::Timestamp;
use tempfile::TempDir;

use super::program::Call;
use super::{BLOB, Error, Repo};

/// How long the remote may take: nothing that is kept this way is worth a longer wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where fetched refs are put. Refs of this name belong to a work tree alone, so they don't reach the
/// user's clone.
const FETCHED: &str = "refs/worktree/fetched/";

/// A folder that is gone with this value.
pub struct Scratch<'a> {
    repo: &'a Repo,
    dir: TempDir,
    objects: Repository,
}

/// A ref of the remote that is to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// In full: `refs/…`.
    pub name: String,
    /// What it was seen to hold; nothing: it must not be there.
    pub expected: Option<Oid>,
    pub new: Oid,
}

impl Repo {
    /// A scratch folder beside this repo.
    ///
    /// # Errors
    /// No temporary folder can be made.
    pub fn scratch(&self) -> Result<Scratch<'_>, Error> {
        let making = || "making a temporary git folder";
        let dir = tempfile::tempdir().map_err(Error::io(making()))?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        let objects = Repository::init_opts(dir.path(), &options).map_err(Error::git(making()))?;
        let common = self.common_dir().canonicalize().map_err(Error::io(making()))?;
        let alternate = common.join("objects").to_string_lossy().into_owned();
        let added = objects.odb().and_then(|odb| odb.add_disk_alternate(&alternate));
        added.map_err(Error::git(making()))?;
        // From now on git takes it for a work tree's own folder.
        let common = common.into_os_string().into_encoded_bytes();
        std::fs::write(dir.path().join("commondir"), common).map_err(Error::io(making()))?;
        Ok(Scratch { repo: self, dir, objects })
    }
}

impl Scratch<'_> {
    /// Fetches all refs below these prefixes (`refs/…/`), in one call, and gives what they hold by their
    /// full names. One that isn't there is no error.
    ///
    /// # Errors
    /// The remote doesn't answer in time.
    pub fn fetch(&self, remote: &str, prefixes: &[String]) -> Result<BTreeMap<String, Oid>, Error> {
        let refspecs = prefixes.iter().map(|prefix| {
            let below = prefix.trim_start_matches("refs/");
            format!("+{prefix}*:{FETCHED}{below}*")
        });
        // What a partial clone leaves out is wanted here.
        let arguments = ["--no-filter", "--prune"].map(str::to_owned);
        let call = self.call(&super::remote::QUIETLY)?.arguments(arguments);
        call.arguments([remote.to_owned()]).arguments(refspecs).run()?;
        let odb = self.objects.odb().map_err(Error::git("opening the object database"))?;
        odb.refresh().map_err(Error::git("looking for fetched objects"))?;
        let mut found = BTreeMap::new();
        let root = self.dir.path().join(FETCHED);
        collect(&root, "refs/", &mut found).map_err(Error::io("reading fetched refs"))?;
        Ok(found)
    }

    /// The bytes of a file at the top of a commit. `None`: it isn't there, is no file, or has more than
    /// `most` bytes.
    ///
    /// # Errors
    /// An object can't be read.
    pub fn file(&self, commit: Oid, name: &str, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let reading = || Error::git(format!("reading {name} of {commit}"));
        let Ok(tree) = self.objects.find_commit(commit).and_then(|commit| commit.tree()) else {
            return Ok(None);
        };
        let Some(entry) =
            tree.get_name(name).filter(|entry| entry.kind() == Some(ObjectType::Blob))
        else {
            return Ok(None);
        };
        let odb = self.objects.odb().map_err(reading())?;
        let (size, _) = odb.read_header(entry.id()).map_err(reading())?;
        if size > most {
            return Ok(None);
        }
        let blob = self.objects.find_blob(entry.id()).map_err(reading())?;
        Ok(Some(blob.content().to_vec()))
    }

    /// A commit without parents that holds one file.
    ///
    /// # Errors
    /// It can't be written.
    pub fn commit(
        &self,
        name: &str,
        content: &[u8],
        message: &str,
        at: Timestamp,
    ) -> Result<Oid, Error> {
        let make = || {
            let mut tree = self.objects.treebuilder(None)?;
            tree.insert(name, self.objects.blob(content)?, BLOB)?;
            let tree = self.objects.find_tree(tree.write()?)?;
            let when = Time::new(at.as_second(), 0);
            let who = Signature::new("dcr-gitops", "dcr-gitops@invalid", &when)?;
            self.objects.commit(None, &who, &who, message, &tree, &[])
        };
        make().map_err(Error::git(format!("writing {name}")))
    }

    /// Replaces refs of the remote, each only if it holds what is expected, in one call. An error may
    /// concern one of them or all: what became of each is read from the remote.
    ///
    /// # Errors
    /// The remote refuses one of them, or doesn't answer in time.
    pub fn push(&self, remote: &str, replacements: &[Replacement]) -> Result<(), Error> {
        let no_mirror = format!("remote.{remote}.mirror=false");
        let call = self.call(&["-c", &no_mirror, "push", "--quiet", "--no-verify"])?;
        let leases = replacements.iter().map(|it| {
            let holding = it.expected.map(|commit| commit.to_string()).unwrap_or_default();
            format!("--force-with-lease={}:{holding}", it.name)
        });
        let refspecs = replacements.iter().map(|it| format!("{}:{}", it.new, it.name));
        call.arguments(["--no-follow-tags", "--recurse-submodules=no"].map(str::to_owned))
            .arguments(leases)
            .arguments([remote.to_owned()])
            .arguments(refspecs)
            .run()
            .map(drop)
    }

    /// A call of `git` in here.
    fn call(&self, arguments: &[&str]) -> Result<Call, Error> {
        let own = self.dir.path().join("objects");
        let theirs = self.repo.common_dir().join("objects");
        let theirs = theirs.canonicalize().map_err(Error::io("finding the object database"))?;
        let call = self.repo.git_in(self.dir.path(), arguments).patience(PATIENCE);
        Ok(call
            .variable("GIT_OBJECT_DIRECTORY", own)
            .variable("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(theirs)))
    }
}

/// A path as it may stand in a list of paths.
fn quoted(path: PathBuf) -> OsString {
    let text = path.to_string_lossy();
    if !text.contains([':', '"', '\\']) {
        return path.into_os_string();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")).into()
}

/// The refs in a folder of loose ones, below a prefix.
fn collect(dir: &Path, prefix: &str, found: &mut BTreeMap<String, Oid>) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let name = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), found)?;
        } else if let Ok(id) = Oid::from_str(std::fs::read_to_string(entry.path())?.trim()) {
            found.insert(name, id);
        }
    }
    Ok(())
}
