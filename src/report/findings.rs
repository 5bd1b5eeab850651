//! What `check` found: for people, as JSON, as SARIF 2.1.0, and as annotations of a GitHub Actions job.
use anstyle::AnsiColor;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::actions::{self, Annotation, Place};
use super::{Style, escape};
use crate::check::{Finding, Level, Rule};

/// What can't stand in the path of a URI reference.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// One finding for people, with the text it is about where that can be shown.
pub fn text(finding: &Finding, style: Style) -> String {
    if let Some(excerpt) = finding.excerpt(style.colored) {
        return format!("{excerpt}\n");
    }
    let (label, color) = match finding.level {
        Level::Error => ("error", AnsiColor::Red),
        Level::Warning => ("warning", AnsiColor::Yellow),
    };
    let message = escape::line(&finding.message);
    let mut text = format!("{}: {message}\n --> {}", style.color(color, label), place(finding));
    if let Some(hint) = &finding.hint {
        text += &format!("\n{}: {}", style.color(AnsiColor::Cyan, "hint"), escape::line(hint));
    }
    text + "\n"
}

fn place(finding: &Finding) -> String {
    let path = escape::line(&finding.path);
    match finding.at {
        Some(at) => format!("{path}:{}:{}", at.line, at.column),
        None => path,
    }
}

/// The last line: how many of what.
pub fn summary(checked: usize, findings: &[Finding], style: Style) -> String {
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let of =
        |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let said = format!(
        "{} checked: {}, {}",
        of(checked, "system"),
        of(errors, "error"),
        of(warnings, "warning")
    );
    match errors {
        0 => format!("{}\n", style.color(AnsiColor::Green, &said)),
        _ => format!("{}\n", style.color(AnsiColor::Red, &said)),
    }
}

fn level(finding: &Finding) -> &'static str {
    match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}

/// One object: how many systems were checked, and what was found.
pub fn json(checked: usize, findings: &[Finding]) -> Value {
    let findings = findings.iter().map(|finding| {
        json!({
            "level": level(finding),
            "rule": finding.rule.as_str(),
            "path": finding.path,
            "line": finding.at.map(|at| at.line),
            "column": finding.at.map(|at| at.column),
            "message": finding.message,
            "hint": finding.hint,
        })
    });
    json!({"checked": checked, "findings": findings.collect::<Vec<_>>()})
}

/// A SARIF 2.1.0 log with one run.
pub fn sarif(findings: &[Finding]) -> Value {
    let rules = Rule::ALL
        .map(|rule| json!({"id": rule.as_str(), "shortDescription": {"text": rule.about()}}));
    let results = findings.iter().map(|finding| {
        let text = match &finding.hint {
            Some(hint) => format!("{} ({hint})", finding.message),
            None => finding.message.clone(),
        };
        let uri = utf8_percent_encode(&finding.path, NOT_IN_PATHS).to_string();
        let mut location = json!({"artifactLocation": {"uri": uri}});
        if let Some(at) = finding.at {
            location["region"] = json!({"startLine": at.line, "startColumn": at.column});
        }
        json!({
            "ruleId": finding.rule.as_str(),
            "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
            "level": level(finding),
            "message": {"text": text},
            "locations": [{"physicalLocation": location}],
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "dcr-gitops",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

/// An annotation at the finding's place.
pub fn annotation(finding: &Finding) -> Annotation {
    let level = match finding.level {
        Level::Error => actions::Level::Error,
        Level::Warning => actions::Level::Warning,
    };
    let message = match &finding.hint {
        Some(hint) => format!("{}\nhint: {hint}", finding.message),
        None => finding.message.clone(),
    };
    let place = Place {
        file: finding.path.clone(),
        line: finding.at.map(|at| at.line),
        column: finding.at.map(|at| at.column),
    };
    Annotation { place: Some(place), ..Annotation::new(level, "dcr-gitops check", message) }
}
