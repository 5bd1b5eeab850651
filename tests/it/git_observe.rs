//! What is read of a system: its run, its history, the branches of its steps, and the base it all is on.
use dcr_gitops::config::Known;
use dcr_gitops::git::Repo;
use dcr_gitops::observe::deployment::{Error, find_base, remote_steps};
use dcr_gitops::run::deployment::{Action, StepContent};
use dcr_gitops::run::{Phase, Place, Record, SystemRef};

use crate::git_repo::*;

const SETTINGS: &str = "apiVersion: dcr-gitops/v1\n";

fn files(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect()
}

fn dcr(system: &SystemRef, name: &str) -> String {
    format!("{}/dcr/{name}", folder(system))
}

/// The files of a teardown.
fn torn_down(system: &SystemRef, run: u32, step: u32) -> Vec<(String, String)> {
    vec![
        (dcr(system, "farmers.yaml"), String::new()),
        (dcr(system, "run.yaml"), String::new()),
        (dcr(system, "last-run"), last_run(run, step)),
    ]
}

#[test]
fn a_system_without_a_run_is_read_with_its_inputs_and_nothing_else() {
    let sandbox = Sandbox::new();
    sandbox.origin(2, SETTINGS);
    let look = Look::at(&sandbox, &sandbox.clone("work", &[]));
    let (seen, before) = look.read(&nth(1));
    assert_eq!(look.found.base.name, "origin/main");
    assert!(!look.found.base.fresh);
    assert_eq!(seen.inputs.image, "image: express:1");
    assert_eq!((seen.record, seen.last_run, seen.wanted.len()), (None, None, 0));
    assert_eq!((seen.history.landed.len(), seen.history.truncated), (0, false));
    assert_eq!(before.dcr, dcr(&nth(1), "").trim_end_matches('/'));
    assert_eq!((before.files.len(), before.parent), (0, None));
}

#[test]
fn a_run_is_read_with_what_it_wants_and_how_it_got_there() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(2, "apiVersion: dcr-gitops/v1\nwiring: kustomize\n");
    let system = nth(1);
    let land = |message: &str, files: &[(String, String)], day: i64| {
        sandbox.land_at(&origin, "main", message, files, NOW - 86_400 * (50 - day)).to_string()
    };
    let ticket = Some("DCR-1".to_owned());
    let at = |run: u32, step: u32, phase: Phase| {
        run_files(&Record { ticket: ticket.clone(), ..record(&system, run, step, phase) })
    };
    land("6.1", &at(6, 1, Phase::HistoryUpdate), 1);
    land("6.2", &torn_down(&system, 6, 2), 2);
    let between = files(&[("elsewhere", "x")]);
    land("somebody else's", &between, 3);
    let first = land("7.1", &at(7, 1, Phase::HistoryUpdate), 4);
    let second = land("7.2", &at(7, 2, Phase::FarmUp), 5);
    let reverted = land("Revert 7.2", &at(7, 1, Phase::HistoryUpdate), 6);
    let again = land("7.3", &at(7, 3, Phase::FarmUp), 7);

    let work = sandbox.clone("work", &[]);
    let (seen, before) = Look::at(&sandbox, &work).read(&system);
    let record = seen.record.unwrap();
    assert_eq!((record.run, record.step, record.phase), (7, 3, Phase::FarmUp));
    let landed: Vec<_> =
        seen.history.landed.iter().map(|landed| (landed.step, landed.commit.clone())).collect();
    assert_eq!(landed, [(3, again), (1, reverted), (2, second), (1, first)]);
    assert!(!seen.history.truncated);
    assert_eq!(seen.history.landed[3].at.as_second(), NOW - 86_400 * 46);
    let wanted: Vec<_> =
        seen.wanted.iter().map(|wanted| (wanted.kind.as_str(), wanted.replicas)).collect();
    assert_eq!(wanted, [("StatefulSet", Some(4)), ("ConfigMap", None)]);
    assert_eq!(seen.wanted[0].digest.len(), 64);
    assert_eq!(before.files.keys().collect::<Vec<_>>(), ["farmers.yaml", "last-run", "run.yaml"]);
    let (path, text) = before.parent.unwrap();
    assert_eq!(path, format!("{}/kustomization.yaml", folder(&system)));
    assert!(text.starts_with("# ours\n"));

    // After the teardown: back to it, and no further.
    let ended = land("7.4", &torn_down(&system, 7, 4), 8);
    land("unrelated", &files(&[("elsewhere", "y")]), 9);
    sandbox.git(&work, &["fetch", "--quiet"]);
    let (seen, _) = Look::at(&sandbox, &work).read(&system);
    assert_eq!(seen.record, None);
    assert_eq!(seen.last_run.unwrap().run, 7);
    assert_eq!(seen.history.landed.len(), 1);
    assert_eq!(
        (&seen.history.landed[0].commit, seen.history.landed[0].phase),
        (&ended, Phase::Teardown)
    );
    assert_eq!(seen.history.landed[0].ticket.as_deref(), Some("DCR-1"), "it is still to be told");

    // A first step that was taken back is older than nothing: the walk goes on to the teardown before.
    land("8.1", &at(8, 1, Phase::HistoryUpdate), 10);
    land("Revert 8.1", &torn_down(&system, 7, 4), 11);
    sandbox.git(&work, &["fetch", "--quiet"]);
    let (seen, _) = Look::at(&sandbox, &work).read(&system);
    assert_eq!(seen.furthest_landed().map(|landed| (landed.run, landed.step)), Some((8, 1)));
}

#[test]
fn history_is_bounded_and_says_so() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(1, SETTINGS);
    let run = run_files(&record(&nth(0), 1, 1, Phase::HistoryUpdate));
    let day = 86_400;
    sandbox.land_at(&origin, "main", "1.1", &run, NOW);
    sandbox.land_at(&origin, "main", "much later", &files(&[("x", "y")]), NOW + 61 * day);
    let (seen, _) = Look::at(&sandbox, &origin).read(&nth(0));
    assert_eq!((seen.history.landed.len(), seen.history.truncated), (0, true));
}

#[test]
fn a_step_branch_is_ours_only_if_all_of_it_is() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(9, SETTINGS);
    let work = sandbox.clone("work", &[]);
    let system = nth(1);
    let name = branch(&record(&system, 1, 1, Phase::HistoryUpdate));
    let content = |name: &str| {
        let look = Look::at(&sandbox, &work);
        let steps = look.read(&system).0.steps;
        assert_eq!(steps[0].branch, name);
        steps[0].clone()
    };

    Look::at(&sandbox, &work).start(&system).unwrap();
    let step = content(&name);
    assert_eq!(ours(&step).action, Action::Start);
    assert_eq!((ours(&step).farmers, step.outdated), (4, false));
    assert_eq!((step.local.as_deref(), step.remote.clone()), (Some(step.commit.as_str()), None));

    // Its base moves on: elsewhere, then in the system's inputs.
    sandbox.land(&origin, "main", "elsewhere", &files(&[("x", "y")]));
    sandbox.git(&work, &["fetch", "--quiet"]);
    assert!(!content(&name).outdated);
    let inputs = format!("{}/dcr.yaml", folder(&system));
    sandbox.land(&origin, "main", "inputs", &files(&[(&inputs, "image: express:new\n")]));
    sandbox.git(&work, &["fetch", "--quiet"]);
    assert!(content(&name).outdated);
    ours(&content(&name));

    sandbox.git(&work, &["branch", "--force", &name, "origin/main"]);
    assert_eq!(content(&name).content, StepContent::Empty);

    let good = run_files(&record(&system, 1, 1, Phase::HistoryUpdate));
    let edited: Vec<_> = good
        .iter()
        .map(|(path, text)| (path.clone(), text.replace("\"replicas\": 4", "\"replicas\": 9")))
        .collect();
    let with = |path: &str, text: &str| {
        let mut files = good.clone();
        files.push((path.to_owned(), text.to_owned()));
        files
    };
    let other = run_files(&record(&system, 2, 1, Phase::HistoryUpdate));
    for (files, why) in [
        (edited, "edited by hand"),
        (with("README.md", "hello\n"), "it changes README.md"),
        (with(&dcr(&system, "notes.txt"), "hello\n"), "no step writes"),
        (
            with(
                &format!("{}/kustomization.yaml", folder(&system)),
                "resources: [own.yaml, dcr]\n",
            ),
            "it changes clusters",
        ),
        (other, "doesn't hold step 1 of run 1"),
    ] {
        sandbox.git(&work, &["branch", "--force", &name, "origin/main"]);
        let commit = sandbox.land(&work, &name, "step", &files).to_string();
        match content(&name).content {
            StepContent::Foreign { commit: named, why: said } => {
                assert_eq!(named, commit);
                assert!(said.contains(why), "{said}");
            }
            other => panic!("{why}: {other:?}"),
        }
    }

    sandbox.git(&work, &["branch", "--force", &name, "origin/main"]);
    sandbox.land(&work, &name, "step", &good);
    ours(&content(&name));
    sandbox.land(&work, &name, "a person's", &files(&[(&dcr(&system, "run.yaml"), "a: b\n")]));
    match content(&name).content {
        StepContent::Foreign { why, .. } => assert!(why.contains("exactly one commit"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn with_kustomize_only_the_entry_for_our_folder_may_be_added_to_the_parent() {
    let sandbox = Sandbox::new();
    sandbox.origin(2, "apiVersion: dcr-gitops/v1\nwiring: kustomize\n");
    let work = sandbox.clone("work", &[]);
    let system = nth(1);
    let name = branch(&record(&system, 1, 1, Phase::HistoryUpdate));
    let parent = format!("{}/kustomization.yaml", folder(&system));
    for (text, is_ours) in [
        ("# ours\nresources:\n- own.yaml\n- dcr\n", true),
        ("resources:\n- dcr\n", false),
        ("resources:\n- own.yaml\n- dcr\nnamePrefix: x-\n", false),
    ] {
        sandbox.git(&work, &["branch", "--force", &name, "origin/main"]);
        let mut files = run_files(&record(&system, 1, 1, Phase::HistoryUpdate));
        files.push((parent.clone(), text.to_owned()));
        sandbox.land(&work, &name, "step", &files);
        let (seen, _) = Look::at(&sandbox, &work).read(&system);
        assert_eq!(matches!(seen.steps[0].content, StepContent::Ours(_)), is_ours, "{text}");
    }
}

#[test]
fn merged_steps_scales_and_teardowns_are_told_by_their_trees() {
    let sandbox = Sandbox::new();
    sandbox.origin(2, SETTINGS);
    let work = sandbox.clone("work", &[]);
    let system = nth(1);
    let first = record(&system, 1, 1, Phase::HistoryUpdate);
    Look::at(&sandbox, &work).start(&system).unwrap();
    // Merged by fast-forward: the branch's commit is on the base itself.
    sandbox.git(&work, &["push", "--quiet", "origin", &format!("{}:main", branch(&first))]);
    sandbox.git(&work, &["fetch", "--quiet"]);

    let scaled = Record { step: 2, farmers: 6, ..first.clone() };
    let look = Look::at(&sandbox, &work);
    look.propose(&scaled, &Place::New).unwrap();
    let (seen, _) = look.read(&system);
    let told: Vec<_> = seen.steps.iter().map(|step| (step.step, ours(step).action)).collect();
    assert_eq!(told, [(1, Action::Start), (2, Action::Scale)]);
    assert!(!seen.steps[0].outdated);

    let name = branch(&Record { step: 3, ..first });
    sandbox.git(&work, &["branch", &name, "origin/main"]);
    sandbox.land(&work, &name, "teardown", &torn_down(&system, 1, 3));
    let (seen, _) = Look::at(&sandbox, &work).read(&system);
    let intent = ours(&seen.steps[2]);
    assert_eq!((intent.phase, intent.action), (Phase::Teardown, Action::Advance));

    // Once the base has come to a later run, these are over.
    let later = run_files(&record(&system, 2, 1, Phase::HistoryUpdate));
    sandbox.land(&sandbox.path("origin.git"), "main", "2.1", &later);
    sandbox.git(&work, &["fetch", "--quiet"]);
    assert!(Look::at(&sandbox, &work).read(&system).0.steps.is_empty());
}

#[test]
fn first_steps_of_other_systems_count_until_they_are_merged() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(25, SETTINGS);
    let work = sandbox.clone("work", &[]);
    for number in [1, 12, 13] {
        Look::at(&sandbox, &work).start(&nth(number)).unwrap();
    }
    sandbox.land(
        &origin,
        "main",
        "merged",
        &run_files(&record(&nth(13), 1, 1, Phase::HistoryUpdate)),
    );
    sandbox.git(&work, &["fetch", "--quiet"]);
    let (seen, _) = Look::at(&sandbox, &work).read(&nth(1));
    assert_eq!(seen.open_first_steps, [nth(12)]);
    assert_eq!(seen.steps.len(), 1);
}

#[test]
fn what_the_remote_says_itself_wins_over_what_was_fetched_last() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(3, SETTINGS);
    let (one, two) = (sandbox.clone("one", &[]), sandbox.clone("two", &[]));
    let made = Look::at(&sandbox, &one).start(&nth(1)).unwrap();
    let name = branch(&record(&nth(1), 1, 1, Phase::HistoryUpdate));
    sandbox.git(&one, &["push", "--quiet", "origin", &name]);

    let mut look = Look::at(&sandbox, &two);
    assert!(look.read(&nth(1)).0.steps.is_empty());
    let refs = sandbox.git(&two, &["for-each-ref"]);
    look.branches = Some(remote_steps(&look.repo, "origin", "main", &[nth(1)]).unwrap());
    let step = look.read(&nth(1)).0.steps.remove(0);
    assert_eq!((step.remote, step.local), (Some(made.commit.to_string()), None));
    assert_eq!(sandbox.git(&two, &["for-each-ref"]), refs, "no ref is written");
    assert!(!two.join(".git/FETCH_HEAD").exists());

    // Left without its trees, as by a fetch that was killed: fetched again.
    let tree = sandbox.git(&two, &["rev-parse", &format!("{}^{{tree}}", made.commit)]);
    std::fs::remove_file(two.join(".git/objects").join(&tree[..2]).join(&tree[2..])).unwrap();
    let mut look = Look::at(&sandbox, &two);
    look.branches = Some(remote_steps(&look.repo, "origin", "main", &[nth(1)]).unwrap());
    assert_eq!(look.read(&nth(1)).0.steps.len(), 1);

    // Deleted on the remote, while the clone still remembers it.
    sandbox.git(&two, &["fetch", "--quiet"]);
    sandbox.git(&origin, &["branch", "--delete", "--force", &name]);
    look.branches = Some(remote_steps(&look.repo, "origin", "main", &[nth(1)]).unwrap());
    assert!(look.read(&nth(1)).0.steps.is_empty());
}

#[test]
fn systems_are_found_by_name_and_orphans_are_named() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(25, SETTINGS);
    let look = Look::at(&sandbox, &origin);
    let find =
        |look: &Look, name: &str| look.source().systems(&Known::asked(name).unwrap()).unwrap();
    assert_eq!(look.source().systems(&Known::default()).unwrap().found.len(), 25);
    let found = find(&look, "system12").found;
    assert_eq!(found[0].system, nth(12));
    assert_eq!(found[0].inputs, format!("{}/dcr.yaml", folder(&nth(12))));
    assert!(find(&look, "system99").found.is_empty());

    let before = look.repo.objects_read();
    assert_eq!(find(&look, "den/tenant-1/system12").found.len(), 1);
    // The commit and the five trees on the path.
    assert_eq!(look.repo.objects_read() - before, 6);

    let mut moved = run_files(&record(&nth(3), 1, 1, Phase::HistoryUpdate));
    moved.push((format!("{}/dcr.yaml", folder(&nth(3))), String::new()));
    sandbox.land(&origin, "main", "inputs deleted", &moved);
    let look = Look::at(&sandbox, &origin);
    let systems = look.source().systems(&Known::default()).unwrap();
    assert_eq!((systems.found.len(), systems.orphans.len()), (24, 1));
    let error = look.source().read(&nth(3), inputs).unwrap_err();
    assert!(matches!(&error, Error::Orphan { .. }) && error.is_about_the_repo());
    assert_eq!(error.to_string(), systems.orphans[0].to_string());
    assert!(error.to_string().contains("clusters/den/tenant-0/system3/dcr/"), "{error}");
}

#[test]
fn a_record_of_another_system_is_an_error_that_names_both() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(3, SETTINGS);
    let copied = run_yaml(&record(&nth(1), 1, 1, Phase::HistoryUpdate));
    sandbox.land(&origin, "main", "copied", &files(&[(&dcr(&nth(2), "run.yaml"), &copied)]));
    let error = Look::at(&sandbox, &origin).source().read(&nth(2), inputs).unwrap_err();
    assert_eq!(
        error.to_string(),
        "clusters/den/tenant-0/system2/dcr/run.yaml is the record of den/tenant-0/system1, not of den/tenant-0/system2"
    );
}

#[test]
fn files_of_ours_that_cannot_be_read_are_named() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(2, SETTINGS);
    let run = dcr(&nth(1), "run.yaml");
    for (text, why) in [
        ("kind: ConfigMap\ndata: {run: 7}\n", "`run` is no string"),
        ("kind: Secret\n", "no ConfigMap"),
        ("a: [\n", "run.yaml"),
        ("kind: ConfigMap\ndata: {run: \"7\"}\n", "missing"),
    ] {
        sandbox.land(&origin, "main", "bad", &files(&[(&run, text)]));
        let error = Look::at(&sandbox, &origin).source().read(&nth(1), inputs).unwrap_err();
        assert!(error.to_string().contains(why) && error.to_string().contains(&run), "{error}");
    }
}

#[test]
fn the_base_is_where_the_settings_say_and_they_are_found_wherever_they_are() {
    let sandbox = Sandbox::new();
    let origin = sandbox.origin(1, SETTINGS);
    let settings_text = "apiVersion: dcr-gitops/v1\nbranch: deploy\nremote: company\n";
    let setup = files(&[("dcr-gitops.yaml", settings_text)]);
    sandbox.land(&origin, "deploy", "deploy", &setup);
    sandbox.git(&origin, &["symbolic-ref", "HEAD", "refs/heads/deploy"]);
    sandbox.git(&origin, &["branch", "--delete", "--force", "main"]);
    let find = |repo: &Repo, asked: Option<&str>| find_base(repo, asked, settings).unwrap();

    let work = sandbox.clone("work", &["--origin", "company"]);
    let found = find(&sandbox.open(&work), None);
    assert_eq!(
        (found.base.name.as_str(), found.remote.as_deref()),
        ("company/deploy", Some("company"))
    );
    // Not called as the settings say, but the only one.
    let other = sandbox.clone("other", &["--origin", "mirror"]);
    let found = find(&sandbox.open(&other), None);
    assert_eq!(
        (found.base.name.as_str(), found.remote.as_deref()),
        ("mirror/deploy", Some("mirror"))
    );
    let found = find(&sandbox.open(&origin), None);
    assert_eq!((found.base.name.as_str(), found.remote, found.base.fresh), ("deploy", None, true));

    let asked = find(&sandbox.open(&work), Some("HEAD~0"));
    assert_eq!((asked.base.name.as_str(), asked.text.as_deref()), ("HEAD~0", Some(settings_text)));
    let error = find_base(&sandbox.open(&work), Some("nowhere"), settings).unwrap_err();
    assert!(matches!(error, Error::NoSuchRevision(_)));
    sandbox.git(sandbox.dir.path(), &["init", "--quiet", "empty"]);
    let error = find_base(&sandbox.open(&sandbox.path("empty")), None, settings).unwrap_err();
    assert!(error.to_string().contains("main"), "{error}");

    assert_eq!(found.base.fetched, None);
    sandbox.git(&work, &["fetch", "--quiet"]);
    assert!(find(&sandbox.open(&work), None).base.fetched.is_some());
}
