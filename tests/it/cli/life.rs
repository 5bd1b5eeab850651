//! The whole life of a run in a repo alone, however its steps are merged, with people at work beside it.
use super::*;

/// How a step's request is merged.
#[derive(Debug, Clone, Copy)]
enum Merge {
    Commit,
    Squash,
    Rebase,
}

const PHASES: [(&str, &str); 5] = [
    ("history-update", "Starting DCR Farm History Update"),
    ("farm-up", "Bringing up the rest of the nodes"),
    ("rebuild", "Triggering the distributed cache rebuild"),
    ("propagate", "Propagating caches"),
    ("teardown", "Tearing down the DCR farm"),
];

fn merge(repo: &Deployment, how: Merge, branch: &str) {
    match how {
        Merge::Commit => repo.merge(branch),
        Merge::Squash => {
            repo.git(&["merge", "--quiet", "--squash", branch]);
            // The platform writes its own message: nothing is read back from ours.
            repo.git(&["commit", "--quiet", "-m", "A step (#1)"]);
        }
        Merge::Rebase => {
            repo.edit(&[("README.md", &format!("# Deployments, before {branch}\n"))]);
            repo.git(&["cherry-pick", branch]);
        }
    }
}

/// Whatever people change while a run is on: inputs, defaults, templates.
fn people_at_work(repo: &Deployment, round: usize) {
    let builtin = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/manifests/farmers.yaml.tera");
    let template = std::fs::read_to_string(builtin).unwrap();
    let image = format!("image: registry.example.com/express:e686.{}", 132 + round);
    let inputs =
        format!("apiVersion: dcr-gitops/v1\n{image}\nfarmers: {{count: {}}}\n", 6 + round % 2);
    let settings = std::fs::read_to_string(repo.work.join("dcr-gitops.yaml")).unwrap();
    repo.edit(&[
        (&format!("{FOLDER}/dcr.yaml"), &inputs),
        ("dcr-gitops.yaml", &settings.replace("16Gi", "32Gi")),
        ("k8s/farmers.yaml.tera", &template.replace("/cache", &format!("/cache-{round}"))),
    ]);
}

/// The lines by which a file differs between two revisions.
fn changes(repo: &Deployment, before: &str, after: &str, name: &str) -> Vec<String> {
    let path = format!("{FOLDER}/dcr/{name}");
    let diff = repo.git(&["diff", "--unified=0", before, after, "--", &path]);
    let lines = diff.lines().skip_while(|line| !line.starts_with("@@"));
    lines
        .filter(|line| line.starts_with(['+', '-']))
        .map(|line| {
            let digest = "    dcr-gitops/digest: ";
            match line[1..].strip_prefix(digest) {
                Some(_) => format!("{}{digest}…", &line[..1]),
                None => line.to_owned(),
            }
        })
        .collect()
}

fn whole_life(how: Merge, wired: Wired) {
    let repo = Deployment::alone(wired);
    for run in 1..=2 {
        let mut before = String::new();
        for (at, (phase, title)) in PHASES.iter().enumerate() {
            let number = at as u32 + 1;
            let branch = step(run, number);
            if number > 1 {
                // Nothing is seen of the cluster, so nothing goes on by itself.
                let waiting = repo.next(&[], 10);
                assert_eq!(waiting["decision"], "wait");
                assert_eq!(waiting["next"], *phase);
                assert_eq!(waiting["phase"], PHASES[at - 1].0);
                assert_eq!((&waiting["run"], &waiting["step"]), (&run.into(), &at.into()));
                assert_eq!(waiting["unmet"][0]["gate"], "applied");
            }
            let line = repo.next(&["--skip-gate", "played through"], 0);
            assert_eq!(line["next"], *phase);
            assert_eq!(line["outcome"], "committed");
            assert_eq!(line["branch"], branch);
            let said = repo.git(&["log", "-1", "--format=%s", &branch]);
            assert_eq!(said, format!("Added/Modified system6 via automation ({title})"));
            assert_eq!(repo.git(&["rev-list", "--count", &format!("main..{branch}")]), "1");
            let mut dirs = repo.git(&["diff", "--name-only", "main", &branch]);
            if wired == Wired::Kustomize && [1, 5].contains(&number) {
                let parent = format!("{FOLDER}/kustomization.yaml");
                assert!(dirs.contains(&parent), "{dirs}");
                dirs = dirs.lines().filter(|path| *path != parent).collect::<Vec<_>>().join("\n");
            }
            let ours = format!("{FOLDER}/dcr/");
            assert!(dirs.lines().all(|path| path.starts_with(&ours)), "{dirs}");

            merge(&repo, how, &branch);
            let merged = repo.git(&["rev-parse", "main"]);
            if (2..5).contains(&number) {
                assert_eq!(changes(&repo, &before, &merged, "synchronizer.yaml"), [""; 0]);
                let farmers = changes(&repo, &before, &merged, "farmers.yaml");
                if number == 2 {
                    let digest = "    dcr-gitops/digest: …";
                    // As many as when the run began, whatever became of the inputs since.
                    let count = if run == 1 { 4 } else { 6 };
                    let replicas = ("-  replicas: 1".to_owned(), format!("+  replicas: {count}"));
                    let expected =
                        [format!("-{digest}"), format!("+{digest}"), replicas.0, replicas.1];
                    assert_eq!(farmers, expected);
                } else {
                    assert_eq!(farmers, [""; 0]);
                }
            }
            people_at_work(&repo, 10 * run as usize + at);
            before = repo.git(&["rev-parse", "main"]);
        }
        let left = repo.git(&["ls-tree", "-r", "--name-only", "main", &format!("{FOLDER}/dcr/")]);
        assert_eq!(left, format!("{FOLDER}/dcr/last-run"));
        let last = repo.show("main", &left);
        let skipped = "gateSkipped: played through";
        let expected = format!("run: {run}\nstep: 5\nkind: rebuild\noutcome: complete\n{skipped}");
        assert_eq!(last, expected);
        if wired == Wired::Kustomize {
            let parent = repo.show("main", &format!("{FOLDER}/kustomization.yaml"));
            assert_eq!(parent, "# Ours.\nresources:   # in this order\n- app.yaml");
        }
    }
    repo.fsck();
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
}

#[test]
fn merged_by_merge_commits() {
    whole_life(Merge::Commit, Wired::Directory);
}

#[test]
fn merged_by_squashing() {
    whole_life(Merge::Squash, Wired::Kustomize);
}

#[test]
fn merged_by_rebasing() {
    whole_life(Merge::Rebase, Wired::Directory);
}

#[test]
fn the_inputs_of_the_next_run_are_those_of_its_beginning() {
    let repo = Deployment::alone(Wired::Directory);
    repo.next(&[], 0);
    repo.merge(&step(1, 1));
    people_at_work(&repo, 0);
    let ran = repo.run(&["next-phase", "system6", "--skip-gate", "x"]).ends(0);
    assert!(ran.out.contains("the inputs have changed since the run began"), "{}", ran.out);
    let farmers = repo.show(&step(1, 2), &format!("{FOLDER}/dcr/farmers.yaml"));
    assert!(farmers.contains("express:e686.131") && !farmers.contains("e686.132"), "{farmers}");
}
