//! Annotations, and what may never become a command.
use dcr_gitops::report::actions::{Annotation, Level, MOST, Place, commands};
use dcr_gitops::report::for_runner;

use super::*;

#[test]
fn an_annotation_says_what_it_says_whatever_it_holds() {
    let hostile = "100 %25\r\n::error::a,b;c]";
    let place = Place { file: "clusters/a,b:c.yaml".into(), line: Some(3), column: Some(7) };
    let annotation =
        Annotation { place: Some(place), ..Annotation::new(Level::Error, hostile, hostile) };
    let text = annotation.command();
    let [line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let command = understood(line).unwrap();
    assert_eq!((command.name.as_str(), command.data.as_str()), ("error", hostile));
    assert_eq!(command.properties["title"], hostile);
    assert_eq!(command.properties["file"], "clusters/a,b:c.yaml");
    assert_eq!(
        (command.properties["line"].as_str(), command.properties["col"].as_str()),
        ("3", "7")
    );
}

#[test]
fn long_texts_are_cut_at_characters() {
    let text = Annotation::new(Level::Notice, "ä".repeat(300), "ö".repeat(100_000)).command();
    let command = understood(&text).unwrap();
    assert_eq!(command.properties["title"].chars().count(), 200);
    assert!(command.properties["title"].ends_with("ä…"));
    assert_eq!(command.data.trim_end().chars().count(), 4_000);
    let whole = Annotation::new(Level::Notice, "t".repeat(200), "m").command();
    assert_eq!(understood(&whole).unwrap().properties["title"], "t".repeat(200));
}

#[test]
fn the_weightiest_ten_of_a_level_are_kept_and_the_others_counted() {
    let of = |level, count: usize| {
        (0..count).map(move |number| Annotation::new(level, format!("{number}"), "it"))
    };
    let all: Vec<Annotation> = of(Level::Notice, 3)
        .chain(of(Level::Error, MOST + 5))
        .chain(of(Level::Warning, MOST))
        .collect();
    let text = commands(&all);
    let understood: Vec<Command> = text.lines().filter_map(understood).collect();
    let titles = |name: &str| {
        let of = understood.iter().filter(|command| command.name == name);
        of.map(|command| command.properties["title"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(titles("error"), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "6 more"]);
    assert_eq!(titles("warning").last().unwrap(), "9");
    assert_eq!(titles("notice").len(), 3);
    assert_eq!(understood[0].name, "error");
}

#[test]
fn nothing_that_is_logged_becomes_a_command() {
    let lines = [
        "::error::x",
        "  ::add-mask::x",
        "\u{a0}::stop-commands::x",
        "text ##[add-path]x",
        "a\r::error::x",
        "\t\u{3000}::set-output name=a::b",
    ];
    for line in lines {
        assert!(line.split('\r').any(|line| understood(line).is_some()), "{line}");
        let safe = for_runner(line);
        assert!(safe.split(['\n', '\r']).all(|line| understood(line).is_none()), "{safe}");
    }
    let all = lines.join("\n");
    assert!(for_runner(&all).split(['\n', '\r']).all(|line| understood(line).is_none()));
    // What is none stays as it is, to the letter.
    for line in ["a ::error::x", "#[a] ## [b]", "", "\n\n", "a\r\nb\n", "std::fmt"] {
        assert_eq!(for_runner(line), line);
    }
    // JSON means the same as before.
    let json = serde_json::json!({"a": "##[error]b"}).to_string();
    let safe = for_runner(&json);
    assert_ne!(safe, json);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap()["a"], "##[error]b");
}

#[test]
fn a_halt_is_an_error_what_takes_long_a_warning_and_a_new_step_a_notice() {
    let repo = Deployment::alone(Wired::Directory);
    let proposed = step(&repo, &repo.work, &["next-phase", "system6"], &[]);
    let told = |step: &Step, name: &str| {
        let of = step.commands.iter().filter(|command| command.name == name);
        of.map(|command| command.properties["title"].clone()).collect::<Vec<_>>()
    };
    let name = "den/tenant-105858-prod/system6, run 1";
    assert_eq!(
        told(&proposed, "notice"),
        [format!("{name}: next is history-update"), format!("{name}: note")]
    );
    assert_eq!(told(&proposed, "error").len() + told(&proposed, "warning").len(), 0);
    // Once more it is there already, and nothing new.
    let again = step(&repo, &repo.work, &["next-phase", "system6"], &[]);
    assert_eq!(told(&again, "notice"), [format!("{name}: note")]);

    repo.merge("dcr/den/tenant-105858-prod/system6/run-1/step-1");
    let observed =
        repo.run(&["status", "system6", "-o", "json"]).ends(0).line()["observed"].clone();
    let mut late = observed.clone();
    late["at"] = serde_json::json!("2099-01-01T00:00:00Z");
    let file = repo.save("late.json", &serde_json::json!({ "observed": late }).to_string());
    let late = step(&repo, &repo.work, &["status", "system6", "--observed", &file], &[]);
    assert_eq!(told(&late, "warning")[0], format!("{name}: takes too long (gate-applied)"));
    assert!(
        late.summary.contains("**Takes too long** (`gate-applied`, since "),
        "{}",
        late.summary
    );

    // What was merged is taken back.
    repo.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    let halted = step(&repo, &repo.work, &["next-phase", "system6"], &[]);
    assert_eq!(halted.ran.code, 11, "{}{}", halted.ran.out, halted.ran.err);
    assert_eq!(told(&halted, "error"), [format!("{name}: halted")]);
    assert!(halted.commands[0].data.contains("What to do: "), "{:?}", halted.commands);
    assert_eq!(halted.outputs["decision"], "halt");
    assert_eq!(halted.outputs["exit-code"], "11");
    assert!(halted.summary.contains("**Halted**: "), "{}", halted.summary);
}
