//! Every scenario, played by the program itself as a user would.
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use dcr_gitops::rehearse::scenario::Scenario;

use crate::git_repo::Sandbox;

/// The titles' ends, in the order of the phases.
const PHASES: [&str; 5] = [
    "(Starting DCR Farm History Update)",
    "(Bringing up the rest of the nodes)",
    "(Triggering the distributed cache rebuild)",
    "(Propagating caches)",
    "(Tearing down the DCR farm)",
];

struct Rehearsed {
    sandbox: Sandbox,
    code: i32,
    out: String,
    err: String,
}

impl Rehearsed {
    fn kept(&self) -> PathBuf {
        self.sandbox.path("kept")
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.kept().join(name)).unwrap()
    }

    /// Titles of the base branch, the oldest first, without commits that only merge.
    fn titles(&self) -> Vec<String> {
        let remote = self.kept().join("deployment.git");
        let log = self.sandbox.git(&remote, &["log", "--reverse", "--format=%s", "main"]);
        let titles = log.lines().filter(|title| !title.starts_with("Merge pull request"));
        titles.map(str::to_owned).collect()
    }

    /// How many steps of each phase landed.
    fn phases(&self) -> [usize; 5] {
        let titles = self.titles();
        PHASES.map(|phase| titles.iter().filter(|title| title.contains(phase)).count())
    }

    fn says(&self, part: &str) -> bool {
        self.out.contains(part)
    }

    /// Where in the timeline something stands first.
    fn at(&self, part: &str) -> usize {
        self.out.find(part).unwrap_or_else(|| panic!("no `{part}` in:\n{self}"))
    }
}

impl std::fmt::Display for Rehearsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n{}\n{}", self.code, self.out, self.err)?;
        match std::fs::read_to_string(self.kept().join("log")) {
            Ok(log) => write!(f, "\nlog:\n{log}"),
            Err(_) => Ok(()),
        }
    }
}

/// Runs `rehearse` with these arguments, and keeps its folder.
fn rehearse_in(sandbox: Sandbox, dir: &Path, arguments: &[&str]) -> Rehearsed {
    let kept = sandbox.path("kept").display().to_string();
    let ran = sandbox.run(dir, &[&["rehearse", "--keep", &kept], arguments].concat());
    Rehearsed { sandbox, code: ran.code, out: ran.out, err: ran.err }
}

fn rehearse(arguments: &[&str]) -> Rehearsed {
    let sandbox = Sandbox::new();
    let dir = sandbox.path("elsewhere");
    std::fs::create_dir(&dir).unwrap();
    rehearse_in(sandbox, &dir, arguments)
}

/// What holds whatever happens: one accepted trigger per attempt, nothing written to the cluster, no secret
/// anywhere but in the kubeconfig, and nothing left where it was called from.
#[track_caller]
fn holds(played: &Rehearsed, triggers: usize) {
    assert!(played.says("writes to the cluster: 0\n"), "{played}");
    assert_eq!(played.out.matches(": 1 trigger accepted\n").count(), triggers, "{played}");
    assert_eq!(played.out.matches("trigger accepted").count(), triggers, "{played}");
    let log = played.read("log");
    for text in [&played.out, &played.err, &log] {
        assert!(!text.contains("rehearsalTOKEN"), "{played}");
    }
    assert!(played.read("kubeconfig").contains("rehearsalTOKEN"));
    let left = std::fs::read_dir(played.sandbox.path("elsewhere")).unwrap().count();
    assert_eq!(left, 0, "{played}");
}

#[test]
fn happy() {
    let played = rehearse(&[]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    // The remote, the clone and the requests are what the README says they are.
    let request = played.read("pull-requests/3.md");
    assert!(
        request.starts_with("# Added/Modified system6 via automation (Triggering"),
        "{request}"
    );
    assert!(request.contains("merged with "), "{request}");
    // What the program wrote for whoever reviews it, not just the commit's message.
    assert!(request.contains("<!-- dcr-gitops"), "{request}");
    for number in 1..=5 {
        let link = format!("https://github.example.com/rehearsal/deployment/pull/{number}\n");
        assert!(played.says(&link), "{played}");
    }
    assert!(!played.kept().join("pull-requests/6.md").exists(), "{played}");
    // Nothing called for attention, so the ticket is told of the end only.
    let end = "ticket     DCR-1: den/tenant-105858-prod/system6: run 1 is over (complete)";
    assert!(played.says(end) && played.out.matches("ticket     DCR-1").count() == 1, "{played}");
    assert!(played.kept().join("work/.git").is_dir());
    let order = ["#1 Added", "#2 Added", "#3 Added", "rebuild    complete", "#4 Added", "#5 Added"];
    assert!(order.map(|part| played.at(part)).is_sorted(), "{played}");
    let last = played.sandbox.git(
        &played.kept().join("deployment.git"),
        &["show", "main:clusters/den/tenant-105858-prod/system6/dcr/last-run"],
    );
    assert_eq!(last, "run: 1\nstep: 5\nkind: rebuild\noutcome: complete");
}

#[test]
fn farmer_lost() {
    let played = rehearse(&["--scenario", "farmer-lost"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    let lost = played.at("somebody deletes the Pod system6-dcr-farmer-2");
    let back = played.out[lost..].find("system6-dcr-farmer-2 is ready");
    let done = played.out[lost..].find("rebuild    complete");
    assert!(back.is_some() && done.is_some() && back < done, "{played}");
}

#[test]
fn rebuild_fails() {
    let played = rehearse(&["--scenario", "rebuild-fails"]);
    assert_eq!(played.code, 11, "{played}");
    assert_eq!(played.phases(), [1, 1, 1, 0, 0], "{played}");
    holds(&played, 1);
    assert!(played.says("rebuild    failed at 45 %"), "{played}");
    assert!(played.says("program    halted: "), "{played}");
}

#[test]
fn second_run() {
    let played = rehearse(&["--scenario", "second-run"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [2; 5], "{played}");
    holds(&played, 2);
    assert!(played.says("run 1, attempt 1: 1 trigger"), "{played}");
    assert!(played.says("run 2, attempt 1: 1 trigger"), "{played}");
    assert!(played.titles().iter().any(|title| title.contains("another team")), "{played}");
}

#[test]
fn same_hash() {
    let played = rehearse(&["--scenario", "same-hash"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    // All frontends had that hash before, and the merged step stood for a day before it was synced.
    let window = played.at("a window in which Argo CD syncs nothing");
    let propagated = played.at("system6-dcr-propagate-1-1 complete");
    let teardown = played.at("#5 Added");
    assert!(window < propagated && propagated < teardown, "{played}");
}

#[test]
fn retriggered() {
    let played = rehearse(&["--scenario", "retriggered"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    let deleted = played.at("somebody deletes the Job system6-dcr-trigger-1-1");
    let again = &played.out[deleted..];
    let again = again.find("system6-dcr-trigger-1-1 complete: nothing was sent: ");
    assert!(again.is_some(), "{played}");
}

#[test]
fn scaled_up() {
    let played = rehearse(&["--scenario", "scaled-up"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    // More farmers are no new attempt: nothing is triggered again.
    holds(&played, 1);
    let added = "via automation (Adding farmers to the DCR farm)";
    assert!(played.titles().iter().any(|title| title.ends_with(added)), "{played}");
    let asked = played.at("person     scale --farmers 6");
    let more = asked + played.out[asked..].find("system6-dcr-farmer-5 is ready").unwrap();
    assert!(more < played.at("rebuild    complete"), "{played}");
}

#[test]
fn declined_scale() {
    let played = rehearse(&["--scenario", "declined-scale"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    assert!(played.says("declined #4 Added/Modified system6 via automation (Adding"), "{played}");
    assert!(!played.says("system6-dcr-farmer-4"), "{played}");
}

#[test]
fn aborted() {
    let played = rehearse(&["--scenario", "aborted"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1, 1, 1, 0, 1], "{played}");
    holds(&played, 1);
    assert!(!played.says("rebuild    complete"), "{played}");
    let request = played.read("pull-requests/4.md");
    assert!(request.contains("the disks are needed elsewhere"), "{request}");
    assert!(played.says("run 1 is over (aborted) and nothing of it is live"), "{played}");
}

#[test]
fn retried() {
    let played = rehearse(&["--scenario", "retried"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1, 1, 2, 1, 1], "{played}");
    holds(&played, 2);
    assert!(played.says("run 1, attempt 2: 1 trigger accepted"), "{played}");
    assert!(played.at("rebuild    failed at 45 %") < played.at("person     retry"), "{played}");
}

#[test]
fn synchronizer_only() {
    let played = rehearse(&["--scenario", "synchronizer-only"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [0, 0, 0, 0, 1], "{played}");
    holds(&played, 0);
    assert!(played.says("(Bringing up a dynamic synchronizer)"), "{played}");
    assert!(played.at("system6-dcr-sync-0 is ready") < played.at("person     synchronizer down"));
    assert!(!played.says("dcr-farmer"), "{played}");
}

#[test]
fn argocd_fails() {
    let played = rehearse(&["--scenario", "argocd-fails"]);
    assert_eq!(played.code, 11, "{played}");
    assert_eq!(played.phases(), [1, 1, 1, 0, 0], "{played}");
    holds(&played, 0);
    assert!(
        played.at("the API server refuses the trigger Job") < played.at("couldn't sync"),
        "{played}"
    );
    // It says which object, that it won't come by itself, and the API server's own words.
    let halted = &played.out[played.at("halted: ")..];
    let halted = halted.lines().next().unwrap();
    let given_up = "Argo CD has given up: Job system6-dcr-trigger-1-1 could not be applied: ";
    assert!(halted.contains(given_up), "{halted}");
    assert!(halted.contains("the registry isn't allowed"), "{halted}");
}

#[test]
fn stale_status() {
    let played = rehearse(&["--scenario", "stale-status"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    // The frontends say that it is complete, the synchronizer that it isn't: nobody is believed.
    let stale = played.at("tell nothing new for 36 h");
    let true_again = played.at("tell the truth again");
    let propagate = played.at("#4 Added");
    assert!(stale < true_again && true_again < propagate, "{played}");
    assert!(
        played.read("log").contains("the nodes disagree about how the rebuild stands"),
        "{played}"
    );
}

#[test]
fn reverted() {
    let played = rehearse(&["--scenario", "reverted"]);
    assert_eq!(played.code, 11, "{played}");
    assert_eq!(played.phases(), [1, 0, 0, 0, 0], "{played}");
    holds(&played, 0);
    let halted = &played.out[played.at("halted: ")..];
    assert!(
        halted.starts_with("halted: step 1 of run 1 was merged and is missing on "),
        "{played}"
    );
    assert!(played.at("somebody reverts the step") < played.at("halted: "), "{played}");
}

#[test]
fn scaled_by_hand() {
    let played = rehearse(&["--scenario", "scaled-by-hand"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    let scaled = played.at("somebody scales system6-dcr-farmer to 3");
    let drift = played.at("StatefulSet system6-dcr-farmer has drifted: 3 replicas, not 4");
    assert!(scaled < drift, "{played}");
    let rest = &played.out[drift..];
    let back = rest.find("system6-dcr-farmer-3 is ready");
    let done = rest.find("rebuild    complete");
    assert!(back.is_some() && done.is_some() && back < done, "{played}");
}

#[test]
fn inputs_changed() {
    let played = rehearse(&["--scenario", "inputs-changed"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    let changed = played.at("another image lands in the inputs");
    let told = played.at("the inputs have changed since the run began");
    assert!(changed < told, "{played}");
    // The farm was made once, scaled once and removed: no commit of the run changed what it runs.
    let remote = played.kept().join("deployment.git");
    let dcr = "clusters/den/tenant-105858-prod/system6/dcr";
    let commits = |file: &str| {
        let path = format!("{dcr}/{file}");
        let log = ["log", "--first-parent", "--format=%H", "main", "--", &path];
        played.sandbox.git(&remote, &log).lines().count()
    };
    assert_eq!((commits("synchronizer.yaml"), commits("farmers.yaml")), (2, 3), "{played}");
    // And no node went away before the teardown.
    let teardown = played.at("merged   #5 Added");
    assert!(!played.out[..teardown].contains(" is gone"), "{played}");
    let inputs = "main:clusters/den/tenant-105858-prod/system6/dcr.yaml";
    assert!(played.sandbox.git(&remote, &["show", inputs]).contains("e686.131-next"), "{played}");
}

#[test]
fn declined() {
    let played = rehearse(&["--scenario", "declined"]);
    assert_eq!(played.code, 11, "{played}");
    assert_eq!(played.phases(), [1, 0, 0, 0, 0], "{played}");
    holds(&played, 0);
    let declined = played.at("declined #2 Added");
    assert!(declined < played.at("program    halted: "), "{played}");
    assert!(!played.says("opened   #3"), "it isn't proposed again: {played}");
    assert!(played.read("pull-requests/2.md").contains("\ndeclined; "), "{played}");
}

/// However often GitHub fails, forgets to answer or shows what is old, each step is proposed once.
#[test]
fn github_flaky() {
    let played = rehearse(&["--scenario", "github-flaky"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    assert_eq!(played.out.matches("opened   #").count(), 5, "{played}");
    assert_eq!(played.out.matches("merged   #").count(), 5, "{played}");
}

#[test]
fn jira_down() {
    let played = rehearse(&["--scenario", "jira-down"]);
    assert_eq!(played.code, 11, "{played}");
    assert_eq!(played.phases(), [1, 1, 1, 0, 0], "{played}");
    holds(&played, 1);
    let halted = "ticket     DCR-1: den/tenant-105858-prod/system6, run 1: halted in phase rebuild. A person must look. system6-fe1 says that the rebuild failed: ";
    let order = [
        "Jira is down for 24 h",
        "rebuild    failed at 45 %",
        "program    halted: system6-fe1 says that the rebuild failed",
        "Jira is back",
        halted,
    ];
    assert!(order.map(|part| played.at(part)).is_sorted(), "{played}");
}

#[test]
fn gate_lapses() {
    let played = rehearse(&["--scenario", "gate-lapses"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    let lost = played.at("somebody deletes the Pod system6-dcr-farmer-2");
    let waits = played.at("waits    #3 Added");
    let back = lost + played.out[lost..].find("system6-dcr-farmer-2 is ready").expect("it is back");
    let merged = played.at("merged   #3 Added");
    assert!([lost, waits, back, merged].is_sorted(), "{played}");
}

#[test]
fn an_unknown_scenario_lists_all() {
    let played = rehearse(&["--scenario", "earthquake"]);
    assert_eq!((played.code, played.out.as_str()), (2, ""));
    for name in Scenario::all().iter().map(|scenario| scenario.name) {
        assert!(played.err.contains(name), "{played}");
    }
    assert!(!played.kept().exists());
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("kept")).unwrap();
    std::fs::write(sandbox.path("kept/mine"), "mine").unwrap();
    let dir = sandbox.path("home");
    let played = rehearse_in(sandbox, &dir, &[]);
    assert_eq!((played.code, played.out.as_str()), (2, ""), "{played}");
    assert!(played.err.contains("is not empty"), "{played}");
    assert_eq!(std::fs::read_dir(played.kept()).unwrap().count(), 1);
}

/// A deployment repo of one's own: kustomize wiring, Deployments, a ticket required, a heartbeat that would
/// be called, answers in a format of its own, and another base branch.
#[test]
fn the_surrounding_deployment_repo_is_rehearsed_on_a_copy() {
    let sandbox = Sandbox::new();
    let folder = "clusters/den/tenant-7/express9";
    let file = |path: &str, text: &str| (format!("{folder}/{path}"), text.to_owned());
    let settings = "apiVersion: dcr-gitops/v1\nbranch: prod\nwiring: kustomize\n\
        clusters: {den: {context: den-admin, argocd: {context: hub}}}\n\
        jira: {url: https://jira.invalid, kind: cloud}\n\
        heartbeat: {url: https://heartbeat.invalid/}\n";
    let inputs = "apiVersion: dcr-gitops/v1\nimage: registry.example.com/express:e1\n\
        frontends: {names: [fe-a, fe-b]}\n\
        synchronizer: {resources: {requests: {cpu: '1'}}}\n\
        farmers: {count: 2, resources: {requests: {cpu: '1'}}}\n\
        argocd: {application: tenant-7-apps}\n\
        admin:\n  port: 9200\n  aaStatus: {via: command, command: ['./admin', '{system}']}\n\
        \x20 rebuildStatus: {via: url, url: 'http://{node}.invalid', path: /x, fields: {state: {regex: '(.*)'}}}\n";
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
    let files = [
        ("dcr-gitops.yaml".to_owned(), settings.to_owned()),
        file("dcr.yaml", inputs),
        file("web.yaml", web),
        file("kustomization.yaml", "# ours\nresources:\n- web.yaml\n"),
    ];
    let origin = sandbox.path("origin.git");
    sandbox.git(sandbox.dir.path(), &["init", "--quiet", "--bare", "-b", "prod", "origin.git"]);
    sandbox.land(&origin, "prod", "Begin", &files);
    sandbox.git(sandbox.dir.path(), &["clone", "--quiet", "origin.git", "mine"]);
    let mine = sandbox.path("mine");
    let state = |sandbox: &Sandbox| {
        let refs = ["for-each-ref", "--format=%(refname) %(objectname)"];
        let refs = [&mine, &origin].map(|repo| sandbox.git(repo, &refs));
        (refs, sandbox.git(&mine, &["status", "--porcelain", "--ignored"]))
    };
    let before = state(&sandbox);
    let played = rehearse_in(sandbox, &mine, &["express9", "--scenario", "rebuild-fails"]);
    assert_eq!(played.code, 11, "{played}");
    assert_eq!(state(&played.sandbox), before, "{played}");
    let remote = played.kept().join("deployment.git");
    let show = |path: &str| played.sandbox.git(&remote, &["show", &format!("prod:{path}")]);
    let kustomization = show(&format!("{folder}/kustomization.yaml"));
    assert_eq!(kustomization, "# ours\nresources:\n- web.yaml\n- dcr", "{played}");
    assert!(played.says("nodes      express9-dcr-farmer-1 is ready"), "{played}");
    assert!(played.says("run 1, attempt 1: 1 trigger accepted"), "{played}");
}

#[test]
fn a_run_that_is_on_is_not_rehearsed() {
    let sandbox = Sandbox::new();
    let folder = "clusters/den/tenant-105858-prod/system6";
    let inputs = "apiVersion: dcr-gitops/v1\nimage: express:1\n\
        synchronizer: {resources: {requests: {cpu: '1'}}}\n\
        farmers: {resources: {requests: {cpu: '1'}}}\n";
    let origin = sandbox.bare(&[
        ("dcr-gitops.yaml".to_owned(), "apiVersion: dcr-gitops/v1\n".to_owned()),
        (format!("{folder}/dcr.yaml"), inputs.to_owned()),
    ]);
    let begun = sandbox.run(&origin, &["next-phase", "system6"]);
    assert_eq!(begun.code, 0, "{begun:?}");
    let step = "refs/heads/dcr/den/tenant-105858-prod/system6/run-1/step-1";
    sandbox.git(&origin, &["update-ref", "refs/heads/main", step]);
    let played = rehearse_in(sandbox, &origin, &[]);
    assert_eq!((played.code, played.out.as_str()), (3, ""), "{played}");
    assert!(played.err.contains("run 1 of den/tenant-105858-prod/system6 is on"), "{played}");
}

#[test]
fn an_unknown_system_is_an_error_that_names_the_known_one() {
    let played = rehearse(&["sistem6"]);
    assert_eq!((played.code, played.out.as_str()), (3, ""), "{played}");
    assert!(played.err.contains("den/tenant-105858-prod/system6"), "{played}");
    assert!(
        !played.kept().exists(),
        "nothing was rehearsed, so nothing is in the way of another try"
    );
}

#[test]
fn who_is_told_to_end_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = sandbox.program(&temporary, &["rehearse"]);
    let mut child = command.env("TMPDIR", &temporary).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("opened   #1")));
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 1);
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}

#[test]
fn as_json_there_is_one_object_and_nothing_else() {
    let played = rehearse(&["-o", "json", "--scenario", "rebuild-fails"]);
    assert_eq!(played.code, 11, "{played}");
    let line: serde_json::Value = serde_json::from_str(&played.out).expect("one line of JSON");
    assert_eq!((&line["decision"], &line["phase"]), (&"halt".into(), &"rebuild".into()), "{line}");
}

/// The journal that a rehearsal left on its remote.
fn journal(played: &Rehearsed) -> serde_json::Value {
    let name = "refs/dcr/journal/den/tenant-105858-prod/system6:journal.json";
    let text = played.sandbox.git(&played.kept().join("deployment.git"), &["show", name]);
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["journal"].take()
}

#[test]
fn slow() {
    let played = rehearse(&["--scenario", "slow"]);
    assert_eq!(played.code, 0, "{played}");
    assert_eq!(played.phases(), [1; 5], "{played}");
    holds(&played, 1);
    let titles = played.titles();
    let scales = titles.iter().filter(|title| title.contains("(Adding farmers to the DCR farm)"));
    assert_eq!(scales.count(), 1, "{played}");
    // Proposed by the watcher, whom nobody asked, for what it was told is too long; and it came up.
    let why = played.at("because the rebuild would take");
    assert!(played.out[why..].contains("which exceeds 12h: from 4 to 5 farmers"), "{played}");
    let order = ["(Adding farmers", "system6-dcr-farmer-4 is ready", "rebuild    complete"];
    assert!(order.map(|part| played.at(part)).is_sorted(), "{played}");
    assert!(!played.says("person"), "{played}");
}

#[test]
fn stalled() {
    let played = rehearse(&["--scenario", "stalled"]);
    assert_eq!(played.code, 11, "{played}");
    assert_eq!(played.phases(), [1, 1, 1, 0, 0], "{played}");
    holds(&played, 1);
    let order = ["makes no progress any more from", "has passed: the rebuild is running, 5 %"];
    assert!(order.map(|part| played.at(part)).is_sorted(), "{played}");
    let journal = journal(&played);
    let reported = journal["reported"].as_array().expect("somebody was told");
    assert!(reported.iter().any(|reported| reported["class"] == "stall"), "{journal}\n{played}");
}

/// As many rehearsals as it takes for so many kills; each with moments of its own.
#[test]
fn watcher_killed() {
    let asked = std::env::var_os("DCR_KILLS");
    let wanted = asked.map_or(20, |kills| kills.to_str().unwrap().parse().unwrap());
    let (mut kills, mut seed) = (0, 0);
    while kills < wanted {
        seed += 1;
        let seed = seed.to_string();
        let played = rehearse(&["--scenario", "watcher-killed", "--seed", &seed]);
        assert_eq!(played.code, 0, "seed {seed}: {played}");
        assert_eq!(played.phases(), [1; 5], "seed {seed}: {played}");
        holds(&played, 1);
        let killed = played.out.split_once("  killed ").expect("somebody was killed").1;
        kills += killed.split_once(" times").unwrap().0.parse::<u32>().unwrap();
    }
}
