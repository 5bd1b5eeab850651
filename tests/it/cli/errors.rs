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
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6"], 3), @"");
    insta::assert_snapshot!(fails(&repo, &["next-phase", "systemdcrtst1"], 3), @"");
    insta::assert_snapshot!(fails(&repo, &["next-phase", "den/tenant-105858-prod/system7"], 3), @"");
    insta::assert_snapshot!(fails(&repo, &["plan", "zzz"], 3), @"");
    repo.run(&["plan", "tenant-204411-prod/system6"]).ends(0);
}

#[test]
fn all_that_is_wrong_in_a_file_is_shown_with_its_place() {
    let repo = Deployment::alone(Wired::Directory);
    repo.edit(&[(
        &format!("{FOLDER}/dcr.yaml"),
        "apiVersion: dcr-gitops/v1\nimage: x:1\nfarmers: {count: 3, initial: 5, pood: {}}\nrebuild:\n  deadline: -3d\n",
    )]);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6"], 3), @"");
    // In colours the same words.
    let colored = repo.run(&["next-phase", "system6", "--color", "always"]).ends(3).err;
    assert!(colored.contains("\u{1b}[") && !colored.starts_with("error"), "{colored}");

    repo.edit(&[("dcr-gitops.yaml", "apiVersion: dcr-gitops/v1\nwirring: kustomize\n")]);
    insta::assert_snapshot!(fails(&repo, &["status"], 3), @"");
}

#[test]
fn templates_that_make_no_manifest() {
    let repo = Deployment::alone(Wired::Directory);
    let builtin = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/manifests/farmers.yaml.tera");
    let text = std::fs::read_to_string(builtin).unwrap();
    repo.edit(&[("k8s/farmers.yaml.tera", &text.replace("replicas:", "replica:"))]);
    insta::assert_snapshot!(fails(&repo, &["plan", "system6"], 3), @"");
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
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system8"], 3), @"");
    repo.edit(&[(&format!("{copy}/dcr.yaml"), "")]);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system8"], 3), @"");
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
    insta::assert_snapshot!(fails(&repo, &["status", "--repo", &sha256], 3), @"");
    let reftable = other("reftable", &["--ref-format=reftable"]);
    insta::assert_snapshot!(fails(&repo, &["status", "--repo", &reftable], 3), @"");
    let empty = other("empty", &[]);
    insta::assert_snapshot!(fails(&repo, &["status", "--repo", &empty], 3), @"");
    let home = repo.sandbox.path("home").display().to_string();
    insta::assert_snapshot!(fails(&repo, &["status", "--repo", &home], 3), @"");
    let nowhere = repo.sandbox.path("nowhere").display().to_string();
    fails(&repo, &["status", "--repo", &nowhere], 3);
    repo.edit(&[("dcr-gitops.yaml", "")]);
    insta::assert_snapshot!(fails(&repo, &["status"], 3), @"");
    insta::assert_snapshot!(fails(&repo, &["status", "--base", "nosuch"], 3), @"");
}

#[test]
fn without_an_identity_nothing_is_written() {
    let repo = Deployment::alone(Wired::Directory);
    let objects = repo.objects();
    std::fs::write(repo.sandbox.path("home/.gitconfig"), "").unwrap();
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6"], 3), @"");
    assert_eq!(repo.git(&["for-each-ref", "refs/heads/dcr"]), "");
    let loose = repo.objects();
    assert!(loose >= objects, "blobs may be left behind, a branch may not");
}

#[test]
fn how_it_was_called() {
    let repo = Deployment::alone(Wired::Directory);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--bogus"], 2), @"");
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--push", "--observed", "x"], 2), @"");
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--push"], 3), @"");
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--ticket", "dcr 1"], 2), @"");
    fails(&repo, &["next-phase"], 2);
    fails(&repo, &["next-phase", "system6", "-q", "-v"], 2);
    fails(&repo, &["next-phase", "system6", "-o", "yaml"], 2);
    fails(&repo, &["next-phase", "system6", "--skip-gate", " "], 2);
    let settings = format!("{SETTINGS}jira: {{url: https://jira.example.com}}\n");
    repo.edit(&[("dcr-gitops.yaml", &settings)]);
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6"], 2), @"");
    assert_eq!(repo.next(&["--ticket", "DCR-1"], 0)["outcome"], "committed");
    assert_eq!(repo.next(&[], 0)["outcome"], "adopted", "the open step has a ticket");
}

#[test]
fn files_to_replay_that_say_nothing() {
    let repo = Deployment::alone(Wired::Directory);
    let empty = repo.save("empty", "");
    insta::assert_snapshot!(fails(&repo, &["next-phase", "system6", "--observed", &empty], 3), @"");
    let other = repo.save("other", "{\"system\": \"system6\"}\n");
    insta::assert_snapshot!(fails(&repo, &["status", "system6", "--observed", &other], 3), @"");
    insta::assert_snapshot!(fails(&repo, &["status", "--observed", "nosuch"], 3), @"");
}
