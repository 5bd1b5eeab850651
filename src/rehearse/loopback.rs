//! A part of the embedded world on a port of the loopback interface, for clients in other processes.
use std::io;
use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::{Service, ServiceExt};

/// What breaks a connection instead of an answer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A listening service; it stops when this is dropped.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    accepts: JoinHandle<()>,
}

impl Loopback {
    /// Serves HTTP on a free port of 127.0.0.1. Where the service fails instead of answering, the
    /// connection breaks.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn serve<S, B>(service: S) -> io::Result<Self>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = BoxError>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        Loopback::serve_on(free_port()?, service)
    }

    /// The same on a port that was taken before.
    ///
    /// # Errors
    /// It can't be listened on.
    pub fn serve_on<S, B>(port: std::net::TcpListener, service: S) -> io::Result<Self>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = BoxError>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        port.set_nonblocking(true)?;
        let listener = TcpListener::from_std(port)?;
        let address = listener.local_addr()?;
        let accepts = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                let service =
                    hyper::service::service_fn(move |request| service.clone().oneshot(request));
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

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Takes a free port of 127.0.0.1, for a service that begins later: its address is known at once.
///
/// # Errors
/// There is none.
pub fn free_port() -> io::Result<std::net::TcpListener> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}
