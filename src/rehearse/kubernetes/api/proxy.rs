//! Carries requests to nodes through the API server, and its errors where a node can't be reached.
use http::{Method, Request, Response, Uri};
use hyper::body::Bytes;
use serde_json::Value;

use super::target::Target;
use super::{Body, full};
use crate::rehearse::kubernetes::Kubernetes;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::object;
use crate::rehearse::kubernetes::refusal::Refusal;

impl Kubernetes {
    /// Answers `/api/v1/namespaces/N/pods/P:PORT/proxy/PATH`.
    pub(super) async fn proxy(
        &self,
        request: Request<Bytes>,
        target: &Target,
    ) -> Result<Response<Body>, Refusal> {
        if target.kind != Kind::Pod || !matches!(*request.method(), Method::GET | Method::POST) {
            return Err(Refusal::method_not_allowed());
        }
        let (namespace, id) = (target.namespace.as_deref(), target.name.as_deref());
        let (namespace, id) = (namespace.unwrap_or_default(), id.unwrap_or_default());
        let invalid = || Refusal::bad_request(format!("invalid pod request \"{id}\""));
        let (name, port) = match id.split(':').collect::<Vec<_>>()[..] {
            [name] | ["" | "http", name, ""] => (name, None),
            [name, port] | ["" | "http", name, port] => {
                (name, Some(port.parse::<u16>().map_err(|_| invalid())?))
            }
            _ => return Err(invalid()),
        };
        let pod = self.get(Kind::Pod, namespace, name);
        let pod = pod.ok_or_else(|| Refusal::not_found(Kind::Pod, name))?;
        let port = port.or_else(|| first_port(&pod)).unwrap_or(80);
        let ip = object::text(&pod, "/status/podIP");
        if ip.is_empty() {
            return Err(Refusal::bad_request("address not allowed"));
        }
        let (mut parts, body) = request.into_parts();
        parts.uri = target.rest.parse::<Uri>().map_err(|_| invalid())?;
        parts.headers.remove(http::header::AUTHORIZATION);
        let answer = self.call_node(&pod, port, Request::from_parts(parts, body)).await;
        let answer = answer.map_err(|why| {
            let message = format!("error trying to reach service: dial tcp {ip}:{port}: {why}");
            Refusal::new(503, "ServiceUnavailable", message)
        })?;
        Ok(answer.map(full))
    }
}

fn first_port(pod: &Value) -> Option<u16> {
    let port = pod.pointer("/spec/containers/0/ports/0/containerPort")?;
    port.as_u64().and_then(|port| u16::try_from(port).ok())
}
