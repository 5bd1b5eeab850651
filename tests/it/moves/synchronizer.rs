//! `synchronizer up` and `down`: a dynamic synchronizer on its own.
use super::*;

const UP: [&str; 3] = ["synchronizer", "up", "system6"];
const DOWN: [&str; 3] = ["synchronizer", "down", "system6"];

#[test]
fn up_and_down_again() {
    let repo = Deployment::cloned(Wired::Kustomize);
    let line = repo.asks(&[&UP[..], &["--push"]].concat(), 0);
    assert_eq!((&line["next"], &line["outcome"]), (&"synchronizer".into(), &"pushed".into()));
    assert_eq!(
        repo.title(&step(1, 1)),
        "Added/Modified system6 via automation (Bringing up a dynamic synchronizer)"
    );
    assert_eq!(
        repo.changed(&step(1, 1)),
        [
            "A kustomization.yaml",
            "A run.yaml",
            "A synchronizer.yaml",
            &format!("M {FOLDER}/kustomization.yaml")
        ]
    );
    let again = repo.asks(&UP, 0);
    assert_eq!((&again["outcome"], &again["commit"]), (&"adopted".into(), &line["commit"]));
    repo.lands(&step(1, 1));

    let idle = repo.asks(&[&UP[..], &["--observed", &met(&repo)]].concat(), 0);
    assert_eq!((&idle["decision"], &idle["phase"]), (&"idle".into(), &"synchronizer".into()));
    let busy = repo.run(&["next-phase", "system6"]).ends(10).out;
    let hint = "hint: take the synchronizer down first: `dcr-gitops synchronizer down`";
    assert!(busy.contains(hint), "{busy}");

    let down = repo.asks(&DOWN, 0);
    assert_eq!((&down["next"], &down["branch"]), (&"teardown".into(), &step(1, 2).into()));
    let again = repo.asks(&DOWN, 0);
    assert_eq!((&again["outcome"], &again["commit"]), (&"adopted".into(), &down["commit"]));
    repo.lands(&step(1, 2));
    let last = repo.show("main", &format!("{FOLDER}/dcr/last-run"));
    assert_eq!(last, "run: 1\nstep: 2\nkind: synchronizer\noutcome: complete");
    let parent = repo.show("main", &format!("{FOLDER}/kustomization.yaml"));
    assert_eq!(parent, "# Ours.\nresources:   # in this order\n- app.yaml");
    // A rebuild run counts on.
    assert_eq!(repo.next(&[], 0)["branch"], step(2, 1));
    repo.fsck();
}

#[test]
fn not_while_a_rebuild_run_is_on() {
    let repo = Deployment::reached(2);
    for asked in [UP, DOWN] {
        let ran = repo.run(&asked).ends(3);
        assert_eq!(ran.out, "");
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.err, @r"
            error: run 1 is a rebuild, in phase `farm-up`: its synchronizer isn't taken up or down alone
            hint: `dcr-gitops abort den/tenant-105858-prod/system6 --reason TEXT` ends the run
            ");
        }
    }
}

#[test]
fn down_where_nothing_is_up_is_done() {
    let line = Deployment::reached(0).asks(&DOWN, 0);
    assert_eq!(line["decision"], "idle");
}
