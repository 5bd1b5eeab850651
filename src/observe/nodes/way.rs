//! The ways to a node: through the API server (its pod proxy, or a port-forward), by a URL, by a command.
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Body, Bytes};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::Nodes;
use super::question::{ENCODED, Question};
use crate::config::Via;
use crate::observe::express::LONGEST_ANSWER;
use crate::observe::express::excerpt::{excerpt, printable};
use crate::observe::rights::Read;
use crate::observe::unanswered::{Unanswered, not_allowed};
use crate::run::SystemRef;

/// What an API server says itself where it can't reach what is asked.
#[derive(Deserialize)]
struct ApiStatus {
    kind: String,
    #[serde(default)]
    message: String,
}

impl Nodes<'_> {
    /// The body of an answer with status 200, at most [`LONGEST_ANSWER`] bytes.
    pub(super) async fn by_its_way(
        &self,
        question: &Question<'_>,
        system: &SystemRef,
        node: &str,
    ) -> Result<Vec<u8>, String> {
        match question.via {
            Via::Proxy => {
                let path = question.path(system, node)?;
                proxied(&self.client(system).await?, system, node, question.port, &path).await
            }
            Via::PortForward => {
                let path = question.path(system, node)?;
                forwarded(&self.client(system).await?, system, node, question.port, &path).await
            }
            Via::Url => {
                let url = question.url(system, node)?;
                self.http.ask(&url).await.map_err(|error| error.to_string())
            }
            Via::Command => match self.commands {
                Some(commands) => commands.run(&question.command(system, node)?).await,
                None => Err("no command is run here".to_owned()),
            },
        }
    }

    async fn client(&self, system: &SystemRef) -> Result<Client, String> {
        let context = self.clusters.context(&system.cluster);
        match self.clusters.client(context).await {
            Some(client) => client.map_err(|error| error.why),
            None => Err(format!("no kubeconfig context `{context}`")),
        }
    }
}

async fn proxied(
    client: &Client,
    system: &SystemRef,
    node: &str,
    port: u16,
    path: &str,
) -> Result<Vec<u8>, String> {
    let namespace = utf8_percent_encode(&system.namespace, ENCODED);
    let node = utf8_percent_encode(node, ENCODED);
    let url = format!("/api/v1/namespaces/{namespace}/pods/{node}:{port}/proxy{path}");
    let request =
        Request::get(url).body(kube::client::Body::empty()).map_err(|error| error.to_string())?;
    let asked = Read::Proxy.asked("get", Some(&system.namespace));
    let answer = client.send(request).await.map_err(|error| Unanswered::new(error, &asked).why)?;
    let status = answer.status();
    let body = body(answer).await?;
    if status == StatusCode::OK {
        return Ok(body);
    }
    // The node's own answer passes through as it is; the API server's own is a Status.
    match serde_json::from_slice::<ApiStatus>(&body) {
        Ok(own) if own.kind == "Status" => Err(match status {
            StatusCode::UNAUTHORIZED => {
                "the API server doesn't accept the credentials (401)".to_owned()
            }
            StatusCode::FORBIDDEN => not_allowed(&asked),
            _ => excerpt(own.message.as_bytes()),
        }),
        _ => Err(not_ok(status, &body)),
    }
}

async fn forwarded(
    client: &Client,
    system: &SystemRef,
    node: &str,
    port: u16,
    path: &str,
) -> Result<Vec<u8>, String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &system.namespace);
    let asked = Read::PortForward.asked("get and create", Some(&system.namespace));
    let pod = utf8_percent_encode(node, ENCODED).to_string();
    let mut forward = pods
        .portforward(&pod, &[port])
        .await
        .map_err(|error| Unanswered::new(error, &asked).why)?;
    let refusal = forward.take_error(port);
    let Some(stream) = forward.take_stream(port) else {
        return Err("no stream came about".to_owned());
    };
    let refused = async {
        match refusal {
            Some(refusal) => refusal.await,
            None => None,
        }
    };
    // Where nobody listens on the port, only its channel for errors says so: the stream stays open.
    let answer = tokio::select! {
        biased;
        Some(refused) = refused => Err(excerpt(refused.as_bytes())),
        answer = over(TokioIo::new(stream), node, port, path) => answer,
    };
    forward.abort();
    answer
}

/// One request over a connection of its own.
async fn over(
    stream: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    node: &str,
    port: u16,
    path: &str,
) -> Result<Vec<u8>, String> {
    let broken = |error: hyper::Error| format!("the connection broke: {error}");
    let (mut sender, connection) = http1::handshake(stream).await.map_err(broken)?;
    let request = Request::get(path)
        .header(http::header::HOST, format!("{node}:{port}"))
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let asking = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = body(answer).await?;
        if status == StatusCode::OK { Ok(body) } else { Err(not_ok(status, &body)) }
    };
    // The connection only moves while it is polled, and may end right after the answer.
    tokio::pin!(asking);
    tokio::select! {
        answer = &mut asking => answer,
        _ = connection => asking.await,
    }
}

async fn body<B>(answer: Response<B>) -> Result<Vec<u8>, String>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let whole = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
    match whole {
        Ok(whole) => Ok(whole.to_bytes().to_vec()),
        Err(error) => Err(format!("the answer broke off: {}", printable(&error.to_string()))),
    }
}

fn not_ok(status: StatusCode, body: &[u8]) -> String {
    format!("it answered {}: `{}`", status.as_u16(), excerpt(body))
}
