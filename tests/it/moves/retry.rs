//! `retry`: another attempt of what is halted, and only of that.
use super::*;

#[test]
fn a_failed_rebuild_is_tried_again() {
    let repo = Deployment::reached(3);
    let failed = repo.failed();
    let halted = repo.run(&["next-phase", "system6", "--observed", &failed]).ends(11).out;
    assert!(
        halted.contains("OutOfMemoryError") && halted.contains("`dcr-gitops retry den/"),
        "{halted}"
    );
    let line = repo.asks(&["retry", "system6", "--observed", &failed], 0);
    assert_eq!((&line["next"], &line["outcome"]), (&"retry".into(), &"committed".into()));
    // The old trigger stays until the teardown: taken away, it could be made again.
    assert_eq!(repo.changed(&step(1, 4)), ["M run.yaml", "A trigger-2.yaml"]);
    let trigger = repo.show(&step(1, 4), &format!("{FOLDER}/dcr/trigger-2.yaml"));
    assert!(trigger.contains("name: system6-dcr-trigger-1-2"), "{trigger}");
    let message = repo.git(&["log", "-1", "--format=%B", &step(1, 4)]);
    assert!(message.contains("attempt 1 halted: ") && message.contains("Dcr-Attempt: 2"));
    let again = repo.asks(&["retry", "system6", "--observed", &failed], 0);
    assert_eq!((&again["outcome"], &again["commit"]), (&"adopted".into(), &line["commit"]));
    repo.lands(&step(1, 4));
    let line = repo.asks(&["status", "system6"], 0);
    assert_eq!((&line["attempt"], &line["step"]), (&2.into(), &4.into()));
}

#[test]
fn what_is_not_halted_is_not_tried_again() {
    let repo = Deployment::reached(3);
    let line = repo.asks(&["retry", "system6", "--observed", &repo.rebuilding()], 10);
    assert_eq!(line["reason"], "nothing is halted: there is nothing to retry");
    // One node says failed, another one works: two rebuilds must not run.
    let torn = repo.sees("torn.json", |seen| {
        let rebuild = &mut seen.world.admin.rebuild;
        let mut other = rebuild[0].clone();
        rebuild[0].state = ProbeState::Failed;
        other.node = "system6-fe1".to_owned();
        other.state = ProbeState::Running;
        other.of = None;
        rebuild.push(other);
    });
    let line = repo.asks(&["retry", "system6", "--observed", &torn], 10);
    assert_eq!(line["decision"], "wait");
    assert_eq!(repo.git(&["for-each-ref", &format!("refs/heads/{}", step(1, 4))]), "");
    // And without a run there is nothing at all.
    let line = Deployment::reached(0).asks(&["retry", "system6"], 10);
    assert_eq!(line["decision"], "wait");
}

#[test]
fn a_step_that_was_taken_back_comes_again_under_a_new_number() {
    let repo = Deployment::reached(3);
    repo.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    repo.git(&["push", "--quiet", "origin", "main"]);
    let halted = repo.run(&["next-phase", "system6", "--push"]).ends(11).out;
    assert!(halted.contains("step 3 of run 1 was merged and is missing"), "{halted}");
    // Whether a rebuild is running can't be seen, so nothing is triggered again.
    let line = repo.asks(&["retry", "system6", "--push"], 10);
    assert_eq!(line["branch"], Value::Null);
    // Nobody needs to see anything to end the run.
    let line = repo.asks(&["abort", "system6", "--push", "--reason", "enough"], 0);
    assert_eq!((&line["outcome"], &line["branch"]), (&"pushed".into(), &step(1, 4).into()));
}
