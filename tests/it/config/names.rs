//! The `systems` pattern, and the names people give systems.
use dcr_gitops::config::{Known, NameError, SystemsPattern, qualified, resolve_name};
use dcr_gitops::run::SystemRef;
use proptest::prelude::*;

fn pattern(text: &str) -> SystemsPattern {
    text.parse().unwrap_or_else(|why| panic!("`{text}` {why}"))
}

fn system(cluster: &str, namespace: &str, system: &str) -> SystemRef {
    SystemRef {
        cluster: cluster.to_owned(),
        namespace: namespace.to_owned(),
        system: system.to_owned(),
    }
}

#[test]
fn the_default_pattern_is_what_its_text_says() {
    let default = SystemsPattern::default();
    assert_eq!(default, pattern(default.as_str()));
    let path = "clusters/den/tenant-105858-prod/system6/dcr.yaml";
    let found = default.matches(path).expect("it fits");
    assert_eq!(found, system("den", "tenant-105858-prod", "system6"));
    assert_eq!(default.path_of(&found), path);
}

#[test]
fn captures_may_be_parts_of_segments_and_never_span_them() {
    let pattern = pattern("prod-{cluster}/ns.{namespace}.d/x/{system}/inputs.yml");
    assert_eq!(pattern.matches("prod-den/ns.a.d/x/s/inputs.yml"), Some(system("den", "a", "s")));
    for other in [
        "prod-/ns.a.d/x/s/inputs.yml",
        "den/ns.a.d/x/s/inputs.yml",
        "prod-den/ns.a/x/s/inputs.yml",
        "prod-den/ns.a.d/y/s/inputs.yml",
        "prod-den/ns.a.d/x/s/t/inputs.yml",
        "prod-den/ns.a.d/x/s",
        "prod-den/ns.a.d/x/s/inputs.yml/more",
        "",
    ] {
        assert_eq!(pattern.matches(other), None, "{other}");
    }
}

#[test]
fn a_qualified_name_needs_no_listing_and_a_short_one_only_what_is_open() {
    let pattern = SystemsPattern::default();
    let listed = |name: &str| -> Vec<usize> {
        let known = Known::asked(name).expect("it is a name");
        (0..pattern.depth()).filter(|depth| pattern.only(*depth, &known).is_none()).collect()
    };
    assert_eq!(listed("den/tenant/system6"), [] as [usize; 0]);
    assert_eq!(listed("tenant/system6"), [1]);
    assert_eq!(listed("system6"), [1, 2]);

    let known = Known::asked("system6").expect("it is a name");
    let inside = pattern.enter(1, "den", &known).expect("any cluster fits");
    let inside = pattern.enter(2, "tenant", &inside).expect("any namespace fits");
    assert_eq!(pattern.enter(3, "system7", &inside), None);
    let inside = pattern.enter(3, "system6", &inside).expect("it is the one");
    assert_eq!(inside.complete(), Some(system("den", "tenant", "system6")));
}

#[test]
fn bad_patterns_say_why() {
    let why = |text: &str| text.parse::<SystemsPattern>().expect_err("it is wrong").to_string();
    insta::assert_snapshot!(
        [
            "{cluster}/{namespace}/dcr.yaml",
            "{cluster}/{cluster}/{namespace}/{system}/dcr.yaml",
            "{cluster}/{namespace}/{system}",
            "{cluster}/{namespace}/{system}.yaml",
            "/{cluster}/{namespace}/{system}/dcr.yaml",
            "{cluster}/{namespace}/{system}/",
            "../{cluster}/{namespace}/{system}/dcr.yaml",
            "{cluster}-{namespace}/{system}/dcr.yaml",
            "{tenant}/{namespace}/{system}/dcr.yaml",
            "{cluster/{namespace}/{system}/dcr.yaml",
            "cluster}/{namespace}/{system}/dcr.yaml",
        ]
        .map(|text| format!("{text}\n    {}", why(text)))
        .join("\n"),
        @r"
        {cluster}/{namespace}/dcr.yaml
            must hold `{system}` once, not 0 times
        {cluster}/{cluster}/{namespace}/{system}/dcr.yaml
            must hold `{cluster}` once, not 2 times
        {cluster}/{namespace}/{system}
            must end in a file's name, e.g. `/dcr.yaml`: each system has its own folder
        {cluster}/{namespace}/{system}.yaml
            must end in a file's name, e.g. `/dcr.yaml`: each system has its own folder
        /{cluster}/{namespace}/{system}/dcr.yaml
            must be a path relative to the repo, without an empty folder name
        {cluster}/{namespace}/{system}/
            must be a path relative to the repo, without an empty folder name
        ../{cluster}/{namespace}/{system}/dcr.yaml
            can't lead through `..`
        {cluster}-{namespace}/{system}/dcr.yaml
            can hold one capture in a folder's name: `{cluster}-{namespace}`
        {tenant}/{namespace}/{system}/dcr.yaml
            can't hold `{tenant}`: only `{cluster}`, `{namespace}` and `{system}`
        {cluster/{namespace}/{system}/dcr.yaml
            has a `{` without its `}` in `{cluster`
        cluster}/{namespace}/{system}/dcr.yaml
            has a `}` without its `{` in `cluster}`
        "
    );
}

#[test]
fn a_system_is_found_by_any_of_its_names() {
    let known =
        [system("den", "a", "system6"), system("ams", "b", "system6"), system("den", "b", "other")];
    let resolve = |asked: &str| resolve_name(asked, known.iter());
    assert_eq!(resolve("other"), Ok(known[2].clone()));
    assert_eq!(resolve("a/system6"), Ok(known[0].clone()));
    assert_eq!(resolve("ams/b/system6"), Ok(known[1].clone()));
    assert_eq!(
        resolve("system6"),
        Err(NameError::Several {
            asked: "system6".to_owned(),
            fits: vec![known[1].clone(), known[0].clone()]
        })
    );
    let error = resolve("sytem6").expect_err("nothing has this name");
    assert_eq!(
        error,
        NameError::Unknown {
            asked: "sytem6".to_owned(),
            close: vec![known[1].clone(), known[0].clone()]
        }
    );
    assert_eq!(error.to_string(), "there is no system `sytem6`");
    assert_eq!(error.hint().as_deref(), Some("did you mean `ams/b/system6`, `den/a/system6`?"));
    for wrong in ["", "/", "a//system6", "x/den/a/system6", "zzz"] {
        let error = resolve(wrong).expect_err("it names nothing");
        assert!(matches!(error, NameError::Unknown { .. }), "{error:?}");
    }
    assert_eq!(resolve("zzz").expect_err("it names nothing").hint(), None);
}

#[test]
fn a_qualified_name_needs_no_list() {
    assert_eq!(qualified("den/a/system6"), Some(system("den", "a", "system6")));
    assert_eq!(qualified("a/system6"), None);
    assert_eq!(qualified("x/den/a/system6"), None);
    assert_eq!(qualified("den//system6"), None);
}

proptest! {
    #[test]
    fn a_path_and_its_system_belong_together(
        cluster in "[a-z0-9.{}@-]{1,8}",
        namespace in "[a-z0-9-]{1,8}",
        name in "[a-z0-9-]{1,8}",
        prefix in "[a-z-]{0,4}",
        suffix in "[a-z-]{0,4}",
    ) {
        let text = format!("c/{prefix}{{cluster}}{suffix}/{{system}}/{prefix}{{namespace}}/f.yaml");
        let pattern = pattern(&text);
        let system = system(&cluster, &namespace, &name);
        prop_assert_eq!(pattern.matches(&pattern.path_of(&system)), Some(system));
    }

    #[test]
    fn no_pattern_and_no_path_panics(text in "[a-z{}/.]{0,24}|.{0,24}", path in "[a-z/]{0,24}") {
        if let Ok(pattern) = text.parse::<SystemsPattern>()
            && let Some(system) = pattern.matches(&path)
        {
            prop_assert_eq!(pattern.path_of(&system), path);
        }
    }
}
