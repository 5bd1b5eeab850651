//! Asking a node: one request, one answer, and what was sent is never in doubt.
use std::time::Duration;

use dcr_gitops::observe::express::http::{Http, HttpError, Limits};
use tokio::net::TcpSocket;

use crate::node::{Node, Reply, State, ok};

#[tokio::test]
async fn only_a_whole_answer_with_status_200_counts() {
    let http = Http::new(Limits::default()).unwrap();
    let node = Node::start(State { status: [ok("{}")].into(), ..State::default() }).await;
    let url = node.url("/.admin?cmd=rebuildStatus&CMD_CENTER_CSRF_TOKEN=s3cret");
    assert_eq!(http.ask(&url).await, Ok(b"{}".to_vec()));
    let status = |status| HttpError::Status { status, beginning: "no".to_owned() };
    for (reply, error) in [
        (Reply::Answer(201, "no".to_owned()), status(201)),
        (Reply::Answer(404, "no".to_owned()), status(404)),
        (Reply::Answer(500, "no".to_owned()), status(500)),
        (
            Reply::Redirect("/.admin?cmd=aaStatus".to_owned()),
            HttpError::Status { status: 302, beginning: String::new() },
        ),
        (ok(&"x".repeat((1 << 20) + 1)), HttpError::TooLong),
    ] {
        node.state.lock().unwrap().status = [reply].into();
        assert_eq!(http.ask(&url).await, Err(error));
    }
    for reply in [Reply::Closed, Reply::Cut("{}".to_owned()), Reply::Garbage] {
        node.state.lock().unwrap().status = [reply.clone()].into();
        let error = http.ask(&url).await.unwrap_err();
        assert!(matches!(error, HttpError::Lost(_)), "{reply:?}: {error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    let asked = node.state.lock().unwrap().questions.clone();
    assert!(asked.iter().all(|path| path.contains("rebuildStatus")), "{asked:?}");
    assert_eq!(asked.len(), 9, "each was asked once, and no redirect followed");
}

#[tokio::test]
async fn what_was_not_sent_is_told_from_what_was_lost() {
    let short = Limits { total: Duration::from_millis(300), ..Limits::default() };
    let http = Http::new(short).unwrap();
    let node = Node::start(State { status: [Reply::Never].into(), ..State::default() }).await;
    let error = http.ask(&node.url("/.admin?cmd=rebuildStatus")).await.unwrap_err();
    assert!(matches!(error, HttpError::Lost(_)), "{error}");
    // Bound, but not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/?token=s3cret", socket.local_addr().unwrap());
    let error = Http::new(Limits::default()).unwrap().command(&url).await.unwrap_err();
    assert!(matches!(error, HttpError::NotConnected(_)), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
    let error = http.ask("http://:0:0/?token=s3cret").await.unwrap_err();
    assert!(matches!(error, HttpError::Url { .. }), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}
