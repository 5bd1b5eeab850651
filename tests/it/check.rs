//! `check`: what is wrong on disk or in a commit is found, all of it at once, and nothing is written.
use serde_json::Value;

use crate::cli::{Deployment, FOLDER, INPUTS, Wired, step, untouched};
use crate::env::Ran;

const BROKEN: &str = "apiVersion: dcr-gitops/v1\nimage: x:1\nfarmers: {count: 3, initial: 5}\n";

fn put(repo: &Deployment, path: &str, text: &str) {
    let path = repo.work.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Directory wiring without a kustomization beside it, and a manifest of the tenant's own.
fn sound() -> Deployment {
    let repo = Deployment::alone(Wired::Directory);
    for system in ["system6", "systemdcrtest1"] {
        let folder = format!("clusters/den/tenant-105858-prod/{system}");
        repo.edit(&[
            (&format!("{folder}/kustomization.yaml"), ""),
            (
                &format!("{folder}/app.yaml"),
                "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n",
            ),
        ]);
    }
    repo
}

fn check(repo: &Deployment, arguments: &[&str]) -> Ran {
    repo.run(&[&["check"], arguments].concat())
}

/// The messages of `-o json`.
fn found(ran: &Ran) -> Vec<String> {
    let line = ran.line();
    let findings = line["findings"].as_array().unwrap();
    let text = |finding: &Value| {
        let field = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        format!(
            "{} {} {}:{}: {}",
            field("level"),
            field("rule"),
            field("path"),
            finding["line"],
            field("message")
        )
    };
    findings.iter().map(text).collect()
}

#[test]
fn a_sound_repo_has_nothing_wrong_in_any_phase() {
    for wired in [Wired::Directory, Wired::Kustomize] {
        let repo = if wired == Wired::Directory { sound() } else { Deployment::alone(wired) };
        let (before, objects) = (untouched(&repo.work), repo.objects());
        let ran = check(&repo, &[]).ends(0);
        assert_eq!(
            (ran.out.as_str(), ran.err.as_str()),
            ("2 systems checked: 0 errors, 0 warnings\n", "")
        );
        assert!(untouched(&repo.work) == before);
        assert_eq!(repo.objects(), objects, "nothing is written");
    }
    // In the middle of a run, too, and of a synchronizer's.
    let repo = Deployment::alone(Wired::Kustomize);
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    check(&repo, &[]).ends(0);
    let repo = Deployment::alone(Wired::Kustomize);
    repo.run(&["synchronizer", "up", "system6"]).ends(0);
    repo.merge(&step(1, 1));
    check(&repo, &[]).ends(0);
}

#[test]
fn what_is_on_disk_counts_unless_a_commit_is_named() {
    let repo = sound();
    put(&repo, &format!("{FOLDER}/dcr.yaml"), BROKEN);
    put(&repo, "clusters/den/tenant-105858-prod/new/dcr.yaml", "apiVersion: dcr-gitops/v1\n");
    let ran = check(&repo, &[]).ends(3);
    insta::assert_snapshot!(ran.err, @r"
    warning: nothing but the run is in this folder: if it is an application of its own, the teardown leaves it empty, and Argo CD prunes an application to nothing only with `allowEmpty`
     --> clusters/den/tenant-105858-prod/new/dcr.yaml
    hint: set `syncPolicy.automated.allowEmpty: true`, or keep a manifest beside it

    error: `image` is missing
     --> clusters/den/tenant-105858-prod/new/dcr.yaml:1:1
      |
    1 | apiVersion: dcr-gitops/v1
      | ^
    hint: give it here, or as `defaults.image` in the settings

    error: `farmers.initial` (5) is more than `farmers.count` (3)
     --> clusters/den/tenant-105858-prod/system6/dcr.yaml:3:30
      |
    3 | farmers: {count: 3, initial: 5}
      |                              ^
    hint: it must be `initial` ≤ `count` ≤ `max`, and `tolerate` ≤ `count`
    ");
    assert_eq!(ran.out, "3 systems checked: 2 errors, 1 warning\n");
    // Only what is named, from wherever.
    let ran = repo.sandbox.run(&repo.work.join(FOLDER), &["check", "dcr.yaml", "-o", "json"]);
    assert_eq!(ran.ends(3).line()["checked"], 1);
    check(&repo, &["clusters/den/tenant-105858-prod/systemdcrtest1"]).ends(0);
    check(&repo, &["README.md"]).ends(0);
    check(&repo, &["/"]).ends(2);
    let all = check(&repo, &["dcr-gitops.yaml", "-o", "json"]).ends(3);
    assert_eq!(all.line()["checked"], 3);
    check(&repo, &["--base", "HEAD"]).ends(0);
    // A file that was deleted is gone.
    std::fs::remove_file(repo.work.join(FOLDER).join("dcr.yaml")).unwrap();
    let ran = check(&repo, &["-o", "json"]).ends(3);
    assert_eq!(ran.line()["checked"], 2);
    // Ignored files aren't there.
    put(&repo, ".gitignore", "new/\n");
    check(&repo, &[]).ends(0);
}

#[test]
fn settings_and_templates_are_checked_first() {
    let repo = sound();
    let settings = std::fs::read_to_string(repo.work.join("dcr-gitops.yaml")).unwrap();
    put(&repo, "dcr-gitops.yaml", &format!("{settings}wirring: kustomize\n"));
    let ran = check(&repo, &["-o", "json"]).ends(3);
    assert_eq!(found(&ran), ["error settings dcr-gitops.yaml:6: unknown key `wirring`"]);
    // What stands in the defaults is said once, not with every system.
    put(&repo, "dcr-gitops.yaml", &settings.replace("cpu: \"8\"", "cpu: [8]"));
    let ran = check(&repo, &["-o", "json"]).ends(3);
    assert_eq!(found(&ran).len(), 1, "{}", ran.out);
    put(&repo, "dcr-gitops.yaml", &settings);
    let builtin = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/manifests/job.yaml.tera");
    let text = std::fs::read_to_string(builtin).unwrap();
    // Found although no run has come that far.
    put(&repo, "k8s/job.yaml.tera", &text.replace("backoffLimit: 0", "backoffLimit: 3"));
    let ran = check(&repo, &["-o", "json"]).ends(3);
    let all = found(&ran);
    assert!(
        all[0].starts_with("error templates k8s/job.yaml.tera:null: Job system6-dcr-trigger-1-1: "),
        "{all:?}"
    );
    put(&repo, "k8s/job.yaml.tera", "{{ oops");
    let ran = check(&repo, &["-o", "json"]).ends(3);
    assert!(found(&ran)[0].starts_with("error templates k8s/job.yaml.tera:1: "), "{}", ran.out);
    std::fs::remove_file(repo.work.join("dcr-gitops.yaml")).unwrap();
    insta::assert_snapshot!(check(&repo, &[]).ends(3).err, @r"
    error: there is no dcr-gitops.yaml in the work tree
    hint: `dcr-gitops init` writes one
    ");
}

#[test]
fn runs_that_were_tampered_with_are_found() {
    let repo = sound();
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    check(&repo, &[]).ends(0);
    std::fs::remove_file(repo.work.join(FOLDER).join("dcr/farmers.yaml")).unwrap();
    let ran = check(&repo, &["-o", "json"]).ends(3);
    let all = found(&ran);
    assert!(all[0].contains("dcr/farmers.yaml:null: is missing on the base"), "{all:?}");
    repo.git(&["checkout", "--quiet", "--", "."]);
    // A copied folder takes its run along, a moved one leaves it behind.
    let copy = "clusters/den/tenant-105858-prod/system8";
    for name in ["run.yaml", "farmers.yaml", "synchronizer.yaml"] {
        let text = std::fs::read_to_string(repo.work.join(FOLDER).join("dcr").join(name)).unwrap();
        put(&repo, &format!("{copy}/dcr/{name}"), &text);
    }
    let ran = check(&repo, &["-o", "json"]).ends(3);
    let all = found(&ran);
    assert!(all[0].contains("system8/dcr/ holds a run, but"), "{all:?}");
    put(&repo, &format!("{copy}/dcr.yaml"), INPUTS);
    let ran = check(&repo, &["-o", "json"]).ends(3);
    let all = found(&ran);
    assert!(
        all.iter().any(|it| it.contains("is the record of den/tenant-105858-prod/system6")),
        "{all:?}"
    );
}

#[test]
fn what_argocd_and_kustomize_make_of_a_folder() {
    let repo = sound();
    put(
        &repo,
        &format!("{FOLDER}/notes.yaml"),
        "# kind: and metadata: aren't here\napiVersion: notes/v1\n",
    );
    let ran = check(&repo, &["-o", "json"]).ends(3);
    let all = found(&ran);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].starts_with(&format!("error wiring {FOLDER}/notes.yaml:")), "{all:?}");
    std::fs::remove_file(repo.work.join(FOLDER).join("notes.yaml")).unwrap();
    std::fs::remove_file(repo.work.join(FOLDER).join("app.yaml")).unwrap();
    let ran = check(&repo, &["-o", "json"]).ends(0);
    assert!(found(&ran)[0].contains("allowEmpty"), "{}", ran.out);
    put(&repo, &format!("{FOLDER}/kustomization.yaml"), "resources: []\n");
    let ran = check(&repo, &["-o", "json"]).ends(0);
    assert!(found(&ran)[0].contains("doesn't see `dcr/`"), "{}", ran.out);

    let repo = Deployment::alone(Wired::Kustomize);
    let parent = format!("{FOLDER}/kustomization.yaml");
    put(
        &repo,
        &parent,
        "resources:\n- app.yaml\nimages:\n- name: express\n  newTag: e2\nreplicas: []\n",
    );
    let ran = check(&repo, &["-o", "json"]).ends(0);
    let all = found(&ran);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].starts_with(&format!("warning wiring {parent}:3: `images` reaches")), "{all:?}");
    put(&repo, &parent, "resources:\n- app.yaml\nnamePrefix: prod-\n");
    let ran = check(&repo, &["-o", "json"]).ends(3);
    assert!(found(&ran)[0].contains("`namePrefix` would change our objects' names"), "{}", ran.out);
    std::fs::remove_file(repo.work.join(&parent)).unwrap();
    let ran = check(&repo, &["-o", "json"]).ends(3);
    assert!(found(&ran)[0].contains("kustomization.yaml:null: is missing"), "{}", ran.out);
}

#[test]
fn code_scanning_and_workflows_are_told_the_places() {
    let repo = sound();
    put(&repo, &format!("{FOLDER}/dcr.yaml"), BROKEN);
    let log: Value = serde_json::from_str(&check(&repo, &["-o", "sarif"]).ends(3).out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let result = &run["results"][0];
    let rule = result["ruleIndex"].as_u64().unwrap() as usize;
    assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], format!("{FOLDER}/dcr.yaml"));
    assert_eq!(place["region"], serde_json::json!({"startLine": 3, "startColumn": 30}));
    repo.run(&["status", "-o", "sarif"]).ends(2);

    let mut repo = sound();
    let odd = "clusters/den/tenant-1/a,b%c";
    put(&repo, &format!("{odd}/dcr.yaml"), BROKEN);
    repo.sandbox.env.insert("GITHUB_ACTIONS".into(), "true".into());
    let ran = check(&repo, &[]).ends(3);
    let said = format!("{}{}", ran.out, ran.err);
    let expected = format!(
        "::error file={},line=3,col=30,title=dcr-gitops check::",
        odd.replace('%', "%25").replace(',', "%2C") + "/dcr.yaml"
    );
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn a_repo_without_a_commit_and_a_bare_one() {
    let repo = sound();
    let dir = repo.sandbox.path("new");
    repo.sandbox.git(repo.sandbox.dir.path(), &["init", "--quiet", "new"]);
    std::fs::create_dir_all(dir.join(FOLDER)).unwrap();
    std::fs::write(dir.join("dcr-gitops.yaml"), "apiVersion: dcr-gitops/v1\n").unwrap();
    std::fs::write(dir.join(FOLDER).join("dcr.yaml"), BROKEN).unwrap();
    let ran = repo.sandbox.run(&dir, &["check", "-o", "json"]).ends(3);
    assert_eq!(ran.line()["checked"], 1);
    let cloned = Deployment::cloned(Wired::Kustomize);
    let ran = cloned.sandbox.run(&cloned.origin(), &["check"]).ends(0);
    assert_eq!(ran.out, "2 systems checked: 0 errors, 0 warnings\n");
    let sparse = cloned.sandbox.clone("sparse", &["--sparse"]);
    let ran = cloned.sandbox.run(&sparse, &["check"]).ends(0);
    assert_eq!(
        ran.out, "2 systems checked: 0 errors, 0 warnings\n",
        "what isn't checked out is still there"
    );
}
