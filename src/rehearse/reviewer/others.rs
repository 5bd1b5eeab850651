//! What git itself is needed for in a review: the step branches, and the commits of other teams.
use std::collections::BTreeMap;

use git2::build::TreeUpdateBuilder;
use git2::{Commit, Error, FileMode, Oid, Signature, Time, Tree};
use jiff::Timestamp;
use serde_json::json;

use super::Reviewer;
use crate::manifest::objects;

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
        let number = self.others;
        let base = self.base()?;
        let text = format!("Change {number} of somebody else.\n");
        let path = format!("other-teams/change-{number}.txt");
        let tree = self.with_file(&base, &path, &text)?;
        self.land(&base, &tree, &format!("Change {number} of another team\n"), now)
    }

    /// Somebody else takes back what a commit on the base changed.
    pub fn revert(&self, commit: Oid, now: Timestamp) -> Result<Oid, Error> {
        let base = self.base()?;
        let commit = self.repo.find_commit(commit)?;
        // Of a merge, the first parent is the line it was merged into.
        let mainline = if commit.parent_count() > 1 { 1 } else { 0 };
        let mut index = self.repo.revert_commit(&commit, &base, mainline, None)?;
        let tree = self.repo.find_tree(index.write_tree_to(&self.repo)?)?;
        self.land(&base, &tree, &format!("Revert {}\n", commit.id()), now)
    }

    /// Somebody else lands another image in the inputs of the system in this folder.
    pub fn change_image(&self, folder: &str, image: &str, now: Timestamp) -> Result<(), Error> {
        let base = self.base()?;
        let entry = base.tree()?.get_path(folder.as_ref())?;
        for entry in &entry.to_object(&self.repo)?.peel_to_tree()? {
            let Ok(blob) = entry.to_object(&self.repo).and_then(|it| it.peel_to_blob()) else {
                continue;
            };
            let text = String::from_utf8_lossy(blob.content()).into_owned();
            let Some(text) = with_image(&text, image) else { continue };
            let path = format!("{folder}/{}", String::from_utf8_lossy(entry.name_bytes()));
            let tree = self.with_file(&base, &path, &text)?;
            self.land(&base, &tree, "Use another image\n", now)?;
        }
        Ok(())
    }

    fn base_ref(&self) -> String {
        format!("refs/heads/{}", self.github.base())
    }

    fn base(&self) -> Result<Commit<'_>, Error> {
        self.repo.find_reference(&self.base_ref())?.peel_to_commit()
    }

    fn with_file(&self, base: &Commit<'_>, path: &str, text: &str) -> Result<Tree<'_>, Error> {
        let tree = TreeUpdateBuilder::new()
            .upsert(path, self.repo.blob(text.as_bytes())?, FileMode::Blob)
            .create_updated(&self.repo, &base.tree()?)?;
        self.repo.find_tree(tree)
    }

    fn land(
        &self,
        base: &Commit<'_>,
        tree: &Tree<'_>,
        message: &str,
        now: Timestamp,
    ) -> Result<Oid, Error> {
        let time = Time::new(now.as_second(), 0);
        let who = Signature::new("Another Team", "another-team@example.com", &time)?;
        self.repo.commit(Some(&self.base_ref()), &who, &who, message, tree, &[base])
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
