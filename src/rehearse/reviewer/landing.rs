//! The commits a reviewer makes, and the refs they are put on.
use std::collections::BTreeMap;

use git2::build::TreeUpdateBuilder;
use git2::{Commit, Error, ErrorCode, FileMode, Oid, Signature, Time};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::manifest::objects;

use super::{Landed, Landing, Request, Reviewer};

impl Reviewer {
    /// What every step branch holds.
    pub(super) fn step_branches(&self) -> Result<BTreeMap<String, Oid>, Error> {
        let mut branches = BTreeMap::new();
        for reference in self.repo.references_glob("refs/heads/dcr/*")? {
            let reference = reference?;
            let name = reference.name()?.trim_start_matches("refs/heads/").to_owned();
            branches.extend(reference.target().map(|head| (name, head)));
        }
        Ok(branches)
    }

    /// Lands a request, or takes the first of the two steps of a queue: `queued` is what the first one made.
    pub(super) fn land(
        &self,
        request: &Request,
        queued: Option<Oid>,
        now: Timestamp,
    ) -> Result<Landed, Error> {
        let base = self.repo.find_reference(&self.base_ref())?.peel_to_commit()?;
        if let Some(queued) = queued {
            let trial = self.repo.find_commit(queued)?;
            if trial.parent_ids().next() == Some(base.id()) {
                self.move_base(&base, queued, request)?;
                self.delete(&queue(request))?;
                return Ok(Landed::OnBase(queued));
            }
            // Something else landed meanwhile: the queue tries again on top of that.
        }
        let Some(commit) = self.landing_commit(request, &base, now)? else {
            return Ok(Landed::Conflicts);
        };
        if self.manners.landing == Landing::Queue {
            let why = format!("queue #{}", request.number);
            self.repo.reference(&queue(request), commit, true, &why)?;
            return Ok(Landed::Queued(commit));
        }
        self.move_base(&base, commit, request)?;
        Ok(Landed::OnBase(commit))
    }

    /// The commit that would land a request on `base`; none if it conflicts.
    fn landing_commit(
        &self,
        request: &Request,
        base: &Commit<'_>,
        now: Timestamp,
    ) -> Result<Option<Oid>, Error> {
        let head = self.repo.find_commit(request.head)?;
        let mut index = self.repo.merge_commits(base, &head, None)?;
        if index.has_conflicts() {
            return Ok(None);
        }
        let tree = self.repo.find_tree(index.write_tree_to(&self.repo)?)?;
        let reviewer = signature("Rehearsal Reviewer", "reviewer", now)?;
        let Request { number, branch, title, body, .. } = request;
        let (message, parents) = match self.manners.landing {
            Landing::Merge => (
                format!("Merge pull request #{number} from {branch}\n\n{title}\n"),
                vec![base, &head],
            ),
            // As platforms do by default, without the rest of the message: trailers are lost.
            Landing::Squash | Landing::Queue => (format!("{title} (#{number})\n"), vec![base]),
            Landing::Rebase => (format!("{title}\n\n{body}\n"), vec![base]),
        };
        let author = match self.manners.landing {
            Landing::Merge => reviewer.clone(),
            Landing::Squash | Landing::Queue | Landing::Rebase => head.author().to_owned(),
        };
        self.repo.commit(None, &author, &reviewer, &message, &tree, &parents).map(Some)
    }

    /// Somebody else's commit on the base, in nobody's way.
    pub(super) fn land_other(&self, now: Timestamp) -> Result<Oid, Error> {
        let name = self.base_ref();
        let base = self.repo.find_reference(&name)?.peel_to_commit()?;
        let number = self.others;
        let text = self.repo.blob(format!("Change {number} of somebody else.\n").as_bytes())?;
        let path = format!("other-teams/change-{number}.txt");
        let tree = TreeUpdateBuilder::new()
            .upsert(path, text, FileMode::Blob)
            .create_updated(&self.repo, &base.tree()?)?;
        let tree = self.repo.find_tree(tree)?;
        let who = signature("Another Team", "another-team", now)?;
        let message = format!("Change {number} of another team\n");
        self.repo.commit(Some(&name), &who, &who, &message, &tree, &[&base])
    }

    /// Somebody else takes back what a commit on the base changed.
    pub fn revert(&self, commit: Oid, now: Timestamp) -> Result<Oid, Error> {
        let name = self.base_ref();
        let base = self.repo.find_reference(&name)?.peel_to_commit()?;
        let commit = self.repo.find_commit(commit)?;
        // Of a merge, the first parent is the line it was merged into.
        let mainline = if commit.parent_count() > 1 { 1 } else { 0 };
        let mut index = self.repo.revert_commit(&commit, &base, mainline, None)?;
        let tree = self.repo.find_tree(index.write_tree_to(&self.repo)?)?;
        let who = signature("Another Team", "another-team", now)?;
        let message = format!("Revert {}\n", commit.id());
        self.repo.commit(Some(&name), &who, &who, &message, &tree, &[&base])
    }

    /// Somebody lands another image in the inputs of the system in this folder.
    pub fn change_image(&self, folder: &str, image: &str, now: Timestamp) -> Result<(), Error> {
        let name = self.base_ref();
        let base = self.repo.find_reference(&name)?.peel_to_commit()?;
        let below =
            base.tree()?.get_path(folder.as_ref())?.to_object(&self.repo)?.peel_to_tree()?;
        for entry in &below {
            let Ok(blob) = entry.to_object(&self.repo).and_then(|it| it.peel_to_blob()) else {
                continue;
            };
            let text = String::from_utf8_lossy(blob.content()).into_owned();
            let Some(text) = with_image(&text, image) else { continue };
            let path = format!("{folder}/{}", String::from_utf8_lossy(entry.name_bytes()));
            let tree = TreeUpdateBuilder::new()
                .upsert(path, self.repo.blob(text.as_bytes())?, FileMode::Blob)
                .create_updated(&self.repo, &base.tree()?)?;
            let tree = self.repo.find_tree(tree)?;
            let who = signature("Another Team", "another-team", now)?;
            let message = "Use another image\n";
            self.repo.commit(Some(&name), &who, &who, message, &tree, &[&base])?;
        }
        Ok(())
    }

    fn move_base(&self, from: &Commit<'_>, to: Oid, request: &Request) -> Result<(), Error> {
        let why = format!("land #{}", request.number);
        self.repo.reference_matching(&self.base_ref(), to, true, from.id(), &why)?;
        Ok(())
    }

    /// Deletes a ref, if it is there.
    pub(super) fn delete(&self, name: &str) -> Result<(), Error> {
        match self.repo.find_reference(name) {
            Ok(mut reference) => reference.delete(),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn base_ref(&self) -> String {
        format!("refs/heads/{}", self.base)
    }

    /// Up to the jitter of the manners; the same for the same seed.
    pub(super) fn jitter(&mut self) -> SignedDuration {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let longest = u64::try_from(self.manners.jitter.as_secs()).unwrap_or_default();
        let jitter = (self.random >> 33) % (longest + 1);
        SignedDuration::from_secs(i64::try_from(jitter).unwrap_or_default())
    }
}

/// The text of inputs with another image; `None` where it is none of inputs.
fn with_image(text: &str, image: &str) -> Option<String> {
    let mut inputs = objects(text).ok()?.into_iter().next()?.0;
    if inputs["apiVersion"] != "dcr-gitops/v1" {
        return None;
    }
    inputs["image"] = json!(image);
    serde_yaml::to_string(&inputs).ok()
}

/// Where a queue tries a request, named as GitHub does.
fn queue(request: &Request) -> String {
    format!("refs/heads/gh-readonly-queue/pr-{}-{}", request.number, request.head)
}

fn signature(name: &str, mail: &str, at: Timestamp) -> Result<Signature<'static>, Error> {
    Signature::new(name, &format!("{mail}@example.com"), &Time::new(at.as_second(), 0))
}
