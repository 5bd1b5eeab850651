//! GitHub's description of its REST API, as far as it is used here.
use dcr_gitops::rehearse::wire::Asked;
use serde_json::{Value, json};

pub struct Api(Value);

impl Api {
    pub fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/github/openapi.json");
        Api(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    pub fn operations(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.0["operations"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    }

    pub fn violations(&self, asked: &Asked) -> Vec<String> {
        let operation = &self.0["operations"][format!("{} {}", asked.method, asked.route)];
        if operation.is_null() {
            return vec!["no such operation".to_owned()];
        }
        let mut found = Vec::new();
        for (name, value) in &asked.query {
            let schema = &operation["query"][name];
            if schema.is_null() {
                found.push(format!("no parameter `{name}`"));
                continue;
            }
            let value = match schema["type"].as_str() {
                Some("integer" | "boolean") => {
                    serde_json::from_str(value).unwrap_or_else(|_| json!(value))
                }
                _ => json!(value),
            };
            found.extend(self.unfit(schema, &value).map(|why| format!("`{name}`: {why}")));
        }
        if !asked.body.is_null() && asked.answer.as_ref().is_none_or(|(status, _)| *status != 415) {
            match &operation["body"] {
                Value::Null => found.push("no body is taken".to_owned()),
                schema => {
                    found.extend(self.unfit(schema, &asked.body));
                    found.extend(self.unknown(schema, &asked.body));
                }
            }
        }
        if let Some((status, body)) = &asked.answer {
            let schema = &operation["answers"][status.to_string()];
            // Trouble that may befall any request isn't said of each.
            if !schema.is_null() {
                found.extend(self.unfit(schema, body).map(|why| format!("answer {status}: {why}")));
                let odd = self.unknown(schema, body);
                found.extend(odd.into_iter().map(|why| format!("answer {status}: {why}")));
            } else if *status < 300
                && !operation["answers"].as_object().unwrap().contains_key(&status.to_string())
            {
                found.push(format!("never answered with {status}"));
            }
        }
        found
    }

    fn unfit(&self, schema: &Value, value: &Value) -> Option<String> {
        let whole = json!({"schemas": self.0["schemas"], "allOf": [schema]});
        let validator = jsonschema::draft202012::new(&whole).expect("the schema is valid");
        let error = validator.validate(value).err()?;
        Some(match error.instance_path().as_str() {
            "" => error.to_string(),
            path => format!("{path}: {error}"),
        })
    }

    /// Properties that the schema doesn't name, where it names any.
    fn unknown(&self, schema: &Value, value: &Value) -> Vec<String> {
        let schema = self.resolved(schema);
        if let (Some(first), true) = (value.get(0), schema["items"].is_object()) {
            return self.unknown(&schema["items"], first);
        }
        let (Some(named), Some(given)) = (schema["properties"].as_object(), value.as_object())
        else {
            return Vec::new();
        };
        let odd = given.keys().filter(|name| !named.contains_key(*name));
        odd.map(|name| format!("no property `{name}`")).collect()
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => self.resolved(&self.0["schemas"][name.trim_start_matches("#/schemas/")]),
            None => schema,
        }
    }
}
