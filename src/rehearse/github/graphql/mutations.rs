//! What GraphQL can change that REST can't, or not as safely.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid};
use serde_json::{Map, Value, json};

use super::Query;
use super::objects::{actor, pull_request};
use crate::rehearse::github::account::Access;
use crate::rehearse::github::landing::{person, signature};
use crate::rehearse::github::pull::{AutoMerge, Method};
use crate::rehearse::github::refusal::Refusal;

impl Query<'_> {
    /// Does what is asked; `None` if there is no such mutation.
    pub(super) fn mutate(&mut self, name: &str, input: &Value) -> Result<Option<Value>, Refusal> {
        let may = self.account.permissions;
        let mut payload = match name {
            "enablePullRequestAutoMerge" => {
                self.needs(name, may.pull_requests.min(may.contents))?;
                let number = self.expected(input)?;
                let method = input["mergeMethod"].as_str().unwrap_or("MERGE");
                let method = Method::named(method).ok_or_else(|| {
                    Refusal::new(422, "mergeMethod is not a PullRequestMergeMethod")
                })?;
                let auto = AutoMerge { by: self.account.login.clone(), at: self.now, method };
                self.desk.enable_auto_merge(number, auto)?;
                json!({"actor": self.me(), "pullRequest": self.shown(number)?})
            }
            "disablePullRequestAutoMerge" => {
                self.needs(name, may.pull_requests.min(may.contents))?;
                let number = self.expected(input)?;
                if self.desk.pull_mut(number)?.auto_merge.take().is_none() {
                    let message = "Pull request Can't disable auto-merge for this pull request";
                    return Err(Refusal::new(422, message));
                }
                json!({"actor": self.me(), "pullRequest": self.shown(number)?})
            }
            "enqueuePullRequest" => {
                self.needs(name, may.pull_requests.min(may.contents))?;
                let number = self.expected(input)?;
                self.desk.enqueue(number, &self.account.login.clone(), self.now)?;
                let entry = self.found(&self.shown(number)?, "mergeQueueEntry", &Map::new())?;
                json!({"mergeQueueEntry": entry})
            }
            "dequeuePullRequest" => {
                self.needs(name, may.pull_requests.min(may.contents))?;
                let number = self.pull_number(input["id"].as_str().unwrap_or_default())?;
                self.desk.pull_mut(number)?.queued = None;
                json!({"mergeQueueEntry": null})
            }
            "createCommitOnBranch" => {
                self.needs(name, may.contents)?;
                self.commit_on_branch(input)?
            }
            _ => return Ok(None),
        };
        let kind = format!("{}{}Payload", name[..1].to_uppercase(), &name[1..]);
        payload["__typename"] = kind.into();
        payload["clientMutationId"] = input["clientMutationId"].clone();
        Ok(Some(payload))
    }

    fn needs(&self, mutation: &str, has: Access) -> Result<(), Refusal> {
        if has == Access::Write {
            return Ok(());
        }
        let login = self.account.slug();
        let message =
            format!("{login} does not have the correct permissions to execute `{mutation}`");
        Err(Refusal::new(403, message))
    }

    fn me(&self) -> Value {
        actor(&self.account.login)
    }

    fn shown(&self, number: u64) -> Result<Value, Refusal> {
        Ok(pull_request(self.desk.pull(number)?))
    }

    /// The pull request that is meant, if its head is the expected one.
    fn expected(&self, input: &Value) -> Result<u64, Refusal> {
        let number = self.pull_number(input["pullRequestId"].as_str().unwrap_or_default())?;
        let head = self.desk.pull(number)?.head.to_string();
        match input["expectedHeadOid"].as_str() {
            Some(expected) if expected != head => {
                Err(Refusal::new(422, "Head sha didn't match expected head sha"))
            }
            _ => Ok(number),
        }
    }

    /// A commit over the head of a branch, if that is the expected one, signed by GitHub.
    fn commit_on_branch(&mut self, input: &Value) -> Result<Value, Refusal> {
        let text = |pointer: &str| input.pointer(pointer).and_then(Value::as_str);
        let id = text("/branch/id").and_then(|id| id.strip_prefix("REF_"));
        let repo = text("/branch/repositoryNameWithOwner").unwrap_or_default();
        let is_here = id.is_some() || repo.eq_ignore_ascii_case(&self.desk.full_name());
        if !is_here {
            let message = format!("Could not resolve to a Repository with the name '{repo}'.");
            return Err(Refusal::new(404, message));
        }
        let branch = id.or(text("/branch/branchName")).unwrap_or_default();
        let branch = branch.trim_start_matches("refs/heads/");
        let head = self.desk.branch(branch)?;
        let head = head.ok_or_else(|| {
            Refusal::new(404, format!("No branch named {branch} exists in the repository"))
        })?;
        let expected = text("/expectedHeadOid").unwrap_or_default();
        if expected != head.to_string() {
            let message = format!(
                "Expected branch to point to \"{expected}\" but it did not.  Pull and try again."
            );
            return Err(Refusal::new(409, message));
        }
        let headline = text("/message/headline").unwrap_or_default();
        let message = format!("{headline}\n\n{}", text("/message/body").unwrap_or_default());
        let commit = self.write_commit(head, &input["fileChanges"], message.trim_end())?;
        let name = format!("refs/heads/{branch}");
        self.desk.repo.reference_matching(&name, commit, true, head, "made by the API")?;
        self.desk.verified.insert(commit);
        let reference = self.reference(&name)?;
        Ok(json!({"commit": self.commit(commit)?, "ref": reference}))
    }

    fn write_commit(&self, head: Oid, changes: &Value, message: &str) -> Result<Oid, Refusal> {
        let repo = &self.desk.repo;
        let parent = repo.find_commit(head)?;
        let tree = parent.tree()?;
        let mut update = TreeUpdateBuilder::new();
        let list = |name: &str| changes[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let path = |change: &Value| -> Result<String, Refusal> {
            let path = change["path"].as_str().unwrap_or_default();
            let is_odd = |part: &str| matches!(part, "" | "." | ".." | ".git");
            if path.split('/').any(is_odd) {
                return Err(Refusal::new(
                    422,
                    format!("A path was requested that is invalid: {path}"),
                ));
            }
            Ok(path.to_owned())
        };
        for change in list("deletions") {
            let path = path(change)?;
            if tree.get_path(path.as_ref()).is_err() {
                let message = format!(
                    "A path was requested for deletion which does not exist as of commit oid `{head}`: {path}"
                );
                return Err(Refusal::new(422, message));
            }
            update.remove(path);
        }
        for change in list("additions") {
            let contents = change["contents"].as_str().unwrap_or_default();
            let contents = STANDARD
                .decode(contents)
                .map_err(|_| Refusal::new(422, "contents is not a Base64String"))?;
            // Whatever mode it had: there is no other.
            update.upsert(path(change)?, repo.blob(&contents)?, FileMode::Blob);
        }
        let tree = repo.find_tree(update.create_updated(repo, &tree)?)?;
        let author = person(&self.account.login, self.now)?;
        let committer = signature("GitHub", "noreply@github.com", self.now)?;
        Ok(repo.commit(None, &author, &committer, &format!("{message}\n"), &tree, &[&parent])?)
    }
}
