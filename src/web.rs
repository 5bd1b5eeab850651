//! HTTP to services outside the cluster: by way of which proxies, and whom it trusts.
use std::time::Duration;

use reqwest::{Certificate, Client, NoProxy, Proxy, redirect};
use thiserror::Error;

use crate::context::Context;
use crate::git::without_credentials;

/// Why no client can be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SetupError(String);

/// A client that goes through the proxies the environment names and trusts the authorities in
/// `SSL_CERT_FILE`. It follows no redirect: a write would arrive as something else.
///
/// # Errors
/// TLS, a proxy or the authorities can't be set up.
pub fn client(context: &Context, connect: Duration, total: Duration) -> Result<Client, SetupError> {
    // The library panics without a provider. An error means that there is one already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut client = Client::builder()
        .connect_timeout(connect)
        .timeout(total)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .user_agent(concat!("dcr-gitops/", env!("CARGO_PKG_VERSION")));
    let either = |upper: &str, lower: &str| context.var(lower).or(context.var(upper));
    let except = either("NO_PROXY", "no_proxy").and_then(NoProxy::from_string);
    let all = either("ALL_PROXY", "all_proxy");
    type Make = fn(&str) -> reqwest::Result<Proxy>;
    let schemes: [(Make, Option<&str>); 2] = [
        (|url| Proxy::https(url), either("HTTPS_PROXY", "https_proxy").or(all)),
        // In upper case it may be a header that somebody sent to a CGI script.
        (|url| Proxy::http(url), context.var("http_proxy").or(all)),
    ];
    for (make, url) in schemes {
        let Some(url) = url else { continue };
        let proxy =
            make(url).map_err(|_| SetupError("the proxy's address is no URL".to_owned()))?;
        client = client.proxy(proxy.no_proxy(except.clone()));
    }
    client = client.tls_certs_merge(authorities(context)?);
    client.build().map_err(|error| SetupError(error.to_string()))
}

/// The authorities in `SSL_CERT_FILE`, which is PEM.
///
/// # Errors
/// They can't be read. No client could be made then, for the library reads that file, too.
pub fn authorities(context: &Context) -> Result<Vec<Certificate>, SetupError> {
    let Some(file) = context.var("SSL_CERT_FILE") else { return Ok(Vec::new()) };
    let bad = |why: String| SetupError(format!("reading SSL_CERT_FILE {file}: {why}"));
    let pem = std::fs::read(file).map_err(|error| bad(error.to_string()))?;
    Certificate::from_pem_bundle(&pem).map_err(|error| bad(error.to_string()))
}

/// Why a request wasn't answered: the library's message and its causes, without the address and whatever is
/// in it.
pub fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        why = format!("{why}: {inner}");
        cause = inner.source();
    }
    without_credentials(&why)
}
