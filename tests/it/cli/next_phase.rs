//! The first step of a run: committed once, found again, and nothing of the user's touched.
use super::*;

#[test]
fn a_first_step_is_committed_and_found_again() {
    for wired in [Wired::Directory, Wired::Kustomize] {
        let repo = Deployment::alone(wired);
        let line = repo.next(&[], 0);
        assert_eq!(line["decision"], "propose");
        assert_eq!(line["next"], "history-update");
        assert_eq!(line["outcome"], "committed");
        assert_eq!(line["branch"], step(1, 1));
        assert_eq!(line["run"], Value::Null, "nothing is on the base yet");
        let commit = repo.git(&["rev-parse", &step(1, 1)]);
        assert_eq!(line["commit"], commit);
        assert_eq!(
            repo.git(&["rev-parse", &format!("{commit}^@")]),
            repo.git(&["rev-parse", "main"])
        );

        let mut expected = vec![
            format!("A\t{FOLDER}/dcr/farmers.yaml"),
            format!("A\t{FOLDER}/dcr/run.yaml"),
            format!("A\t{FOLDER}/dcr/synchronizer.yaml"),
        ];
        if wired == Wired::Kustomize {
            expected.insert(1, format!("A\t{FOLDER}/dcr/kustomization.yaml"));
            expected.push(format!("M\t{FOLDER}/kustomization.yaml"));
            let parent = repo.show(&commit, &format!("{FOLDER}/kustomization.yaml"));
            assert_eq!(parent, "# Ours.\nresources:   # in this order\n- app.yaml\n- dcr");
        }
        let changed = repo.git(&["diff-tree", "-r", "--name-status", "main", &commit]);
        assert_eq!(changed.lines().collect::<Vec<_>>(), expected);

        let objects = repo.objects();
        let again = repo.next(&[], 0);
        assert_eq!(again["outcome"], "adopted");
        assert_eq!(again["commit"], commit);
        let whole_name = repo.run(&["next-phase", SYSTEM6, "-o", "json"]).ends(0).line();
        assert_eq!(whole_name, again);
        assert_eq!(repo.objects(), objects, "nothing is written for a step that is there");
        repo.fsck();
    }
}

#[test]
fn the_commit_says_what_it_does_and_who_asked() {
    let repo = Deployment::alone(Wired::Directory);
    repo.next(&["--ticket", "DCR-123"], 0);
    insta::assert_snapshot!(repo.git(&["log", "-1", "--format=%an <%ae>%n%B", &step(1, 1)]), @r#"
    Test Person <test@example.com>
    Added/Modified system6 via automation (Starting DCR Farm History Update)

    Why: a run was asked for

    Added:
    - StatefulSet system6-dcr-farmer
    - Service system6-dcr-farmer
    - PodDisruptionBudget system6-dcr-farmer
    - ConfigMap system6-dcr-run
    - StatefulSet system6-dcr-sync
    - Service system6-dcr-sync
    - PodDisruptionBudget system6-dcr-sync

    Dcr-System: den/tenant-105858-prod/system6
    Dcr-Run: 1
    Dcr-Step: 1
    Dcr-Phase: history-update
    Dcr-Attempt: 1
    Dcr-Requested-By: Test Person
    "#);
    let trailers = repo.git(&["log", "-1", "--format=%(trailers:only)", &step(1, 1)]);
    assert_eq!(trailers.lines().count(), 6, "git takes all of them for trailers: {trailers}");

    let mut actor = Deployment::alone(Wired::Directory);
    actor.sandbox.env.insert("GITHUB_ACTOR".into(), "octocat".into());
    actor.next(&[], 0);
    let by = actor.git(&["log", "-1", "--format=%(trailers:key=Dcr-Requested-By)", &step(1, 1)]);
    assert_eq!(by, "Dcr-Requested-By: octocat");
}

#[test]
fn another_request_for_an_open_step_says_what_differs() {
    let repo = Deployment::alone(Wired::Directory);
    let first = repo.next(&["--ticket", "DCR-1"], 0);
    let objects = repo.objects();
    for (flags, said) in [
        (vec!["--forced"], "forced: no, not yes"),
        (vec!["--ticket", "DCR-2"], "ticket: DCR-1, not DCR-2"),
        (vec!["--forced=true", "--ticket=DCR-2"], "forced: no, not yes; ticket: DCR-1, not DCR-2"),
    ] {
        let line = repo.next(&flags, 10);
        assert_eq!(line["decision"], "wait");
        assert_eq!(line["unmet"][0]["gate"], "review");
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.contains(said) && reason.contains(&step(1, 1)), "{reason}");
        assert_eq!(line["branch"], step(1, 1));
        assert_eq!(line["commit"], first["commit"]);
    }
    // What isn't said means "as it is", and so does what is as it is.
    for flags in [vec![], vec!["--forced=false"], vec!["--ticket=DCR-1"]] {
        assert_eq!(repo.next(&flags, 0)["outcome"], "adopted");
    }
    assert_eq!(repo.objects(), objects);
}

#[test]
fn work_tree_index_head_and_hooks_stay_out_of_it() {
    let repo = Deployment::cloned(Wired::Kustomize);
    let hooks = repo.work.join(".git/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    let ran = repo.sandbox.path("hook-ran");
    for hook in ["pre-commit", "commit-msg", "post-commit", "pre-push", "prepare-commit-msg"] {
        let text = format!("#!/bin/sh\ntouch {}\nexit 1\n", ran.display());
        std::fs::write(hooks.join(hook), text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(hooks.join(hook), mode).unwrap();
    }
    // Staged, changed and new files of the user's.
    std::fs::write(repo.work.join("staged"), "1").unwrap();
    repo.git(&["add", "staged"]);
    std::fs::write(repo.work.join("staged"), "2").unwrap();
    std::fs::write(repo.work.join("new"), "3").unwrap();
    std::fs::create_dir_all(repo.work.join(FOLDER).join("dcr")).unwrap();
    std::fs::write(repo.work.join(FOLDER).join("dcr/run.yaml"), "mine: true\n").unwrap();
    std::fs::write(repo.work.join("dcr-gitops.yaml"), "wrong: ]").unwrap();

    let before = untouched(&repo.work);
    let below = repo.work.join(FOLDER);
    let line = repo.sandbox.run(&below, &["next-phase", "system6", "-o", "json"]).ends(0).line();
    assert_eq!(line["outcome"], "committed");
    let line = repo.next(&["--push"], 0);
    assert_eq!(line["outcome"], "pushed");
    assert!(untouched(&repo.work) == before);
    assert!(!ran.exists(), "no hook ran");
    let origin = repo.sandbox.git(&repo.origin(), &["rev-parse", &step(1, 1)]);
    assert_eq!(line["commit"], origin);
    repo.fsck();
    repo.sandbox.fsck(&repo.origin());
}

#[test]
fn plan_and_status_write_nothing() {
    let repo = Deployment::alone(Wired::Directory);
    let refs = || repo.git(&["for-each-ref"]);
    let (objects, before) = (repo.objects(), refs());
    for command in [
        vec!["plan", "system6"],
        vec!["plan", "system6", "--all-phases"],
        vec!["plan", "--format", "markdown", "system6"],
        vec!["status", "system6"],
        vec!["status"],
        vec!["plan"],
    ] {
        repo.run(&command).ends(0);
    }
    assert_eq!((repo.objects(), refs()), (objects, before));
}
