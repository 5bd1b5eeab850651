//! `plan` shows exactly the commits that are then made.
use super::observed::met;
use super::*;

/// The patches of a plan, one for each step.
fn patches(plan: &str) -> Vec<String> {
    let mut patches: Vec<String> = vec![];
    for line in plan.lines() {
        if line.starts_with("# step ") {
            patches.push(String::new());
        } else if let Some(patch) = patches.last_mut() {
            *patch += &format!("{line}\n");
        }
    }
    patches
}

/// The trees that come of applying the patches one after the other, by git.
fn trees(repo: &mut Deployment, patches: &[String]) -> Vec<String> {
    let index = repo.sandbox.path("index").into_os_string();
    repo.sandbox.env.insert("GIT_INDEX_FILE".into(), index);
    repo.git(&["read-tree", "main"]);
    let mut trees = vec![];
    for patch in patches {
        repo.sandbox.git_with(&repo.work, &["apply", "--cached", "-"], patch.as_bytes());
        trees.push(repo.git(&["write-tree"]));
    }
    repo.sandbox.env.remove(std::ffi::OsStr::new("GIT_INDEX_FILE"));
    trees
}

#[test]
fn all_phases_are_the_five_commits_of_the_run() {
    for wired in [Wired::Directory, Wired::Kustomize] {
        let mut repo = Deployment::alone(wired);
        let plan = repo.run(&["plan", "system6", "--all-phases"]).ends(0).out;
        let planned = patches(&plan);
        assert_eq!(planned.len(), 5, "{plan}");
        let expected = trees(&mut repo, &planned);
        for number in 1..=5 {
            let flags =
                if number == 1 { vec![] } else { vec!["--observed".to_owned(), met(&repo)] };
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            assert_eq!(repo.next(&flags, 0)["outcome"], "committed");
            let tree = repo.git(&["rev-parse", &format!("{}^{{tree}}", step(1, number))]);
            assert_eq!(tree, expected[number as usize - 1], "step {number}");
            repo.merge(&step(1, number));
            let rest = repo.run(&["plan", "system6", "--all-phases"]).ends(0).out;
            if number < 5 {
                let rest = patches(&rest);
                assert_eq!(rest, planned[number as usize..], "what is left after step {number}");
            }
        }
    }
}

#[test]
fn a_plan_for_a_pull_request_is_markdown_with_the_same_patches() {
    let repo = Deployment::alone(Wired::Directory);
    let text = repo.run(&["plan", "system6"]).ends(0).out;
    let markdown = repo.run(&["plan", "system6", "--format", "markdown"]).ends(0).out;
    assert!(markdown.starts_with("<!-- dcr-gitops: plan -->\n"), "{markdown}");
    // Object by object there, file by file here; what is added is the same.
    let added = |text: &str| {
        let lines = text.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++"));
        lines.filter(|line| *line != "+---").map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(added(&markdown), added(&patches(&text)[0]));
    let (head, _) = markdown.split_once("<details>").unwrap();
    insta::assert_snapshot!(head, @r#"
    <!-- dcr-gitops: plan -->

    ### den/tenant-105858-prod/system6

    Next, because a run was asked for:

    > no kubeconfig context \`den\`: leftovers of an earlier run and the cluster's capacity were not looked at

    #### Step 1: history-update

    | file | change |
    | --- | --- |
    | clusters/den/tenant-105858-prod/system6/dcr/farmers.yaml | added (+119 −0) |
    | clusters/den/tenant-105858-prod/system6/dcr/run.yaml | added (+25 −0) |
    | clusters/den/tenant-105858-prod/system6/dcr/synchronizer.yaml | added (+119 −0) |
    "#);
}

#[test]
fn the_plan_of_every_run_that_is_on() {
    let repo = Deployment::alone(Wired::Directory);
    assert_eq!(repo.run(&["plan", "-o", "json"]).ends(0).out, "");
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    let line = repo.run(&["plan", "-o", "json"]).ends(0).line();
    assert_eq!((&line["system"], &line["decision"]), (&"system6".into(), &"wait".into()));
    let line = repo.run(&["plan", "-o", "json", "--skip-gate", "x"]).ends(0).line();
    assert_eq!((&line["next"], &line["outcome"]), (&"farm-up".into(), &"none".into()));
}
