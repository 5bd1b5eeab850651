//! `scale`: more farmers in the middle of a run, and nothing else touched.
use super::*;

#[test]
fn farmers_are_added_while_the_rebuild_runs() {
    let repo = Deployment::reached(3);
    let running = repo.rebuilding();
    let before = untouched(&repo.work);
    let line = repo.asks(&["scale", "system6", "--farmers", "6", "--observed", &running], 0);
    assert_eq!((&line["next"], &line["outcome"]), (&"scale".into(), &"committed".into()));
    assert_eq!((&line["branch"], &line["phase"]), (&step(1, 4).into(), &"rebuild".into()));
    assert_eq!(repo.changed(&step(1, 4)), ["M farmers.yaml", "M run.yaml"], "no trigger is added");
    let diff = repo.git(&["diff", "--unified=0", "main", &step(1, 4)]);
    assert!(diff.contains("-  replicas: 4\n+  replicas: 6"), "{diff}");
    assert_eq!(
        repo.title(&step(1, 4)),
        "Added/Modified system6 via automation (Adding farmers to the DCR farm)"
    );
    assert!(untouched(&repo.work) == before);

    let again = repo.asks(&["scale", "system6", "--farmers", "6", "--observed", &running], 0);
    assert_eq!((&again["outcome"], &again["commit"]), (&"adopted".into(), &line["commit"]));
    let other = repo.asks(&["scale", "system6", "--farmers", "7", "--observed", &running], 10);
    assert_eq!(other["unmet"][0]["gate"], "review");
    let said = other["reason"].as_str().unwrap();
    assert!(said.contains(&step(1, 4)) && said.contains("scale to 6 farmers"), "{said}");

    repo.lands(&step(1, 4));
    let line = repo.asks(&["scale", "system6", "--farmers", "7", "--observed", &running], 0);
    assert_eq!(line["branch"], step(1, 5));
    assert_eq!((&line["attempt"], &line["step"]), (&1.into(), &4.into()));
    repo.fsck();
}

#[test]
fn the_phase_that_falls_due_supersedes_an_open_scale() {
    let repo = Deployment::reached(3);
    let running = repo.rebuilding();
    let scaled = repo.asks(&["scale", "system6", "--farmers", "6", "--observed", &running], 0);
    let line = repo.next(&["--observed", &met(&repo)], 0);
    assert_eq!((&line["next"], &line["branch"]), (&"propagate".into(), &step(1, 4).into()));
    assert_eq!(line["outcome"], "committed");
    assert_ne!(line["commit"], scaled["commit"]);
    assert_eq!(repo.changed(&step(1, 4)), ["A propagate-1.yaml", "M run.yaml"]);
}

#[test]
fn what_cannot_be_scaled_says_why() {
    let refused = |repo: &Deployment, farmers: &str| {
        let ran = repo.run(&["scale", "system6", "--farmers", farmers]).ends(3);
        assert_eq!(ran.out, "");
        ran.err
    };
    let repo = Deployment::reached(3);
    insta::assert_snapshot!(refused(&repo, "4"), @r"
    error: cannot scale to 4 farmers: the run has 4, and at most 8 are allowed
    hint: working farmers are never removed; `farmers.max` in dcr.yaml is the limit
    ");
    refused(&repo, "3");
    refused(&repo, "9");
    insta::assert_snapshot!(refused(&Deployment::reached(1), "5"), @r"
    error: cannot scale: the run is in `history-update`
    hint: farmers are added in the phases `farm-up` and `rebuild`
    ");
    insta::assert_snapshot!(refused(&Deployment::reached(0), "5"), @r"
    error: cannot scale: no run is on
    hint: farmers are added in the phases `farm-up` and `rebuild`
    ");
    // Nothing is seen of the cluster, so nothing is added to it.
    let line = repo.asks(&["scale", "system6", "--farmers", "5"], 10);
    assert_eq!(line["unmet"][0]["gate"], "applied");
    assert_eq!(repo.git(&["for-each-ref", &format!("refs/heads/{}", step(1, 4))]), "");
}
