//! git's configuration for one repo, from the files and variables git itself would read.
//!
//! libgit2 finds the user's files through the environment of the process. The environment is handed
//! in here instead, so the files are found by the rules of git-config(1) and each is read by libgit2.
use std::path::{Path, PathBuf};

use super::{Env, Error, wildmatch};

/// The configuration, the last file wins.
pub struct Config {
    files: Vec<git2::Config>,
    /// From `GIT_CONFIG_COUNT`, which wins over all files.
    given: Vec<(String, String)>,
}

/// Which files there are to read, and what they are read for.
struct Reading<'a> {
    env: &'a Env,
    git_dir: &'a Path,
    files: Vec<git2::Config>,
}

impl Config {
    /// Reads all files; `git_dir` is a work tree's own, `common_dir` the one its worktrees share.
    ///
    /// # Errors
    /// A file that is there and can't be read or parsed.
    pub fn read(env: &Env, git_dir: &Path, common_dir: &Path) -> Result<Self, Error> {
        let mut reading = Reading { env, git_dir, files: Vec::new() };
        if !reading.is_set("GIT_CONFIG_NOSYSTEM") {
            let system = reading.path("GIT_CONFIG_SYSTEM");
            reading.add(&system.unwrap_or_else(|| PathBuf::from("/etc/gitconfig")))?;
        }
        match reading.path("GIT_CONFIG_GLOBAL") {
            Some(global) => reading.add(&global)?,
            None => {
                let home = reading.path("HOME");
                let xdg = reading.path("XDG_CONFIG_HOME");
                let xdg = xdg.or_else(|| home.as_ref().map(|home| home.join(".config")));
                let xdg = xdg.map(|xdg| xdg.join("git/config"));
                let home = home.map(|home| home.join(".gitconfig"));
                for file in xdg.into_iter().chain(home) {
                    reading.add(&file)?;
                }
            }
        }
        reading.add(&common_dir.join("config"))?;
        let mut files = reading.files;
        let per_worktree = files
            .last()
            .is_some_and(|local| local.get_bool("extensions.worktreeconfig").unwrap_or(false));
        if per_worktree {
            let mut own = Reading { env, git_dir, files };
            own.add(&git_dir.join("config.worktree"))?;
            files = own.files;
        }
        Ok(Config { files, given: given(env) })
    }

    /// The value of a variable, its section and name in lower case (`user.name`).
    pub fn text(&self, name: &str) -> Option<String> {
        let given = self.given.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name));
        if let Some((_, value)) = given {
            return Some(value.clone());
        }
        self.files.iter().rev().find_map(|file| file.get_string(name).ok())
    }

    /// The value of a variable that git reads as yes or no; no where it isn't set.
    pub fn flag(&self, name: &str) -> bool {
        let given = self.given.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name));
        if let Some((_, value)) = given {
            return git2::Config::parse_bool(value.as_str()).unwrap_or(false);
        }
        self.files.iter().rev().find_map(|file| file.get_bool(name).ok()).unwrap_or(false)
    }

    /// The middle parts of all variables `<section>.<middle>.<name>`, sorted.
    pub fn subsections(&self, section: &str, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        for file in &self.files {
            let Ok(entries) = file.entries(None) else { continue };
            // An entry that can't be read as text names no subsection of ours.
            let _ = entries.for_each(|entry| {
                let middle = entry.name().ok().and_then(|key| {
                    key.strip_prefix(section)?
                        .strip_prefix('.')?
                        .strip_suffix(name)?
                        .strip_suffix('.')
                });
                found.extend(middle.map(str::to_owned));
            });
        }
        found.sort();
        found.dedup();
        found
    }
}

impl Reading<'_> {
    fn is_set(&self, name: &str) -> bool {
        let value = self.path(name);
        let value = value.as_deref().and_then(Path::to_str);
        value.is_some_and(|value| git2::Config::parse_bool(value).unwrap_or(false))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.env.get(std::ffi::OsStr::new(name))?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    }

    /// Adds a file, if it is there, and then the files it includes for this repo.
    fn add(&mut self, file: &Path) -> Result<(), Error> {
        self.add_nested(file, 0)
    }

    fn add_nested(&mut self, file: &Path, depth: u32) -> Result<(), Error> {
        if !file.is_file() || depth > 10 {
            return Ok(());
        }
        let reading = || Error::git(format!("reading {}", file.display()));
        let config = git2::Config::open(file).map_err(reading())?;
        let mut included = Vec::new();
        let entries = config.entries(Some("^includeif\\.")).map_err(reading())?;
        entries
            .for_each(|entry| {
                if let (Ok(name), Ok(path)) = (entry.name(), entry.value())
                    && let Some(condition) = name.strip_prefix("includeif.")
                    && let Some(condition) = condition.strip_suffix(".path")
                    && self.holds(condition, file)
                {
                    included.push(self.beside(file, path));
                }
            })
            .map_err(reading())?;
        self.files.push(config);
        for file in included {
            self.add_nested(&file, depth + 1)?;
        }
        Ok(())
    }

    fn beside(&self, file: &Path, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.path("HOME"), file.parent()) {
            (Some(rest), Some(home), _) => home.join(rest),
            (_, _, Some(folder)) => folder.join(path),
            _ => PathBuf::from(path),
        }
    }

    /// Conditions other than on the repo's folder don't hold: none of them bears on a commit that has
    /// no work tree.
    fn holds(&self, condition: &str, file: &Path) -> bool {
        let (pattern, ignore_case) = match condition.split_once(':') {
            Some(("gitdir", pattern)) => (pattern, false),
            Some(("gitdir/i", pattern)) => (pattern, true),
            _ => return false,
        };
        let mut pattern = match pattern.strip_prefix("./") {
            Some(rest) => self.beside(file, rest).display().to_string(),
            None if pattern.starts_with("~/") => self.beside(file, pattern).display().to_string(),
            None if pattern.starts_with('/') => pattern.to_owned(),
            None => format!("**/{pattern}"),
        };
        if pattern.ends_with('/') {
            pattern.push_str("**");
        }
        let git_dir = self.git_dir.display().to_string();
        let git_dir = git_dir.trim_end_matches('/');
        wildmatch::compile(&pattern, ignore_case).is_some_and(|pattern| pattern.is_match(git_dir))
    }
}

fn given(env: &Env) -> Vec<(String, String)> {
    let variable = |name: String| env.get(std::ffi::OsStr::new(&name))?.to_str().map(str::to_owned);
    let count = variable("GIT_CONFIG_COUNT".to_owned()).and_then(|count| count.parse().ok());
    (0..count.unwrap_or(0_u32))
        .map_while(|at| {
            Some((
                variable(format!("GIT_CONFIG_KEY_{at}"))?,
                variable(format!("GIT_CONFIG_VALUE_{at}"))?,
            ))
        })
        .collect()
}
