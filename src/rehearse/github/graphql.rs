//! The embedded GitHub's GraphQL: the queries and mutations that review of steps needs.
mod connection;
mod mutations;
mod objects;
pub mod parse;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::parse::{Document, Field, Selection};
use super::account::Account;
use super::desk::Desk;
use super::refusal::Refusal;
use super::standing::{Mergeable, Standing};
use crate::rehearse::wire::{Answer, Call};

/// The names of the outermost fields of a request, by which it is counted.
pub fn asked(body: &Value) -> String {
    let document = body["query"].as_str().and_then(|query| parse::document(query).ok());
    let operations = document.into_iter().flat_map(|document| document.operations);
    let fields = operations.flat_map(|it| it.selections).filter_map(|it| match it {
        Selection::Field(field) => Some(field.name),
        Selection::Inline { .. } | Selection::Spread(_) => None,
    });
    fields.collect::<Vec<_>>().join("+")
}

pub fn answer(desk: &mut Desk, call: &Call, account: &Account, now: Timestamp) -> Answer {
    if call.method != http::Method::POST {
        return Refusal::not_found().answer();
    }
    let failed = |message: String| Answer::new(200, json!({"errors": [{"message": message}]}));
    let document = match parse::document(call.body["query"].as_str().unwrap_or_default()) {
        Ok(document) => document,
        Err(error) => return failed(error),
    };
    let name = call.body["operationName"].as_str();
    let operation = document
        .operations
        .iter()
        .find(|operation| name.is_none_or(|name| operation.name.as_deref() == Some(name)));
    let Some(operation) = operation else {
        return failed(format!("No operation named \"{}\"", name.unwrap_or_default()));
    };
    let mut variables = call.body["variables"].as_object().cloned().unwrap_or_default();
    for variable in &operation.variables {
        if let Some(default) = &variable.default {
            variables.entry(&variable.name).or_insert_with(|| default.value(&Map::new()));
        }
        let given = variables.get(&variable.name).is_some_and(|value| !value.is_null());
        if variable.of.ends_with('!') && !given {
            let (name, of) = (&variable.name, &variable.of);
            let why = "Expected value to not be null";
            let message =
                format!("Variable ${name} of type {of} was provided invalid value ({why})");
            return failed(message);
        }
    }
    let mut query = Query {
        desk,
        account,
        now,
        document: &document,
        variables,
        stale: call.stale,
        looks: BTreeMap::new(),
        errors: Vec::new(),
    };
    let root = if operation.kind == "mutation" { "Mutation" } else { "Query" };
    match query.select(&json!({"__typename": root}), &operation.selections) {
        Err(undefined) => Answer::new(200, json!({"errors": [undefined]})),
        Ok(data) if query.errors.is_empty() => Answer::new(200, json!({"data": data})),
        Ok(data) => Answer::new(200, json!({"data": data, "errors": query.errors})),
    }
}

/// A request that is being answered.
struct Query<'a> {
    desk: &'a mut Desk,
    account: &'a Account,
    now: Timestamp,
    document: &'a Document,
    variables: Map<String, Value>,
    /// Lists show the state of so many changes ago.
    stale: usize,
    /// How pull requests looked: one request is one look.
    looks: BTreeMap<u64, (Mergeable, Standing)>,
    errors: Vec<Value>,
}

impl Query<'_> {
    /// What of an object is asked for. The error is one of the whole request.
    fn select(&mut self, object: &Value, selections: &[Selection]) -> Result<Value, Value> {
        let mut selected = Map::new();
        self.select_into(&mut selected, object, selections)?;
        Ok(Value::Object(selected))
    }

    fn select_into(
        &mut self,
        selected: &mut Map<String, Value>,
        object: &Value,
        selections: &[Selection],
    ) -> Result<(), Value> {
        let kind = object["__typename"].as_str().unwrap_or_default();
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let value = self.field(object, field)?;
                    selected.insert(field.key().to_owned(), value);
                }
                Selection::Inline { on, selections } => {
                    if on.as_deref().is_none_or(|on| is_a(kind, on)) {
                        self.select_into(selected, object, selections)?;
                    }
                }
                Selection::Spread(name) => {
                    let document = self.document;
                    let fragment = document.fragments.get(name).ok_or_else(
                        || json!({"message": format!("Fragment {name} was used, but not defined")}),
                    )?;
                    if is_a(kind, &fragment.on) {
                        self.select_into(selected, object, &fragment.selections)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, object: &Value, field: &Field) -> Result<Value, Value> {
        let arguments: Map<String, Value> = field
            .arguments
            .iter()
            .map(|(name, value)| (name.clone(), value.value(&self.variables)))
            .collect();
        let found = match self.found(object, &field.name, &arguments) {
            Ok(Some(found)) => found,
            Ok(None) => {
                let kind = object["__typename"].as_str().unwrap_or_default();
                let message = format!("Field '{}' doesn't exist on type '{kind}'", field.name);
                let extensions = json!({"code": "undefinedField"});
                return Err(json!({"message": message, "extensions": extensions}));
            }
            Err(refusal) => {
                self.errors.push(refusal.graphql(field.key()));
                Value::Null
            }
        };
        self.narrow(&found, field)
    }

    /// Of what was found, what is asked for.
    fn narrow(&mut self, found: &Value, field: &Field) -> Result<Value, Value> {
        match found {
            Value::Object(_) if field.selections.is_empty() => {
                let message = format!(
                    "Field must have selections (field '{}' returns an object)",
                    field.name
                );
                Err(json!({"message": message}))
            }
            Value::Object(_) => self.select(found, &field.selections),
            Value::Array(all) => all
                .iter()
                .map(|it| self.narrow(it, field))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
            scalar => Ok(scalar.clone()),
        }
    }

    /// What an object has under this name: `None` if it has no such field.
    fn found(
        &mut self,
        object: &Value,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Option<Value>, Refusal> {
        if object["__typename"] == "Mutation" {
            let no_input = Value::Null;
            return self.mutate(name, arguments.get("input").unwrap_or(&no_input));
        }
        match self.lookup(object, name, arguments) {
            Ok(None) => Ok(object.get(name).filter(|_| !name.starts_with('#')).cloned()),
            found => found,
        }
    }
}

/// Whether objects of one type are what a condition names: that type, or an interface or union it is in.
fn is_a(kind: &str, named: &str) -> bool {
    kind == named
        || match named {
            "Actor" | "RequestedReviewer" => matches!(kind, "User" | "Bot"),
            "GitObject" => kind == "Commit",
            "SearchResultItem" | "Closable" | "Comment" => kind == "PullRequest",
            "Node" => true,
            _ => false,
        }
}
