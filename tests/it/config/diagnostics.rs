//! What is said of files that are wrong: all of it, each with its place.
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
pub fn brief(problems: Problems) -> String {
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
    ), @r"
    error: `image` must be text, not the number 5
     --> dcr.yaml:2:8
      |
    2 | image: 5
      |        ^
    hint: put it in quotes

    error: unknown key `farmer`
     --> dcr.yaml:3:1
      |
    3 | farmer:
      | ^^^^^^
    hint: did you mean `farmers`?

    error: `farmers.count` must be a whole number, not text
     --> dcr.yaml:6:10
      |
    6 |   count: four
      |          ^^^^

    error: `rebuild.deadline` is no duration: `14 days` (write e.g. `14d`, `8h`, `30m` or `1d12h`)
     --> dcr.yaml:8:21
      |
    8 | rebuild: {deadline: 14 days}
      |                     ^^^^^^^

    error: `image` is given twice
     --> dcr.yaml:9:1
      |
    9 | image: b
      | ^^^^^
    hint: it stands in line 2 already
    ");
}

#[test]
fn what_is_missing_points_at_what_it_is_missing_from() {
    let bare = parse_settings(SETTINGS, "apiVersion: dcr-gitops/v1\n").expect("it is right");
    let problems = inputs_over(&bare, "farmers:\n  count: 3\n").expect_err("it is wrong");
    insta::assert_snapshot!(problems.to_string(), @r"
        error: `synchronizer.resources` is missing
         --> dcr.yaml:1:1
          |
        1 | apiVersion: dcr-gitops/v1
          | ^
        hint: give it here, or as `defaults.synchronizer.resources` in the settings

        error: `image` is missing
         --> dcr.yaml:1:1
          |
        1 | apiVersion: dcr-gitops/v1
          | ^
        hint: give it here, or as `defaults.image` in the settings

        error: `farmers.resources` is missing
         --> dcr.yaml:2:1
          |
        2 | farmers:
          | ^^^^^^^
        hint: give it here, or as `defaults.farmers.resources` in the settings
        ");
    insta::assert_snapshot!(brief(parse_inputs(&bare, &system(), "dcr.yaml", "").expect_err("it is wrong")), @r"
        dcr.yaml 1:1 `apiVersion` is missing | write `apiVersion: dcr-gitops/v1` at the top
        dcr.yaml 1:1 `synchronizer.resources` is missing | give it here, or as `defaults.synchronizer.resources` in the settings
        dcr.yaml 1:1 `farmers.resources` is missing | give it here, or as `defaults.farmers.resources` in the settings
        dcr.yaml 1:1 `image` is missing | give it here, or as `defaults.image` in the settings
        ");
    insta::assert_snapshot!(settings_wrong("\n# nothing\n"), @r"
        error: `apiVersion` is missing
        --> dcr-gitops.yaml:1:1
        hint: write `apiVersion: dcr-gitops/v1` at the top
        ");
}

#[test]
fn what_only_follows_is_not_told() {
    insta::assert_snapshot!(inputs_brief(
        "farmers:
rebuild: {deadline: 14, stall: true}
frontends: {names: [ok, 1, [2], ok]}
image: []
argocd: true
admin:
  rebuildStatus:
    fields:
      state: {regexp: (a)}
      percent: {regex: (a)(b)}
      error: [a]
  trigger: {path: }
"), @r#"
dcr.yaml 2:1 `farmers` is empty, but must be a mapping | give it a value, or leave the key out
dcr.yaml 3:21 `rebuild.deadline` must be a duration with its unit, such as `14d`, `8h` or `30m`, not the number 14
dcr.yaml 3:32 `rebuild.stall` must be a duration with its unit, such as `14d`, `8h` or `30m`, not `true`
dcr.yaml 4:25 `frontends.names[1]` must be text, not the number 1 | put it in quotes
dcr.yaml 4:28 `frontends.names[2]` must be text, not a list
dcr.yaml 4:33 the frontend `ok` is given twice
dcr.yaml 5:8 `image` must be text, not a list
dcr.yaml 6:9 `argocd` must be a mapping, not `true`
dcr.yaml 10:7 `admin.rebuildStatus.fields.state.regex` is missing | give it here, or as `defaults.admin.rebuildStatus.fields.state.regex` in the settings
dcr.yaml 10:15 unknown key `regexp` | did you mean `regex`?
dcr.yaml 11:24 `admin.rebuildStatus.fields.percent.regex` must have exactly one group `(…)`, not 2: write `(?:…)` for what isn't the value
dcr.yaml 12:14 `admin.rebuildStatus.fields.error` must be a JSON Pointer such as `/state`, or `{regex: "…(…)…"}`, not a list
dcr.yaml 13:13 `admin.trigger.path` is empty, but must be text | give it a value, or leave the key out
"#);
    insta::assert_snapshot!(brief(parse_settings(
        SETTINGS,
        "apiVersion: dcr-gitops/v1\njira: {uri: a, kind: clod}\nheartbeat: {url: 5}\n"
    ).expect_err("they are wrong")), @r"
    dcr-gitops.yaml 2:1 `jira.url` is missing
    dcr-gitops.yaml 2:8 unknown key `uri` | known here: `url`, `kind`
    dcr-gitops.yaml 2:22 `jira.kind` can't be `clod` | did you mean `cloud`?
    dcr-gitops.yaml 3:18 `heartbeat.url` must be text, not the number 5 | put it in quotes
    ");
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
"), @r"
dcr.yaml 2:8 `image` holds white space, which no container image does
dcr.yaml 3:20 `frontends.count` must be at least 1
dcr.yaml 3:30 `frontends.count` and `frontends.names` are both given | give one of them: the names say how many there are
dcr.yaml 3:34 `A` is no name that Kubernetes takes | at most 253 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of each part
dcr.yaml 3:37 the frontend `a` is given twice
dcr.yaml 5:12 `farmers.initial` must be at least 1
dcr.yaml 6:10 `farmers.count` (3) is more than `farmers.max` (2) | it must be `initial` ≤ `count` ≤ `max`, and `tolerate` ≤ `count`
dcr.yaml 8:13 `farmers.tolerate` (4) is more than `farmers.count` (3) | it must be `initial` ≤ `count` ≤ `max`, and `tolerate` ≤ `count`
dcr.yaml 9:12 `farmers.storage` must be more than nothing
dcr.yaml 10:31 unknown resource `mem` | did you mean `memory`?
dcr.yaml 11:21 `rebuild.deadline` must be longer than nothing
dcr.yaml 12:23 `argocd.application` is no name that Kubernetes takes | at most 253 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of each part
dcr.yaml 12:43 `argocd.namespace` is no name that Kubernetes takes | at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends
");
}

#[test]
fn rows_that_no_status_shows() {
    insta::assert_snapshot!(inputs_brief(
        "admin:
  aaStatus:
    require:
      farm-up: {synchronizer: [SYNCHRONIZED, BOOTING, not sync], farmers: [waiting, READY]}
      synchronizer: {farmers: [waiting]}
      rebuild: {synchronizer: [ready]}
"), @r"
dcr.yaml 5:31 no row shows all of these words: `synchronizer` | one each of the state, the visibility, the sync and the readiness
dcr.yaml 5:85 `admin.aaStatus.require.farm-up.farmers[1]` can't be `READY` | did you mean `ready`?
dcr.yaml 6:31 in phase `synchronizer` there are no farmers
dcr.yaml 7:7 `admin.aaStatus.require.rebuild` can't be `rebuild` | known here: `history-update`, `farm-up`, `synchronizer`
");
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
"), @r"
dcr.yaml 3:9 `admin.port` must be from 1 to 65535
dcr.yaml 4:16 `admin.clientImage` is empty: name a container image
dcr.yaml 5:19 `via: command` needs `admin.aaStatus.command`
dcr.yaml 7:11 `admin.rebuildStatus.path` holds the unknown placeholder `{what}`: known are `{system}`, `{namespace}`, `{cluster}`, `{node}`, `{port}`
dcr.yaml 9:7 `admin.rebuildStatus.fields.state` is what its gate is decided by | say where it stands
dcr.yaml 10:16 `admin.rebuildStatus.fields.percent` is no JSON Pointer: `percent` doesn't begin with `/`
dcr.yaml 11:26 `admin.rebuildStatus.fields.startedAt.regex` must have exactly one group `(…)`, not 2: write `(?:…)` for what isn't the value
dcr.yaml 12:22 `admin.rebuildStatus.fields.error.regex` is no regular expression: unclosed group
dcr.yaml 13:27 `admin.rebuildStatus.states.running[1]` is empty | an empty state means that no rebuild is known
dcr.yaml 13:42 `admin.rebuildStatus.states.complete` holds no word: its gate is never met
dcr.yaml 13:55 the state `A` can't mean both `running` and `failed` | each list replaces its default as a whole
dcr.yaml 14:3 `via: proxy` needs `admin.history.path`
dcr.yaml 15:33 `admin.propagation.path` must begin with `/`
dcr.yaml 15:48 `admin.propagation.url` must begin with `https://` or `http://`
dcr.yaml 16:19 `admin.trigger.path` holds a `%` without two hexadecimal digits
dcr.yaml 16:32 `admin.trigger.to` is neither `synchronizer` nor a host's name | at most 253 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of each part
dcr.yaml 16:47 `admin.trigger.expect` is empty, which every answer holds | `null` expects nothing
dcr.yaml 17:21 `admin.propagate.path` holds the unknown placeholder `{node}`: known are `{forced}`, `{run}`, `{attempt}`, `{system}`
");
}

#[test]
fn a_question_never_gives_a_command() {
    let gives = |question: &str, command: &str| {
        let text = format!(
            "admin: {{aaStatus: {{path: '{question}'}}, trigger: {{path: '{command}'}}}}\n"
        );
        inputs_over(&settings(), &text).is_err()
    };
    assert!(gives("/.admin?cmd=startRebuild", "/.admin?cmd=startRebuild&run={run}"));
    assert!(gives("/.admin?x=1&CMD=start%52ebuild", "/.admin?cmd=startRebuild&run={run}"));
    assert!(gives("/%2eadmin?cmd=STARTREBUILD", "/.admin?cmd=startRebuild"));
    assert!(gives("/rebuild/start", "/rebuild/start"));
    assert!(gives("/.admin?cmd=aaStatus&cmd=startRebuild", "/.admin?cmd=startRebuild"));
    assert!(gives("/.admin?cmd={node}", "/.admin?cmd=startRebuild"));
    assert!(!gives("/.admin?cmd=run&script=status", "/.admin?cmd=run&script=rebuild"));
    assert!(!gives("/.admin?cmd=aaStatus", "/.admin?cmd=startRebuild"));
    assert!(!gives("/other?cmd=startRebuild", "/.admin?cmd=startRebuild"));
    assert!(
        inputs_over(&settings(), "admin: {propagate: {path: '/.admin?cmd=startRebuild'}}\n")
            .is_err()
    );
    insta::assert_snapshot!(inputs_wrong(
        "admin: {history: {path: \"/.admin?cmd=propagateCaches\"}}\n"
    ), @r#"
    error: `admin.history.path` gives the command of `admin.propagate.path`
     --> dcr.yaml:2:25
      |
    2 | admin: {history: {path: "/.admin?cmd=propagateCaches"}}
      |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: it is asked for again and again, and would start something each time
    "#);
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
").expect_err("they are wrong")), @r"
dcr-gitops.yaml 2:10 `systems` must hold `{namespace}` once, not 0 times
dcr-gitops.yaml 3:9 `branch` must not begin with `-`
dcr-gitops.yaml 4:9 `remote` is no name that git takes
dcr-gitops.yaml 5:12 `templates` must not lead through empty names, `.`, `..` or `.git` | write `builtin`, or a folder relative to the repo
dcr-gitops.yaml 6:20 `maxRunsPerCluster` must be at least 1
dcr-gitops.yaml 7:27 `clusters.den.context` is empty | leave it out to take the default
dcr-gitops.yaml 7:49 `clusters.den.argocd.context` is empty | leave it out to take the default
dcr-gitops.yaml 8:19 `github.labels[0]` is empty
dcr-gitops.yaml 9:13 `jira.url` must begin with `https://` or `http://`
dcr-gitops.yaml 10:18 `heartbeat.url` must begin with `https://` or `http://`
dcr-gitops.yaml 11:10 unknown key `farmup` | did you mean `farm-up`?
dcr-gitops.yaml 12:13 unknown key `rebuild` | known here: `review`, `applied`, `nodes`, `history`, `propagated`, `gone`
dcr-gitops.yaml 14:20 `farmers.count` (9) is more than `farmers.max` (3) | it must be `initial` ≤ `count` ≤ `max`, and `tolerate` ≤ `count`
dcr-gitops.yaml 15:23 `defaults.rebuild.deadline` is no duration: `never` (write e.g. `14d`, `8h`, `30m` or `1d12h`)
");
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
    insta::assert_snapshot!(problems.to_string(), @r"
        error: `farmers.count` (4) is more than `farmers.max` (3)
         --> dcr-gitops.yaml:5:10
          |
        5 |     max: 3
          |          ^
        hint: it must be `initial` ≤ `count` ≤ `max`, and `tolerate` ≤ `count`
        ");
    let problems =
        inputs_over(&settings, "farmers: {count: 5}\n").expect_err("five farmers are too many");
    insta::assert_snapshot!(brief(problems), @r"
        dcr.yaml 2:18 `farmers.count` (5) is more than `farmers.max` (3) | it must be `initial` ≤ `count` ≤ `max`, and `tolerate` ≤ `count`
        ");
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
        @r"
        x/dcr.yaml - the folder's system `System6` is no name that Kubernetes takes for a Service | a letter, then lower-case letters, digits and `-`; at most 41
        x/dcr.yaml - the folder's namespace `Tenant` is no name that Kubernetes takes | at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends
        x/dcr.yaml - the folder's system `6system` is no name that Kubernetes takes for a Service | a letter, then lower-case letters, digits and `-`; at most 41
        x/dcr.yaml - the system's name `ssssssssssssssssssssssssssssssssssssssssss` has 42 characters | at most 41, so that the names of its Jobs' pods stay within the 63 of Kubernetes
        x/dcr.yaml - the folder's namespace `t-` is no name that Kubernetes takes | at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends
        "
    );
}

#[test]
fn a_request_stays_within_its_limit() {
    let takes = |request: &str, limit: &str| {
        let resources = format!("{{requests: {{cpu: {request}}}, limits: {{cpu: {limit}}}}}");
        inputs_over(&settings(), &format!("farmers: {{resources: {resources}}}\n")).is_ok()
    };
    assert!(takes("1100m", "1.1") && takes("1.1", "1100m") && takes("1Gi", "2G"));
    assert!(takes("1e3", "1k") && takes(".5", "500m") && takes("5.", "5"));
    assert!(!takes("2G", "1Gi") && !takes("1001m", "1") && !takes("1", "0.9"));
    for no_quantity in ["1gi", "1KiB", "Gi", ".", "1.2.3", "1e", "1e9999", "-1", "'+1'", "''"] {
        assert!(!takes("0", no_quantity), "{no_quantity}");
    }
    insta::assert_snapshot!(
        inputs_brief("synchronizer: {resources: {requests: {cpu: 2}, limits: {cpu: 1}}}\n"), @r"
        dcr.yaml 2:44 `synchronizer` requests 2 of `cpu`, more than its limit of 1
        ");
}

#[test]
fn colour_is_asked_for() {
    let problems = inputs_over(&settings(), "farmer: {}\n").expect_err("it is wrong");
    assert!(!problems.render(false).contains('\u{1b}'));
    assert!(problems.render(true).contains('\u{1b}'));
}

#[test]
fn places_count_characters_and_survive_carriage_returns() {
    let marked = "\u{feff}apiVersion: dcr-gitops/v1\nfarmer: {}\n";
    let problems = parse_inputs(&settings(), &system(), "dcr.yaml", marked);
    assert_eq!(
        brief(problems.expect_err("it is wrong")),
        "dcr.yaml 2:1 unknown key `farmer` | did you mean `farmers`?"
    );
    insta::assert_snapshot!(
        inputs_wrong("image: \"é日本\" \r\nrebuild: {deadline: é, stall: 日本}\r\n"), @r"
        error: `rebuild.deadline` is no duration: `é` (write e.g. `14d`, `8h`, `30m` or `1d12h`)
         --> dcr.yaml:3:21
          |
        3 | rebuild: {deadline: é, stall: 日本}
          |                     ^

        error: `rebuild.stall` is no duration: `日本` (write e.g. `14d`, `8h`, `30m` or `1d12h`)
         --> dcr.yaml:3:31
          |
        3 | rebuild: {deadline: é, stall: 日本}
          |                               ^^^^
        ");
}
