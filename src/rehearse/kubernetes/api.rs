//! The API server: an HTTP service over the store that reads for everybody and writes for nobody.
mod list;
mod port_forward;
mod proxy;
mod target;
mod watch;

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Bytes;
use serde_json::Value;

use self::target::Target;
use self::watch::Watch;
use super::Kubernetes;
use super::access::Attempt;
use super::fault::Fault;
use super::refusal::Refusal;
use super::store::Key;
use crate::rehearse::loopback::BoxError;
use crate::rehearse::uri::parameters;

/// The body of an answer: whole, or the endless one of a watch.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

impl<B> tower::Service<Request<B>> for Kubernetes
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let kubernetes = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(Into::into)?.to_bytes();
            kubernetes.answer(Request::from_parts(parts, body)).await
        })
    }
}

impl Kubernetes {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Body>, BoxError> {
        self.advance().await;
        if request.uri().path() == "/version" {
            return Ok(whole(
                StatusCode::OK,
                &serde_json::json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0"}),
            ));
        }
        let Some(target) = Target::of(request.uri()) else {
            return Ok(page_not_found());
        };
        let query = parameters(request.uri());
        let watches = matches!(query.get("watch").map(String::as_str), Some("true" | "1"));
        let method = request.method().clone();
        let attempt = target.attempt(&method, watches);
        let authorization = request.headers().get(header::AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (user, fault) = self.write(|cluster| {
            cluster.count(&attempt);
            (
                cluster.authenticate(authorization.as_deref()),
                cluster.faults.take(attempt.verb, &attempt.resource()),
            )
        });
        match &fault {
            Some(Fault::Reset) => return Err("connection reset by peer".into()),
            Some(Fault::Slow(by)) => tokio::time::sleep(*by).await,
            Some(Fault::Silent) if watches => {
                let silence = StreamBody::new(futures::stream::pending()).boxed_unsync();
                return Ok(with_body(StatusCode::OK, silence));
            }
            Some(fault) => {
                if let Some(refusal) = fault.refusal() {
                    return Ok(refused(&refusal));
                }
            }
            None => {}
        }
        let allowed = user.and_then(|user| match user {
            Some(user) => user.check(&attempt).and_then(|()| user.check_upgrade(&attempt)),
            None => Ok(()),
        });
        let stale = match fault {
            Some(Fault::Stale(by)) => by,
            _ => 0,
        };
        let answer = match allowed {
            Ok(()) => self.route(request, &target, &attempt, &query, stale).await,
            Err(refusal) => Err(refusal),
        };
        Ok(answer.unwrap_or_else(|refusal| refused(&refusal)))
    }

    async fn route(
        &self,
        request: Request<Bytes>,
        target: &Target,
        attempt: &Attempt<'_>,
        query: &std::collections::BTreeMap<String, String>,
        stale: u64,
    ) -> Result<Response<Body>, Refusal> {
        match (attempt.subresource, attempt.verb) {
            (Some("proxy"), "get" | "create") => self.proxy(request, target).await,
            (Some("portforward"), "get" | "create") => self.port_forward(request, target, query),
            (None, "watch") => {
                let watch = Watch::open(self, target, query)?;
                Ok(with_body(StatusCode::OK, StreamBody::new(watch.frames()).boxed_unsync()))
            }
            (None, "list") => {
                let list = self.read(|cluster| list::list(&cluster.store, target, query, stale))?;
                Ok(whole(StatusCode::OK, &list))
            }
            (None, "get") => Ok(whole(StatusCode::OK, &self.one(target)?)),
            (_, "get") => Err(Refusal::new(
                404,
                "NotFound",
                "the server could not find the requested resource",
            )),
            _ => Err(Refusal::method_not_allowed()),
        }
    }

    fn one(&self, target: &Target) -> Result<Value, Refusal> {
        let name = target.name.as_deref().unwrap_or_default();
        let key = Key::new(target.kind, target.namespace.as_deref().unwrap_or_default(), name);
        let object =
            self.read(|cluster| cluster.store.get(&key).map(|object| Value::clone(object)));
        object.ok_or_else(|| Refusal::not_found(target.kind, name))
    }
}

impl Attempt<'_> {
    /// Whether this would change the cluster. What is sent to a node through the API server isn't known
    /// to: the node decides.
    pub(super) fn writes(&self) -> bool {
        let to_a_node = matches!(self.subresource, Some("proxy" | "portforward"));
        let reads = matches!(self.verb, "get" | "list" | "watch");
        !(reads || to_a_node && self.verb == "create")
    }
}

fn whole(status: StatusCode, object: &Value) -> Response<Body> {
    with_body(status, full(object.to_string().into()))
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = whole(status, &refusal.status());
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn with_body(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Paths that aren't served are answered with plain text.
fn page_not_found() -> Response<Body> {
    let mut response = Response::new(full(Bytes::from_static(b"404 page not found\n")));
    *response.status_mut() = StatusCode::NOT_FOUND;
    let text = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}
