//! What git itself is needed for in a review: the step branches, and the commits of other teams.
use std::collections::BTreeMap;

use git2::build::TreeUpdateBuilder;
use git2::{Error, FileMode, Oid, Signature, Time};
use jiff::Timestamp;

use super::Reviewer;

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

    /// A commit's title, and what stands below it.
    pub(super) fn message(&self, commit: Oid) -> Result<(String, String), Error> {
        let commit = self.repo.find_commit(commit)?;
        let text = String::from_utf8_lossy(commit.message_bytes());
        let (title, body) = text.split_once('\n').unwrap_or((&text, ""));
        Ok((title.to_owned(), body.trim().to_owned()))
    }

    /// Somebody else's commit on the base, in nobody's way.
    pub(super) fn land_other(&self, now: Timestamp) -> Result<Oid, Error> {
        let name = format!("refs/heads/{}", self.github.base());
        let base = self.repo.find_reference(&name)?.peel_to_commit()?;
        let number = self.others;
        let text = self.repo.blob(format!("Change {number} of somebody else.\n").as_bytes())?;
        let path = format!("other-teams/change-{number}.txt");
        let tree = TreeUpdateBuilder::new()
            .upsert(path, text, FileMode::Blob)
            .create_updated(&self.repo, &base.tree()?)?;
        let tree = self.repo.find_tree(tree)?;
        let time = Time::new(now.as_second(), 0);
        let who = Signature::new("Another Team", "another-team@example.com", &time)?;
        let message = format!("Change {number} of another team\n");
        self.repo.commit(Some(&name), &who, &who, &message, &tree, &[&base])
    }
}
