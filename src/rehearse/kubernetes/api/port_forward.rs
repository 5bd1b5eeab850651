//! Forwards ports of pods over a WebSocket, as `v4.channel.k8s.io` has it: two channels for each port.
use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{FutureExt, SinkExt, StreamExt};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::target::Target;
use super::{Body, full};
use crate::rehearse::kubernetes::Kubernetes;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::node::Unreachable;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::refusal::Refusal;
use crate::rehearse::loopback::BoxError;

/// What client and server speak.
const PROTOCOL: &str = "v4.channel.k8s.io";
/// How many bytes a connection to a node holds back.
const BUFFER: usize = 64 * 1024;

impl Kubernetes {
    /// Answers `/api/v1/namespaces/N/pods/P/portforward?ports=…` and carries the bytes from then on. Works
    /// on a port only: without a connection there is nothing to upgrade.
    pub(super) fn port_forward(
        &self,
        mut request: Request<Bytes>,
        target: &Target,
        query: &BTreeMap<String, String>,
    ) -> Result<Response<Body>, Refusal> {
        let (namespace, name) = (target.namespace.as_deref(), target.name.as_deref());
        let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
        let pod = self.get(Kind::Pod, namespace, name);
        let pod = pod.ok_or_else(|| Refusal::not_found(Kind::Pod, name))?;
        let ports = query.get("ports").map(String::as_str).unwrap_or_default();
        let ports: Vec<u16> = ports
            .split(',')
            .map(|port| {
                port.parse().map_err(|_| Refusal::bad_request(format!("invalid port \"{port}\"")))
            })
            .collect::<Result<_, _>>()?;
        let said = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let speaks = said(header::SEC_WEBSOCKET_PROTOCOL)
            .is_some_and(|all| all.split(',').any(|one| one.trim() == PROTOCOL));
        let key = said(header::SEC_WEBSOCKET_KEY).filter(|_| speaks);
        let accept = key.map(|key| derive_accept_key(key.as_bytes()));
        let accept = accept.and_then(|accept| HeaderValue::from_str(&accept).ok());
        let accept = accept.ok_or_else(|| Refusal::bad_request("Upgrade request required"))?;
        let upgrade = hyper::upgrade::on(&mut request);
        let kubernetes = self.clone();
        tokio::spawn(async move {
            if let Ok(upgraded) = upgrade.await {
                // A forward that breaks is the client's affair.
                drop(kubernetes.carry(upgraded, &pod, &ports).await);
            }
        });
        let mut response = Response::new(full(Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        Ok(response)
    }

    /// Carries bytes between the socket and the ports until either side closes.
    async fn carry(
        &self,
        upgraded: Upgraded,
        pod: &Arc<Value>,
        ports: &[u16],
    ) -> Result<(), BoxError> {
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let (mut to_client, mut from_client) = socket.split();
        let (frames, mut ready) = mpsc::channel(1);
        let mut to_nodes = Vec::new();
        for (channel, port) in (0..).step_by(2).zip(ports) {
            for channel in [channel, channel + 1] {
                to_client.send(frame(channel, &port.to_le_bytes())).await?;
            }
            if !self.runs(pod) {
                let why = format!(
                    "error forwarding port {port} to pod {}, uid : dial tcp4 127.0.0.1:{port}: connect: connection refused",
                    object::name(pod)
                );
                to_client.send(frame(channel + 1, why.as_bytes())).await?;
            }
            let (ours, node) = tokio::io::duplex(BUFFER);
            let (from_node, to_node) = tokio::io::split(ours);
            to_nodes.push(to_node);
            tokio::spawn(self.clone().serve_node(node, Arc::clone(pod), *port));
            tokio::spawn(read_node(from_node, channel, frames.clone()));
        }
        drop(frames);
        loop {
            tokio::select! {
                sent = ready.recv() => match sent {
                    Some(frame) => to_client.send(frame).await?,
                    None => break,
                },
                received = from_client.next() => match received.transpose()? {
                    Some(Message::Binary(bytes)) if !bytes.is_empty() => {
                        if let Some(to_node) = to_nodes.get_mut(usize::from(bytes[0] / 2)) {
                            to_node.write_all(&bytes[1..]).await?;
                        }
                    }
                    Some(Message::Close(_)) | None => break,
                    Some(_) => {}
                },
            }
        }
        Ok(to_client.close().await?)
    }

    /// The node's end of a forwarded connection: plain HTTP.
    async fn serve_node(self, connection: DuplexStream, pod: Arc<Value>, port: u16) {
        let service = service_fn(move |request: Request<Incoming>| {
            let (kubernetes, pod) = (self.clone(), Arc::clone(&pod));
            let answer = async move {
                let (parts, body) = request.into_parts();
                let body =
                    body.collect().await.map_err(|broken| Unreachable(broken.to_string()))?;
                let body = body.to_bytes();
                let request = Request::from_parts(parts, body);
                let answer = kubernetes.call_node(&pod, port, request).await?;
                Ok::<_, Unreachable>(answer.map(Full::new))
            };
            answer.boxed()
        });
        let connection = TokioIo::new(connection);
        // Nobody listens there, or the client went away: the connection just ends.
        drop(
            hyper::server::conn::http1::Builder::new().serve_connection(connection, service).await,
        );
    }
}

async fn read_node(mut node: ReadHalf<DuplexStream>, channel: u8, frames: mpsc::Sender<Message>) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = node.read(&mut buffer).await {
        if frames.send(frame(channel, &buffer[..read])).await.is_err() {
            return;
        }
    }
}

fn frame(channel: u8, bytes: &[u8]) -> Message {
    Message::binary([&[channel], bytes].concat())
}
