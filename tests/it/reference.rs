//! `docs/reference.md` is made from the program itself, and this keeps it true: `UPDATE_DOCS=1` writes it anew.
use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};
use dcr_gitops::cli::Cli;
use dcr_gitops::config::{inputs_schema, settings_schema};
use dcr_gitops::report::json::Line;
use dcr_gitops::run::{Phase, Request, decide};
use serde_json::Value;

use crate::world::met;

/// The fields of a line of `-o json` in their order, and what each says.
const FIELDS: [(&str, &str); 18] = [
    ("system", "its short name"),
    ("cluster", ""),
    ("namespace", ""),
    ("run", "number of the run on the base branch; null when none is on"),
    ("step", "the step the base branch is at"),
    ("phase", "the phase the base branch is in; `teardown` after it while something is live"),
    ("attempt", "counted per phase, from 1"),
    ("forced", ""),
    ("decision", "`propose`, `wait`, `halt`, `finished` or `idle`"),
    ("next", "the phase or move that is proposed, or comes next"),
    ("reason", "why, for people"),
    ("unmet", "what is waited for: `gate`, `message`, `since`"),
    ("branch", "of the step that is proposed or open, without `refs/heads/`"),
    ("commit", "its commit"),
    ("pullRequest", "its address"),
    ("outcome", "of `propose`: `committed`, `pushed`, `opened`, `adopted`; `none` from `plan`"),
    ("deadline", "of the rebuild's attempt"),
    ("progress", "`percent`, `eta`, `farmersReady`, `farmers`"),
];

fn reference() -> String {
    let mut text = String::from(
        "# Reference\n\nMade from the program itself; a test keeps it true.\n\n## Commands\n",
    );
    let mut cli = Cli::command();
    cli.build();
    for command in cli.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help") {
        describe(&mut text, command, &mut vec![]);
    }
    text += "\n## Flags of every command\n\n";
    arguments(&mut text, cli.get_arguments());
    let exit = cli.get_after_help().unwrap().to_string();
    write!(
        text,
        "\n## Exit codes\n\n```text\n{}\n```\n",
        exit.trim().trim_start_matches("Exit codes:\n")
    )
    .unwrap();
    text += "\n## Fields of `-o json`\n\nOne object for each system, one line each. `status` adds `observed`: all that was seen.\n\n";
    text += "| field | says |\n| --- | --- |\n";
    for (field, says) in FIELDS {
        writeln!(text, "| `{field}` | {says} |").unwrap();
    }
    text += "\n## Settings: `dcr-gitops.yaml`\n\n";
    keys(&mut text, &settings_schema());
    text += "\n## Inputs: `dcr.yaml`\n\n";
    keys(&mut text, &inputs_schema());
    text
}

fn describe<'a>(text: &mut String, command: &'a Command, path: &mut Vec<&'a str>) {
    path.push(command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let name = path.join(" ");
    let visible: Vec<&Command> = command
        .get_subcommands()
        .filter(|it| !it.is_hide_set() && it.get_name() != "help")
        .collect();
    if visible.is_empty() {
        let places: Vec<String> = command
            .get_positionals()
            .map(|arg| {
                let name =
                    arg.get_value_names().map_or_else(String::new, |names| names[0].to_string());
                let many = arg.get_action().takes_values()
                    && arg.get_num_args().is_some_and(|n| n.max_values() > 1);
                match (arg.is_required_set(), many) {
                    (true, _) => name,
                    (false, true) => format!("[{name}…]"),
                    (false, false) => format!("[{name}]"),
                }
            })
            .collect();
        let places =
            if places.is_empty() { String::new() } else { format!(" {}", places.join(" ")) };
        write!(text, "\n### `{name}{places}`\n\n{about}.\n").unwrap();
        let own = command.get_arguments().filter(|arg| !arg.is_global_set());
        let own: Vec<&Arg> = own.filter(|arg| !arg.is_positional() && !is_help(arg)).collect();
        if !own.is_empty() {
            text.push('\n');
            arguments(text, own.into_iter());
        }
    }
    for command in visible {
        describe(text, command, path);
    }
    path.pop();
}

fn is_help(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

fn arguments<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    *text += "| flag | does |\n| --- | --- |\n";
    for arg in arguments.filter(|arg| !arg.is_hide_set() && !is_help(arg)) {
        let Some(long) = arg.get_long() else { continue };
        let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
        let takes = arg.get_action().takes_values();
        let value = arg.get_value_names().filter(|_| takes).map(|names| format!(" {}", names[0]));
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let choices: Vec<String> = arg
            .get_possible_values()
            .iter()
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        let choices = match (takes && !choices.is_empty(), choices.join(", ")) {
            (true, choices) => format!(" ({choices})"),
            (false, _) => String::new(),
        };
        let default: Vec<_> =
            arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = match (takes, default.join(", ")) {
            (true, default) if !default.is_empty() => format!("; default `{default}`"),
            _ => String::new(),
        };
        writeln!(
            text,
            "| `{short}--{long}{}` | {}{choices}{default} |",
            value.unwrap_or_default(),
            help.replace('|', "\\|").replace('\n', " ")
        )
        .unwrap();
    }
}

/// Every key of a schema by its path, those below it after it.
fn keys(text: &mut String, schema: &Value) {
    *text += "| key | what | default |\n| --- | --- | --- |\n";
    walk(text, schema, schema, "");
}

fn walk(text: &mut String, root: &Value, schema: &Value, path: &str) {
    let schema = resolved(root, schema);
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, property) in properties {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let target = resolved(root, property);
        let said = property.get("description").or_else(|| target.get("description"));
        let said = said.and_then(Value::as_str).unwrap_or_default();
        let said = said.replace('\n', " ").replace('|', "\\|");
        let default = match property.get("default") {
            Some(Value::Object(_)) | None => String::new(),
            Some(default) => format!("`{default}`"),
        };
        writeln!(text, "| `{path}` | {said} | {default} |").unwrap();
        // The defaults of every system have the keys of the inputs, which have a table of their own.
        if path != "defaults" && path.split('.').count() < 5 {
            walk(text, root, property, &path);
        }
    }
}

/// What a schema refers to; of alternatives, the one that isn't null.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.trim_start_matches('#');
        return root.pointer(target).map_or(schema, |target| resolved(root, target));
    }
    let alternatives = schema.get("anyOf").and_then(Value::as_array);
    let other = alternatives.into_iter().flatten().find(|it| it["type"] != "null");
    other.map_or(schema, |other| resolved(root, other))
}

#[test]
fn the_reference_says_what_the_program_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let reference = reference();
    if std::env::vars_os().any(|(name, _)| name == "UPDATE_DOCS") {
        std::fs::write(&path, &reference).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let diff = similar::TextDiff::from_lines(&written, &reference);
    let diff = diff.unified_diff().header("docs/reference.md", "the program").to_string();
    assert!(diff.is_empty(), "{diff}\nUPDATE_DOCS=1 writes what is");
}

#[test]
fn the_fields_of_a_line_are_those_the_reference_names() {
    let seen = met(Phase::Rebuild);
    let decision = decide(&seen, &Request::Observe).unwrap();
    let line = serde_json::to_value(Line::new(&seen, &decision, None)).unwrap();
    let fields: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(fields, FIELDS.map(|(field, _)| field));
}
