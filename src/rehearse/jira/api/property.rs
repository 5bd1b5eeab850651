//! The properties of comments.
use serde_json::{Value, json};

use super::{Asked, LONGEST_KEY};
use crate::rehearse::jira::refusal::Refusal;
use crate::rehearse::jira::{Access, Office};
use crate::rehearse::wire::Answer;

/// The longest value, in characters.
const LONGEST_VALUE: usize = 32_768;

impl Asked<'_> {
    /// The properties of a comment, or one of them.
    pub(super) fn properties(
        &self,
        office: &mut Office,
        id: &str,
        key: Option<&str>,
    ) -> Result<Answer, Refusal> {
        let number = id.parse().map_err(|_| Refusal::no_comment(id))?;
        let found = office.comment_mut(number).filter(|_| self.user.access >= Access::Read);
        let comment = found.ok_or_else(|| Refusal::no_comment(id))?;
        let address = |key: &str| format!("{}/comment/{id}/properties/{key}", self.root);
        let missing = |key: &str| Refusal::new(404, &format!("The property {key} does not exist."));
        let Some(key) = key else {
            let keys = comment.properties.keys();
            let keys: Vec<Value> =
                keys.map(|key| json!({"key": key, "self": address(key)})).collect();
            return Ok(Answer::new(200, json!({"keys": keys})));
        };
        match self.call.method.as_str() {
            "GET" => {
                let value = comment.properties.get(key).ok_or_else(|| missing(key))?;
                Ok(Answer::new(200, json!({"key": key, "value": value})))
            }
            "PUT" => {
                self.may_comment()?;
                let value = self.call.body.clone();
                if key.chars().count() > LONGEST_KEY {
                    return Err(Refusal::new(400, "The property key is too long."));
                }
                if value.is_null() || value.to_string().chars().count() > LONGEST_VALUE {
                    return Err(Refusal::new(400, "The property value is empty or too long."));
                }
                let old = comment.properties.insert(key.to_owned(), value);
                Ok(Answer::new(
                    if old.is_some() { 200 } else { 201 },
                    json!({"self": address(key)}),
                ))
            }
            "DELETE" => {
                self.may_comment()?;
                comment.properties.remove(key).ok_or_else(|| missing(key))?;
                Ok(Answer::nothing())
            }
            _ => Err(Refusal::no_page()),
        }
    }
}
