//! The way to one API server: a client made when it is first needed, and again when its credentials end or
//! are refused.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kube::client::{ClientBuilder, DynBody};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tower::util::MapResponseLayer;

use super::CONNECT_LIMIT;
use crate::context::Clock;
use crate::observe::unanswered::Unanswered;

/// An API server, by the kubeconfig context that leads to it or by a client that stands already.
pub struct Connection {
    by: By,
    clock: Clock,
    made: Mutex<Option<Made>>,
}

/// A client, and what became of its credentials.
struct Made {
    client: Client,
    at: Timestamp,
    /// An answer said that they aren't accepted (401).
    refused: Arc<AtomicBool>,
}

/// How long credentials are used that were refused before they are read again: a plugin may ask a person, or
/// lock somebody out.
const REFUSED: SignedDuration = SignedDuration::from_secs(30);

enum By {
    Context { name: String, kubeconfig: Arc<Kubeconfig> },
    Client(Client),
}

impl fmt::Debug for Connection {
    /// Kubeconfigs and clients hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            By::Context { name, .. } => write!(f, "Connection {{ context: {name:?} }}"),
            By::Client(_) => f.write_str("Connection"),
        }
    }
}

impl Connection {
    pub(super) fn new(name: String, kubeconfig: Arc<Kubeconfig>, clock: Clock) -> Self {
        Connection { by: By::Context { name, kubeconfig }, clock, made: Mutex::default() }
    }

    pub(super) fn over(client: Client, clock: Clock) -> Self {
        Connection { by: By::Client(client), clock, made: Mutex::default() }
    }

    /// A client whose credentials haven't ended. Tokens that kubeconfig or plugin give an end to are renewed
    /// by it; the others are read again here once the server refuses them.
    pub async fn client(&self) -> Result<Client, Unanswered> {
        let (name, kubeconfig) = match &self.by {
            By::Client(client) => return Ok(client.clone()),
            By::Context { name, kubeconfig } => (name, kubeconfig),
        };
        let mut last = self.made.lock().await;
        let now = self.clock.now();
        if let Some(made) = last.as_ref().filter(|made| made.lasts(now)) {
            return Ok(made.client.clone());
        }
        let refused = Arc::<AtomicBool>::default();
        let client = make(kubeconfig.as_ref().clone(), name.clone(), Arc::clone(&refused)).await?;
        *last = Some(Made { client: client.clone(), at: now, refused });
        Ok(client)
    }
}

impl Made {
    fn lasts(&self, now: Timestamp) -> bool {
        let ended = self.client.valid_until().is_some_and(|end| end <= now);
        // A clock that was set back must not keep refused credentials.
        let tried = !(SignedDuration::ZERO..REFUSED).contains(&now.duration_since(self.at));
        !(ended || self.refused.load(Ordering::Relaxed) && tried)
    }
}

async fn make(
    kubeconfig: Kubeconfig,
    context: String,
    refused: Arc<AtomicBool>,
) -> Result<Client, Unanswered> {
    // The library panics without a provider. An error means that there is one already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let proxy = proxy(&kubeconfig, &context);
    let options = KubeConfigOptions { context: Some(context), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| Unanswered::new(kube::Error::InferKubeconfig(error), "connect"))?;
    // It waits up to a quarter of an hour and says nothing; what is asked again here is asked again visibly.
    config.default_retry = false;
    config.connect_timeout = Some(super::LIMIT);
    // Left to itself it asks the process's environment, and holds NO_PROXY against the proxy.
    config.proxy_url = proxy.and_then(|url| url.parse().ok());
    // A credential plugin runs meanwhile, and may wait for somebody who isn't there. On a thread that
    // nobody waits for it doesn't hold up the program's end.
    let (made, client) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::spawn(move || {
        let _entered = runtime.enter();
        let note = MapResponseLayer::new(move |answer: Response<Box<DynBody>>| {
            if answer.status() == StatusCode::UNAUTHORIZED {
                refused.store(true, Ordering::Relaxed);
            }
            answer
        });
        let client = ClientBuilder::try_from(config);
        // Nobody takes it where the limit has passed.
        made.send(client.map(|client| client.with_layer(&note).build())).ok();
    });
    match tokio::time::timeout(CONNECT_LIMIT, client).await {
        Ok(Ok(made)) => made.map_err(|error| Unanswered::new(error, "connect")),
        Ok(Err(error)) => Err(Unanswered::other(error.to_string())),
        Err(_) => Err(Unanswered::late(CONNECT_LIMIT, "the kubeconfig's credential plugin")),
    }
}

/// The proxy that the context's cluster names.
fn proxy(kubeconfig: &Kubeconfig, context: &str) -> Option<String> {
    let context = kubeconfig.contexts.iter().find(|named| named.name == context)?;
    let cluster = &context.context.as_ref()?.cluster;
    let named = kubeconfig.clusters.iter().find(|named| named.name == *cluster)?;
    named.cluster.as_ref()?.proxy_url.clone()
}
