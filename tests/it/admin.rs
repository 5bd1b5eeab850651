//! The program inside the Jobs, against a node on loopback that holds state and misbehaves.
use std::sync::Mutex;
use std::time::Duration;

use dcr_gitops::admin::{self, Kind, LONGEST_MESSAGE, Outcome, Time};
use dcr_gitops::admin_job::{AdminJob, Order, StatusQuery};
use dcr_gitops::config::{Admin, Field, Fields, States};
use dcr_gitops::observe::express::http::{Http, Limits};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tokio::net::TcpSocket;

use crate::node::{Node, Reply, State, ok};

/// Time that passes only in pauses, so that five minutes are over at once.
struct Virtual {
    now: Mutex<Timestamp>,
    /// How long each pause lasts at least.
    at_least: Duration,
}

impl Virtual {
    fn new(at_least: Duration) -> Self {
        Virtual { now: Mutex::new("2026-11-22T09:30:00Z".parse().unwrap()), at_least }
    }
}

impl Time for Virtual {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn pause(&self, length: Duration) {
        let length = SignedDuration::try_from(length.max(self.at_least)).unwrap();
        *self.now.lock().unwrap() += length;
    }
}

fn job(node: &Node, attempt: u32) -> AdminJob {
    let admin = Admin::default();
    AdminJob {
        system: "system6".to_owned(),
        namespace: "tenant-105858-prod".to_owned(),
        run: 7,
        attempt,
        forced: true,
        rebuild_attempt: None,
        synchronizer: node.address.ip().to_string(),
        port: node.address.port(),
        aa_status: admin.aa_status.path,
        rebuild_status: StatusQuery {
            path: admin.rebuild_status.path.unwrap(),
            fields: Fields { run: Some(Field::Pointer("/run".to_owned())), ..Fields::default() },
            states: States { not_needed: vec!["NOTHING".to_owned()], ..States::default() },
        },
        command: Order { path: admin.trigger.path, to: "synchronizer".to_owned(), expect: None },
    }
}

fn without_echo(job: AdminJob) -> AdminJob {
    let mut job = job;
    job.rebuild_status.fields.run = None;
    job
}

fn propagate(node: &Node) -> AdminJob {
    let command = Order {
        path: Admin::default().propagate.path,
        to: "synchronizer".to_owned(),
        expect: None,
    };
    AdminJob { rebuild_attempt: Some(2), command, ..job(node, 1) }
}

async fn run(kind: Kind, job: &AdminJob) -> Outcome {
    let told = serde_json::to_string(job).unwrap();
    let http = Http::new(Limits::default()).unwrap();
    admin::run(kind, Some(&told), &http, &Virtual::new(Duration::ZERO)).await
}

/// With a client that waits a second for an answer, and pauses that leave time for three questions.
async fn run_impatiently(job: &AdminJob) -> Outcome {
    let told = serde_json::to_string(job).unwrap();
    let second = Duration::from_secs(1);
    let http = Http::new(Limits { connect: second, total: second }).unwrap();
    admin::run(Kind::Trigger, Some(&told), &http, &Virtual::new(Duration::from_secs(140))).await
}

fn says(outcome: &Outcome, exit: u8, part: &str) {
    assert!(
        outcome.exit == exit && outcome.message.contains(part),
        "expected exit {exit} and a message with `{part}`: {outcome:?}"
    );
}

/// The trigger against every kind of status. Attempt, whether the answer names runs, the answer; then how
/// many commands may arrive, the exit code and part of the message.
#[tokio::test]
async fn the_trigger_is_sent_only_if_the_status_allows_it() {
    let html = "<html><body><h1>Bad Gateway</h1></body></html>";
    let no_answer = "gives no usable answer to rebuildStatus";
    let mapped = "doesn't map";
    let table: &[(u32, bool, Reply, usize, u8, &str)] = &[
        // It knows of none.
        (
            1,
            true,
            ok(r#"{"state":null}"#),
            1,
            0,
            "accepted the command of attempt 1 of run 7: `STARTED`",
        ),
        (1, true, ok(r#"{"state":""}"#), 1, 0, "accepted"),
        (1, true, ok("{}"), 1, 0, "accepted"),
        (1, true, ok(r#"{"state":null,"percent":0,"run":0,"error":[]}"#), 1, 0, "accepted"),
        (1, false, ok("{}"), 1, 0, "accepted"),
        (2, false, ok("{}"), 1, 0, "accepted"),
        // It says no state, yet knows of something.
        (1, true, ok(r#"{"percent":12.5}"#), 0, 1, "isn't understood"),
        (1, true, ok(r#"{"startedAt":"2026-11-22T09:00:00Z"}"#), 0, 1, "isn't understood"),
        (1, false, ok(r#"{"error":"node is starting"}"#), 0, 1, "isn't understood"),
        // This very attempt.
        (1, true, ok(r#"{"state":"RUNNING","run":"7-1"}"#), 0, 0, "nothing was sent"),
        (1, true, ok(r#"{"state":"RUNNING","run":7}"#), 0, 0, "attempt 1 of run 7 is running"),
        (1, true, ok(r#"{"state":"COMPLETE","run":"7/1"}"#), 0, 0, "is complete"),
        (2, true, ok(r#"{"state":"NOTHING","run":"7-2"}"#), 0, 0, "is not needed"),
        (
            1,
            true,
            ok(r#"{"state":"FAILED","run":"7-1"}"#),
            0,
            1,
            "attempt 1 of run 7 was triggered before",
        ),
        (1, true, ok(r#"{"state":null,"run":"7-1"}"#), 0, 1, "was triggered before"),
        // Another one is running.
        (
            1,
            true,
            ok(r#"{"state":"RUNNING","run":"6-1"}"#),
            0,
            1,
            "a rebuild is running (run 6, attempt 1)",
        ),
        (2, true, ok(r#"{"state":"RUNNING","run":"7-1"}"#), 0, 1, "a rebuild is running"),
        (2, true, ok(r#"{"state":"RUNNING","run":"7"}"#), 0, 1, "a rebuild is running"),
        (1, true, ok(r#"{"state":"RUNNING"}"#), 0, 1, "a rebuild is running"),
        (1, false, ok(r#"{"state":"RUNNING"}"#), 0, 1, "a rebuild is running"),
        (2, false, ok(r#"{"state":"RUNNING"}"#), 0, 1, "a rebuild is running"),
        // An earlier one is over.
        (1, true, ok(r#"{"state":"COMPLETE","run":"6-3"}"#), 1, 0, "accepted"),
        (
            2,
            true,
            ok(r#"{"state":"FAILED","run":"7-1"}"#),
            1,
            0,
            "accepted the command of attempt 2",
        ),
        (2, true, ok(r#"{"state":"COMPLETE","run":"7-1"}"#), 1, 0, "accepted"),
        // A later one was there: this Job is from the past.
        (1, true, ok(r#"{"state":"FAILED","run":"7-2"}"#), 0, 1, "later than attempt 1 of run 7"),
        (1, true, ok(r#"{"state":"COMPLETE","run":"8-1"}"#), 0, 1, "later than"),
        (1, true, ok(r#"{"state":null,"run":"8-1"}"#), 0, 1, "later than"),
        // Nobody knows which one.
        (1, true, ok(r#"{"state":"COMPLETE"}"#), 0, 1, "not of which attempt"),
        (1, false, ok(r#"{"state":"COMPLETE"}"#), 0, 1, "not of which attempt"),
        (1, false, ok(r#"{"state":"FAILED"}"#), 0, 1, "not of which attempt"),
        (2, false, ok(r#"{"state":"COMPLETE"}"#), 0, 1, "not of which attempt"),
        (2, false, ok(r#"{"state":"NOTHING"}"#), 0, 1, "not of which attempt"),
        (2, false, ok(r#"{"state":"FAILED"}"#), 1, 0, "accepted"),
        (2, true, ok(r#"{"state":"FAILED","run":7}"#), 1, 0, "accepted"),
        (2, true, ok(r#"{"state":"COMPLETE","run":7}"#), 0, 1, "not of which attempt"),
        // Words outside the map, also in another case.
        (1, true, ok(r#"{"state":"DRAINING"}"#), 0, 1, mapped),
        (1, false, ok(r#"{"state":"running"}"#), 0, 1, "`running`"),
        (1, false, ok(r#"{"state":{"name":"RUNNING"}}"#), 0, 1, mapped),
        (2, true, ok(r#"{"state":"IDLE","run":"7-1"}"#), 0, 1, mapped),
        // No answer.
        (1, true, ok(r#"{"state":null,"run":"the nightly one"}"#), 0, 1, "names no run"),
        (1, true, ok(""), 0, 1, no_answer),
        (1, true, ok("null"), 0, 1, no_answer),
        (1, true, ok(r#""UP""#), 0, 1, no_answer),
        (1, true, ok(r#"{"state":null"#), 0, 1, "no JSON document"),
        (1, false, ok(html), 0, 1, "<html><body><h1>Bad Gateway</h1></body></html>"),
        (1, true, Reply::Answer(404, html.to_owned()), 0, 1, "it answered 404"),
        (1, true, Reply::Answer(500, "{}".to_owned()), 0, 1, "it answered 500: `{}`"),
        (1, true, Reply::Answer(204, String::new()), 0, 1, "it answered 204"),
        (1, true, Reply::Redirect("/.admin?cmd=startRebuild".to_owned()), 0, 1, "it answered 302"),
        (1, true, Reply::Cut(r#"{"state":null}"#.to_owned()), 0, 1, "the answer was lost"),
        (1, true, Reply::Closed, 0, 1, no_answer),
        (1, true, Reply::Garbage, 0, 1, no_answer),
        (1, true, ok(&format!("{{}}{}", " ".repeat(1 << 20))), 0, 1, "more than 1048576 bytes"),
    ];
    for (attempt, echo, reply, commands, exit, part) in table {
        let node = Node::start(State { status: [reply.clone()].into(), ..State::default() }).await;
        let job = job(&node, *attempt);
        let job = if *echo { job } else { without_echo(job) };
        let outcome = run(Kind::Trigger, &job).await;
        says(&outcome, *exit, part);
        assert_eq!(node.commands().len(), *commands, "attempt {attempt}: {outcome:?}");
        assert_eq!(*commands == 0, outcome.message.starts_with("nothing was sent: "));
    }
}

#[tokio::test]
async fn the_command_says_what_it_is_for() {
    let node = Node::start(State::default()).await;
    let mut job = job(&node, 3);
    job.command.path += "&system={system}";
    job.system = "a/b&force=false".to_owned();
    assert_eq!(run(Kind::Trigger, &job).await.exit, 0);
    assert_eq!(
        node.commands(),
        ["/.admin?cmd=startRebuild&force=true&run=7&attempt=3&system=a%2Fb%26force%3Dfalse"]
    );
}

#[tokio::test]
async fn a_job_that_runs_again_sends_nothing() {
    for word in ["RUNNING", "COMPLETE", "NOTHING"] {
        let node = Node::start(State::default()).await;
        let job = job(&node, 1);
        says(&run(Kind::Trigger, &job).await, 0, "accepted");
        node.state.lock().unwrap().rebuild = Some((7, 1, word));
        says(&run(Kind::Trigger, &job).await, 0, "nothing was sent");
        assert_eq!(node.commands().len(), 1);
    }
    let node = Node::start(State::default()).await;
    let blind = without_echo(job(&node, 1));
    says(&run(Kind::Trigger, &blind).await, 0, "accepted");
    says(&run(Kind::Trigger, &blind).await, 1, "a rebuild is running");
    assert_eq!(node.commands().len(), 1);
}

#[tokio::test]
async fn what_the_answer_must_contain_is_looked_for() {
    let node = Node::start(State::default()).await;
    let mut job = job(&node, 1);
    job.command.expect = Some("STARTED".to_owned());
    says(&run(Kind::Trigger, &job).await, 0, "`STARTED`");
    let node =
        Node::start(State { command: Some(ok("Queued?\u{1b}[31m")), ..State::default() }).await;
    job.port = node.address.port();
    let outcome = run(Kind::Trigger, &job).await;
    says(&outcome, 1, "doesn't contain `STARTED`: `Queued?\\u{1b}[31m`");
    assert_eq!(node.commands().len(), 1);
}

/// However the answer is lost, the command isn't sent again: the status says whether it was accepted.
#[tokio::test]
async fn a_lost_answer_is_made_up_for_by_asking() {
    let lost = [
        Reply::Closed,
        Reply::Garbage,
        Reply::Cut("STAR".to_owned()),
        Reply::Answer(500, "boom".to_owned()),
        Reply::Answer(503, String::new()),
        Reply::Redirect("/.admin?cmd=startRebuild&run=7&attempt=1".to_owned()),
        ok(&"x".repeat((1 << 20) + 1)),
    ];
    for command in lost {
        for deaf in [false, true] {
            for echo in [true, false] {
                let state = State { command: Some(command.clone()), deaf, ..State::default() };
                let node = Node::start(state).await;
                let job = job(&node, 1);
                let outcome = run(Kind::Trigger, &if echo { job } else { without_echo(job) }).await;
                if deaf {
                    says(&outcome, 1, "it is not known whether it was accepted");
                } else {
                    says(&outcome, 0, "the command was accepted: 127.0.0.1 says running");
                }
                assert_eq!(node.commands().len(), 1, "{command:.200?}");
                let asked = node.state.lock().unwrap().questions.len();
                assert!(asked <= 6, "the status was asked for {asked} times");
            }
        }
    }
}

#[tokio::test]
async fn a_rebuild_of_somebody_else_doesnt_make_up_for_a_lost_answer() {
    for (after, exit) in [
        (r#"{"state":"RUNNING","run":"8-1"}"#, 1),
        (r#"{"state":"RUNNING"}"#, 1),
        (r#"{"state":"STRANGE","run":"7-1"}"#, 1),
        (r#"{"state":"FAILED","run":"7-1"}"#, 0),
    ] {
        let node = Node::start(State {
            status: [ok("{}"), Reply::Closed, ok(after)].into(),
            command: Some(Reply::Closed),
            ..State::default()
        })
        .await;
        let outcome = run(Kind::Trigger, &job(&node, 1)).await;
        assert_eq!((outcome.exit, node.commands().len()), (exit, 1), "{after}: {outcome:?}");
    }
    // A failure that was there before the command says nothing about it.
    let failed = ok(r#"{"state":"FAILED"}"#);
    let node = Node::start(State {
        status: [failed].into(),
        command: Some(Reply::Closed),
        ..State::default()
    })
    .await;
    says(&run(Kind::Trigger, &without_echo(job(&node, 2))).await, 1, "not known");
}

#[tokio::test]
async fn a_node_that_never_answers_is_given_up() {
    let node = Node::start(State { status: [Reply::Never].into(), ..State::default() }).await;
    let outcome = run_impatiently(&job(&node, 1)).await;
    says(&outcome, 1, "gives no usable answer");
    assert_eq!(node.commands().len(), 0);
    assert!(node.state.lock().unwrap().questions.len() > 1);
}

#[tokio::test]
async fn a_command_that_is_never_answered_is_not_repeated() {
    let node = Node::start(State { command: Some(Reply::Never), ..State::default() }).await;
    says(&run_impatiently(&job(&node, 1)).await, 0, "the command was accepted");
    assert_eq!(node.commands().len(), 1);
}

/// Opens the node's port in the third pause.
struct Booting {
    time: Virtual,
    pauses: Mutex<u32>,
    closed: Mutex<Option<TcpSocket>>,
    node: Mutex<Option<Node>>,
}

impl Time for Booting {
    fn now(&self) -> Timestamp {
        self.time.now()
    }

    async fn pause(&self, length: Duration) {
        self.time.pause(length).await;
        *self.pauses.lock().unwrap() += 1;
        if *self.pauses.lock().unwrap() == 3 {
            let listener = self.closed.lock().unwrap().take().unwrap().listen(16).unwrap();
            *self.node.lock().unwrap() = Some(Node::serve(listener, State::default()));
        }
    }
}

#[tokio::test]
async fn a_synchronizer_that_boots_is_waited_for() {
    // Bound, so that nobody else gets the port, but not listening: connections are refused.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let placeholder = Node { address, state: Default::default() };
    let told = serde_json::to_string(&job(&placeholder, 1)).unwrap();
    let time = Booting {
        time: Virtual::new(Duration::ZERO),
        pauses: Mutex::default(),
        closed: Mutex::new(Some(socket)),
        node: Mutex::default(),
    };
    let http = Http::new(Limits::default()).unwrap();
    let outcome = admin::run(Kind::Trigger, Some(&told), &http, &time).await;
    says(&outcome, 0, "accepted");
    let node = time.node.lock().unwrap().take().unwrap();
    assert_eq!(node.commands().len(), 1);
}

#[tokio::test]
async fn a_synchronizer_that_never_boots_is_given_up_after_minutes() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let node = Node { address: socket.local_addr().unwrap(), state: Default::default() };
    let time = Virtual::new(Duration::ZERO);
    let begin = time.now();
    let http = Http::new(Limits::default()).unwrap();
    let told = serde_json::to_string(&job(&node, 1)).unwrap();
    let outcome = admin::run(Kind::Trigger, Some(&told), &http, &time).await;
    says(&outcome, 1, "no connection");
    let waited = time.now().duration_since(begin);
    assert!(waited > SignedDuration::from_mins(4) && waited <= SignedDuration::from_mins(5));
}

const READY: &str = "DCR Dynamic Synchronizers:\n  \
    system6-dcr-sync-0 : SYNCHRONIZED visible sync ready 5f5e38d65f5e38d6\n";

#[tokio::test]
async fn propagate_is_sent_only_by_a_synchronizer_that_serves_its_complete_rebuild() {
    let complete = r#"{"state":"COMPLETE","run":"7-2"}"#;
    let serving = READY.to_owned();
    let without = |word: &str| READY.replace(word, "");
    let instead = |word: &str, other: &str| READY.replace(word, other);
    let row = "isn't `SYNCHRONIZED visible sync ready` with a hash";
    let table = [
        (serving.clone(), complete, 1, 0, "accepted the command of attempt 1 of run 7"),
        (serving.clone(), r#"{"state":"NOTHING","run":"7-2"}"#, 1, 0, "accepted"),
        (serving.clone(), r#"{"state":"COMPLETE","run":7}"#, 1, 0, "accepted"),
        (serving.clone(), r#"{"state":"COMPLETE"}"#, 1, 0, "accepted"),
        (serving.clone(), r#"{"state":"COMPLETE","run":"7-1"}"#, 0, 1, "not that attempt 2"),
        (
            serving.clone(),
            r#"{"state":"COMPLETE","run":"6-2"}"#,
            0,
            1,
            "complete (run 6, attempt 2)",
        ),
        (serving.clone(), r#"{"state":"RUNNING","run":"7-2"}"#, 0, 1, "says running"),
        (serving.clone(), r#"{"state":"FAILED","run":"7-2"}"#, 0, 1, "says failed"),
        (serving.clone(), r#"{"state":"ODD","run":"7-2"}"#, 0, 1, "says `ODD`"),
        (serving.clone(), "{}", 0, 1, "says no state"),
        (serving, "<html>", 0, 1, "no JSON document"),
        (instead("SYNCHRONIZED", "BOOTING"), complete, 0, 1, row),
        (instead("visible", "invisible"), complete, 0, 1, row),
        (instead(" sync ", " not sync "), complete, 0, 1, row),
        (instead("ready", "waiting"), complete, 0, 1, row),
        (instead("5f5e38d65f5e38d6", "Inactive"), complete, 0, 1, row),
        (without("5f5e38d65f5e38d6"), complete, 0, 1, row),
        (without("visible"), complete, 0, 1, row),
        (instead("visible", "?"), complete, 0, 1, row),
        (instead("ready", "ready STALE"), complete, 0, 1, "unknown words: `STALE`"),
        (instead("sync-0", "sync-1"), complete, 0, 1, "system6-dcr-sync-0 has no (single) row"),
        (format!("{READY}{}", instead("SYNCHRONIZED", "DOWN")), complete, 0, 1, "no (single) row"),
        (String::new(), complete, 0, 1, "gives no usable answer to aaStatus"),
        ("<html>Bad Gateway</html>".to_owned(), complete, 0, 1, "Bad Gateway"),
    ];
    for (aa_status, status, commands, exit, part) in table {
        let node = Node::start(State {
            status: [ok(status)].into(),
            aa_status: aa_status.clone(),
            ..State::default()
        })
        .await;
        let outcome = run(Kind::Propagate, &propagate(&node)).await;
        says(&outcome, exit, part);
        assert_eq!(node.commands().len(), commands, "{aa_status} {status}");
    }
}

#[tokio::test]
async fn what_a_job_isnt_told_it_doesnt_make_up() {
    let state = || State {
        rebuild: Some((7, 2, "COMPLETE")),
        aa_status: READY.to_owned(),
        ..State::default()
    };
    let node = Node::start(state()).await;
    let untold = AdminJob { aa_status: None, ..propagate(&node) };
    says(&run(Kind::Propagate, &untold).await, 1, "isn't told the path of the A/A status");
    let untold = AdminJob { rebuild_attempt: None, ..propagate(&node) };
    says(&run(Kind::Propagate, &untold).await, 1, "isn't told which rebuild");
    for (path, part) in [
        ("@elsewhere/", "doesn't begin with `/`"),
        ("/?ticket={ticket}", "`{ticket}`"),
        ("/?run={run", "without its `}`"),
    ] {
        let mut strange = propagate(&node);
        strange.command.path = path.to_owned();
        says(&run(Kind::Propagate, &strange).await, 1, part);
    }
    let mut lost = propagate(&node);
    lost.command.to = "no-such-node.invalid".to_owned();
    says(&run(Kind::Propagate, &lost).await, 1, "nothing was sent: no-such-node.invalid");
    let http = Http::new(Limits::default()).unwrap();
    let time = Virtual::new(Duration::ZERO);
    says(&admin::run(Kind::Trigger, None, &http, &time).await, 1, "DCR_ADMIN_JOB isn't set");
    says(&admin::run(Kind::Trigger, Some("{"), &http, &time).await, 1, "can't be read");
    assert_eq!(node.commands(), [""; 0]);

    // A propagation whose answer is lost can't be asked for.
    let node = Node::start(State { command: Some(Reply::Closed), ..state() }).await;
    says(&run(Kind::Propagate, &propagate(&node)).await, 1, "it is not known");
    assert_eq!(node.commands().len(), 1);
}

#[tokio::test]
async fn the_last_words_fit_and_hide_nothing() {
    let node = Node::start(State::default()).await;
    let mut job = job(&node, 1);
    job.command.expect = Some("é\u{202e}\n".repeat(4_000));
    let outcome = run(Kind::Trigger, &job).await;
    assert!(
        outcome.message.len() <= LONGEST_MESSAGE && outcome.message.len() > LONGEST_MESSAGE - 8
    );
    assert!(outcome.message.contains("é\\u{202e}\\u{a}é") && outcome.message.ends_with('…'));

    // Nor do they show what a path holds: it may be a token.
    let mut job = job.clone();
    job.rebuild_status.path = "/.admin?cmd=nothing&CMD_CENTER_CSRF_TOKEN=s3cret".to_owned();
    assert!(!run(Kind::Trigger, &job).await.message.contains("s3cret"));
}

/// A status answer, and what it lets an attempt do, said in another way than the rule says it.
#[derive(Debug, Clone)]
struct Said {
    state: &'static str,
    echo: Option<(u32, Option<u32>)>,
    broken: Option<Reply>,
}

impl Said {
    fn reply(&self) -> Reply {
        let run = match self.echo {
            None => "null".to_owned(),
            Some((run, None)) => format!("{run}"),
            Some((run, Some(attempt))) => format!("\"{run}-{attempt}\""),
        };
        let said = ok(&format!(r#"{{"state":"{}","run":{run}}}"#, self.state));
        self.broken.clone().unwrap_or(said)
    }

    fn allows(&self, attempt: u32, echo: bool) -> bool {
        let known = if echo { self.echo } else { None };
        match (self.state, known) {
            ("RUNNING" | "ODD", _) => false,
            (_, Some((run, None))) if run == 7 => {
                attempt > 1 && matches!(self.state, "" | "FAILED")
            }
            (_, Some((run, number))) => (run, number.unwrap_or(0)) < (7, attempt),
            (state, None) => state.is_empty() || (state == "FAILED" && attempt > 1),
        }
    }
}

fn said() -> impl Strategy<Value = Said> {
    let state =
        prop::sample::select(vec!["", "", "RUNNING", "COMPLETE", "FAILED", "NOTHING", "ODD"]);
    let echo = prop::option::of((6_u32..9, prop::option::of(1_u32..4)));
    let broken = prop::sample::select(vec![
        None,
        None,
        None,
        Some(Reply::Closed),
        Some(Reply::Garbage),
        Some(Reply::Cut("{}".to_owned())),
        Some(Reply::Answer(503, "{}".to_owned())),
        Some(ok("<html>")),
    ]);
    (state, echo, broken).prop_map(|(state, echo, broken)| Said { state, echo, broken })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_most_one_command_and_none_that_isnt_allowed(
        answers in prop::collection::vec(said(), 1..6),
        attempt in 1_u32..4,
        echo: bool,
        deaf: bool,
        command in prop::sample::select(vec![None, Some(Reply::Closed), Some(Reply::Answer(500, String::new()))]),
        again in 0_usize..3,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let node = Node::start(State {
                status: answers.iter().map(Said::reply).collect(),
                command: command.clone(),
                deaf,
                ..State::default()
            })
            .await;
            let job = job(&node, attempt);
            let job = if echo { job } else { without_echo(job) };
            let outcome = run(Kind::Trigger, &job).await;
            let usable = answers.iter().find(|said| said.broken.is_none());
            let allowed = usable.is_some_and(|said| said.allows(attempt, echo));
            prop_assert_eq!(node.commands().len(), usize::from(allowed), "{:?}", outcome);
            if allowed && command.is_none() {
                prop_assert_eq!(outcome.exit, 0);
            }
            // From here on the node says what it knows, and that is enough for every Job to come.
            if allowed && !deaf && echo {
                node.state.lock().unwrap().status.clear();
                for _ in 0..again {
                    prop_assert_eq!(run(Kind::Trigger, &job).await.exit, 0);
                }
                prop_assert_eq!(node.commands().len(), 1);
            }
            Ok(())
        })?;
    }
}
