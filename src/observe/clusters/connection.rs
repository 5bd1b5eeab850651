//! The way to one API server: a client made when it is first needed, and again when its credentials end.
use std::fmt;
use std::sync::Arc;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};

use super::CONNECT_LIMIT;
use crate::context::Clock;
use crate::observe::unanswered::Unanswered;

/// An API server, by the kubeconfig context that leads to it or by a client that stands already.
pub struct Connection {
    by: By,
    clock: Clock,
    client: Mutex<Option<Client>>,
}

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
        Connection { by: By::Context { name, kubeconfig }, clock, client: Mutex::default() }
    }

    pub(super) fn over(client: Client, clock: Clock) -> Self {
        Connection { by: By::Client(client), clock, client: Mutex::default() }
    }

    /// A client whose credentials haven't ended.
    pub async fn client(&self) -> Result<Client, Unanswered> {
        let (name, kubeconfig) = match &self.by {
            By::Client(client) => return Ok(client.clone()),
            By::Context { name, kubeconfig } => (name, kubeconfig),
        };
        let mut client = self.client.lock().await;
        let lasts =
            |client: &&Client| client.valid_until().is_none_or(|end| self.clock.now() < end);
        if let Some(client) = client.as_ref().filter(lasts) {
            return Ok(client.clone());
        }
        let made = make(kubeconfig.as_ref().clone(), name.clone()).await?;
        Ok(client.insert(made).clone())
    }
}

async fn make(kubeconfig: Kubeconfig, context: String) -> Result<Client, Unanswered> {
    // The library panics without a provider. An error means that there is one already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let options = KubeConfigOptions { context: Some(context), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| Unanswered::new(kube::Error::InferKubeconfig(error), "connect"))?;
    // It waits up to a quarter of an hour and says nothing; what is asked again here is asked again visibly.
    config.default_retry = false;
    config.connect_timeout = Some(super::LIMIT);
    // A credential plugin runs meanwhile, and may wait for somebody who isn't there. On a thread that
    // nobody waits for it doesn't hold up the program's end.
    let (made, client) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::spawn(move || {
        let _entered = runtime.enter();
        // Nobody takes it where the limit has passed.
        made.send(Client::try_from(config)).ok();
    });
    match tokio::time::timeout(CONNECT_LIMIT, client).await {
        Ok(Ok(made)) => made.map_err(|error| Unanswered::new(error, "connect")),
        Ok(Err(error)) => Err(Unanswered::other(error.to_string())),
        Err(_) => Err(Unanswered::late(CONNECT_LIMIT, "the kubeconfig's credential plugin")),
    }
}
