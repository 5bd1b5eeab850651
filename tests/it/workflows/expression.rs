//! GitHub's expressions, as far as the workflows use them: paths, literals, `==`, `!=`, `&&`, `||`.
use serde_json::Value;

/// A value with every `${{ … }}` in it replaced: one that is nothing else keeps its type.
pub fn fill(value: &Value, context: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    match text.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}")) {
        Some(expression) => evaluate(expression, context),
        None => {
            assert!(!text.contains("${{"), "{text}: one expression and nothing else");
            value.clone()
        }
    }
}

/// `a || b && c == 'd'`
pub fn evaluate(expression: &str, context: &Value) -> Value {
    let mut last = Value::Null;
    for part in expression.split("||") {
        last = all(part, context);
        if is_true(&last) {
            break;
        }
    }
    last
}

pub fn is_true(value: &Value) -> bool {
    !matches!(text(value).as_str(), "" | "false" | "0")
}

/// As it is put into the environment.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn all(expression: &str, context: &Value) -> Value {
    let mut last = Value::Null;
    for part in expression.split("&&") {
        last = compared(part.trim(), context);
        if !is_true(&last) {
            break;
        }
    }
    last
}

fn compared(expression: &str, context: &Value) -> Value {
    for (operator, equal) in [("==", true), ("!=", false)] {
        if let Some((one, other)) = expression.split_once(operator) {
            let [one, other] = [one, other].map(|side| text(&atom(side.trim(), context)));
            return Value::Bool((one == other) == equal);
        }
    }
    atom(expression, context)
}

fn atom(word: &str, context: &Value) -> Value {
    if let Some(text) = word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Value::from(text);
    }
    if word == "true" {
        return Value::Bool(true);
    }
    let path = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    assert!(word.chars().all(path), "{word} isn't understood here");
    let mut found = context;
    for key in word.split('.') {
        found = &found[key];
    }
    found.clone()
}
