//! The repo itself, and who asks for it.
use serde_json::{Value, json};

use super::{Asked, shape};
use crate::rehearse::github::account::{Access, AccountKind};
use crate::rehearse::github::desk::Desk;
use crate::rehearse::github::pull::Method;
use crate::rehearse::github::refusal::Refusal;
use crate::rehearse::wire::Answer;

pub fn answer(desk: &Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    if asked.method() != "GET" {
        return Err(Refusal::not_found());
    }
    match asked.route.template {
        "/repos/{owner}/{repo}" => Ok(Answer::new(200, repo(desk, asked))),
        "/repos/{owner}/{repo}/branches/{branch}" => {
            asked.needs(asked.account.permissions.contents, Access::Read)?;
            let name = asked.route.text(2);
            let commit = desk.branch(name)?;
            let commit = commit.ok_or_else(|| Refusal::new(404, "Branch not found"))?;
            let commit = shape::commit(desk, &desk.repo.find_commit(commit)?);
            let protected = name == desk.base;
            Ok(Answer::new(200, json!({"name": name, "commit": commit, "protected": protected})))
        }
        "/user" => match asked.account.kind {
            AccountKind::Person => Ok(Answer::new(200, shape::user(&asked.account.login))),
            AccountKind::App | AccountKind::Actions => Err(Refusal::forbidden()),
        },
        "/rate_limit" => Ok(Answer::new(200, json!({"resources": {}}))),
        _ => Err(Refusal::not_found()),
    }
}

/// How it may be merged is told to who may write.
fn repo(desk: &Desk, asked: &Asked<'_>) -> Value {
    let mut repo = shape::repo(desk);
    let contents = asked.account.permissions.contents;
    repo["permissions"] = json!({
        "admin": false,
        "maintain": false,
        "push": contents >= Access::Write,
        "triage": contents >= Access::Write,
        "pull": contents >= Access::Read,
    });
    if contents >= Access::Write {
        let allows = |method: Method| json!(desk.rules.methods.contains(&method));
        repo["allow_merge_commit"] = allows(Method::Merge);
        repo["allow_squash_merge"] = allows(Method::Squash);
        repo["allow_rebase_merge"] = allows(Method::Rebase);
        repo["allow_auto_merge"] = json!(desk.rules.allow_auto_merge);
        repo["delete_branch_on_merge"] = json!(desk.rules.delete_branch_on_merge);
    }
    repo
}
