//! References of git, with GitHub's rules for changing them.
use git2::{ObjectType, Oid};
use serde_json::Value;

use super::page::page;
use super::{Asked, shape};
use crate::rehearse::github::account::Access;
use crate::rehearse::github::desk::Desk;
use crate::rehearse::github::refusal::Refusal;
use crate::rehearse::wire::Answer;

const ALL: &str = "/repos/{owner}/{repo}/git/refs";
const ONE: &str = "/repos/{owner}/{repo}/git/refs/{ref}";
const GET: &str = "/repos/{owner}/{repo}/git/ref/{ref}";
const MATCHING: &str = "/repos/{owner}/{repo}/git/matching-refs/{ref}";

pub fn answer(desk: &mut Desk, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let least = if asked.method() == "GET" { Access::Read } else { Access::Write };
    asked.needs(asked.account.permissions.contents, least)?;
    let name = format!("refs/{}", asked.route.text(2));
    let missing = || Refusal::new(422, "Reference does not exist");
    match (asked.method(), asked.route.template) {
        ("GET", GET) => {
            let commit = desk.reference(&name)?.ok_or_else(Refusal::not_found)?;
            Ok(Answer::new(200, shape::reference(desk, &name, commit)))
        }
        ("GET", MATCHING) => {
            let mut found = Vec::new();
            for reference in desk.repo.references_glob(&format!("{name}*"))? {
                let reference = reference?;
                if let (Ok(name), Some(commit)) = (reference.name(), reference.target()) {
                    found.push(shape::reference(desk, name, commit));
                }
            }
            Ok(page(asked, found))
        }
        ("POST", ALL) => {
            let (name, commit) = (asked.required("ref")?, commit(desk, asked)?);
            if !name.starts_with("refs/") || !git2::Reference::is_valid_name(&name) {
                let message = format!("{name} is not a valid ref name.");
                return Err(Refusal::new(422, message));
            }
            if desk.reference(&name)?.is_some() {
                return Err(Refusal::new(422, "Reference already exists"));
            }
            let why = "made by the API";
            let failed = |_| Refusal::new(422, "Reference cannot be created");
            desk.repo.reference(&name, commit, false, why).map_err(failed)?;
            Ok(Answer::new(201, shape::reference(desk, &name, commit)))
        }
        ("PATCH", ONE) => {
            let old = desk.reference(&name)?.ok_or_else(missing)?;
            let new = commit(desk, asked)?;
            let forced = asked.call.body["force"] == Value::Bool(true);
            if !forced && old != new && !desk.repo.graph_descendant_of(new, old)? {
                return Err(Refusal::new(422, "Update is not a fast forward"));
            }
            desk.repo.reference_matching(&name, new, true, old, "changed by the API")?;
            Ok(Answer::new(200, shape::reference(desk, &name, new)))
        }
        ("DELETE", ONE) => {
            desk.reference(&name)?.ok_or_else(missing)?;
            desk.repo.find_reference(&name)?.delete()?;
            Ok(Answer::nothing())
        }
        _ => Err(Refusal::not_found()),
    }
}

/// The commit that the body's `sha` names.
fn commit(desk: &Desk, asked: &Asked<'_>) -> Result<Oid, Refusal> {
    let sha = asked.required("sha")?;
    let missing = || Refusal::new(422, "Object does not exist");
    let id = Oid::from_str(&sha).map_err(|_| missing())?;
    desk.repo.find_object(id, Some(ObjectType::Commit)).map_err(|_| missing())?;
    Ok(id)
}
