//! A runner of GitHub Actions beside the embedded world: plays the workflows that `init` wrote, those they
//! call and the action, every line of shell with bash, while the world goes on.
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use dcr_gitops::cli::ScaledClock;
use dcr_gitops::rehearse::folder::Folder;
use dcr_gitops::rehearse::github::WEB;
use dcr_gitops::rehearse::loopback::Loopback;
use dcr_gitops::rehearse::reviewer::Act;
use dcr_gitops::rehearse::scenario::Scenario;
use dcr_gitops::rehearse::world::{GITHUB_TOKEN, Platforms, Setting, What, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, interval};

use super::expression::{evaluate, fill, is_true, text};
use super::{ROOT, yaml};
use crate::action::outputs;
use crate::env::Ran;
use crate::journey::play::prepare;

/// How many seconds of the world pass in a real one while a job runs: a quarter of an hour is a second.
const PACE: f64 = 900.0;

/// How soon after a merge a runner is at work.
const A_WHILE: SignedDuration = SignedDuration::from_mins(5);

/// The commit of this repo that the workflows name.
const PIN: &str = "0123456789abcdef0123456789abcdef01234567";

pub struct Runner {
    pub world: World,
    pub folder: Folder,
    /// The cluster's API and GitHub's, as long as this is kept.
    _kubernetes: Loopback,
    github: Loopback,
    /// When the program's clock was set last, outside and in the world.
    set: (Instant, Timestamp),
}

/// How a workflow went.
pub struct Run {
    pub succeeded: bool,
    pub log: String,
    /// The steps that ran, by name.
    pub steps: Vec<String>,
    /// What the last step that reports left behind.
    pub outputs: Value,
}

impl Runner {
    /// The world of a scenario, and a deployment repo with all that `init` writes.
    pub async fn new(scenario: &Scenario) -> Self {
        let path = std::env::var_os("PATH");
        let folder = Folder::new(None, path.as_deref()).unwrap();
        let setting = Setting { platforms: Some(Platforms::default()), ..prepare(&folder, true) };
        let world = World::new(&setting, scenario).unwrap();
        let kubernetes = world.kubernetes.listen().await.unwrap();
        let github = world.github.listen().await.unwrap();
        folder.write_kubeconfig(&kubernetes.url()).unwrap();
        let set = (Instant::now(), world.now());
        let runner = Runner { world, folder, _kubernetes: kubernetes, github, set };
        runner.bring_tools();
        runner.init();
        runner
    }

    /// What `init` writes is committed and lands on the base.
    fn init(&self) {
        let (root, work) = (self.folder.root(), self.folder.work());
        self.folder.git(root, ["clone", "--quiet", "deployment.git", "work"]).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dcr-gitops"));
        command.args(["init", "--uses", &format!("dcr-gitops/dcr-gitops@{PIN}")]);
        command.env_clear().envs(self.folder.environment()).current_dir(&work);
        Ran::from(command.output().unwrap()).ends(0);
        // The example is for the system that there is.
        self.folder.git(&work, ["add", "--all"]).unwrap();
        self.folder.git(&work, ["commit", "--quiet", "-m", "Set dcr-gitops up"]).unwrap();
        self.folder.git(&work, ["push", "--quiet", "origin", "HEAD"]).unwrap();
    }

    /// A release with the program, told the world's time; and a jq whose `now` is the world's, too.
    fn bring_tools(&self) {
        let [bin, releases, _] = ["bin", "releases/v0.1.0", "temp"].map(|name| {
            let dir = self.folder.root().join(name);
            std::fs::create_dir_all(&dir).unwrap();
            dir
        });
        let program = env!("CARGO_BIN_EXE_dcr-gitops");
        let root = self.folder.root().display();
        let script =
            format!("#!/bin/sh\nexec '{program}' --clock \"$(cat '{root}/clock')\" \"$@\"\n");
        std::fs::write(releases.join("dcr-gitops"), script).unwrap();
        let script = format!(
            "#!/bin/sh\nexec \"$(cat '{root}/jq')\" \"$1\" \"def now: $(cat '{root}/now'); $2\"\n"
        );
        std::fs::write(bin.join("jq"), script).unwrap();
        let archive = "dcr-gitops-0.1.0-x86_64-unknown-linux-musl.tar.gz";
        let make = format!(
            "command -v jq > '{root}/jq' && chmod +x dcr-gitops '{}/jq' && tar -czf {archive} dcr-gitops \
             && sha256sum {archive} > SHA256SUMS",
            bin.display()
        );
        let mut made = std::process::Command::new("sh");
        assert!(made.args(["-c", &make]).current_dir(&releases).status().unwrap().success());
    }

    /// Lets the world go on while no job runs, until something is merged or nothing was for so long.
    pub async fn pass(&mut self, longest: SignedDuration) {
        let end = self.world.now() + longest;
        while self.world.now() < end {
            let events = self.world.until(self.world.now() + A_WHILE).await.unwrap();
            if events.iter().any(|event| matches!(event.what, What::Review(Act::Ended(_)))) {
                return;
            }
        }
    }

    /// Runs one of the workflows that `init` wrote, as `event` (with `inputs` or a `client_payload`) starts it.
    pub async fn dispatch(&mut self, name: &str, event: Value) -> Run {
        let work = self.folder.work();
        self.folder.git(&work, ["pull", "--quiet"]).unwrap();
        let caller = std::fs::read_to_string(work.join(format!(".github/workflows/{name}.yml")));
        let caller: Value =
            serde_yaml::from_str_with_options(&caller.unwrap(), serde_yaml::options! {}).unwrap();
        let declared = &caller["on"]["workflow_dispatch"]["inputs"];
        let inputs = match &event["inputs"] {
            Value::Null => json!({}),
            given => with_defaults(declared, given),
        };
        let github = json!({"event": event, "token": GITHUB_TOKEN, "action_path": ROOT});
        let context = json!({"github": github, "inputs": inputs});
        let job = caller["jobs"].as_object().unwrap().values().next().unwrap();
        let uses = job["uses"].as_str().unwrap();
        let called = uses.strip_prefix("dcr-gitops/dcr-gitops/").unwrap();
        let called = yaml(called.strip_suffix(&format!("@{PIN}")).unwrap());
        let with = filled(&job["with"], &context);
        let kubeconfig = std::fs::read_to_string(self.folder.root().join("kubeconfig")).unwrap();
        let inputs = with_defaults(&called["on"]["workflow_call"]["inputs"], &with);
        let mut context = json!({
            "github": context["github"], "inputs": inputs, "needs": {},
            "secrets": {"DCR_KUBECONFIG": kubeconfig},
        });
        let mut run =
            Run { succeeded: true, log: String::new(), steps: Vec::new(), outputs: Value::Null };
        for (name, job) in called["jobs"].as_object().unwrap() {
            let wanted = job["if"].as_str().is_none_or(|it| is_true(&evaluate(it, &context)));
            if wanted && run.succeeded {
                context["steps"] = json!({});
                self.job(job, &mut context, &mut run).await;
                context["needs"][name] = json!({"outputs": filled(&job["outputs"], &context)});
            }
        }
        run
    }

    /// A job in a workspace of its own.
    async fn job(&mut self, job: &Value, context: &mut Value, run: &mut Run) {
        let workspace = self.folder.root().join("workspace");
        if workspace.exists() {
            std::fs::remove_dir_all(&workspace).unwrap();
        }
        std::fs::create_dir(&workspace).unwrap();
        for step in job["steps"].as_array().unwrap() {
            let wanted = step["if"].as_str().is_none_or(|it| is_true(&evaluate(it, context)));
            if !wanted || !run.succeeded {
                continue;
            }
            run.steps.push(text(&step["name"]));
            let ran = match step["uses"].as_str() {
                Some("./program") => {
                    let inputs = filled(&step["with"], context);
                    self.action(&inputs, context, &workspace, run).await
                }
                Some(uses) => {
                    assert!(uses.starts_with("actions/checkout@"), "{uses}");
                    if step["with"]["path"] == "deployment" {
                        let remote = self.folder.remote();
                        let clone = ["clone".as_ref(), "--quiet".as_ref(), remote.as_os_str()];
                        let clone = clone.into_iter().chain(["deployment".as_ref()]);
                        self.folder.git(&workspace, clone).unwrap();
                    }
                    (true, json!({}))
                }
                None => self.shell(step, context, &workspace, run).await,
            };
            let (succeeded, outputs) = ran;
            run.succeeded = succeeded;
            if let Some(id) = step["id"].as_str() {
                let outcome = if succeeded { "success" } else { "failure" };
                context["steps"][id] = json!({"outputs": outputs, "outcome": outcome});
            }
        }
    }

    /// The composite action: whether it succeeds, and what it puts out.
    async fn action(
        &mut self,
        with: &Value,
        outer: &Value,
        workspace: &Path,
        run: &mut Run,
    ) -> (bool, Value) {
        let action = yaml("action.yml");
        let mut inputs = with_defaults(&action["inputs"], with);
        let releases = self.folder.root().join("releases");
        inputs["from"] = format!("file://{}", releases.display()).into();
        let mut context = json!({"github": outer["github"], "inputs": inputs, "steps": {}});
        let mut succeeded = true;
        for step in action["runs"]["steps"].as_array().unwrap() {
            let wanted = step["if"].as_str().is_none_or(|it| is_true(&evaluate(it, &context)));
            if wanted && succeeded {
                let outputs;
                (succeeded, outputs) = self.shell(step, &context, workspace, run).await;
                context["steps"][text(&step["id"])] = json!({"outputs": outputs});
            }
        }
        let left = action["outputs"].as_object().unwrap().iter();
        let left: serde_json::Map<String, Value> =
            left.map(|(name, it)| (name.clone(), fill(&it["value"], &context))).collect();
        run.outputs = Value::Object(left.clone());
        (succeeded, Value::Object(left))
    }

    /// Lines of shell: whether they succeed, and the outputs they leave.
    async fn shell(
        &mut self,
        step: &Value,
        context: &Value,
        workspace: &Path,
        run: &mut Run,
    ) -> (bool, Value) {
        let script = step["run"].as_str().unwrap();
        let left = self.folder.root().join("outputs");
        std::fs::write(&left, "").unwrap();
        self.set_clock();
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]);
        command.current_dir(workspace).env_clear().envs(self.environment(&left));
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            command.env(name, text(&fill(value, context)));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.kill_on_drop(true).spawn().unwrap();
        let mut ended = std::pin::pin!(child.wait_with_output());
        let mut ticks = interval(Duration::from_millis(20));
        let ran: Ran = loop {
            tokio::select! {
                ended = &mut ended => break ended.unwrap().into(),
                _ = ticks.tick() => {
                    let passed = self.set.0.elapsed().as_secs_f64() * PACE;
                    let now = self.set.1 + SignedDuration::try_from_secs_f64(passed).unwrap();
                    self.world.until(now).await.unwrap();
                }
            }
        };
        run.log += &format!("{}{}", ran.out, ran.err);
        let left = outputs(&std::fs::read_to_string(&left).unwrap());
        (ran.code == 0, json!(left))
    }

    /// From now on the program and jq know the world's time.
    fn set_clock(&mut self) {
        let root = self.folder.root();
        // What was just written tells what time it is outside.
        std::fs::write(root.join("now"), self.world.now().as_second().to_string()).unwrap();
        let now = std::fs::metadata(root.join("now")).unwrap().modified().unwrap();
        let since = now.duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let since = Timestamp::from_millisecond(since).unwrap();
        self.set = (Instant::now(), self.world.now());
        let clock = ScaledClock { start: self.world.now(), since, scale: PACE };
        std::fs::write(root.join("clock"), clock.to_string()).unwrap();
    }

    /// What a step has in its environment, as on GitHub's own runners.
    fn environment(&self, outputs: &Path) -> Vec<(String, String)> {
        let root = self.folder.root();
        let own = self.folder.environment().into_iter();
        let own = own.filter(|(name, _)| name != "KUBECONFIG" && name != "PATH");
        let own = own.map(|(name, value)| [name, value].map(|it| it.into_string().unwrap()));
        let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
        let path = format!("{}:{path}", root.join("bin").display());
        let at = |name: &str| root.join(name).display().to_string();
        let api = self.github.url();
        let runner = [
            ("PATH", path),
            ("RUNNER_OS", "Linux".to_owned()),
            ("RUNNER_ARCH", "X64".to_owned()),
            ("RUNNER_TEMP", at("temp")),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_ACTOR", "octocat".to_owned()),
            ("GITHUB_OUTPUT", outputs.display().to_string()),
            ("GITHUB_STEP_SUMMARY", at("summary")),
            ("GITHUB_REPOSITORY", self.world.github.repository()),
            ("GITHUB_SERVER_URL", WEB.to_owned()),
            ("GITHUB_API_URL", format!("{api}/api/v3")),
            ("GITHUB_GRAPHQL_URL", format!("{api}/api/graphql")),
        ];
        let runner = runner.map(|(name, value)| (name.to_owned(), value));
        own.map(|[name, value]| (name, value)).chain(runner).collect()
    }

    /// What a person at a terminal is told who fetches first.
    pub fn status(&mut self, system: &str) -> Ran {
        let work = self.folder.work();
        self.folder.git(&work, ["fetch", "--quiet"]).unwrap();
        self.set_clock();
        let program = self.folder.root().join("releases/v0.1.0/dcr-gitops");
        let mut command = std::process::Command::new(program);
        command.args(["status", system, "-o", "json"]).current_dir(&work);
        command.env_clear().envs(self.folder.environment());
        command.output().unwrap().into()
    }

    /// A file on the base branch, if it is there.
    pub fn on_base(&self, path: &str) -> Option<String> {
        self.folder.git(&self.folder.remote(), ["show", &format!("main:{path}")]).ok()
    }

    /// What a job leaves on the machine it ran on.
    pub fn temp(&self) -> PathBuf {
        self.folder.root().join("temp")
    }
}

/// The inputs that are declared, given or by default.
fn with_defaults(declared: &Value, given: &Value) -> Value {
    let mut inputs = json!({});
    for (name, input) in declared.as_object().unwrap() {
        let given = given.get(name).filter(|given| !given.is_null());
        assert!(given.is_some() || input["required"] != true, "{name} is required");
        inputs[name] = given.unwrap_or(&input["default"]).clone();
    }
    let unknown =
        given.as_object().into_iter().flatten().find(|(name, _)| inputs.get(*name).is_none());
    assert!(unknown.is_none(), "{unknown:?}");
    inputs
}

fn filled(values: &Value, context: &Value) -> Value {
    let values = values.as_object().into_iter().flatten();
    Value::Object(values.map(|(name, value)| (name.clone(), fill(value, context))).collect())
}
