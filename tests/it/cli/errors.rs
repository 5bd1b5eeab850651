//! What is wrong, where, and what to do about it: on standard error, with its exit code.
use super::*;

/// Standard error of a command that must fail with `code` and print nothing else.
#[track_caller]
fn fails(repo: &Deployment, arguments: &[&str], code: i32) -> String {
    let ran = repo.run(arguments).ends(code);
    assert_eq!(ran.out, "", "{}", ran.err);
    let first = ran.err.lines().next().unwrap_or_default();
    assert!(first.starts_with("error: ") && !first.starts_with("error: error"), "{}", ran.err);
    let root = repo.sandbox.dir.path().display().to_string();
    ran.err.replace(&root, "DIR")
}

#[test]
fn names_that_fit_none_or_several() {
    let repo = Deployment::alone(Wired::Directory);
    repo.edit(&[("clusters/ams/tenant-204411-prod/system6/dcr.yaml", INPUTS)]);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6"], 3), @r#"
    error: `system6` fits several systems: `ams/tenant-204411-prod/system6`, `den/tenant-105858-prod/system6`
    hint: say which one, e.g. `ams/tenant-204411-prod/system6`
    "#);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "systemdcrtst1"], 3), @r#"
    error: there is no system `systemdcrtst1`
    hint: did you mean `ams/tenant-204411-prod/system6`, `den/tenant-105858-prod/system6`, `den/tenant-105858-prod/systemdcrtest1`?
    "#);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "den/tenant-105858-prod/system7"], 3), @r#"
    error: there is no system `den/tenant-105858-prod/system7`
    hint: did you mean `den/tenant-105858-prod/system6`, `den/tenant-105858-prod/systemdcrtest1`?
    "#);
    insta::assert_snapshot!(fails(&repo, &["plan", "zzz"], 3), @"error: there is no system `zzz`");
    repo.run(&["plan", "tenant-204411-prod/system6"]).ends(0);
}

#[test]
fn all_that_is_wrong_in_a_file_is_shown_with_its_place() {
    let repo = Deployment::alone(Wired::Directory);
    repo.edit(&[(
        &format!("{FOLDER}/dcr.yaml"),
        "apiVersion: dcr-gitops/v1\nimage: x:1\nfarmers: {count: 3, initial: 5, pood: {}}\nrebuild:\n  deadline: -3d\n",
    )]);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6"], 3), @r#"
    error: `farmers.initial` (5) is more than `farmers.count` (3)
     --> clusters/den/tenant-105858-prod/system6/dcr.yaml:3:30
      |
    3 | farmers: {count: 3, initial: 5, pood: {}}
      |                              ^
    hint: it must be `initial` ≤ `count` ≤ `max`, and `tolerate` ≤ `count`

    error: unknown key `pood`
     --> clusters/den/tenant-105858-prod/system6/dcr.yaml:3:33
      |
    3 | farmers: {count: 3, initial: 5, pood: {}}
      |                                 ^^^^
    hint: did you mean `pod`?

    error: `rebuild.deadline` is no duration: `-3d` (write e.g. `14d`, `8h`, `30m` or `1d12h`)
     --> clusters/den/tenant-105858-prod/system6/dcr.yaml:5:13
      |
    5 |   deadline: -3d
      |             ^^^
    "#);
    // In colours the same words.
    let colored = repo.run(&["next-phase", "system6", "--color", "always"]).ends(3).err;
    assert!(colored.contains("\u{1b}[") && !colored.starts_with("error"), "{colored}");

    repo.edit(&[("dcr-gitops.yaml", "apiVersion: dcr-gitops/v1\nwirring: kustomize\n")]);
    insta::assert_snapshot!(fails(&repo, &["status"], 3), @r#"
    error: unknown key `wirring`
     --> dcr-gitops.yaml:2:1
      |
    2 | wirring: kustomize
      | ^^^^^^^
    hint: did you mean `wiring`?
    "#);
}

#[test]
fn templates_that_make_no_manifest() {
    let repo = Deployment::alone(Wired::Directory);
    let builtin = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/manifests/farmers.yaml.tera");
    let text = std::fs::read_to_string(builtin).unwrap();
    repo.edit(&[("k8s/farmers.yaml.tera", &text.replace("replicas:", "replica:"))]);
    insta::assert_snapshot!(fails(&repo, &["plan", "system6"], 3), @r#"
    error: k8s/farmers.yaml.tera → StatefulSet system6-dcr-farmer: spec.replica: unknown field
    hint: look for a typing error, or for a field of another kind or Kubernetes version
    "#);
}

#[test]
fn folders_that_were_moved_copied_or_left_behind() {
    let repo = Deployment::alone(Wired::Directory);
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    let copy = "clusters/den/tenant-105858-prod/system8";
    let from = repo.work.join(FOLDER);
    for name in ["dcr.yaml", "dcr/run.yaml", "dcr/synchronizer.yaml", "dcr/farmers.yaml"] {
        let text = std::fs::read_to_string(from.join(name)).unwrap();
        repo.edit(&[(&format!("{copy}/{name}"), &text)]);
    }
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system8"], 3), @r#"
    error: clusters/den/tenant-105858-prod/system8/dcr/run.yaml is the record of den/tenant-105858-prod/system6, not of den/tenant-105858-prod/system8
    hint: a copied or moved folder takes no run along: delete its dcr/
    "#);
    repo.edit(&[(&format!("{copy}/dcr.yaml"), "")]);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system8"], 3), @r#"
    error: clusters/den/tenant-105858-prod/system8/dcr/ holds a run, but clusters/den/tenant-105858-prod/system8/dcr.yaml is missing
    hint: restore clusters/den/tenant-105858-prod/system8/dcr.yaml and run `abort`, so that the run is torn down
    "#);
}

#[test]
fn repos_that_cannot_be_used() {
    let repo = Deployment::alone(Wired::Directory);
    let other = |name: &str, arguments: &[&str]| {
        let mut all = vec!["init", "--quiet"];
        all.extend(arguments);
        all.push(name);
        repo.sandbox.git(repo.sandbox.dir.path(), &all);
        repo.sandbox.path(name).display().to_string()
    };
    let sha256 = other("sha256", &["--object-format=sha256"]);
    insta::assert_snapshot!(fails(&repo, &["status", "--repo", &sha256], 3), @r#"
    error: DIR/sha256/.git/ uses sha256 object ids (extensions.objectFormat), which isn't supported
    hint: use a clone made with `git clone --ref-format=files` of a SHA-1 repo
    "#);
    let reftable = other("reftable", &["--ref-format=reftable"]);
    insta::assert_snapshot!(fails(&repo, &["status", "--repo", &reftable], 3), @r#"
    error: DIR/reftable/.git/ uses reftable refs (extensions.refStorage), which isn't supported
    hint: use a clone made with `git clone --ref-format=files` of a SHA-1 repo
    "#);
    let empty = other("empty", &[]);
    insta::assert_snapshot!(fails(&repo, &["status", "--repo", &empty], 3), @r#"
    error: there is no base branch: none of main, HEAD exists
    hint: commit or fetch it, or name a revision with --base
    "#);
    let home = repo.sandbox.path("home").display().to_string();
    insta::assert_snapshot!(fails(&repo, &["status", "--repo", &home], 3), @r#"
    error: DIR/home is not in a git repo
    hint: run it in a clone of the deployment repo, or name one with --repo
    "#);
    let nowhere = repo.sandbox.path("nowhere").display().to_string();
    fails(&repo, &["status", "--repo", &nowhere], 3);
    repo.edit(&[("dcr-gitops.yaml", "")]);
    insta::assert_snapshot!(fails(&repo, &["status"], 3), @r#"
    error: there is no dcr-gitops.yaml on main
    hint: this is no deployment repo, or its base isn't what it was taken for (see --base); dcr-gitops.yaml may be as short as `apiVersion: dcr-gitops/v1`
    "#);
    insta::assert_snapshot!(fails(&repo, &["status", "--base", "nosuch"], 3), @r#"
    error: `nosuch` names no commit
    hint: `git fetch`, or name another with --base
    "#);
}

#[test]
fn without_an_identity_nothing_is_written() {
    let repo = Deployment::alone(Wired::Directory);
    let objects = repo.objects();
    std::fs::write(repo.sandbox.path("home/.gitconfig"), "").unwrap();
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6"], 3), @r#"
    error: Author identity unknown
    hint: Please tell me who you are. Run

      git config --global user.email "you@example.com"
      git config --global user.name "Your Name"

    to set your account's default identity.
    Omit --global to set the identity only in this repository.
    "#);
    assert_eq!(repo.git(&["for-each-ref", "refs/heads/dcr"]), "");
    let loose = repo.objects();
    assert!(loose >= objects, "blobs may be left behind, a branch may not");
}

#[test]
fn how_it_was_called() {
    let repo = Deployment::alone(Wired::Directory);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--bogus"], 2), @r#"
    error: unexpected argument '--bogus' found

      tip: to pass '--bogus' as a value, use '-- --bogus'

    Usage: dcr-gitops next-phase <SYSTEM>

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--push", "--observed", "x"], 2), @r"
    error: --observed can't go with --push or --pr
    hint: what was observed before isn't what is there now
    ");
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--push"], 3), @r"
    error: there is no remote to push to
    hint: `git remote add origin URL`, or leave out --push and --pr
    ");
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--ticket", "dcr 1"], 2), @r#"
    error: invalid value 'dcr 1' for '--ticket <KEY>': no Jira issue key, such as `DCR-123`

    For more information, try '--help'.
    "#);
    fails(&repo, &["next-phase"], 2);
    fails(&repo, &["next-phase", "system6", "-q", "-v"], 2);
    fails(&repo, &["next-phase", "system6", "-o", "yaml"], 2);
    fails(&repo, &["next-phase", "system6", "--skip-gate", " "], 2);
    let settings = format!("{SETTINGS}jira: {{url: https://jira.example.com}}\n");
    repo.edit(&[("dcr-gitops.yaml", &settings)]);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6"], 2), @r#"
    error: a run needs a ticket
    hint: e.g. --ticket DCR-123: `jira` is set in dcr-gitops.yaml
    "#);
    assert_eq!(repo.next(&["--ticket", "DCR-1"], 0)["outcome"], "committed");
    assert_eq!(repo.next(&[], 0)["outcome"], "adopted", "the open step has a ticket");
}

#[test]
fn files_to_replay_that_say_nothing() {
    let repo = Deployment::alone(Wired::Directory);
    let empty = repo.save("empty", "");
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--observed", &empty], 3), @r#"
    error: DIR/empty says nothing about den/tenant-105858-prod/system6
    hint: save one with `dcr-gitops status SYSTEM -o json > FILE`
    "#);
    let other = repo.save("other", "{\"system\": \"system6\"}\n");
    insta::assert_snapshot!(fails(&repo, &["status", "system6", "--observed", &other], 3), @r#"
    error: DIR/other:1: not what `status -o json` prints
    caused by: missing field `observed` at line 1 column 21
    hint: save one with `dcr-gitops status SYSTEM -o json > FILE`
    "#);
    insta::assert_snapshot!(fails(&repo, &["status", "--observed", "nosuch"], 3), @r#"
    error: cannot read DIR/work/nosuch
    caused by: No such file or directory (os error 2)
    "#);
}
