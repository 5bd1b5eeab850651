//! The embedded API server on a port of the loopback interface, for clients in other processes.
use std::io;
use std::net::SocketAddr;

use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::Kubernetes;

/// A listening API server; it stops when this is dropped.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    accepts: JoinHandle<()>,
}

impl Loopback {
    /// As a kubeconfig's `server`: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

impl Kubernetes {
    /// Serves HTTP on a free port of 127.0.0.1.
    pub async fn listen(&self) -> io::Result<Loopback> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let kubernetes = self.clone();
        let accepts = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let kubernetes = kubernetes.clone();
                let service =
                    hyper::service::service_fn(move |request| kubernetes.clone().oneshot(request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                // A connection that breaks is the client's affair.
                connections.spawn(async move { drop(connection.await) });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Loopback { address, accepts })
    }
}
