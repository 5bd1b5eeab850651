//! How pull requests get onto the base branch: the commits that are made for it, and the refs they are put on.
use git2::{Commit, Error, Index, Oid, Signature, Sort, Time, Tree};
use jiff::{SignedDuration, Timestamp};

use super::desk::Desk;
use super::pull::{Method, Pull, Queued, State, Trial};
use super::refusal::Refusal;

/// How long the queue tries a commit.
pub const TRIAL: SignedDuration = SignedDuration::from_mins(30);

/// Whoever makes the commits of merges.
const GITHUB: (&str, &str) = ("GitHub", "noreply@github.com");

/// What the commit of a merge says, where that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    pub title: Option<String>,
    pub message: Option<String>,
}

impl Desk {
    /// Merges it, if it may be merged.
    pub fn merge(
        &mut self,
        number: u64,
        method: Method,
        words: &Words,
        by: &str,
        now: Timestamp,
    ) -> Result<Oid, Refusal> {
        let pull = self.pull(number)?.clone();
        if !self.rules.methods.contains(&method) {
            let name = match method {
                Method::Merge => "Merge commits",
                Method::Squash => "Squash merges",
                Method::Rebase => "Rebase merges",
            };
            return Err(Refusal::new(405, format!("{name} are not allowed on this repository.")));
        }
        if !pull.is_open() {
            return Err(Refusal::new(405, "Pull Request is not mergeable"));
        }
        if self.rules.merge_queue.is_some() {
            let message = "Repository rule violations found\n\nChanges must be made through the merge queue\n\n";
            return Err(Refusal::new(405, message));
        }
        if !self.standing(&pull)?.allows_merging() {
            let missing = self.missing(&pull).into_iter().next();
            let message = missing.unwrap_or_else(|| "Pull Request is not mergeable".to_owned());
            return Err(Refusal::new(405, message));
        }
        self.land(&pull, method, words, by, now)
    }

    /// Puts it into the queue.
    pub fn enqueue(&mut self, number: u64, by: &str, now: Timestamp) -> Result<(), Refusal> {
        let pull = self.pull(number)?.clone();
        if self.rules.merge_queue.is_none() {
            return Err(Refusal::new(422, "The merge queue is not enabled for this branch"));
        }
        if !pull.is_open() || !self.standing(&pull)?.allows_merging() {
            return Err(Refusal::new(422, "Pull request is not mergeable"));
        }
        let pull = self.pull_mut(number)?;
        if pull.queued.is_none() {
            pull.queued = Some(Queued { by: by.to_owned(), at: now, trial: None });
            self.try_in_queue(number, now)?;
        }
        Ok(())
    }

    /// Lets an open pull request go as far as it can by itself: into the queue, through it, onto the base.
    pub(super) fn go_on(&mut self, number: u64, now: Timestamp) -> Result<(), Error> {
        let Some(pull) = self.pulls.get(&number).cloned() else { return Ok(()) };
        if let Some(queued) = &pull.queued {
            return self.go_on_in_queue(&pull, queued, now);
        }
        let Some(auto) = pull.auto_merge.clone() else { return Ok(()) };
        if !self.standing(&pull)?.allows_merging() {
            return Ok(());
        }
        let done = match self.rules.merge_queue {
            Some(_) => self.enqueue(number, &auto.by, now),
            None => self.land(&pull, auto.method, &Words::default(), &auto.by, now).map(|_| ()),
        };
        done.map_err(|refusal| Error::from_str(&refusal.message))
    }

    fn go_on_in_queue(
        &mut self,
        pull: &Pull,
        queued: &Queued,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(trial) = queued.trial.filter(|trial| now.duration_since(trial.since) >= TRIAL)
        else {
            return Ok(());
        };
        if trial.base != pull.base {
            // Something else landed meanwhile: the queue tries again on top of that.
            return self.try_in_queue(pull.number, now);
        }
        self.move_base(trial.base, trial.commit, pull)?;
        self.delete_branch(&queue(pull, trial.base))?;
        self.landed(pull, trial.commit, &queued.by, now)
    }

    /// Makes the commit that the queue tries; what conflicts leaves the queue.
    fn try_in_queue(&mut self, number: u64, now: Timestamp) -> Result<(), Error> {
        let Some(pull) = self.pulls.get(&number).cloned() else { return Ok(()) };
        let method = self.rules.merge_queue.unwrap_or(Method::Merge);
        if let Some(old) = pull.queued.as_ref().and_then(|queued| queued.trial) {
            self.delete_branch(&queue(&pull, old.base))?;
        }
        let commit = self.landing_commit(&pull, method, &Words::default(), &pull.author, now)?;
        let trial = match commit {
            None => None,
            Some(commit) => {
                let name = format!("refs/heads/{}", queue(&pull, pull.base));
                self.repo.reference(&name, commit, true, &format!("queue #{number}"))?;
                Some(Trial { commit, base: pull.base, since: now })
            }
        };
        if let Some(pull) = self.pulls.get_mut(&number) {
            pull.queued = pull.queued.take().filter(|_| trial.is_some());
            if let Some(queued) = &mut pull.queued {
                queued.trial = trial;
            }
        }
        Ok(())
    }

    fn land(
        &mut self,
        pull: &Pull,
        method: Method,
        words: &Words,
        by: &str,
        now: Timestamp,
    ) -> Result<Oid, Refusal> {
        let Some(commit) = self.landing_commit(pull, method, words, by, now)? else {
            return Err(Refusal::new(405, "Pull Request is not mergeable"));
        };
        let modified = "Base branch was modified. Review and try the merge again.";
        self.move_base(pull.base, commit, pull).map_err(|_| Refusal::new(405, modified))?;
        self.landed(pull, commit, by, now)?;
        Ok(commit)
    }

    fn landed(&mut self, pull: &Pull, commit: Oid, by: &str, now: Timestamp) -> Result<(), Error> {
        self.verified.insert(commit);
        self.end(pull.number, State::Merged(commit), by, now);
        if self.rules.delete_branch_on_merge {
            self.delete_branch(&pull.head_ref)?;
        }
        Ok(())
    }

    /// The commit that would land it on its base; none if it conflicts.
    fn landing_commit(
        &self,
        pull: &Pull,
        method: Method,
        words: &Words,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Oid>, Error> {
        let base = self.repo.find_commit(pull.base)?;
        let head = self.repo.find_commit(pull.head)?;
        let github = signature(GITHUB.0, GITHUB.1, now)?;
        if method == Method::Rebase {
            return self.rebase(&base, &head, &github);
        }
        let Some(tree) = self.tree(self.repo.merge_commits(&base, &head, None)?)? else {
            return Ok(None);
        };
        let Pull { number, title, head_ref, .. } = pull;
        let (default_title, default_body) = match method {
            Method::Merge => (
                format!("Merge pull request #{number} from {}/{head_ref}", self.owner),
                title.as_str(),
            ),
            // As a repo may be set up, without the rest of the message: trailers are lost.
            Method::Squash | Method::Rebase => (format!("{title} (#{number})"), ""),
        };
        let title = words.title.clone().unwrap_or(default_title);
        let body = words.message.as_deref().unwrap_or(default_body);
        let message = format!("{title}\n\n{body}").trim_end().to_owned() + "\n";
        let (author, parents) = match method {
            Method::Merge => (person(by, now)?, vec![&base, &head]),
            Method::Squash | Method::Rebase => (head.author().to_owned(), vec![&base]),
        };
        self.repo.commit(None, &author, &github, &message, &tree, &parents).map(Some)
    }

    /// The commits of `head` that `base` lacks, once more on top of it.
    fn rebase(
        &self,
        base: &Commit<'_>,
        head: &Commit<'_>,
        committer: &Signature<'_>,
    ) -> Result<Option<Oid>, Error> {
        let mut walk = self.repo.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
        walk.push(head.id())?;
        walk.hide(base.id())?;
        let mut onto = base.clone();
        for id in walk {
            let commit = self.repo.find_commit(id?)?;
            if commit.parent_count() > 1 {
                continue;
            }
            let picked = self.repo.cherrypick_commit(&commit, &onto, 0, None)?;
            let Some(tree) = self.tree(picked)? else { return Ok(None) };
            let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
            let author = commit.author();
            let id = self.repo.commit(None, &author, committer, &message, &tree, &[&onto])?;
            onto = self.repo.find_commit(id)?;
        }
        Ok(Some(onto.id()))
    }

    /// The tree of an index without conflicts.
    fn tree(&self, mut index: Index) -> Result<Option<Tree<'_>>, Error> {
        if index.has_conflicts() {
            return Ok(None);
        }
        let tree = index.write_tree_to(&self.repo)?;
        self.repo.find_tree(tree).map(Some)
    }

    fn move_base(&self, from: Oid, to: Oid, pull: &Pull) -> Result<(), Error> {
        let (name, why) =
            (format!("refs/heads/{}", pull.base_ref), format!("land #{}", pull.number));
        self.repo.reference_matching(&name, to, true, from, &why)?;
        Ok(())
    }
}

/// The branch on which the queue tries it, named as GitHub does.
fn queue(pull: &Pull, base: Oid) -> String {
    format!("gh-readonly-queue/{}/pr-{}-{base}", pull.base_ref, pull.number)
}

/// Somebody with an account, as the author or committer of a commit.
pub fn person(login: &str, at: Timestamp) -> Result<Signature<'static>, Error> {
    signature(login, &format!("{login}@users.noreply.github.com"), at)
}

pub fn signature(name: &str, mail: &str, at: Timestamp) -> Result<Signature<'static>, Error> {
    Signature::new(name, mail, &Time::new(at.as_second(), 0))
}
