//! Whatever stands in inputs and requests comes out of the YAML as it went in.
use super::*;

const NASTY: [&str; 30] = [
    "",
    " ",
    "no",
    "NO",
    "on",
    "y",
    "~",
    "null",
    "1:30",
    "0755",
    "1_000",
    "1e3",
    "0x1f",
    ".inf",
    "2024-01-01",
    "a: b",
    "a #b",
    "# c",
    "'",
    "\"",
    "\\",
    "{{ x }}",
    "{% raw %}",
    "}}",
    "- a\n- b\n",
    "a\r\nb",
    "\u{2028}\u{2029}\u{85}\u{feff}\u{7f}\u{fffe}",
    "\u{0}\u{1b}[31m",
    "---\nkind: Secret\n",
    "x\ninjected: true",
];

fn environment(texts: &[String]) -> Value {
    let named = |(at, text): (usize, &String)| json!({"name": format!("V{at}"), "value": text});
    texts.iter().enumerate().map(named).collect()
}

/// Renders a first step and a trigger with these texts wherever people's words can stand, and finds them.
fn survive(texts: &[String]) {
    let mut value = serde_json::to_value(inputs()).expect("inputs can be written");
    value["synchronizer"]["pod"] = json!({
        "env": environment(texts),
        "containers": [{"name": "express", "command": texts}],
    });
    value["admin"]["trigger"] = json!({"path": texts.concat(), "expect": texts[0]});
    let inputs = inputs_from(value);
    let mut first = start();
    first.record.ticket = Some(texts[0].clone());
    first.record.gate_skipped = Some(texts.concat());
    let base = render(&first, &empty(), &inputs).expect("the step renders").apply(&empty());

    let record = object(&base, "run.yaml", "ConfigMap");
    let data = serde_json::from_value(record.0["data"].clone()).expect("data is of texts");
    assert_eq!(Record::from_data(&data).as_ref(), Ok(&first.record));
    let set = object(&base, "synchronizer.yaml", "StatefulSet");
    let express = &set.0["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(express["env"], environment(texts));
    assert_eq!(express["command"], json!(texts));

    let trigger = step(Action::Advance, 2, Phase::Rebuild);
    let base = render(&trigger, &base, &inputs).expect("the step renders").apply(&base);
    let told = told(&base, "trigger-1.yaml");
    assert_eq!(told.command.path, texts.concat());
    assert_eq!(told.command.expect.as_ref(), Some(&texts[0]));
}

#[test]
fn texts_that_yaml_would_take_for_something_else() {
    survive(&NASTY.map(str::to_owned));
    for text in NASTY {
        survive(&[text.to_owned()]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text(texts in proptest::collection::vec(any::<String>(), 1..4)) {
        survive(&texts);
    }

    #[test]
    fn any_scalar_soup(texts in proptest::collection::vec("[-a-z0-9:#'\"\\\\{}\\[\\]&*!|>%@`, ~.\n\r\t\u{85}\u{2028}$]{0,24}", 1..4)) {
        survive(&texts);
    }

    #[test]
    fn any_image_is_refused_or_comes_out_as_it_went_in(image in "(\\PC|[ \n\t])*") {
        let inputs = Inputs { image: image.clone(), ..inputs() };
        match render(&start(), &empty(), &inputs) {
            Ok(change) => {
                let set = object(&change.apply(&empty()), "farmers.yaml", "StatefulSet");
                let express = &set.0["spec"]["template"]["spec"]["containers"][0];
                prop_assert_eq!(&express["image"], &json!(image));
            }
            Err(error) => prop_assert!(error.to_string().contains("image"), "{}", error),
        }
    }

    #[test]
    fn any_name_is_refused_or_comes_out_as_it_went_in(
        system in "[-a-z0-9.A-Z_ :\n]{0,45}",
        namespace in "[-a-z0-9.]{0,66}",
    ) {
        let mut first = start();
        first.record.system.system = system.clone();
        first.record.system.namespace = namespace.clone();
        if let Ok(change) = render(&first, &empty(), &inputs()) {
            let set = object(&change.apply(&empty()), "farmers.yaml", "StatefulSet");
            prop_assert_eq!(&set.0["metadata"]["name"], &json!(format!("{system}-dcr-farmer")));
            prop_assert_eq!(&set.0["metadata"]["namespace"], &json!(namespace));
            prop_assert!(system.len() <= 41 && namespace.len() <= 63);
        }
    }
}

#[test]
fn names_at_their_limits() {
    let mut first = start();
    let mut rendered = |system: &str, run: u32| {
        first.record.system.system = system.to_owned();
        first.record.run = run;
        let base = render(&first, &empty(), &inputs())?.apply(&empty());
        let mut trigger = first.clone();
        (trigger.action, trigger.record.phase) = (Action::Advance, Phase::Rebuild);
        render(&trigger, &base, &inputs())
    };
    let longest = "s".repeat(41);
    assert!(rendered(&longest, 99_999).is_ok());
    let error = rendered(&longest, u32::MAX).expect_err("the Job's name is too long").to_string();
    assert!(error.contains("66 characters, 63 are allowed"), "{error}");
    let error = rendered(&"s".repeat(42), 1).expect_err("the set's name is too long").to_string();
    assert!(error.contains("53 characters, 52 are allowed"), "{error}");
    let error = rendered("6system", 1).expect_err("no Service can have this name").to_string();
    assert!(error.contains("must begin with a letter"), "{error}");
    let error = rendered("System6", 1).expect_err("no object can have this name").to_string();
    assert!(error.contains("no DNS-1123 label"), "{error}");
}

#[test]
fn quantities() {
    for good in ["1", "0.5", ".5", "500m", "16Gi", "1e3", "1E", "12k"] {
        let mut inputs = inputs();
        inputs.farmers.storage.0 = good.to_owned();
        assert!(render(&start(), &empty(), &inputs).is_ok(), "{good}");
    }
    for bad in ["", "16 Gi", "16GB", "Gi", "-1", "1e", "½", "1\n", "0x10"] {
        let mut inputs = inputs();
        inputs.farmers.storage.0 = bad.to_owned();
        assert!(failure(&inputs).contains("is no quantity"), "{bad:?}");
        let mut inputs = self::inputs();
        inputs.farmers.resources.requests.insert("cpu".to_owned(), inputs.farmers.storage.clone());
        inputs.farmers.resources.requests.get_mut("cpu").expect("it is there").0 = bad.to_owned();
        assert!(failure(&inputs).contains("is no quantity"), "{bad:?}");
    }
}
