//! Asking the nodes of a run: the order, the limits, every way to them, and what becomes of the silent.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcr_gitops::config::{self, AaStatusQuery, Via};
use dcr_gitops::context::{Context, Terminal};
use dcr_gitops::observe::clusters::Clusters;
use dcr_gitops::observe::express::http::{Http, Limits};
use dcr_gitops::observe::nodes::{Commands, Nodes};
use dcr_gitops::rehearse::kubernetes::access::{Rule, User};
use dcr_gitops::rehearse::kubernetes::node::{NodeHttp, Unreachable};
use dcr_gitops::run::express::{Admin, ProbeState};
use dcr_gitops::run::{Kind, Phase, Record, SystemRef};
use futures::FutureExt;
use futures::future::BoxFuture;

use http::{Request, Response};
use hyper::body::Bytes;
use kube::Client;

use crate::farm::{Farm, system};
use crate::node::{self, Node};
use crate::world;

const AA: &str =
    "DCR Dynamic Synchronizers\nsystem6-dcr-sync-0 : BOOTING invisible not sync waiting Inactive\n";
const TOKEN: &str = "rehearsalTOKEN-of-the-watcher";
const RUNNING: &str = r#"{"state": "RUNNING", "percent": 12.5}"#;

fn system6() -> SystemRef {
    system("tenant-1", "system6")
}

fn record(phase: Phase) -> Record {
    Record {
        system: system6(),
        frontends: vec!["system6-fe2".into(), "system6-fe1".into()],
        ..world::record(Kind::Rebuild, 3, phase)
    }
}

/// What a pod says to whoever asks it.
#[derive(Clone)]
enum Says {
    Both,
    This(u16, String),
    Never,
    Refused,
}

/// All pods of the cluster; by default they answer both questions.
#[derive(Default)]
struct Pods {
    says: Mutex<BTreeMap<String, Says>>,
    asked: Mutex<Vec<String>>,
}

impl NodeHttp for Pods {
    fn call(
        &self,
        _: &str,
        pod: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<Bytes>, Unreachable>> {
        self.asked.lock().unwrap().push(format!("{pod}:{port}{}", request.uri()));
        let aa = request.uri().to_string().contains("aaStatus");
        let says = self.says.lock().unwrap().get(pod).cloned().unwrap_or(Says::Both);
        async move {
            let (status, body) = match says {
                Says::Both => (200, if aa { AA } else { RUNNING }.to_owned()),
                Says::This(status, body) => (status, body),
                Says::Never => std::future::pending().await,
                Says::Refused => return Err(Unreachable::refused()),
            };
            Ok(Response::builder().status(status).body(body.into()).unwrap())
        }
        .boxed()
    }
}

struct Asked {
    farm: Farm,
    pods: Arc<Pods>,
}

impl Asked {
    async fn new() -> Self {
        let farm = Farm::new();
        farm.set(&system6(), "synchronizer", 1);
        farm.frontend(&system6(), "system6-fe1");
        farm.frontend(&system6(), "system6-fe2");
        farm.pass(60).await;
        let pods = Arc::new(Pods::default());
        farm.kubernetes.set_nodes(pods.clone());
        Asked { farm, pods }
    }

    /// The same cluster, reached over a socket with a token.
    fn by_kubeconfig(&self, server: &str) -> Clusters {
        let kubeconfig = serde_json::from_value(serde_json::json!({
            "contexts": [{"name": "den", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
        }));
        let settings = config::Settings::default();
        Clusters::new(kubeconfig.unwrap(), &settings, self.farm.clock())
    }

    fn says(&self, pod: &str, says: Says) {
        self.pods.says.lock().unwrap().insert(pod.to_owned(), says);
    }

    async fn ask(&self, phase: Phase, inputs: &config::Admin) -> Admin {
        self.ask_with(&self.farm.clusters(), None, &record(phase), inputs).await
    }

    async fn ask_with(
        &self,
        clusters: &Clusters,
        commands: Option<&Commands>,
        record: &Record,
        inputs: &config::Admin,
    ) -> Admin {
        let http = Http::new(Limits::default()).unwrap();
        let clock = self.farm.clock();
        Nodes { clusters, http: &http, clock: &clock, commands }.ask(record, inputs).await
    }
}

fn who(admin: &Admin) -> Vec<&str> {
    admin.rebuild.iter().map(|answer| &*answer.node).collect()
}

fn silent(admin: &Admin) -> Vec<String> {
    admin.silent.iter().map(|one| format!("{} {}: {}", one.node, one.asked, one.why)).collect()
}

#[tokio::test]
async fn the_synchronizer_is_asked_for_the_aa_status_and_everybody_for_the_rebuild() {
    let asked = Asked::new().await;
    let admin = asked.ask(Phase::Rebuild, &config::Admin::default()).await;
    assert_eq!(silent(&admin), Vec::<String>::new());
    assert_eq!(admin.aa_status.as_ref().unwrap().node, "system6-dcr-sync-0");
    assert_eq!(who(&admin), ["system6-fe1", "system6-fe2", "system6-dcr-sync-0"]);
    assert_eq!(admin.rebuild[0].state, ProbeState::Running);
    assert_eq!(admin.rebuild[0].percent, Some(12.5));
    assert_eq!(admin.rebuild[0].at, asked.farm.clock.now());
    let mut questions = asked.pods.asked.lock().unwrap().clone();
    questions.sort();
    let status = "/.admin?cmd=rebuildStatus&CMD_CENTER_CSRF_TOKEN=&format=JSON&template=";
    assert_eq!(
        questions,
        [
            "system6-dcr-sync-0:9100/.admin?cmd=aaStatus".to_owned(),
            format!("system6-dcr-sync-0:9100{status}"),
            format!("system6-fe1:9100{status}"),
            format!("system6-fe2:9100{status}"),
        ]
    );
    assert_eq!(asked.farm.kubernetes.writes_refused(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dead_node_costs_its_limit_once() {
    let asked = Asked::new().await;
    asked.says("system6-dcr-sync-0", Says::Never);
    asked.says("system6-fe1", Says::Never);
    let before = tokio::time::Instant::now();
    let admin = asked.ask(Phase::Rebuild, &config::Admin::default()).await;
    assert_eq!(before.elapsed(), Duration::from_secs(20), "two in turn, and meanwhile all others");
    assert_eq!(admin.aa_status.as_ref().unwrap().node, "system6-fe2");
    assert_eq!(who(&admin), ["system6-fe2"]);
    insta::assert_snapshot!(silent(&admin).join("\n"), @r"
    system6-dcr-sync-0 aaStatus: no answer within 10 s
    system6-fe1 aaStatus: no answer within 10 s
    system6-fe1 rebuildStatus: no answer within 10 s
    system6-dcr-sync-0 rebuildStatus: no answer within 10 s
    ");
}

#[tokio::test]
async fn an_answer_that_is_none_leaves_its_node_silent() {
    let asked = Asked::new().await;
    asked.says("system6-dcr-sync-0", Says::This(200, "<html>\u{1b}[2Jplease log in</html>".into()));
    asked.says("system6-fe1", Says::This(500, "java.lang.NullPointerException\n\tat X".into()));
    asked.says("system6-fe2", Says::Refused);
    let admin = asked.ask(Phase::Rebuild, &config::Admin::default()).await;
    assert_eq!((admin.aa_status.as_ref(), who(&admin)), (None, vec![]));
    insta::assert_snapshot!(silent(&admin).join("\n"), @r"
    system6-dcr-sync-0 aaStatus: no row of an A/A status in its answer `<html>\u{1b}[2Jplease log in</html>`
    system6-fe1 aaStatus: it answered 500: `java.lang.NullPointerException at X`
    system6-fe2 aaStatus: error trying to reach service: dial tcp 10.244.0.4:9100: connect: connection refused
    system6-fe1 rebuildStatus: it answered 500: `java.lang.NullPointerException at X`
    system6-fe2 rebuildStatus: error trying to reach service: dial tcp 10.244.0.4:9100: connect: connection refused
    system6-dcr-sync-0 rebuildStatus: the answer is no JSON document (expected value at line 1 column 1): `<html>\u{1b}[2Jplease log in</html>`
    ");
}

#[tokio::test]
async fn a_pod_that_is_not_there_and_a_missing_permission_are_told_apart() {
    let asked = Asked::new().await;
    let gone = Record { frontends: vec!["system6-fe9".into()], ..record(Phase::Rebuild) };
    let clusters = asked.farm.clusters();
    let admin = asked.ask_with(&clusters, None, &gone, &config::Admin::default()).await;
    assert_eq!(silent(&admin), [r#"system6-fe9 rebuildStatus: pods "system6-fe9" not found"#]);

    let rule = Rule { resources: vec!["pods"], verbs: vec!["get"], ..Rule::default() };
    let user = User::new("watcher", TOKEN).unwrap().limited_to(vec![rule]);
    asked.farm.kubernetes.set_users(vec![user]);
    let server = asked.farm.kubernetes.listen().await.unwrap();
    let clusters = asked.by_kubeconfig(&server.url());
    let admin =
        asked.ask_with(&clusters, None, &record(Phase::Rebuild), &config::Admin::default()).await;
    assert_eq!(admin.silent.len(), 6);
    let why = "not allowed to get pods/proxy in namespace tenant-1, which takes the rule \
        {apiGroups: [\"\"], resources: [pods/proxy], verbs: [get]} (403)";
    assert!(admin.silent.iter().all(|silent| silent.why == why), "{:?}", silent(&admin));
}

#[tokio::test]
async fn only_what_a_phase_needs_is_asked() {
    let asked = Asked::new().await;
    let probe = config::Probe { path: Some("/x".into()), ..config::Probe::default() };
    let inputs = config::Admin {
        history: Some(probe.clone()),
        propagation: Some(probe),
        ..config::Admin::default()
    };
    let told =
        |admin: &Admin| (admin.rebuild.len(), admin.history.is_some(), admin.propagation.is_some());
    assert_eq!(told(&asked.ask(Phase::HistoryUpdate, &inputs).await), (3, true, false));
    assert_eq!(told(&asked.ask(Phase::Rebuild, &inputs).await), (3, false, false));
    assert_eq!(told(&asked.ask(Phase::Propagate, &inputs).await), (3, false, true));
    let teardown = asked.ask(Phase::Teardown, &inputs).await;
    assert_eq!((told(&teardown), teardown.aa_status.is_some()), ((0, false, false), true));
}

#[tokio::test]
async fn propagation_is_over_when_nobody_says_otherwise() {
    let asked = Asked::new().await;
    let probe = config::Probe { path: Some("/x".into()), ..config::Probe::default() };
    let inputs = config::Admin { propagation: Some(probe), ..config::Admin::default() };
    let says = |pod: &str, state: &str| {
        asked.says(pod, Says::This(200, format!(r#"{{"state": "{state}"}}"#)));
    };
    let told = async || {
        let answer = asked.ask(Phase::Propagate, &inputs).await.propagation.unwrap();
        (answer.node, answer.state)
    };
    says("system6-fe1", "COMPLETE");
    says("system6-fe2", "RUNNING");
    says("system6-dcr-sync-0", "");
    assert_eq!(told().await, ("system6-fe2".into(), ProbeState::Running));
    says("system6-fe2", "COMPLETE");
    assert_eq!(told().await, ("system6-fe1".into(), ProbeState::Complete));
    says("system6-fe1", "");
    says("system6-fe2", "");
    assert_eq!(told().await.1, ProbeState::None);
}

fn by_command(command: &[&str]) -> config::Admin {
    config::Admin {
        via: Via::Command,
        aa_status: AaStatusQuery {
            command: Some(command.iter().map(|part| (*part).to_owned()).collect()),
            ..AaStatusQuery::default()
        },
        ..config::Admin::default()
    }
}

fn commands(folder: PathBuf) -> Commands {
    let env = [
        ("PATH", std::env::var_os("PATH").unwrap()),
        ("GREETING", "hello".into()),
        ("GITHUB_TOKEN", "rehearsalTOKEN".into()),
    ];
    let context = Context {
        env: env.into_iter().map(|(name, value)| (OsString::from(name), value)).collect(),
        clock: Farm::new().clock(),
        cwd: folder.clone(),
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::default(),
        actions: None,
    };
    Commands::new(&context, folder)
}

/// The A/A status by a command, or why there is none.
async fn by(command: &[&str]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("status"), AA).unwrap();
    let commands = commands(folder.path().to_owned());
    let asked = Asked { farm: Farm::new(), pods: Arc::default() };
    let clusters = asked.farm.clusters();
    let record = record(Phase::Teardown);
    let admin = asked.ask_with(&clusters, Some(&commands), &record, &by_command(command)).await;
    match admin.aa_status {
        Some(status) => Ok(format!("{} says {:?}", status.node, status.rows[0].node)),
        None => Err(silent(&admin).join("\n")),
    }
}

#[tokio::test]
async fn a_command_is_run_in_its_folder_without_a_shell_and_without_our_tokens() {
    let said = Ok(r#"system6-dcr-sync-0 says "system6-dcr-sync-0""#.to_owned());
    assert_eq!(by(&["cat", "status"]).await, said);
    let script = "test \"$GREETING-${GITHUB_TOKEN-none}\" = hello-none && cat status";
    assert_eq!(by(&["sh", "-c", script]).await, said);
    let script = "test \"$0\" = 'tenant-1 system6 den system6-dcr-sync-0 9100 {x}' && cat status";
    let told = "{namespace} {system} {cluster} {node} {port} {x}";
    assert_eq!(by(&["sh", "-c", script, told]).await, said);
}

#[tokio::test]
async fn a_command_that_fails_says_so() {
    let why = by(&["sh", "-c", "echo 'log in first' >&2; exit 7"]).await.unwrap_err();
    assert_eq!(why, "system6-dcr-sync-0 aaStatus: `sh` failed (exit status: 7): `log in first`");
    let why = by(&["./not-there"]).await.unwrap_err();
    assert!(why.contains("`./not-there` can't be run: No such file"), "{why}");
    let why = by(&["sh", "-c", "yes"]).await.unwrap_err();
    assert!(why.contains("printed more than 1048576 bytes"), "{why}");
}

#[tokio::test]
async fn no_command_is_run_where_none_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let inputs = by_command(&["touch", trace.to_str().unwrap()]);
    let asked = Asked { farm: Farm::new(), pods: Arc::default() };
    let admin = asked.ask(Phase::Teardown, &inputs).await;
    assert_eq!(silent(&admin), ["system6-dcr-sync-0 aaStatus: no command is run here"]);
    assert!(!trace.exists());
}

#[tokio::test]
async fn a_url_leads_to_the_node_it_names() {
    let node = Node::start(node::State { aa_status: AA.into(), ..node::State::default() }).await;
    let url = format!("http://127.0.0.1:{}/", node.address.port());
    let inputs = config::Admin {
        via: Via::Url,
        aa_status: AaStatusQuery {
            url: Some(url),
            path: Some("/.admin?cmd=aaStatus&of={system}".into()),
            ..AaStatusQuery::default()
        },
        ..config::Admin::default()
    };
    let asked = Asked { farm: Farm::new(), pods: Arc::default() };
    let admin = asked.ask(Phase::Teardown, &inputs).await;
    assert_eq!(silent(&admin), Vec::<String>::new());
    assert_eq!(admin.aa_status.unwrap().rows.len(), 1);
    assert_eq!(node.state.lock().unwrap().questions, ["/.admin?cmd=aaStatus&of=system6"]);
}

#[tokio::test]
async fn a_port_forward_carries_the_questions_too() {
    let asked = Asked::new().await;
    asked.farm.frontend(&system6(), "system6-fe4");
    asked.farm.pass(60).await;
    asked.says("system6-fe1", Says::Refused);
    asked.says("system6-fe2", Says::This(500, "not now".into()));
    asked.farm.kubernetes.crash("tenant-1", "system6-fe4", 1, "Error");
    let server = asked.farm.kubernetes.listen().await.unwrap();
    let clusters = asked.by_kubeconfig(&server.url());
    let inputs = config::Admin { via: Via::PortForward, ..config::Admin::default() };
    let gone = Record {
        frontends: ["system6-fe1", "system6-fe2", "system6-fe3", "system6-fe4"]
            .map(str::to_owned)
            .into(),
        ..record(Phase::Rebuild)
    };
    let admin = asked.ask_with(&clusters, None, &gone, &inputs).await;
    assert_eq!(admin.aa_status.as_ref().unwrap().rows.len(), 1);
    assert_eq!(who(&admin), ["system6-dcr-sync-0"]);
    insta::assert_snapshot!(silent(&admin).join("\n"), @r#"
    system6-fe1 rebuildStatus: the connection broke: connection closed before message completed
    system6-fe2 rebuildStatus: it answered 500: `not now`
    system6-fe3 rebuildStatus: `get and create pods/portforward in namespace tenant-1` was answered with 404: pods "system6-fe3" not found
    system6-fe4 rebuildStatus: error forwarding port 9100 to pod system6-fe4, uid : dial tcp4 127.0.0.1:9100: connect: connection refused
    "#);
    let questions = asked.pods.asked.lock().unwrap();
    assert!(questions.contains(&"system6-dcr-sync-0:9100/.admin?cmd=aaStatus".to_owned()));
}

#[tokio::test]
async fn a_path_can_not_climb_out_of_the_node() {
    let asked = Asked::new().await;
    let mut inputs = config::Admin::default();
    inputs.aa_status.path = Some("/../../../secrets".into());
    let admin = asked.ask(Phase::Teardown, &inputs).await;
    assert_eq!(
        silent(&admin)[0],
        "system6-dcr-sync-0 aaStatus: `admin.aaStatus.path` has to begin with `/`, without `..`"
    );
    assert_eq!(asked.farm.kubernetes.requests().get("list secrets"), None);
    assert_eq!(*asked.pods.asked.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_context_all_are_silent() {
    let asked = Asked { farm: Farm::new(), pods: Arc::default() };
    let clusters = Clusters::over(
        BTreeMap::from([("other".to_owned(), Client::new(asked.farm.kubernetes.clone(), "x"))]),
        &config::Settings::default(),
        asked.farm.clock(),
    );
    let inputs = config::Admin::default();
    let admin = asked.ask_with(&clusters, None, &record(Phase::Teardown), &inputs).await;
    assert_eq!(silent(&admin)[0], "system6-dcr-sync-0 aaStatus: no kubeconfig context `den`");
}
