//! `init`: what it proposes and writes in repos of several kinds, and that it leaves alone what is there.
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::env::Ran;
use crate::git_repo::Sandbox;

const USES: &str = "--uses=dcr-gitops/dcr-gitops@0123456789abcdef0123456789abcdef01234567";
const WORKFLOWS: [&str; 4] = ["dcr-act", "dcr-review", "dcr-start", "dcr-tick"];

/// A repo on `branch` with these files, not committed.
struct Place {
    sandbox: Sandbox,
    dir: PathBuf,
}

impl Place {
    fn new(branch: &str, files: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        let dir = sandbox.path("repo");
        sandbox.git(sandbox.dir.path(), &["init", "--quiet", "-b", branch, "repo"]);
        let place = Place { sandbox, dir };
        for (path, text) in files {
            place.put(path, text);
        }
        place
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn init(&self, flags: &[&str]) -> Ran {
        self.sandbox.run(&self.dir, &[&["init", USES], flags].concat())
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.join(path)).unwrap()
    }

    fn yaml(&self, path: &str) -> Value {
        serde_yaml::from_str_with_options(&self.read(path), serde_yaml::options! {}).unwrap()
    }

    /// All files, sorted.
    fn files(&self) -> Vec<String> {
        let all = self.sandbox.git(&self.dir, &["ls-files", "--others", "--cached"]);
        all.lines().map(str::to_owned).collect()
    }
}

const MANIFEST: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n";

#[test]
fn it_proposes_what_the_folders_say() {
    let place = Place::new(
        "main",
        &[
            ("clusters/den/tenant-105858-prod/system6/web.yaml", MANIFEST),
            ("clusters/den/tenant-105858-prod/system7/web.yaml", MANIFEST),
            ("clusters/ams/tenant-204411-prod/system6/base/web.yaml", MANIFEST),
            ("clusters/ams/tenant-204411-prod/system6/web.yaml", MANIFEST),
            ("tools/lint.yaml", "{}\n"),
            (".github/workflows/other.yml", "on: push\n"),
        ],
    );
    insta::assert_snapshot!(place.init(&[]).ends(0).out, @r"
    found 3 folders that fit
      clusters/{cluster}/{namespace}/{system}/dcr.yaml
        ams/tenant-204411-prod/system6
        den/tenant-105858-prod/system6
        den/tenant-105858-prod/system7
      other folders with manifests that don't fit: 1

    wrote       dcr-gitops.yaml
    wrote       clusters/ams/tenant-204411-prod/system6/dcr.yaml
    wrote       .dcr-gitops/schema.json
    wrote       .github/workflows/dcr-start.yml
    wrote       .github/workflows/dcr-act.yml
    wrote       .github/workflows/dcr-tick.yml
    wrote       .github/workflows/dcr-review.yml
    wrote       .github/CODEOWNERS
    wrote       .dcr-gitops/rbac/ams-namespaced.yaml
    wrote       .dcr-gitops/rbac/ams-cluster-wide.yaml
    wrote       .dcr-gitops/rbac/den-namespaced.yaml
    wrote       .dcr-gitops/rbac/den-cluster-wide.yaml

    next
      fill in clusters/ams/tenant-204411-prod/system6/dcr.yaml, then `dcr-gitops check`
      name who reviews in .github/CODEOWNERS
      apply one form of the roles in .dcr-gitops/rbac (for systems to come, remove them and run `init` again)
      make the environment `dcr` in the repo's settings on GitHub, with the secret DCR_KUBECONFIG
      commit it, and `dcr-gitops plan SYSTEM --all-phases` shows every commit of a run before the first is made
    ");
    let settings = place.yaml("dcr-gitops.yaml");
    assert_eq!(settings["systems"], "clusters/{cluster}/{namespace}/{system}/dcr.yaml");
    assert_eq!((&settings["wiring"], &settings["branch"]), (&"directory".into(), &Value::Null));
    let inputs = place.read("clusters/ams/tenant-204411-prod/system6/dcr.yaml");
    let schema = "# yaml-language-server: $schema=../../../../.dcr-gitops/schema.json\n";
    assert!(inputs.starts_with(schema), "{inputs}");
    place.sandbox.run(&place.dir, &["check"]).ends(0);
}

/// Each context gets both forms, for the systems whose objects or Applications are there.
#[test]
fn the_roles_are_for_the_systems_that_are_there() {
    let inputs = "apiVersion: dcr-gitops/v1\nimage: a/b:1\nfrontends: {names: [front]}\n\
        synchronizer: {resources: {}}\nfarmers: {resources: {}}\n\
        admin: {via: port-forward}\n";
    let place = Place::new(
        "main",
        &[
            (
                "dcr-gitops.yaml",
                "apiVersion: dcr-gitops/v1\nclusters: {den: {argocd: {context: hub/1}}}\n",
            ),
            ("clusters/den/tenant-1/system6/dcr.yaml", inputs),
            ("clusters/den/tenant-1/system7/web.yaml", MANIFEST),
            ("clusters/den/tenant-2/system8/dcr.yaml", "apiVersion: dcr-gitops/v1\nimage: [\n"),
        ],
    );
    place.init(&[]).ends(0);
    let roles = |file: &str| -> Vec<Value> {
        let text = place.read(&format!(".dcr-gitops/rbac/{file}.yaml"));
        let all = dcr_gitops::manifest::objects(&text).unwrap().into_iter().map(|object| object.0);
        all.filter(|object| !object["kind"].as_str().unwrap().ends_with("Binding")).collect()
    };
    let names = |roles: &[Value]| -> Vec<String> {
        let name = |role: &Value| {
            let namespace = role["metadata"]["namespace"].as_str().unwrap_or("everywhere");
            format!("{} {namespace}", role["kind"].as_str().unwrap())
        };
        roles.iter().map(name).collect()
    };
    let reached = |role: &Value, resource: &str| -> Value {
        let rules = role["rules"].as_array().unwrap().iter();
        let mut of = rules.filter(|rule| rule["resources"][0] == resource);
        of.next().map(|rule| rule["resourceNames"].clone()).unwrap_or_default()
    };
    let namespaced = roles("den-namespaced");
    assert_eq!(names(&namespaced), ["Role tenant-1", "Role tenant-2"]);
    // Its own inputs, or the example's where there are none that are valid.
    let forwarded = reached(&namespaced[0], "pods/portforward");
    assert_eq!(forwarded, serde_json::json!(["front", "system6-dcr-sync-0"]));
    let proxied = reached(&namespaced[1], "pods/proxy").to_string();
    assert!(proxied.contains("system8-fe1:9100"), "{proxied}");
    let wide = names(&roles("den-cluster-wide"));
    assert_eq!(wide, ["ClusterRole everywhere", "Role tenant-1", "Role tenant-2"]);
    let hub = roles("hub-1-namespaced");
    assert_eq!(names(&hub), ["Role argocd"]);
    let applications = serde_json::json!(["system6", "system7", "system8"]);
    assert_eq!(reached(&hub[0], "applications"), applications);
}

#[test]
fn what_is_there_is_left_and_named() {
    let place = Place::new("main", &[(".github/workflows/dcr-tick.yml", "mine\n")]);
    std::os::unix::fs::symlink("elsewhere", place.dir.join(".github/CODEOWNERS")).unwrap();
    let first = place.init(&[]).ends(0).out;
    assert!(
        first.contains("left        .github/workflows/dcr-tick.yml (it is there already)"),
        "{first}"
    );
    assert!(first.contains("left        .github/CODEOWNERS"), "{first}");
    assert!(
        first.contains("add to .github/CODEOWNERS: `/clusters/*/*/*/dcr/** @your-org/your-team`")
    );
    assert_eq!(place.read(".github/workflows/dcr-tick.yml"), "mine\n");
    assert!(!place.dir.join(".github/elsewhere").exists());
    place.put(
        "dcr-gitops.yaml",
        "apiVersion: dcr-gitops/v1\nsystems: '{cluster}/{namespace}/{system}/in.yaml'\n",
    );
    let before = place.files();
    let again = place.init(&[]).ends(0).out;
    assert!(!again.contains("wrote       dcr-gitops.yaml"), "{again}");
    assert!(again.contains("wrote       my-cluster/my-namespace/my-system/in.yaml"), "{again}");
    assert_eq!(place.files().len(), before.len() + 1, "{again}");
    let third = place.init(&[]).ends(0).out;
    assert!(!third.contains("wrote"), "{third}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::new("main", &[]);
    let said = place.init(&["--dry-run"]).ends(0).out;
    assert!(said.contains("would write dcr-gitops.yaml"), "{said}");
    assert_eq!(place.files(), [""; 0]);
    let line = place.init(&["--dry-run", "-o", "json"]).ends(0).line();
    assert_eq!(line["files"][0]["path"], "dcr-gitops.yaml");
    assert_eq!(line["files"][0]["outcome"], "would-write");
}

#[test]
fn branch_and_wiring_are_as_they_are() {
    let folder = "envs/prod/den/t-1/express1";
    let place = Place::new(
        "release/1.x",
        &[
            (&format!("{folder}/kustomization.yaml"), "resources:\n- web.yaml\n"),
            (&format!("{folder}/web.yaml"), MANIFEST),
        ],
    );
    place.init(&[]).ends(0);
    let settings = place.yaml("dcr-gitops.yaml");
    assert_eq!(settings["systems"], "envs/prod/{cluster}/{namespace}/{system}/dcr.yaml");
    assert_eq!(
        (&settings["wiring"], &settings["branch"]),
        (&"kustomize".into(), &"release/1.x".into())
    );
    let tick = place.yaml(".github/workflows/dcr-tick.yml");
    assert_eq!(tick["on"]["push"]["branches"], serde_json::json!(["release/1.x"]));
    assert_eq!(tick["on"]["push"]["paths"], serde_json::json!(["envs/prod/*/*/*/dcr/**"]));
}

#[test]
fn the_workflows_name_one_commit_and_fit_what_they_call() {
    let place = Place::new("main", &[]);
    place.init(&[]).ends(0);
    for name in WORKFLOWS {
        let workflow = place.yaml(&format!(".github/workflows/{name}.yml"));
        let jobs = workflow["jobs"].as_object().unwrap();
        let [job] = jobs.values().collect::<Vec<_>>()[..] else { panic!("{name}") };
        let called = name.strip_prefix("dcr-").unwrap();
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let uses = format!("dcr-gitops/dcr-gitops/.github/workflows/{called}.yml@{commit}");
        assert_eq!((&job["uses"], &job["with"]["ref"]), (&uses.into(), &commit.into()));
        // What is called takes what it is given, asks for no more than it gets, and may do what it needs.
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text =
            std::fs::read_to_string(root.join(format!(".github/workflows/{called}.yml"))).unwrap();
        let callee: Value =
            serde_yaml::from_str_with_options(&text, serde_yaml::options! {}).unwrap();
        let inputs = callee["on"]["workflow_call"]["inputs"].as_object().unwrap();
        let given = job["with"].as_object().unwrap();
        assert!(given.keys().all(|input| inputs.contains_key(input)), "{name}");
        let required = inputs.iter().filter(|(_, input)| input["required"] == true);
        assert!(required.into_iter().all(|(input, _)| given.contains_key(input)), "{name}");
        for callee in callee["jobs"].as_object().unwrap().values() {
            let granted = job["permissions"].as_object().unwrap();
            for (scope, access) in callee["permissions"].as_object().unwrap() {
                assert_eq!(granted.get(scope), Some(access), "{name}: {scope}");
            }
        }
    }
}

#[test]
fn without_a_work_tree_there_is_nothing_to_write_to() {
    let sandbox = Sandbox::new();
    let origin = sandbox.bare(&[("README.md".to_owned(), "x".to_owned())]);
    insta::assert_snapshot!(sandbox.run(&origin, &["init"]).ends(3).err, @r"
    error: a bare repo has no files to write to
    hint: run it in a clone with a work tree
    ");
    sandbox.run(&origin, &["init", "--uses", "nonsense"]).ends(2);
}
