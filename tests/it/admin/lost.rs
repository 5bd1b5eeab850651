//! Answers that don't come: asked for again where that is harmless, and only there.
use std::sync::Mutex;
use std::time::Duration;

use dcr_gitops::admin::{self, Kind, Outcome, Time};
use dcr_gitops::admin_job::AdminJob;
use dcr_gitops::observe::express::http::{Http, Limits};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpSocket;

use super::{Virtual, job, run, says, without_echo};
use crate::node::{Node, Reply, State, ok};

/// With a client that waits a second for an answer, and pauses that leave time for three questions.
async fn run_impatiently(job: &AdminJob) -> Outcome {
    let told = serde_json::to_string(job).unwrap();
    let second = Duration::from_secs(1);
    let http = Http::new(Limits { connect: second, total: second }).unwrap();
    admin::run(Kind::Trigger, Some(&told), &http, &Virtual::new(Duration::from_secs(140))).await
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
