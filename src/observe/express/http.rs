//! Asks a node over HTTP: one request, one answer, within limits, and nothing sent twice.
use std::error::Error as _;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url, redirect};
use thiserror::Error;

use super::LONGEST_ANSWER;
use super::excerpt::{excerpt, printable};

/// How a command is sent that changes something. Not `GET`: a proxy may ask that again by itself, and
/// whoever may only read the nodes through the API server's proxy must not reach it.
const COMMAND: Method = Method::POST;

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the last byte of the answer is there, connecting included.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { connect: Duration::from_secs(5), total: Duration::from_secs(10) }
    }
}

/// A client for the admin port of nodes.
///
/// It goes straight to the host it is told: no proxy, no redirect. Every request has a connection of its
/// own, for on a kept one a client can't always tell whether a request was still received.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
}

/// Why there is no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    #[error("`{url}` is no URL: {why}")]
    Url { url: String, why: String },
    /// No connection came about, so nothing was sent.
    #[error("no connection: {0}")]
    NotConnected(String),
    /// It may have been received, but its answer didn't come, or not whole.
    #[error("the answer was lost: {0}")]
    Lost(String),
    #[error("it answered {status}: `{beginning}`")]
    Status { status: u16, beginning: String },
    #[error("it answered with more than {LONGEST_ANSWER} bytes")]
    TooLong,
}

impl Http {
    /// Fails only if TLS can't be set up.
    pub fn new(limits: Limits) -> Result<Self, reqwest::Error> {
        // The library panics without a provider. An error means that there is one already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder()
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .http1_only()
            .no_proxy()
            .user_agent(concat!("dcr-gitops/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Http { client })
    }

    /// The body of an answer with status 200 to a question, which changes nothing.
    pub async fn ask(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        self.request(Method::GET, url).await
    }

    /// Sends a command, once, and gives the body of its answer with status 200.
    pub async fn command(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        self.request(COMMAND, url).await
    }

    async fn request(&self, method: Method, url: &str) -> Result<Vec<u8>, HttpError> {
        let url = Url::parse(url).map_err(|error| HttpError::Url {
            // What follows the path may hold a token.
            url: printable(url.split('?').next().unwrap_or_default()),
            why: error.to_string(),
        })?;
        let mut answer = self.client.request(method, url).send().await.map_err(unanswered)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(HttpError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        match status {
            StatusCode::OK => Ok(body),
            other => Err(HttpError::Status { status: other.as_u16(), beginning: excerpt(&body) }),
        }
    }
}

/// Tells apart what was surely not sent; the library's message without the URL, which may hold a token.
fn unanswered(error: reqwest::Error) -> HttpError {
    let sent = !error.is_connect();
    let error = error.without_url();
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        why = format!("{why}: {inner}");
        cause = inner.source();
    }
    let why = printable(&why);
    if sent { HttpError::Lost(why) } else { HttpError::NotConnected(why) }
}
