//! What people and programs do on the embedded GitHub, and what it refuses.
use git2::{ObjectType, Oid};
use jiff::Timestamp;
use serde_json::json;

use super::account::{Access, AccountKind};
use super::desk::{Comment, Desk, News, Status};
use super::pull::{AutoMerge, Pull, State};
use super::refusal::Refusal;

/// The longest title of a pull request, in code points.
pub const LONGEST_TITLE: usize = 256;
/// The longest text of a pull request, in code points.
pub const LONGEST_BODY: usize = 65_536;
/// The longest comment, in bytes: measured, whatever the message says.
const LONGEST_COMMENT: usize = 262_144;
/// The longest description of a status, in code points.
const LONGEST_DESCRIPTION: usize = 140;
/// How many statuses a commit may have of one context.
const MOST_STATUSES: usize = 1000;

/// A pull request that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub title: String,
    pub body: String,
    /// A branch, with or without `owner:`.
    pub head: String,
    pub base: String,
    pub draft: bool,
}

impl Desk {
    pub fn open(&mut self, asked: Draft, by: &str, now: Timestamp) -> Result<Pull, Refusal> {
        let Draft { title, body, head, base, draft } = asked;
        let is_actions =
            self.accounts.get(by).is_some_and(|account| account.kind == AccountKind::Actions);
        if is_actions && !self.rules.actions_open_pull_requests {
            let message = "GitHub Actions is not permitted to create or approve pull requests.";
            return Err(Refusal::new(403, message));
        }
        check_texts(Some(&title), Some(&body))?;
        let head_ref = match head.split_once(':') {
            None => head.as_str(),
            Some((owner, name)) if owner == self.owner => name,
            Some(_) => return Err(Refusal::invalid_field("head")),
        };
        let head = self.branch(head_ref)?.ok_or_else(|| Refusal::invalid_field("head"))?;
        let base_commit = self.branch(&base)?.ok_or_else(|| Refusal::invalid_field("base"))?;
        self.refuse_second(head_ref, &base, None)?;
        if base_commit == head || self.repo.graph_descendant_of(base_commit, head)? {
            let message = format!("No commits between {base} and {head_ref}");
            return Err(Refusal::custom(message));
        }
        let number = self.next_number();
        let pull = Pull {
            number,
            title,
            body,
            author: by.to_owned(),
            head_ref: head_ref.to_owned(),
            base_ref: base,
            head,
            base: base_commit,
            draft,
            labels: Default::default(),
            reviewers: Default::default(),
            teams: Default::default(),
            created: now,
            updated: now,
            state: State::Open,
            approvals: Default::default(),
            objections: Default::default(),
            auto_merge: None,
            queued: None,
            endings: Vec::new(),
            looked_at: None,
        };
        self.pulls.insert(number, pull.clone());
        self.tell(News::Opened(pull.clone()));
        Ok(pull)
    }

    pub fn reopen(&mut self, number: u64, now: Timestamp) -> Result<(), Refusal> {
        let pull = self.pull(number)?.clone();
        if pull.is_open() {
            return Ok(());
        }
        let cannot = |why: &str| {
            let message = format!("state cannot be changed. {why}");
            let (resource, code, field) = ("PullRequest", "invalid", "state");
            Refusal::invalid(
                json!({"resource": resource, "code": code, "field": field, "message": message}),
            )
        };
        if matches!(pull.state, State::Merged(_)) {
            return Err(cannot("The pull request cannot be reopened."));
        }
        let Some(head) = self.branch(&pull.head_ref)? else {
            return Err(cannot(&format!("The {} branch has been deleted.", pull.head_ref)));
        };
        if head != pull.head {
            let why = format!("The {} branch was force-pushed or recreated.", pull.head_ref);
            return Err(cannot(&why));
        }
        self.refuse_second(&pull.head_ref, &pull.base_ref, Some(number))?;
        let base = self.branch(&pull.base_ref)?;
        let pull = self.pull_mut(number)?;
        pull.state = State::Open;
        pull.base = base.unwrap_or(pull.base);
        pull.updated = now;
        let pull = pull.clone();
        self.tell(News::Opened(pull));
        Ok(())
    }

    /// There is at most one open pull request from a branch to another.
    fn refuse_second(&self, head: &str, base: &str, not: Option<u64>) -> Result<(), Refusal> {
        let is_there = self.pulls.values().any(|pull| {
            pull.is_open()
                && pull.head_ref == head
                && pull.base_ref == base
                && Some(pull.number) != not
        });
        if is_there {
            let message = format!("A pull request already exists for {}:{head}.", self.owner);
            return Err(Refusal::custom(message));
        }
        Ok(())
    }

    /// An approval, or the wish for changes.
    pub fn review(
        &mut self,
        number: u64,
        by: &str,
        approves: bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let may = self.accounts.get(by).map(|account| account.permissions);
        if may.is_none_or(|may| may.contents < Access::Write) {
            return Err(Refusal::not_found());
        }
        let pull = self.pull_mut(number)?;
        let refused = |message: &str| {
            let errors = vec![message.into()];
            Refusal { status: 422, message: "Unprocessable Entity".to_owned(), errors }
        };
        if pull.author == by {
            let what = if approves { "approve" } else { "request changes on" };
            return Err(refused(&format!("Can not {what} your own pull request")));
        }
        if !pull.is_open() {
            return Err(refused("Can not review a closed pull request"));
        }
        pull.updated = now;
        // Who gave a review isn't asked for one any more.
        pull.reviewers.remove(by);
        if approves {
            pull.objections.remove(by);
            pull.approvals.insert(by.to_owned(), pull.head);
        } else {
            pull.approvals.remove(by);
            pull.objections.insert(by.to_owned());
        }
        Ok(())
    }

    pub fn enable_auto_merge(&mut self, number: u64, auto: AutoMerge) -> Result<(), Refusal> {
        let refused = |why: &str| Err(Refusal::new(422, format!("Pull request {why}")));
        let pull = self.pull(number)?.clone();
        if !self.rules.allow_auto_merge {
            return refused("Auto merge is not allowed for this repository");
        }
        if !self.rules.methods.contains(&auto.method) {
            let method = auto.method.as_str();
            return refused(&format!(
                "Merge method {method} merging is not allowed on this repository"
            ));
        }
        if !pull.is_open() {
            return refused("Pull request is closed");
        }
        if pull.draft {
            return refused("Pull request is in draft state");
        }
        let standing = self.standing(&pull)?;
        if standing.allows_merging() && self.rules.merge_queue.is_none() {
            let status = standing.as_str().to_lowercase();
            return refused(&format!("Pull request is in {status} status"));
        }
        self.pull_mut(number)?.auto_merge = Some(auto);
        Ok(())
    }

    pub fn comment(
        &mut self,
        number: u64,
        by: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<Comment, Refusal> {
        check_comment(body)?;
        self.pull(number)?;
        let id = self.next_id();
        let (author, body) = (by.to_owned(), body.to_owned());
        let comment = Comment { id, pull: number, author, body, created: now, updated: now };
        self.comments.insert(id, comment.clone());
        Ok(comment)
    }

    pub fn set_status(&mut self, commit: Oid, status: Status) -> Result<Status, Refusal> {
        let known = self.repo.find_object(commit, Some(ObjectType::Commit)).is_ok();
        if !known {
            return Err(Refusal::new(422, format!("No commit found for SHA: {commit}")));
        }
        let described = status.description.as_deref().unwrap_or_default();
        if described.chars().count() > LONGEST_DESCRIPTION {
            return Err(invalid_status(
                "description",
                format!("description is too long (maximum is {LONGEST_DESCRIPTION} characters)"),
            ));
        }
        if !matches!(status.state.as_str(), "error" | "failure" | "pending" | "success") {
            return Err(invalid_status("state", "state is not included in the list".to_owned()));
        }
        let all = self.statuses.entry(commit).or_default();
        if all.iter().filter(|it| it.context == status.context).count() >= MOST_STATUSES {
            let message = "This SHA and context has reached the maximum number of statuses.";
            return Err(invalid_status("base", message.to_owned()));
        }
        all.push(status.clone());
        Ok(status)
    }
}

fn invalid_status(field: &str, message: String) -> Refusal {
    let (resource, code) = ("Status", "custom");
    Refusal::invalid(
        json!({"resource": resource, "code": code, "field": field, "message": message}),
    )
}

/// Whether a pull request may have this title and text.
pub fn check_texts(title: Option<&str>, body: Option<&str>) -> Result<(), Refusal> {
    if title.is_some_and(|title| title.trim().is_empty()) {
        let (resource, code) = ("PullRequest", "missing_field");
        return Err(Refusal::invalid(
            json!({"resource": resource, "code": code, "field": "title"}),
        ));
    }
    if title.is_some_and(|title| title.chars().count() > LONGEST_TITLE) {
        return Err(Refusal::too_long("title", LONGEST_TITLE));
    }
    if body.is_some_and(|body| body.chars().count() > LONGEST_BODY) {
        return Err(Refusal::too_long("body", LONGEST_BODY));
    }
    Ok(())
}

/// Whether a comment may have this text.
pub fn check_comment(body: &str) -> Result<(), Refusal> {
    let error = |code: &str, message: String| {
        let (resource, field) = ("IssueComment", "data");
        Refusal::invalid(
            json!({"resource": resource, "code": code, "field": field, "message": message}),
        )
    };
    if body.trim().is_empty() {
        return Err(error("unprocessable", "Body cannot be blank".to_owned()));
    }
    if body.len() > LONGEST_COMMENT {
        let message = format!("Body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(error("unprocessable", message));
    }
    Ok(())
}
