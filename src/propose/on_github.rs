//! One commit made by GitHub itself (`createCommitOnBranch`), so that GitHub signs it and nothing is pushed.
//!
//! The branch is created at the base first, and the commit is made only over that: whoever is interrupted in
//! between, or races, finds the branch as it is and goes on from there.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use git2::Oid;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Committed, Error, Proposal, Push, Same, means_the_same, push, splice};
use crate::git::{self, BLOB, RemoteBranches, Repo};
use crate::github::{Document, Writer};
use crate::render::Change;
use crate::run::Place;

/// How often something is tried that the remote doesn't show to be done.
const ATTEMPTS: u32 = 4;

/// What the branches begin with on which commits are made that replace another branch's.
const STAGED: &str = "dcr-staged/";

const COMMIT: Document<'static> = Document(
    "
mutation Commit($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}",
);

#[derive(Deserialize)]
struct Made {
    commit: Details,
}

#[derive(Deserialize)]
struct Details {
    verification: Option<Verification>,
}

/// What GitHub says of a commit's signature.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verification {
    pub verified: bool,
    pub reason: String,
}

/// Where a commit is made by GitHub.
pub struct OnGithub<'a> {
    pub repo: &'a Repo,
    pub remote: &'a str,
    pub writer: &'a Writer,
    pub proposal: &'a Proposal<'a>,
    /// The tree that the commit has to have.
    tree: Oid,
}

impl<'a> OnGithub<'a> {
    /// # Errors
    /// The change needs a mode that GitHub's commits don't have, or wasn't made from what is on the base.
    pub fn new(
        repo: &'a Repo,
        remote: &'a str,
        writer: &'a Writer,
        proposal: &'a Proposal<'a>,
    ) -> Result<Self, Error> {
        let base = repo.commit(proposal.base)?.tree_id();
        for file in proposal.change.files.iter().filter(|file| file.after.is_some()) {
            let entry = repo.at_path(base, &file.path)?;
            if let Some(entry) = entry.filter(|entry| entry.mode != BLOB) {
                return Err(Error::Mode { path: file.path.clone(), mode: entry.mode });
            }
        }
        let tree = splice(repo, base, proposal.change)?.tree;
        Ok(OnGithub { repo, remote, writer, proposal, tree })
    }

    /// Makes the commit on its branch. The local branch is moved to it, unless it is checked out.
    ///
    /// # Errors
    /// The branch came to hold something that isn't the `same`, or GitHub refuses.
    pub async fn commit(&self, same: Same<'_>) -> Result<Committed, Error> {
        let Proposal { branch, base, place, .. } = *self.proposal;
        let committed = match place {
            Place::Adopt(there) if there.remote.is_some() => {
                return Ok(Committed { commit: oid(&there.commit)?, adopted: true });
            }
            Place::Replace(there) if there.remote.is_some() => {
                let held = there.remote.as_deref().map(oid).transpose()?;
                match held.filter(|held| *held == base) {
                    Some(_) => self.on(branch, same).await?,
                    None => self.instead_of(branch, held, same).await?,
                }
            }
            // What is here alone is made there.
            Place::New | Place::Adopt(_) | Place::Replace(_) => self.on(branch, same).await?,
        };
        self.follow(committed.commit)?;
        Ok(committed)
    }

    /// What GitHub says of the commit's signature.
    ///
    /// # Errors
    /// GitHub doesn't answer.
    pub async fn verification(&self, commit: Oid) -> Result<Option<Verification>, Error> {
        let made: Made = self.writer.reader().get(&format!("commits/{commit}")).await?;
        Ok(made.commit.verification)
    }

    /// The commit on a branch that is created at the base, or stands there already.
    async fn on(&self, branch: &str, same: Same<'_>) -> Result<Committed, Error> {
        let base = self.proposal.base;
        self.create(branch).await?;
        let mut attempt = 0;
        let mut refused = None;
        loop {
            let holds = self.holds(branch)?;
            match holds {
                Some(commit) if commit != base => {
                    let first = refused.is_none();
                    return self.judge(branch, commit, same).map(|ours| Committed {
                        commit,
                        // Made by us, if it wasn't there before we asked for it.
                        adopted: first || !ours,
                    });
                }
                None => return Err(Error::Conflict { branch: branch.to_owned(), holds }),
                Some(_) => {}
            }
            if let Some(error) = refused.filter(|_| attempt == ATTEMPTS) {
                return Err(Error::Github(error));
            }
            let variables = json!({"input": self.input(branch)});
            match self.writer.mutate::<Value>(COMMIT, variables).await {
                Ok(answer) => {
                    let made = answer.pointer("/createCommitOnBranch/commit/oid");
                    let commit = oid(made.and_then(Value::as_str).unwrap_or_default())?;
                    self.judge(branch, commit, same)?;
                    return Ok(Committed { commit, adopted: false });
                }
                Err(error) => refused = Some(error),
            }
            attempt += 1;
            self.writer.reader().pause(attempt).await;
        }
    }

    /// The commit made beside, and then put in place of what the branch held: GitHub moves no branch from
    /// what it was seen to hold, git does.
    async fn instead_of(
        &self,
        branch: &str,
        expected: Option<Oid>,
        same: Same<'_>,
    ) -> Result<Committed, Error> {
        let staged = format!("{STAGED}{}", branch.strip_prefix("dcr/").unwrap_or(branch));
        if let Some(left) = self.holds(&staged)?.filter(|left| *left != self.proposal.base) {
            // Left there by one that was interrupted, on another base perhaps.
            self.fetch(&staged, left)?;
            if !self.is_it(left)? {
                self.delete(&staged).await?;
            }
        }
        let always = |_: Oid| Ok(true);
        let made = self.on(&staged, &always).await?;
        let pushing = Push { remote: self.remote, branch, commit: made.commit, expected };
        let pushed = push(self.repo, pushing, same)?;
        self.delete(&staged).await?;
        Ok(match pushed {
            super::Pushed::Pushed => Committed { commit: made.commit, adopted: false },
            super::Pushed::Adopted(commit) => Committed { commit, adopted: true },
        })
    }

    /// Creates a branch at the base; that it is there already is found when it is looked at.
    async fn create(&self, branch: &str) -> Result<(), Error> {
        if self.holds(branch)?.is_some() {
            return Ok(());
        }
        let body = json!({
            "ref": format!("refs/heads/{branch}"),
            "sha": self.proposal.base.to_string(),
        });
        let mut attempt = 0;
        loop {
            let answer = self.writer.send::<Value>(Method::POST, "git/refs", &body).await;
            let Err(error) = answer else { return Ok(()) };
            attempt += 1;
            if self.holds(branch)?.is_some() {
                return Ok(());
            }
            if attempt == ATTEMPTS || !error.may_be_done() {
                return Err(Error::Github(error));
            }
            self.writer.reader().pause(attempt).await;
        }
    }

    async fn delete(&self, branch: &str) -> Result<(), Error> {
        let below = format!("git/refs/heads/{branch}");
        let answer = self.writer.send::<Value>(Method::DELETE, &below, &Value::Null).await;
        match answer {
            Err(error) if self.holds(branch)?.is_some() => Err(Error::Github(error)),
            _ => Ok(()),
        }
    }

    /// Whether what a branch came to hold is the commit that was asked for, or somebody else's that means the
    /// same.
    fn judge(&self, branch: &str, commit: Oid, same: Same<'_>) -> Result<bool, Error> {
        self.fetch(branch, commit)?;
        if self.is_it(commit)? {
            return Ok(true);
        }
        if means_the_same(same, branch, commit)? {
            return Ok(false);
        }
        Err(Error::Conflict { branch: branch.to_owned(), holds: Some(commit) })
    }

    /// Whether a commit is the change over the base, and nothing else.
    fn is_it(&self, commit: Oid) -> Result<bool, Error> {
        let commit = self.repo.commit(commit)?;
        Ok(commit.tree_id() == self.tree && commit.parent_ids().eq([self.proposal.base]))
    }

    fn holds(&self, branch: &str) -> Result<Option<Oid>, Error> {
        let there = self.repo.remote_branches(self.remote, &[branch.to_owned()])?;
        Ok(there.get(branch).copied())
    }

    fn fetch(&self, branch: &str, commit: Oid) -> Result<(), Error> {
        let there = RemoteBranches::from([(branch.to_owned(), commit)]);
        Ok(self.repo.fetch_contents(self.remote, &there)?)
    }

    /// Moves the local branch to the commit.
    fn follow(&self, commit: Oid) -> Result<(), Error> {
        let name = format!("refs/heads/{}", self.proposal.branch);
        let holds = self.repo.commit_of(&name)?;
        if holds == Some(commit) || self.repo.checked_out_in(&name).is_some() {
            return Ok(());
        }
        let who = self.repo.commit(commit)?.committer().to_owned();
        // If somebody moved it meanwhile, they look at the remote themselves.
        self.repo.swap(&name, holds, commit, &who, "made by GitHub")?;
        Ok(())
    }

    fn input(&self, branch: &str) -> Value {
        let place = self.writer.reader().place();
        let message = self.proposal.message;
        let (headline, body) = message.split_once('\n').unwrap_or((message, ""));
        json!({
            "branch": {
                "repositoryNameWithOwner": format!("{}/{}", place.owner, place.name),
                "branchName": branch,
            },
            "expectedHeadOid": self.proposal.base.to_string(),
            "message": {"headline": headline, "body": body.trim()},
            "fileChanges": changes(self.proposal.change),
        })
    }
}

fn changes(change: &Change) -> Value {
    let added = change.files.iter().filter_map(|file| {
        let contents = STANDARD.encode(file.after.as_ref()?);
        Some(json!({"path": file.path, "contents": contents}))
    });
    let removed = change.files.iter().filter(|file| file.after.is_none());
    let removed = removed.map(|file| json!({"path": file.path}));
    json!({"additions": added.collect::<Vec<Value>>(), "deletions": removed.collect::<Vec<Value>>()})
}

fn oid(text: &str) -> Result<Oid, Error> {
    Ok(Oid::from_str(text).map_err(git::Error::git(format!("reading the object id `{text}`")))?)
}
