//! Once a run has begun, its synchronizer and farmers never change but for `replicas` and its digest.
use super::*;

const FARM: [&str; 2] = ["synchronizer.yaml", "farmers.yaml"];

fn changed(change: &Change) -> Vec<&str> {
    change.files.iter().filter_map(|file| file.path.strip_prefix(DCR)).collect()
}

#[test]
fn a_step_changes_its_own_files_and_the_record_only() {
    let inputs = inputs();
    let mut base = empty();
    let expected = [
        vec!["/farmers.yaml", "/run.yaml", "/synchronizer.yaml"],
        vec!["/farmers.yaml", "/run.yaml"],
        vec!["/run.yaml", "/trigger-1.yaml"],
        vec!["/propagate-1.yaml", "/run.yaml"],
        vec![
            "/farmers.yaml",
            "/last-run",
            "/propagate-1.yaml",
            "/run.yaml",
            "/synchronizer.yaml",
            "/trigger-1.yaml",
        ],
    ];
    for (step, expected) in whole_run().iter().zip(expected) {
        let change = render(step, &base, &inputs).expect("the step renders");
        assert_eq!(changed(&change), expected, "step {}", step.record.step);
        base = change.apply(&base);
    }
    let last = LastRun {
        run: 7,
        step: 5,
        kind: Kind::Rebuild,
        outcome: Outcome::Complete,
        gate_skipped: None,
        reason: None,
    };
    assert_eq!(base.files, BTreeMap::from([("last-run".to_owned(), last.to_text())]));
}

#[test]
fn the_same_step_on_the_same_base_is_the_same_change() {
    let base = after(&whole_run()[..2], &inputs());
    let step = &whole_run()[2];
    assert_eq!(render(step, &base, &inputs()), render(step, &base, &inputs()));
}

#[test]
fn every_object_carries_its_digest_and_no_other_annotation() {
    let base = after(&whole_run()[..4], &inputs());
    for (file, text) in &base.files {
        for object in objects(text).expect("the file can be read") {
            assert!(object.is_as_rendered(), "{file}: {} {}", object.kind(), object.name());
        }
    }
}

#[test]
fn another_attempt_adds_a_job_and_leaves_the_others() {
    let inputs = inputs();
    let base = after(&whole_run()[..3], &inputs);
    let mut retry = step(Action::Retry, 4, Phase::Rebuild);
    retry.record.attempt = 2;
    let change = render(&retry, &base, &inputs).expect("the step renders");
    assert_eq!(changed(&change), ["/run.yaml", "/trigger-2.yaml"]);

    let base = change.apply(&base);
    let change =
        render(&step(Action::Advance, 5, Phase::Propagate), &base, &inputs).expect("it renders");
    let base = change.apply(&base);
    let told = told(&base, "propagate-1.yaml");
    assert_eq!((told.attempt, told.rebuild_attempt), (1, Some(2)));
}

#[test]
fn more_farmers_during_the_rebuild_fire_nothing() {
    let inputs = inputs();
    let mut base = after(&whole_run()[..3], &inputs);
    let mut scale = step(Action::Scale, 4, Phase::Rebuild);
    scale.record.farmers = 6;
    let change = render(&scale, &base, &inputs).expect("the step renders");
    assert_eq!(changed(&change), ["/farmers.yaml", "/run.yaml"]);

    base.files.remove("trigger-1.yaml");
    let change = render(&scale, &base, &inputs).expect("the step renders");
    assert_eq!(changed(&change), ["/farmers.yaml", "/run.yaml"]);
}

#[test]
fn no_step_removes_a_working_farmer() {
    let inputs = inputs();
    let base = after(&whole_run()[..2], &inputs);
    let mut fewer = step(Action::Advance, 3, Phase::Rebuild);
    fewer.record.farmers = 2;
    let change = render(&fewer, &base, &inputs).expect("the step renders");
    assert_eq!(changed(&change), ["/run.yaml", "/trigger-1.yaml"]);
}

#[test]
fn a_farm_that_is_missing_or_broken_on_the_base_is_an_error() {
    let inputs = inputs();
    let begun = after(&whole_run()[..1], &inputs);
    let fail = |edit: &dyn Fn(&mut String), file: &str| {
        let mut base = begun.clone();
        edit(base.files.get_mut(file).expect("the file is there"));
        render(&whole_run()[1], &base, &inputs).expect_err("nothing is rendered").to_string()
    };
    insta::assert_snapshot!(fail(&|text| text.clear(), "synchronizer.yaml"), @"clusters/den/tenant-105858-prod/system6/dcr/synchronizer.yaml: holds no object");
    let of_run_6 = |text: &mut String| *text = text.replace("run: \"7\"", "run: \"6\"");
    insta::assert_snapshot!(fail(&of_run_6, "farmers.yaml"), @"clusters/den/tenant-105858-prod/system6/dcr/farmers.yaml: StatefulSet system6-dcr-farmer isn't of run 7: its label `dcr-gitops/run` differs");
    let moved = |text: &mut String| *text = text.replace("tenant-105858-prod", "elsewhere");
    insta::assert_snapshot!(fail(&moved, "farmers.yaml"), @"clusters/den/tenant-105858-prod/system6/dcr/farmers.yaml: StatefulSet system6-dcr-farmer isn't in namespace tenant-105858-prod");
    assert!(fail(&|text| text.insert(0, '['), "farmers.yaml").contains("can't be read"));
    let edited = |text: &mut String| *text = text.replace("e686.131", "e686.132");
    insta::assert_snapshot!(fail(&edited, "synchronizer.yaml"), @"clusters/den/tenant-105858-prod/system6/dcr/synchronizer.yaml: StatefulSet system6-dcr-sync was edited by hand: it carries digest cf6541acfc0cfe224585f3fe37caa5002ee5ec46fd187bbfe2a2fd0863f23bd7 and has b1010b3ae3325c650969903a9ec77c4835fe0b1b49bbb365a9afb4fa5a46fbae");
    let no_digest = |text: &mut String| *text = text.replace("dcr-gitops/digest", "digest");
    assert!(fail(&no_digest, "farmers.yaml").contains("carries digest none"));
    for file in FARM {
        let mut base = begun.clone();
        base.files.remove(file);
        let error = render(&whole_run()[1], &base, &inputs).expect_err("nothing is rendered");
        assert!(error.to_string().ends_with("is missing on the base, though the run has begun"));
        assert!(error.problems[0].hint.is_some());
    }
}

#[test]
fn a_first_step_proposed_again_renders_anew_where_nothing_is_left() {
    let inputs = inputs();
    let mut again = start();
    again.record.step = 3;
    let change = render(&again, &empty(), &inputs).expect("the step renders");
    assert_eq!(changed(&change), ["/farmers.yaml", "/run.yaml", "/synchronizer.yaml"]);

    // Only the record was taken back: the farm may be at work. The trigger, if any, must not fire again.
    let mut base = after(&whole_run()[..3], &inputs);
    base.files.remove("run.yaml");
    let change = render(&again, &base, &other_inputs(3)).expect("the step renders");
    assert_eq!(changed(&change), ["/run.yaml", "/trigger-1.yaml"]);
    assert_eq!(change.files[1].after, None);

    // Not even an edit by hand is overwritten then.
    let text = base.files.get_mut("farmers.yaml").expect("the file is there");
    *text = text.replace("e686.131", "e686.132");
    let error = render(&again, &base, &inputs).expect_err("nothing is rendered").to_string();
    assert!(
        error.contains("farmers.yaml: StatefulSet system6-dcr-farmer was edited by hand"),
        "{error}"
    );
}

#[test]
fn a_first_step_takes_nothing_over_from_an_earlier_run() {
    let inputs = inputs();
    let mut left = after(&whole_run()[..4], &inputs);
    left.files.remove("run.yaml");
    let mut next = start();
    next.record.run = 8;
    let base = render(&next, &left, &inputs).expect("the step renders").apply(&left);
    let mut fresh = empty();
    fresh.files = render(&next, &fresh, &inputs).expect("the step renders").apply(&fresh).files;
    assert_eq!(base, fresh);
}

#[test]
fn a_synchronizer_alone_has_no_farmers() {
    let inputs = inputs();
    let up = step(Action::Start, 1, Phase::Synchronizer);
    let change = render(&up, &empty(), &inputs).expect("the step renders");
    assert_eq!(changed(&change), ["/run.yaml", "/synchronizer.yaml"]);
}

#[test]
fn teardown_leaves_what_others_put_there() {
    let inputs = inputs();
    let mut base = after(&whole_run()[..1], &inputs);
    for name in ["README.md", "trigger-x.yaml", "trigger-01.yaml", "extra.yaml"] {
        base.files.insert(name.to_owned(), "theirs\n".to_owned());
    }
    base.files.insert("last-run".to_owned(), "run: 6\n".to_owned());
    let mut abort = step(Action::Abort, 2, Phase::Teardown);
    abort.outcome = Some(Outcome::Aborted);
    let base = render(&abort, &base, &inputs).expect("the step renders").apply(&base);
    let left: Vec<&str> = base.files.keys().map(String::as_str).collect();
    assert_eq!(left, ["README.md", "extra.yaml", "last-run", "trigger-01.yaml", "trigger-x.yaml"]);
    assert!(base.files["last-run"].contains("outcome: aborted"));
}

/// Inputs that differ from the usual ones in whatever a person can change.
fn other_inputs(seed: u32) -> Inputs {
    inputs_from(json!({
        "image": format!("elsewhere.example.com/express:{seed}"),
        "synchronizer": {
            "resources": {"requests": {"cpu": seed.to_string()}, "limits": {"memory": "1Gi"}},
            "storage": format!("{seed}Gi"),
            "pod": {"env": [{"name": "SEED", "value": seed.to_string()}]},
        },
        "farmers": {
            "initial": seed % 3, "count": seed % 5 + 3, "max": seed % 5 + 9, "tolerate": seed % 4,
            "resources": {"requests": {"memory": format!("{seed}Mi")}},
            "pod": {"nodeSelector": {"pool": seed.to_string()}},
        },
        "admin": {"port": 1000 + seed % 1000},
    }))
}

/// The built-in templates, each different from what it is.
fn other_templates(seed: u32) -> Templates {
    let files = ["synchronizer.yaml.tera", "farmers.yaml.tera"].map(|name| {
        let path = format!("{}/templates/manifests/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the template is there");
        (name.to_owned(), text.replace("maxSkew: 1", &format!("maxSkew: {}", seed % 9 + 1)))
    });
    Templates::from_files("k8s", &BTreeMap::from(files)).expect("the templates are valid")
}

/// The objects without what may change: the farmers' replicas and the digest of that one object.
fn fixed(text: &str) -> Vec<Value> {
    let mut objects = objects(text).expect("the file can be read");
    for object in &mut objects {
        if object.kind() == "StatefulSet" {
            object.0["spec"]["replicas"] = Value::Null;
            object.0["metadata"]["annotations"]["dcr-gitops/digest"] = Value::Null;
        }
    }
    objects.into_iter().map(|object| object.0).collect()
}

/// The lines in which two texts of as many lines differ.
fn differing_lines<'a>(one: &'a str, other: &'a str) -> Vec<&'a str> {
    assert_eq!(one.matches('\n').count(), other.matches('\n').count());
    let pairs = one.split('\n').zip(other.split('\n'));
    pairs.filter(|(one, other)| one != other).map(|(_, other)| other).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_changes_in_between_a_step_changes_replicas_and_digest_only(
        seeds in proptest::collection::vec(any::<u32>(), 3),
        crlf in any::<bool>(),
        farmers in 2u32..9,
    ) {
        let mut base = after(&whole_run()[..1], &inputs());
        if crlf {
            for text in base.files.values_mut() {
                *text = text.replace('\n', "\r\n");
            }
        }
        let begun = base.clone();
        for (step, seed) in whole_run().into_iter().skip(1).zip(seeds) {
            let mut step = step;
            step.record.farmers = farmers;
            let change =
                change(&step, &base, &other_inputs(seed), Wiring::Directory, &other_templates(seed))
                    .expect("the step renders");
            base = change.apply(&base);
            prop_assert_eq!(&base.files["synchronizer.yaml"], &begun.files["synchronizer.yaml"]);
            let (one, other) = (&begun.files["farmers.yaml"], &base.files["farmers.yaml"]);
            prop_assert_eq!(fixed(one), fixed(other));
            let lines = differing_lines(one, other);
            prop_assert_eq!(lines.len(), 2);
            prop_assert!(lines[0].trim().starts_with("dcr-gitops/digest: "));
            prop_assert_eq!(lines[1].trim(), format!("replicas: {farmers}"));
            let set = object(&base, "farmers.yaml", "StatefulSet");
            prop_assert!(set.is_as_rendered());
            prop_assert_eq!(&set.0["spec"]["replicas"], &json!(farmers));
        }
    }
}

#[test]
fn what_people_did_to_the_text_of_a_carried_file_stays() {
    let inputs = inputs();
    let edit = |edit: &dyn Fn(&str) -> String| {
        let mut base = after(&whole_run()[..1], &inputs);
        let text = base.files.get_mut("farmers.yaml").expect("the file is there");
        *text = edit(text);
        let before = text.clone();
        let base = render(&whole_run()[1], &base, &inputs).expect("the step renders").apply(&base);
        (before, base.files["farmers.yaml"].clone())
    };
    let edits: [&dyn Fn(&str) -> String; 6] = [
        &|text| format!("# farmers é\n---\n{text}"),
        &|text| text.replace("  replicas: 1\n", "  replicas:   1   # replicas: 1\n"),
        &|text| text.replace("  replicas: 1\n", "  \"replicas\": &few 1\n"),
        &|text| text.trim_end().to_owned(),
        &|text| text.replace("\n---\n", "\n...\n---\n# the service\n"),
        &|text| {
            let mut documents: Vec<&str> = text.split("---\n").collect();
            documents.reverse();
            documents.iter().map(|text| format!("---\n{text}")).collect()
        },
    ];
    for edit_text in edits {
        let (before, after) = edit(edit_text);
        let lines = differing_lines(&before, &after);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(lines[1].contains('4'), "{lines:#?}");
        assert!(object_of(&after).is_as_rendered());
    }
}

fn object_of(text: &str) -> Object {
    let objects = objects(text).expect("the file can be read");
    objects.into_iter().find(|object| object.kind() == "StatefulSet").expect("the set is there")
}

#[test]
fn replicas_that_are_used_elsewhere_are_not_edited() {
    let inputs = inputs();
    let mut base = after(&whole_run()[..1], &inputs);
    let text = base.files.get_mut("farmers.yaml").expect("the file is there");
    *text = text.replace("  replicas: 1\n", "  replicas: &few 1\n");
    *text = text.replace("- maxSkew: 1\n", "- maxSkew: *few\n");
    let error = render(&whole_run()[1], &base, &inputs).expect_err("nothing is rendered");
    assert!(error.to_string().contains("can't be changed without changing more"), "{error}");
}

#[test]
fn a_teardown_asks_for_nothing_that_the_farm_may_have_lost() {
    let inputs = inputs();
    let mut base = after(&whole_run()[..3], &inputs);
    base.files.insert("farmers.yaml".to_owned(), "[".to_owned());
    base.files.remove("synchronizer.yaml");
    let base = render(&whole_run()[4], &base, &inputs).expect("the step renders").apply(&base);
    assert_eq!(base.files.keys().collect::<Vec<_>>(), ["last-run"]);
}
