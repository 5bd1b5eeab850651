//! Nodes behind the API server: through its proxy, and through forwarded ports.
use std::sync::Arc;

use dcr_gitops::rehearse::kubernetes::access::{Rule, User};
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::node::{NodeHttp, Unreachable};
use dcr_gitops::rehearse::kubernetes::{Loopback, Propagation};
use futures::StreamExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Client, Config};
use serde_json::Value;

use super::api::get;
use super::{Lab, NAMESPACE, farmers};

const FARMER: &str = "system6-dcr-farmer-0";

/// A node that tells what it was asked, on one port.
struct Echo;

impl NodeHttp for Echo {
    fn call(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<Bytes>, Unreachable>> {
        let secret = request.headers().contains_key("authorization");
        let asked =
            format!("{} {namespace}/{pod}:{port} {} {secret}", request.method(), request.uri());
        Box::pin(async move {
            match port {
                9100 => Ok(Response::builder().status(418).body(asked.into()).unwrap()),
                _ => Err(Unreachable::refused()),
            }
        })
    }
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.kubernetes.set_nodes(Arc::new(Echo));
    lab.kubernetes.set_users(vec![User::new("reader", "rehearsalTOKEN").unwrap()]);
    lab.apply(&farmers(2));
    lab
}

fn client(server: &Loopback, token: Option<&str>) -> Client {
    let mut config = Config::new(server.url().parse().unwrap());
    config.default_namespace = NAMESPACE.to_owned();
    config.auth_info.token = token.map(|token| token.to_owned().into());
    Client::try_from(config).unwrap()
}

#[tokio::test]
async fn the_proxy_carries_requests() {
    let lab = lab();
    lab.pass(2).await;
    let pod = format!("/api/v1/namespaces/{NAMESPACE}/pods/{FARMER}");
    let token = Some("rehearsalTOKEN");
    let early = get(&lab, &format!("{pod}:9100/proxy/"), token).await;
    assert_eq!(early.0, 400, "no address yet: {}", early.1);
    lab.pass(60).await;
    let answer = get(&lab, &format!("{pod}:9100/proxy/.admin?cmd=aaStatus&x=%20"), token).await;
    let asked = format!("GET {NAMESPACE}/{FARMER}:9100 /.admin?cmd=aaStatus&x=%20 false");
    assert_eq!(answer, (418, asked), "the node's own status, and no token for the node");
    let (code, closed) = get(&lab, &format!("{pod}:1234/proxy/"), token).await;
    assert_eq!(code, 503);
    let closed: Value = serde_json::from_str(&closed).unwrap();
    assert_eq!(
        closed["message"],
        "error trying to reach service: dial tcp 10.244.0.2:1234: connect: connection refused"
    );
    assert_eq!(closed["reason"], "ServiceUnavailable");
    assert_eq!(lab.kubernetes.requests()["get pods/proxy"], 3);
    assert_eq!(lab.kubernetes.writes_refused(), 0);
}

#[tokio::test]
async fn loopback_speaks_http_with_a_token() {
    let lab = lab();
    lab.pass(60).await;
    let server = lab.kubernetes.listen().await.unwrap();
    let sets: Api<StatefulSet> = Api::default_namespaced(client(&server, None));
    let kube::Error::Api(status) = sets.list(&ListParams::default()).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(status.code, 401);
    let client = client(&server, Some("rehearsalTOKEN"));
    let sets: Api<StatefulSet> = Api::default_namespaced(client.clone());
    let set = sets.get("system6-dcr-farmer").await.unwrap();
    assert_eq!(set.status.unwrap().ready_replicas, Some(2));
    let pods: Api<Pod> = Api::default_namespaced(client);
    let mut watch = pods.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    for _ in 0..2 {
        assert!(matches!(watch.next().await.unwrap().unwrap(), WatchEvent::Added(_)));
    }
    lab.kubernetes.delete(Kind::Pod, NAMESPACE, FARMER, Propagation::Background);
    assert!(matches!(watch.next().await.unwrap().unwrap(), WatchEvent::Modified(_)));
}

/// Asks a forwarded port; `None` where the connection ends without an answer.
async fn ask(pods: &Api<Pod>, port: u16) -> Option<String> {
    let mut forward = pods.portforward(FARMER, &[port]).await.unwrap();
    let stream = TokioIo::new(forward.take_stream(port).unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::get("/.admin?cmd=aaStatus").header("host", "node").body(Empty::<Bytes>::new());
    let response = sender.send_request(request.unwrap()).await.ok()?;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Some(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn ports_are_forwarded() {
    let lab = lab();
    lab.pass(60).await;
    let server = lab.kubernetes.listen().await.unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client(&server, Some("rehearsalTOKEN")));
    let asked = format!("GET {NAMESPACE}/{FARMER}:9100 /.admin?cmd=aaStatus false");
    assert_eq!(ask(&pods, 9100).await, Some(asked));
    assert_eq!(ask(&pods, 1234).await, None, "nobody listens there");
    let kube::Error::Api(status) = pods.portforward("none", &[9100]).await.err().unwrap() else {
        panic!()
    };
    assert_eq!(status.code, 404);
}

#[tokio::test]
async fn forwarding_takes_the_right_to_create() {
    let lab = lab();
    lab.pass(60).await;
    let may = |verbs| {
        let rule = Rule { resources: vec!["pods/portforward"], verbs, ..Rule::default() };
        User::new("reader", "rehearsalTOKEN").unwrap().limited_to(vec![rule])
    };
    lab.kubernetes.set_users(vec![may(vec!["get"])]);
    let server = lab.kubernetes.listen().await.unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client(&server, Some("rehearsalTOKEN")));
    let kube::Error::Api(status) = pods.portforward(FARMER, &[9100]).await.err().unwrap() else {
        panic!()
    };
    assert_eq!(status.code, 403);
    assert!(status.message.contains("cannot create resource \"pods/portforward\""), "{status:?}");
    lab.kubernetes.set_users(vec![may(vec!["get", "create"])]);
    assert!(ask(&pods, 9100).await.is_some());
}
