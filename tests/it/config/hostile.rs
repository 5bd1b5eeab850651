//! Files that nobody wrote in good faith, or that hold what nobody may see.
use dcr_gitops::config::Duration;
use proptest::prelude::*;

use super::diagnostics::brief;
use super::*;

#[test]
fn files_that_are_no_mapping() {
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n\
                c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\n\
                e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e]\n";
    let deep = format!("pod: {}", "[".repeat(100_000));
    insta::assert_snapshot!(
        [
            "- a\n- b\n",
            "just text\n",
            "apiVersion: dcr-gitops/v1\n---\napiVersion: dcr-gitops/v1\n",
            "apiVersion: dcr-gitops/v2\nnovelty: 1\n",
            "apiVersion: 1\n",
            "apiVersion: [\n",
            "apiVersion: 'dcr-gitops/v1\n",
            "apiVersion: dcr-gitops/v1\n\tfarmers: {}\n",
            "? {a: b}\n: c\n",
            "a: *nowhere\n",
            bomb,
            &deep,
        ]
        .map(|text| brief(parse_inputs(&settings(), &system(), "dcr.yaml", text).expect_err("it is wrong")))
        .join("\n"),
        @r"
        dcr.yaml 1:1 the file must be a mapping: `key: value` lines
        dcr.yaml 1:1 the file must be a mapping: `key: value` lines
        dcr.yaml 3:1 there is more than one YAML document | one file holds one document: remove `---` and what follows it
        dcr.yaml 1:13 unsupported `apiVersion`: `dcr-gitops/v2` | this program knows `dcr-gitops/v1`
        dcr.yaml 1:1 `apiVersion` must be text | write `apiVersion: dcr-gitops/v1` at the top
        dcr.yaml 1:13 this is no valid YAML: unclosed bracket '['
        dcr.yaml 1:13 this is no valid YAML: unclosed quote
        dcr.yaml 1:13 this is no valid YAML: while scanning a plain scalar, found a tab
        dcr.yaml 1:3 this is no valid YAML: expected string scalar
        dcr.yaml 1:4 this is no valid YAML: alias references unknown anchor
        dcr.yaml 5:32 the file is too large, or nested too deep
        dcr.yaml 1:261 the file is too large, or nested too deep
        "
    );
}

#[test]
fn the_heartbeat_is_never_shown() {
    for text in [
        "heartbeat: {url: s3cret}\n",
        "heartbeat: {url: https://s3cret.example.com/s3cret, oops: 1}\n",
        "heartbeat: s3cret\n",
        "heartbeat: [s3cret]\n",
        "hartbeat: {url: https://h.example.com/s3cret}\n",
        "heartbeat: {url: https://h.example.com/s3cret\n",
        "heartbeat:\n  url: https://h.example.com/s3cret\n oops\n",
        "heartbeat: {url: 's3cret}\n",
        "heartbeat: {url: https://user:s3cret@h.example.com}\n",
        "jira: {url: https://user:s3cret@h.example.com}\n",
        "x: &h https://s3cret\nheartbeat: {url: *h, oops: *h}\n",
        "heartbeat: {url: ok, url: s3cret}\n",
        "heartbeat: {url: ok}\nheartbeat: {url: s3cret}\n",
        "heartbeat: {url: {deep: [s3cret]}}\n",
    ] {
        let text = format!("apiVersion: dcr-gitops/v1\n{text}");
        let problems = parse_settings(SETTINGS, &text).expect_err("it is wrong");
        for shown in [problems.to_string(), problems.render(true), format!("{problems:?}")] {
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
    let right = "apiVersion: dcr-gitops/v1\nheartbeat: {url: https://h.example.com/s3cret}\n";
    let file = parse_settings(SETTINGS, right).expect("it is right");
    assert!(!format!("{file:?}").contains("s3cret"));
}

#[test]
fn escapes_from_a_file_reach_no_terminal() {
    let problems = inputs_over(&settings(), "\"far\\e[2Jmers\": {}\nimage: \"a\\n b\"\n");
    let text = problems.expect_err("it is wrong").to_string();
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("far\\u{1b}[2Jmers"), "{text}");
    let problems = inputs_over(&settings(), "rebuild: {stall: \"\\u202e d41\"}\n");
    let text = problems.expect_err("it is wrong").to_string();
    assert!(!text.contains('\u{202e}') && text.contains("\\u{202e} d41"), "{text}");
}

#[test]
fn a_file_with_very_many_problems_is_told_of_some() {
    let text: String = (0..2_000).map(|_| "image: a\n").collect();
    let problems = inputs_over(&settings(), &text).expect_err("it is wrong");
    assert_eq!(problems.iter().count(), 100);
    let text: String = (0..500).map(|number| format!("key{number}: a\n")).collect();
    let problems = inputs_over(&settings(), &text).expect_err("it is wrong");
    assert!((10..=100).contains(&problems.iter().count()));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,200}", yaml in "(apiVersion: |image|farmers|:|\\{|\\}|\\[|\\]|,| |\n|-|&a|\\*a|!|'|\"|\\||>|é|\t|1|~|\\?){0,60}") {
        for text in [text.as_str(), yaml.as_str(), &format!("apiVersion: dcr-gitops/v1\n{yaml}")] {
            if let Err(problems) = parse_settings(SETTINGS, text) {
                prop_assert!(!problems.to_string().is_empty());
            }
            if let Err(problems) = parse_inputs(&settings(), &system(), "dcr.yaml", text) {
                prop_assert!(!problems.render(true).is_empty());
            }
        }
    }

    #[test]
    fn a_duration_reads_as_it_is_written(seconds in any::<u32>()) {
        let duration = Duration::seconds(seconds);
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn no_duration_panics(text in "[0-9dhms ]{0,12}|.{0,12}") {
        if let Ok(duration) = text.parse::<Duration>() {
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }
}
