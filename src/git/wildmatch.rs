//! git's path patterns, as `includeIf "gitdir:…"` uses them.
use regex::{Regex, RegexBuilder};

/// The pattern as a regular expression over a whole path: `*` and `?` stay within a component, `**`
/// doesn't. `None` if it is no pattern.
pub fn compile(pattern: &str, ignore_case: bool) -> Option<Regex> {
    let mut expression = String::from("^");
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**/") {
            expression.push_str("(?:.*/)?");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("**") {
            expression.push_str(".*");
            rest = after;
        } else {
            match next {
                '*' => expression.push_str("[^/]*"),
                '?' => expression.push_str("[^/]"),
                literal => expression.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4]))),
            }
            rest = &rest[next.len_utf8()..];
        }
    }
    expression.push('$');
    RegexBuilder::new(&expression).case_insensitive(ignore_case).build().ok()
}
