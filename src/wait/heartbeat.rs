//! A sign of life at every poll: a URL is called, and whoever listens there notices when it stops. Whatever
//! comes of it, the watch goes on.
use std::fmt;
use std::time::Duration;

use reqwest::{Client, Proxy, redirect};
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::proxy::proxy_to;

/// How long a call may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How long the end of the program waits for the last call.
const LAST: Duration = Duration::from_secs(2);

/// The calls of one watch, one at a time.
#[derive(Default)]
pub struct Heartbeat {
    calling: Option<JoinHandle<Result<(), String>>>,
    failing: bool,
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat").field("failing", &self.failing).finish_non_exhaustive()
    }
}

impl Heartbeat {
    /// Calls the URL, unless the last call is still on. It holds a key, so it is never shown.
    pub fn beat(&mut self, context: &Context, url: &str) {
        if self.calling.is_none() {
            let proxy = proxy_to(context, url);
            self.calling = Some(tokio::spawn(call(url.to_owned(), proxy)));
        }
    }

    /// What went wrong with the last call that ended, once until one succeeds again.
    pub async fn failed(&mut self) -> Option<String> {
        if !self.calling.as_ref().is_some_and(JoinHandle::is_finished) {
            return None;
        }
        let ended = self.calling.take()?.await;
        let result = ended.unwrap_or_else(|_| Err("it was given up".to_owned()));
        let was_failing = std::mem::replace(&mut self.failing, result.is_err());
        result.err().filter(|_| !was_failing)
    }

    /// The same at the end of the watch: a call that is on gets a moment more.
    pub async fn last(&mut self) -> Option<String> {
        if let Some(calling) = &mut self.calling
            && let Ok(ended) = tokio::time::timeout(LAST, calling).await
        {
            self.calling = None;
            let was_failing = self.failing;
            return ended.ok()?.err().filter(|_| !was_failing);
        }
        None
    }
}

async fn call(url: String, proxy: Option<String>) -> Result<(), String> {
    // The library panics without a provider. An error means that there is one already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut client = Client::builder()
        .timeout(LIMIT)
        .redirect(redirect::Policy::limited(3))
        .no_proxy()
        .user_agent(concat!("dcr-gitops/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = proxy {
        let proxy = Proxy::all(proxy).map_err(|_| "the proxy's URL can't be used".to_owned())?;
        client = client.proxy(proxy);
    }
    let told = |error: reqwest::Error| match () {
        () if error.is_timeout() => format!("no answer within {} s", LIMIT.as_secs()),
        () if error.is_connect() => "no connection".to_owned(),
        () if error.is_builder() => "`heartbeat.url` is no URL".to_owned(),
        () => "the connection broke".to_owned(),
    };
    let answer = client.build().map_err(told)?.get(url).send().await.map_err(told)?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answered {}", status.as_u16())),
    }
}
