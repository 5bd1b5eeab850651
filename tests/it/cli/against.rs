//! `plan --against`: what a pull request changes of what runs will commit.
use super::*;

#[test]
fn what_runs_would_commit_now_and_not_before() {
    let repo = Deployment::alone(Wired::Kustomize);
    let plan = |more: &[&str]| {
        let arguments = [&["plan", "--base", "HEAD", "--against", "HEAD^1"], more].concat();
        repo.run(&arguments).ends(0).out
    };
    // Nothing that concerns any run.
    repo.edit(&[("README.md", "# Ours\n")]);
    assert_eq!(plan(&["--format", "markdown"]), "");
    assert_eq!(plan(&[]), "no run would commit anything else\n");

    // One system's inputs: its next run, and nobody else's.
    let inputs = format!("{INPUTS}farmers: {{count: 5}}\n");
    repo.edit(&[(&format!("{FOLDER}/dcr.yaml"), &inputs)]);
    let markdown = plan(&["--format", "markdown"]);
    assert!(markdown.starts_with("<!-- dcr-gitops: plan -->\n"), "{markdown}");
    assert!(
        markdown.contains("In the next run:")
            && markdown.contains("-  replicas: 4\n+  replicas: 5"),
        "{markdown}"
    );
    assert!(!markdown.contains("systemdcrtest1"), "{markdown}");
    let line =
        repo.run(&["plan", "--base", "HEAD", "--against", "HEAD^1", "-o", "json"]).ends(0).line();
    assert_eq!(line["system"], "system6");

    // A run that is on keeps its nodes; what its later Jobs are told does change.
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    let inputs = format!("{INPUTS}admin: {{port: 9200}}\n");
    repo.edit(&[(&format!("{FOLDER}/dcr.yaml"), &inputs)]);
    let text = plan(&[]);
    assert!(text.contains("In the steps still to come of the run that is on:"), "{text}");
    assert!(
        text.contains("dcr/trigger-1.yaml") && !text.contains("dcr/synchronizer.yaml"),
        "{text}"
    );

    // A template is everybody's.
    let builtin =
        concat!(env!("CARGO_MANIFEST_DIR"), "/templates/manifests/synchronizer.yaml.tera");
    let template = std::fs::read_to_string(builtin).unwrap();
    repo.edit(&[("k8s/synchronizer.yaml.tera", &template.replace("/cache", "/elsewhere"))]);
    let text = plan(&[]);
    assert!(text.contains("systemdcrtest1") && text.contains("/elsewhere"), "{text}");

    // A system that is new, and one that is broken, which stops no other.
    let new = "clusters/den/tenant-105858-prod/new";
    repo.edit(&[
        (&format!("{new}/dcr.yaml"), INPUTS),
        (&format!("{new}/kustomization.yaml"), "resources: []\n"),
        (
            "clusters/den/tenant-105858-prod/systemdcrtest1/dcr.yaml",
            "apiVersion: dcr-gitops/v1\nimage: [x]\n",
        ),
    ]);
    let ran = repo.run(&["plan", "--base", "HEAD", "--against", "HEAD^1"]).ends(3);
    assert!(
        ran.out.contains("new file mode") && ran.err.contains("`image` must be text"),
        "{ran:?}"
    );
    repo.run(&["plan", "--against", "nowhere"]).ends(3);
    repo.run(&["plan", "--against", "HEAD", "--all-phases"]).ends(2);
}
