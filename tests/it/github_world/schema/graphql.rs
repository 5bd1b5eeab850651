//! GitHub's description of its GraphQL API, as far as it is used here.
use std::collections::BTreeMap;

use dcr_gitops::rehearse::github::parse::{Document, Field, Literal, Selection, document};
use dcr_gitops::rehearse::wire::Asked;
use serde_json::{Map, Value};

pub struct Schema(Value);

/// One request while it is looked at.
struct Look<'a> {
    types: &'a Value,
    document: &'a Document,
    /// Types of the variables.
    variables: BTreeMap<&'a str, &'a str>,
    found: Vec<String>,
}

impl Schema {
    pub fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/github/graphql.json");
        Schema(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    pub fn violations(&self, asked: &Asked) -> Vec<String> {
        let types = &self.0["types"];
        let Some(query) = asked.body["query"].as_str() else { return vec!["no query".to_owned()] };
        let document = match document(query) {
            Ok(document) => document,
            Err(error) => return vec![error],
        };
        let mut found = Vec::new();
        for operation in &document.operations {
            let variables = operation.variables.iter();
            let variables: BTreeMap<&str, &str> =
                variables.map(|it| (it.name.as_str(), it.of.as_str())).collect();
            let mut look = Look { types, document: &document, variables, found: Vec::new() };
            for variable in &operation.variables {
                let given = &asked.body["variables"][&variable.name];
                if !given.is_null() {
                    look.value(&variable.of, given, &format!("${}", variable.name));
                }
            }
            let root = if operation.kind == "mutation" { "Mutation" } else { "Query" };
            look.selections(root, &operation.selections);
            let data = asked.answer.as_ref().map(|(_, body)| &body["data"]);
            let failed = asked.answer.as_ref().is_some_and(|(_, body)| !body["errors"].is_null());
            if let (Some(Value::Object(data)), false) = (data, failed) {
                look.answer(root, &operation.selections, data);
            }
            found.append(&mut look.found);
        }
        found
    }
}

/// A type without its marks: is it a list, may it be null.
fn named(of: &str) -> &str {
    of.trim_matches(['[', ']', '!'])
}

impl Look<'_> {
    fn selections(&mut self, kind: &str, selections: &[Selection]) {
        for selection in selections {
            match selection {
                Selection::Field(field) if field.name == "__typename" => {}
                Selection::Field(field) => self.field(kind, field),
                Selection::Inline { on: None, selections } => self.selections(kind, selections),
                Selection::Inline { on: Some(on), selections } => {
                    self.condition(kind, on);
                    self.selections(on, selections);
                }
                Selection::Spread(name) => {
                    let document = self.document;
                    match document.fragments.get(name) {
                        Some(fragment) => {
                            self.condition(kind, &fragment.on);
                            self.selections(&fragment.on, &fragment.selections);
                        }
                        None => self.found.push(format!("no fragment {name}")),
                    }
                }
            }
        }
    }

    fn condition(&mut self, kind: &str, on: &str) {
        let possible = |of: &str, one: &str| {
            self.types[of]["possible"].as_array().is_some_and(|all| all.iter().any(|it| it == one))
        };
        if !(kind == on || possible(kind, on) || possible(on, kind)) {
            self.found.push(format!("{kind} is never {on}"));
        }
    }

    fn field(&mut self, kind: &str, field: &Field) {
        let known = &self.types[kind]["fields"][&field.name];
        if known.is_null() {
            self.found.push(format!("{kind} has no field `{}`", field.name));
            return;
        }
        let none = Map::new();
        let arguments = known["arguments"].as_object().unwrap_or(&none);
        for (name, of) in arguments {
            if of.as_str().unwrap().ends_with('!') && !field.arguments.contains_key(name) {
                self.found.push(format!("{} lacks `{name}`", field.name));
            }
        }
        for (name, given) in &field.arguments {
            match arguments.get(name).and_then(Value::as_str) {
                Some(of) => self.literal(of, given, name),
                None => self.found.push(format!("{} takes no `{name}`", field.name)),
            }
        }
        let of = named(known["type"].as_str().unwrap());
        let has_fields =
            matches!(self.types[of]["kind"].as_str(), Some("OBJECT" | "INTERFACE" | "UNION"));
        if has_fields == field.selections.is_empty() {
            self.found.push(format!("`{}` of {of}: wrong selections", field.name));
        }
        self.selections(of, &field.selections);
    }

    fn literal(&mut self, of: &str, given: &Literal, at: &str) {
        match given {
            Literal::Variable(name) => {
                let is = self.variables.get(name.as_str()).copied().unwrap_or_default();
                let fits = is == of || is.trim_end_matches('!') == of;
                if !fits {
                    self.found.push(format!("${name} is a {is}, and {of} is needed"));
                }
            }
            Literal::Object(fields) if self.types[named(of)]["inputs"].is_object() => {
                let inputs = &self.types[named(of)]["inputs"];
                for (name, given) in fields {
                    match inputs[name].as_str() {
                        Some(of) => self.literal(of, given, name),
                        None => self.found.push(format!("{} has no `{name}`", named(of))),
                    }
                }
            }
            Literal::List(all) => {
                let inner = of.trim_end_matches('!').trim_start_matches('[').trim_end_matches(']');
                all.iter().for_each(|one| self.literal(inner, one, at));
            }
            Literal::Enum(_) | Literal::Scalar(_) | Literal::Object(_) => {
                self.value(of, &given.value(&Map::new()), at);
            }
        }
    }

    /// Whether a value is of a type; objects are inputs.
    fn value(&mut self, of: &str, value: &Value, at: &str) {
        let (kind, types) = (named(of), self.types);
        match value {
            Value::Null if of.ends_with('!') => self.found.push(format!("{at} is null")),
            Value::Null => {}
            Value::Array(all) => all.iter().for_each(|one| self.value(kind, one, at)),
            Value::Object(fields) => {
                let inputs = &types[kind]["inputs"];
                for (name, given) in fields {
                    match inputs[name].as_str() {
                        Some(of) => self.value(of, given, name),
                        None => self.found.push(format!("{kind} has no `{name}`")),
                    }
                }
                for (name, of) in inputs.as_object().into_iter().flatten() {
                    if of.as_str().unwrap().ends_with('!') && !fields.contains_key(name) {
                        self.found.push(format!("{kind} lacks `{name}`"));
                    }
                }
            }
            scalar => self.scalar(kind, scalar, at),
        }
    }

    fn scalar(&mut self, kind: &str, value: &Value, at: &str) {
        if let Some(values) = self.types[kind]["values"].as_array() {
            if !values.contains(value) {
                let word = value.as_str().unwrap_or_default();
                self.found.push(format!("{at}: {word} is no {kind}"));
            }
            return;
        }
        let fits = match kind {
            "Int" => value.is_i64() || value.is_u64(),
            "Boolean" => value.is_boolean(),
            "Float" => value.is_number(),
            _ => value.is_string(),
        };
        if !fits {
            self.found.push(format!("{at}: {value} is no {kind}"));
        }
    }

    /// Whether an answer is of the types that were asked for.
    fn answer(&mut self, kind: &str, selections: &[Selection], given: &Map<String, Value>) {
        for selection in selections {
            match selection {
                Selection::Field(field) if field.name == "__typename" => {}
                Selection::Field(field) => {
                    let of = self.types[kind]["fields"][&field.name]["type"].as_str();
                    if let (Some(of), Some(value)) = (of, given.get(field.key())) {
                        self.answered(of, field, value);
                    }
                }
                // What fits these conditions is known only to GitHub: a part that isn't there didn't.
                Selection::Inline { on, selections } => {
                    self.answer(on.as_deref().unwrap_or(kind), selections, given);
                }
                Selection::Spread(name) => {
                    let document = self.document;
                    if let Some(fragment) = document.fragments.get(name) {
                        self.answer(&fragment.on, &fragment.selections, given);
                    }
                }
            }
        }
    }

    fn answered(&mut self, of: &str, field: &Field, value: &Value) {
        let kind = named(of);
        match value {
            Value::Null if of.ends_with('!') => {
                self.found.push(format!("the answer's {} is null", field.name));
            }
            Value::Null => {}
            Value::Array(all) if of.starts_with('[') => {
                all.iter().for_each(|one| self.answered(kind, field, one));
            }
            Value::Object(object) => self.answer(kind, &field.selections, object),
            scalar => self.scalar(kind, scalar, &format!("the answer's {}", field.name)),
        }
    }
}
