//! What runs in the pods, supplied by the rest of the world: nodes that answer and Jobs that end.
use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Bytes;
use serde_json::Value;

/// A port on which nobody answers, in the words of a failed connect: `connect: connection refused`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

impl Unreachable {
    pub fn refused() -> Self {
        Self("connect: connection refused".to_owned())
    }
}

/// The HTTP side of all pods. It is asked only about pods whose containers run.
pub trait NodeHttp: Send + Sync {
    /// Answers a request that reached a pod's port; its URI is a path with a query.
    fn call(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<Bytes>, Unreachable>>;
}

/// How a container of a Job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    pub code: u8,
    /// The termination message, cut at 4096 bytes as the kubelet does.
    pub message: String,
}

/// The programs in the containers of Jobs.
pub trait JobRunner: Send + Sync {
    /// Runs the first container of `pod` (the whole object) to its end. A future that is ready at once
    /// ends the container in the moment it started; others run on while the world goes on, until they
    /// are ready or, dropped, killed with their pod.
    fn run(&self, pod: &Value) -> BoxFuture<'static, Exit>;
}
