//! `wiring: kustomize`: our list, and the one entry in a file of other people.
use super::*;

const PARENT: &str = "clusters/den/tenant-105858-prod/system6/kustomization.yaml";

fn with_parent(text: &str) -> BaseFolder {
    BaseFolder { parent: Some((PARENT.to_owned(), text.to_owned())), ..empty() }
}

fn wired(step: &Step, base: &BaseFolder, wiring: Wiring) -> Result<BaseFolder, RenderError> {
    change(step, base, &inputs(), wiring, &builtin()).map(|change| change.apply(base))
}

fn parent(base: &BaseFolder) -> &str {
    &base.parent.as_ref().expect("there is a parent").1
}

fn teardown() -> Step {
    step(Action::Advance, 2, Phase::Teardown)
}

/// The parent's file while a run is on, and after it.
fn through_a_run(text: &str) -> (String, String) {
    let begun = wired(&start(), &with_parent(text), Wiring::Kustomize).expect("the step renders");
    let over = wired(&teardown(), &begun, Wiring::Kustomize).expect("the step renders");
    (parent(&begun).to_owned(), parent(&over).to_owned())
}

#[test]
fn our_list_is_kept_in_step() {
    let mut base = with_parent("resources: []\n");
    let mut lists = Vec::new();
    for step in &whole_run()[..4] {
        base = wired(step, &base, Wiring::Kustomize).expect("the step renders");
        let list = objects(&base.files["kustomization.yaml"]).expect("it can be read");
        lists.push(list[0].0["resources"].clone());
    }
    insta::assert_snapshot!(base.files["kustomization.yaml"], @r"
    apiVersion: kustomize.config.k8s.io/v1beta1
    kind: Kustomization
    resources:
    - farmers.yaml
    - propagate-1.yaml
    - run.yaml
    - synchronizer.yaml
    - trigger-1.yaml
    ");
    assert_eq!(lists[0], json!(["farmers.yaml", "run.yaml", "synchronizer.yaml"]));
    assert_eq!(lists[0], lists[1]);
    let with_trigger = json!(["farmers.yaml", "run.yaml", "synchronizer.yaml", "trigger-1.yaml"]);
    assert_eq!(lists[2], with_trigger);
}

#[test]
fn the_entry_comes_and_goes_and_every_other_byte_stays() {
    let samples = [
        "resources:\n- app.yaml\n",
        "# ours\n\nresources: # all\n  - app.yaml # the app\n  # the end\n\nimages: []\n",
        "resources:\n    - app.yaml\n    - b.yaml\nkind: Kustomization\n",
        "resources: [app.yaml, b.yaml] # flow\n",
        "resources: []\n",
        "kind: Kustomization\nresources:\n- app.yaml",
        "kind: Kustomization\r\nresources:\r\n- app.yaml\r\nimages: []\r\n",
        "kind: Kustomization\r\nresources:\r\n- app.yaml",
        "x-names: &names\n- b.yaml\nresources:\n- app.yaml\nother: *names\n",
        "resources:\n-   app.yaml\n-   b.yaml\n\n# the end\n",
        "---\nresources:\n- é.yaml\n- app.yaml\n",
    ];
    for sample in samples {
        let (begun, over) = through_a_run(sample);
        let inserted = begun.len() - sample.len();
        assert!(inserted >= 3, "{begun:?}");
        let head =
            sample.bytes().zip(begun.bytes()).take_while(|(one, other)| one == other).count();
        assert!(begun.ends_with(&sample[head.min(sample.len())..]), "{sample:?} became {begun:?}");
        assert!(begun[head..head + inserted].contains("dc"), "{sample:?} became {begun:?}");
        assert_eq!(over, sample, "by way of {begun:?}");
    }
}

#[test]
fn a_parent_without_resources_gets_them() {
    for sample in [
        "kind: Kustomization\n",
        "kind: Kustomization\nresources:\n",
        "kind: Kustomization",
        "kind: Kustomization\r\n",
        "",
        "# nothing yet\n",
        "resources:\n",
    ] {
        let (begun, over) = through_a_run(sample);
        let says =
            |text: &str| objects(text).expect("it can be read").pop().expect("one document").0;
        assert_eq!(says(&begun)["resources"], json!(["dcr"]), "{begun:?}");
        assert_eq!(says(&over)["resources"], json!([]), "{over:?}");
        assert_eq!(begun.contains("\r\n"), sample.contains("\r\n"), "{begun:?}");
        let kept = sample.trim_end().trim_end_matches("resources:");
        assert!(begun.starts_with(kept), "{sample:?} became {begun:?}");
    }
}

#[test]
fn an_entry_that_is_there_stays_as_it_is_and_goes_in_the_end() {
    for entry in ["dcr", "./dcr", "dcr/", "\"dcr\""] {
        let sample = format!("resources:\n- app.yaml\n- {entry}   # farm\n- b.yaml\n");
        let (begun, over) = through_a_run(&sample);
        assert_eq!(begun, sample);
        let over = objects(&over).expect("it can be read").pop().expect("one document").0;
        assert_eq!(over["resources"], json!(["app.yaml", "b.yaml"]));
    }
}

#[test]
fn what_would_rename_our_objects_is_refused() {
    let refused = |text: &str| {
        wired(&start(), &with_parent(text), Wiring::Kustomize).expect_err("refused").to_string()
    };
    insta::assert_snapshot!(refused("namePrefix: a-\nnameSuffix: -b\ncommonLabels: {a: b}\n"), @"clusters/den/tenant-105858-prod/system6/kustomization.yaml: `namePrefix`, `nameSuffix`, `commonLabels` would change our objects' names, namespace, labels or selectors");
    insta::assert_snapshot!(refused("namespace: elsewhere\n"), @"clusters/den/tenant-105858-prod/system6/kustomization.yaml: `namespace` would change our objects' names, namespace, labels or selectors");
    insta::assert_snapshot!(refused("labels:\n- includeSelectors: true\n  pairs: {a: b}\n"), @"clusters/den/tenant-105858-prod/system6/kustomization.yaml: `labels: includeSelectors` would change our objects' names, namespace, labels or selectors");
    insta::assert_snapshot!(refused("labels:\n- pairs: {dcr-gitops/run: b}\nbuildMetadata: [managedByLabel]\n"), @"clusters/den/tenant-105858-prod/system6/kustomization.yaml: `labels: pairs`, `buildMetadata: managedByLabel` would change our objects' names, namespace, labels or selectors");
    insta::assert_snapshot!(refused("resources: {a: b}\n"), @"clusters/den/tenant-105858-prod/system6/kustomization.yaml: `resources` is no list");
    insta::assert_snapshot!(refused("a: 1\n---\nb: 2\n"), @"clusters/den/tenant-105858-prod/system6/kustomization.yaml: expected one document that is a map");
    let fits = "namespace: tenant-105858-prod\nnamePrefix: ''\nlabels:\n- pairs: {a: b}\n";
    assert!(wired(&start(), &with_parent(fits), Wiring::Kustomize).is_ok());
}

#[test]
fn a_parent_is_needed_to_begin_and_never_to_end() {
    let error = wired(&start(), &empty(), Wiring::Kustomize).expect_err("there is no parent");
    assert_eq!(error.to_string(), format!("{PARENT}: is missing"));
    assert!(error.problems[0].hint.is_some());

    let mut base = wired(&start(), &with_parent("resources: []\n"), Wiring::Kustomize).expect("ok");
    base.parent = Some((PARENT.to_owned(), "namePrefix: a-\nresources: [dcr]\n".to_owned()));
    assert!(wired(&whole_run()[1], &base, Wiring::Kustomize).is_err());
    let over = wired(&teardown(), &base, Wiring::Kustomize).expect("a teardown goes on");
    assert_eq!(parent(&over), "namePrefix: a-\nresources: []\n");
    base.parent = None;
    assert!(wired(&teardown(), &base, Wiring::Kustomize).is_ok());
}

#[test]
fn a_run_stays_wired_as_it_began() {
    let base = wired(&start(), &with_parent("resources: []\n"), Wiring::Kustomize).expect("ok");
    let next = wired(&whole_run()[1], &base, Wiring::Directory).expect("the step renders");
    assert!(next.files.contains_key("kustomization.yaml"));
    let over = wired(&teardown(), &base, Wiring::Directory).expect("the step renders");
    assert_eq!(parent(&over), "resources: []\n");
    // Without the parent at hand its entry would be left behind.
    let unseen = BaseFolder { parent: None, ..base };
    let error = wired(&teardown(), &unseen, Wiring::Directory).expect_err("the parent is needed");
    assert!(
        error.problems[0].hint.as_deref().is_some_and(|hint| hint.contains("wiring: kustomize"))
    );

    let base = wired(&start(), &with_parent("resources: []\n"), Wiring::Directory).expect("ok");
    let next = wired(&whole_run()[1], &base, Wiring::Kustomize).expect("the step renders");
    assert!(!next.files.contains_key("kustomization.yaml"));
    assert_eq!(parent(&next), "resources: []\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A file of people's own, as they may lay it out.
    #[test]
    fn any_layout_keeps_its_bytes(
        before in proptest::collection::vec("(# [a-z: ]{0,9}|kind: Kustomization|images: \\[\\]|)", 0..3),
        flow in any::<bool>(),
        indent in 0usize..5,
        gap in 1usize..4,
        entries in proptest::collection::vec("[a-z]{1,5}\\.yaml( +# [a-z: ]{0,9})?", 1..4),
        after in proptest::collection::vec("(# [a-z: ]{0,9}|patches:\n- path: a\\.yaml|)", 0..3),
        crlf in any::<bool>(),
        ended in any::<bool>(),
    ) {
        let mut lines = before;
        lines.dedup();
        if flow {
            let names: Vec<&str> = entries.iter().map(|entry| entry.split(' ').next().unwrap()).collect();
            lines.push(format!("resources: [{}]", names.join(", ")));
        } else {
            lines.push("resources:".to_owned());
            lines.extend(entries.iter().map(|entry| {
                format!("{}-{}{entry}", " ".repeat(indent), " ".repeat(gap))
            }));
        }
        lines.extend(after);
        let mut text = lines.join("\n") + if ended { "\n" } else { "" };
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        // Two keys of one name are the people's own mistake.
        prop_assume!(objects(&text).is_ok());
        let (begun, over) = through_a_run(&text);
        let head = text.bytes().zip(begun.bytes()).take_while(|(one, other)| one == other).count();
        prop_assert!(begun.as_bytes().ends_with(&text.as_bytes()[head..]), "{:?}", begun);
        prop_assert_eq!(begun.matches("\r\n").count(), if crlf { begun.matches('\n').count() } else { 0 });
        prop_assert_eq!(over, text, "by way of {:?}", begun);
    }
}
