//! One node as a `tower::Service`, for clients that want to speak HTTP to it.
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::Service;

use super::{Express, Reply};

/// A handle on one node, whether it exists or not.
#[derive(Clone)]
pub struct Node {
    express: Express,
    namespace: String,
    name: String,
    port: u16,
}

/// Nothing answers at this address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{node}:{port}: connection refused")]
pub struct Unreachable {
    pub node: String,
    pub port: u16,
}

impl Node {
    pub(super) fn new(express: Express, namespace: &str, name: &str, port: u16) -> Self {
        Node { express, namespace: namespace.to_owned(), name: name.to_owned(), port }
    }
}

impl Service<http::Request<Vec<u8>>> for Node {
    type Response = http::Response<Vec<u8>>;
    type Error = Unreachable;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Unreachable>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unreachable>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Vec<u8>>) -> Self::Future {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let (method, body) = (request.method(), request.body());
        let Node { express, namespace, name, port } = self;
        match express.reply(namespace, name, *port, method, path, body) {
            Reply::Answer(response) => Box::pin(std::future::ready(Ok(response))),
            Reply::Unreachable => {
                let unreachable = Unreachable { node: name.clone(), port: *port };
                Box::pin(std::future::ready(Err(unreachable)))
            }
            Reply::Silence => Box::pin(std::future::pending()),
        }
    }
}
