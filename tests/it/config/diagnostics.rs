//! What is said of files that are wrong: all of it, each with its place.
use dcr_gitops::config::Duration;
use proptest::prelude::*;

use super::*;

fn settings_wrong(text: &str) -> String {
    let Err(problems) = parse_settings(SETTINGS, text) else { panic!("it is taken: {text}") };
    problems.to_string()
}

fn inputs_wrong(text: &str) -> String {
    let Err(problems) = inputs_over(&settings(), text) else { panic!("it is taken: {text}") };
    problems.to_string()
}

/// `line:column message | hint`, one problem a line.
fn brief(problems: Problems) -> String {
    problems
        .into_iter()
        .map(|problem| {
            let at = problem.at.map_or("-".to_owned(), |at| format!("{}:{}", at.line, at.column));
            let hint = problem.hint.map_or(String::new(), |hint| format!(" | {hint}"));
            format!("{} {at} {}{hint}", problem.path, problem.message)
        })
        .collect::<Vec<String>>()
        .join("\n")
}

fn inputs_brief(text: &str) -> String {
    brief(inputs_over(&settings(), text).expect_err("it is wrong"))
}

#[test]
fn everything_is_told_at_once() {
    insta::assert_snapshot!(inputs_wrong(
        "image: 5\nfarmer:\n  count: 3\nfarmers:\n  count: four\n  max: 0\nrebuild: {deadline: 14 days}\nimage: b\n"
    ), @"");
}

#[test]
fn what_is_missing_points_at_what_it_is_missing_from() {
    let bare = parse_settings(SETTINGS, "apiVersion: dcr-gitops/v1\n").expect("it is right");
    let problems = inputs_over(&bare, "farmers:\n  count: 3\n").expect_err("it is wrong");
    insta::assert_snapshot!(problems.to_string(), @"");
    insta::assert_snapshot!(brief(parse_inputs(&bare, &system(), "dcr.yaml", "").expect_err("it is wrong")), @"");
    insta::assert_snapshot!(settings_wrong("\n# nothing\n"), @"");
}

#[test]
fn inputs_that_make_no_sense() {
    insta::assert_snapshot!(inputs_brief(
        "image: 'a b'
frontends: {count: 0, names: [a, A, a]}
farmers:
  initial: 0
  count: 3
  max: 2
  tolerate: 4
  storage: 0Gi
  resources: {requests: {mem: 1Gi, nvidia.com/gpu: 1}}
rebuild: {deadline: 0s}
argocd: {application: Express, namespace: a.b}
"), @"");
}

#[test]
fn questions_that_make_no_sense() {
    insta::assert_snapshot!(inputs_brief(
        "admin:
  port: 0
  clientImage: ''
  aaStatus: {via: command}
  rebuildStatus:
    path: /.admin?cmd=startrebuild&x={what}
    fields:
      state: null
      percent: percent
      startedAt: {regex: '(a)(b)'}
      error: {regex: '(a'}
    states: {running: [A, ''], complete: [], failed: [A]}
  history: {}
  propagation: {via: url, path: 'status', url: 'ftp://{node}'}
  trigger: {path: '/x%zz', to: 'a b', expect: ''}
  propagate: {path: '/x?{node}'}
"), @"");
}

#[test]
fn settings_that_make_no_sense() {
    insta::assert_snapshot!(brief(parse_settings(SETTINGS, "apiVersion: dcr-gitops/v1
systems: clusters/{cluster}/dcr.yaml
branch: --upload-pack=evil
remote: 'a b'
templates: ../../etc
maxRunsPerCluster: 0
clusters: {den: {context: '', argocd: {context: ' '}}}
github: {labels: ['']}
jira: {url: jira.example.com}
heartbeat: {url: ftp://secret}
review: {farmup: auto}
attention: {rebuild: 1d}
defaults:
  farmers: {count: 9, max: 3}
  rebuild: {deadline: never}
").expect_err("they are wrong")), @"");
}

#[test]
fn one_layer_of_inputs_may_contradict_another() {
    let settings = parse_settings(
        SETTINGS,
        "apiVersion: dcr-gitops/v1\ndefaults:\n  farmers:\n    resources: {}\n    max: 3\n  \
         synchronizer: {resources: {}}\n  image: a\n",
    )
    .expect("alone the defaults are right");
    let problems = inputs_over(&settings, "rebuild: {}\n").expect_err("four farmers are too many");
    insta::assert_snapshot!(problems.to_string(), @"");
    let problems =
        inputs_over(&settings, "farmers: {count: 5}\n").expect_err("five farmers are too many");
    insta::assert_snapshot!(brief(problems), @"");
    inputs_over(&settings, "farmers: {count: 3}\n").expect("three farmers are right");
}

#[test]
fn names_that_kubernetes_refuses() {
    let named = |namespace: &str, name: &str| {
        let system = SystemRef {
            cluster: "den".to_owned(),
            namespace: namespace.to_owned(),
            system: name.to_owned(),
        };
        parse_inputs(&settings(), &system, "x/dcr.yaml", "apiVersion: dcr-gitops/v1\n")
    };
    assert!(named("tenant", &"s".repeat(41)).is_ok());
    insta::assert_snapshot!(
        [("Tenant", "System6"), ("tenant", "6system"), ("t-", &"s".repeat(42))]
            .map(|(namespace, name)| brief(named(namespace, name).expect_err("it is wrong")))
            .join("\n"),
        @""
    );
}

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
        @""
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
}

#[test]
fn colour_is_asked_for() {
    let problems = inputs_over(&settings(), "farmer: {}\n").expect_err("it is wrong");
    assert!(!problems.render(false).contains('\u{1b}'));
    assert!(problems.render(true).contains('\u{1b}'));
}

#[test]
fn places_count_characters_and_survive_carriage_returns() {
    insta::assert_snapshot!(
        inputs_wrong("image: \"é日本\" \r\nrebuild: {deadline: é, stall: 日本}\r\n"), @"");
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
