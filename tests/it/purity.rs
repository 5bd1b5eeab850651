//! The core stays pure: nothing in `src/run` names a clock, a file, the network, a process or a client.
use std::fs;
use std::path::{Path, PathBuf};

/// What the core may not name: crates, modules, types and functions.
const IMPURE: [&str; 18] = [
    "tokio",
    "kube",
    "k8s_openapi",
    "git2",
    "octocrab",
    "reqwest",
    "std::fs",
    "std::env",
    "std::time",
    "std::process",
    "std::net",
    "std::io",
    "std::thread",
    "SystemTime",
    "Instant",
    "now()",
    "::now",
    "println!",
];

/// The impure names in a source text, with the lines they stand in. Lines of comment may name what they like.
fn impure_names(source: &str) -> Vec<(usize, &'static str)> {
    let lines =
        || (1..).zip(source.lines()).filter(|(_, text)| !text.trim_start().starts_with("//"));
    let named = lines().flat_map(|(line, text)| {
        IMPURE.iter().filter(|name| names(text, name)).map(move |name| (line, *name))
    });
    // `use std::{env, fs}` names the modules without their prefix, perhaps over several lines.
    let modules = || IMPURE.iter().filter_map(|name| Some((*name, name.strip_prefix("std::")?)));
    let grouped = source.match_indices("std::{").flat_map(|(at, _)| {
        let line = 1 + source[..at].matches('\n').count();
        let group = source[at..].split(';').next().unwrap_or_default();
        modules().filter(|(_, module)| names(group, module)).map(move |(name, _)| (line, name))
    });
    named.chain(grouped).collect()
}

/// Whether `name` stands in `code`, not as a part of a longer word.
fn names(code: &str, name: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        !(name.starts_with(part) && before.ends_with(part))
            && !(name.ends_with(part) && after.starts_with(part))
    })
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn the_core_names_nothing_impure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = [sources(&root.join("run")), vec![root.join("run.rs")]].concat();
    assert!(files.len() > 10, "found only {} files: where is the core?", files.len());
    for file in files {
        let found = impure_names(&fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{} names {found:?}", file.display());
    }
}

#[test]
fn the_detector_finds_each_of_them() {
    for name in IMPURE {
        let sample = format!("fn f() {{}}\nuse {name};\n");
        assert!(impure_names(&sample).contains(&(2, name)), "{name} isn't found");
    }
    for (sample, found) in [
        ("let at = jiff::Timestamp::now();", vec![(1, "now()"), (1, "::now")]),
        ("list.map(Timestamp::now)", vec![(1, "::now")]),
        ("let page = \"https://x\"; kube::Client::new()", vec![(1, "kube")]),
        ("use std::{collections::BTreeMap, env};", vec![(1, "std::env")]),
        ("\nuse std::{\n    collections::BTreeMap,\n    fs,\n};", vec![(2, "std::fs")]),
    ] {
        assert_eq!(impure_names(sample), found, "{sample}");
    }
}

#[test]
fn the_detector_finds_nothing_else() {
    for harmless in
        ["kubernetes", "let now = 1;", "    // std::fs", "renown()", "Instantly", "use std::{fmt};"]
    {
        assert_eq!(impure_names(harmless), [], "{harmless}");
    }
}
