//! Commit messages: what they say, and that nobody's words can forge a line of them.
use super::*;

fn said(step: &Step) -> String {
    message(step, &Change::default(), Some("jo")).expect("a message")
}

#[test]
fn an_abort_says_why() {
    let inputs = inputs();
    let base = after(&whole_run()[..1], &inputs);
    let mut abort = step(Action::Abort, 2, Phase::Teardown);
    abort.outcome = Some(Outcome::Aborted);
    abort.reason = "the tenant needs the nodes back before the weekend, and the estimate says that the rebuild takes until Tuesday".to_owned();
    let change = render(&abort, &base, &inputs).expect("the step renders");
    insta::assert_snapshot!(message(&abort, &change, None).expect("a message"), @r"
    Added/Modified system6 via automation (Tearing down the DCR farm)

    Aborted: the tenant needs the nodes back before the weekend, and the
      estimate says that the rebuild takes until Tuesday

    Added:
    - clusters/den/tenant-105858-prod/system6/dcr/last-run

    Removed:
    - StatefulSet system6-dcr-farmer
    - Service system6-dcr-farmer
    - PodDisruptionBudget system6-dcr-farmer
    - ConfigMap system6-dcr-run
    - StatefulSet system6-dcr-sync
    - Service system6-dcr-sync
    - PodDisruptionBudget system6-dcr-sync

    Dcr-System: den/tenant-105858-prod/system6
    Dcr-Run: 7
    Dcr-Step: 2
    Dcr-Phase: teardown
    Dcr-Attempt: 1
    ");
}

#[test]
fn what_was_not_proved_and_whose_word_was_taken() {
    let mut step = step(Action::Advance, 5, Phase::Teardown);
    step.record.gate_skipped = Some("seen by eye on all three frontends".to_owned());
    step.not_proved =
        vec!["the propagation: no `expect` and no `admin.propagation` is set".to_owned()];
    insta::assert_snapshot!(said(&step), @r"
    Added/Modified system6 via automation (Tearing down the DCR farm)

    Why: 4 of 4 farmers are ready

    Gate skipped by a person: seen by eye on all three frontends

    Not proved before this step:
    - the propagation: no `expect` and no `admin.propagation` is set

    Dcr-System: den/tenant-105858-prod/system6
    Dcr-Run: 7
    Dcr-Step: 5
    Dcr-Phase: teardown
    Dcr-Attempt: 1
    Dcr-Requested-By: jo
    ");
}

#[test]
fn titles() {
    let title = |action, phase| dcr_gitops::render::title(&step(action, 2, phase));
    assert_eq!(
        title(Action::Scale, Phase::Rebuild),
        "Added/Modified system6 via automation (Adding farmers to the DCR farm)"
    );
    assert_eq!(
        title(Action::Retry, Phase::Rebuild),
        "Added/Modified system6 via automation (Triggering the distributed cache rebuild)"
    );
    for phase in Phase::ALL {
        assert_eq!(
            title(Action::Advance, phase),
            format!("Added/Modified system6 via automation ({})", phase.title())
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nobody_forges_a_line(words in "(\\PC|[\r\n\t\u{0}\u{85}\u{2028}\u{202e}]|\nDcr-Run: 9\n|\n\n|# | {3})*") {
        let mut step = step(Action::Advance, 3, Phase::Rebuild);
        let plain = message(&step, &Change::default(), Some("jo")).expect("a message");
        step.reason.clone_from(&words);
        step.record.gate_skipped = Some(words.clone());
        step.not_proved = vec![words.clone()];
        let message = message(&step, &Change::default(), Some(&words)).expect("a message");
        let lines: Vec<&str> = message.lines().collect();
        prop_assert_eq!(lines[0], plain.lines().next().unwrap());
        let known = ["Added/Modified ", "Why:", "Gate skipped by a person:", "Not proved before this step:", "- ", "-", "  ", "Dcr-"];
        for line in &lines {
            prop_assert!(line.is_empty() || known.iter().any(|known| line.starts_with(known)), "{:?}", line);
            let hidden = line.contains(|char: char| char.is_control() || char == '\u{202e}');
            prop_assert!(!hidden, "{:?}", line);
        }
        let trailers = |prefix: &str| lines.iter().filter(|line| line.starts_with(prefix)).count();
        prop_assert_eq!(trailers("Dcr-Run: "), 1);
        prop_assert_eq!(trailers("Dcr-Run: 7"), 1);
        prop_assert!(trailers("Dcr-") <= 6);
    }
}

#[test]
fn lines_are_short() {
    let mut step = start();
    step.reason = "word ".repeat(100);
    for line in said(&step).lines() {
        assert!(line.chars().count() <= 72, "{line}");
    }
}
