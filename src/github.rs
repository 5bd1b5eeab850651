//! GitHub's API: which repo is meant, who asks, and how a request is sent, limited and answered.
//!
//! ```text
//! observe::review ─▶ Github (reads) ┐
//!                                   ├─▶ octocrab ─▶ Wire: limits, credentials, retries of reads ─▶ reqwest
//! propose::pull_request ─▶ Writer ──┘
//! ```
//! A read may be sent again after it failed. A write never is: whoever wrote looks first, then decides.
mod credentials;
mod error;
mod limits;
mod place;
mod wire;

use std::sync::Arc;

use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Bytes;
use jiff::SignedDuration;
use octocrab::service::middleware::cache::HttpCacheLayer;
use octocrab::service::middleware::cache::mem::InMemoryCache;
use octocrab::{AuthState, FromResponse, Octocrab, OctocrabBuilder, Page};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use credentials::Credentials;
pub use error::Error;
pub use place::{NoPlace, Place};

use crate::context::{Clock, Context};
use wire::{Repeatable, Wire};

/// What may be asked of GitHub about one repo; nothing can be written with it. Cheap to clone.
#[derive(Clone)]
pub struct Github {
    octocrab: Octocrab,
    place: Arc<Place>,
    clock: Clock,
}

/// What may be done in one repo on GitHub, besides asking.
#[derive(Clone)]
pub struct Writer(Github);

/// How often a query is asked again that failed at GitHub's own end.
const AGAIN: u32 = 2;

/// A GraphQL document with one operation.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a>(pub &'a str);

#[derive(serde::Deserialize)]
struct GraphqlAnswer<T> {
    data: Option<T>,
    #[serde(default)]
    errors: Vec<error::GraphqlError>,
}

impl Github {
    /// A client for the repo at `place`. It must be built, and used, inside a tokio runtime. `patience`: how
    /// long one request may wait until GitHub takes requests again.
    ///
    /// # Errors
    /// TLS or a proxy can't be set up.
    pub fn new(
        context: &Context,
        place: Place,
        credentials: Credentials,
        patience: SignedDuration,
    ) -> Result<Self, Error> {
        let place = Arc::new(place);
        let wire = Wire::new(context, place.clone(), credentials, patience)?;
        let octocrab = OctocrabBuilder::new_empty()
            .with_service(wire)
            .with_layer(&HttpCacheLayer::new(Some(Arc::new(InMemoryCache::new()))))
            .with_auth(AuthState::None)
            .build();
        let Ok(octocrab) = octocrab;
        Ok(Github { octocrab, place, clock: context.clock.clone() })
    }

    /// Which repo this is about.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Waits before something is looked at again, twice as long each time.
    pub async fn pause(&self, attempt: u32) {
        let length = SignedDuration::from_millis(500) * 2_i32.saturating_pow(attempt.min(6));
        tokio::time::sleep(self.clock.real(length)).await;
    }

    /// Asks for what is below the repo, e.g. `pulls/7`.
    ///
    /// # Errors
    /// GitHub doesn't answer, refuses, or answers with something else.
    pub async fn get<T: DeserializeOwned>(&self, below: &str) -> Result<T, Error> {
        self.sent(Method::GET, &self.route(below), None::<&()>, true).await
    }

    /// Asks for one page of a list.
    ///
    /// # Errors
    /// As for [`Github::get`].
    pub async fn page<T: DeserializeOwned>(&self, below: &str) -> Result<Page<T>, Error> {
        self.page_at(&self.route(below)).await
    }

    /// Asks for a page by the link that the one before it named.
    ///
    /// # Errors
    /// As for [`Github::get`].
    pub async fn page_at<T: DeserializeOwned>(&self, route: &str) -> Result<Page<T>, Error> {
        let doing = format!("GET {}", path_of(route));
        let response = self.raw(Method::GET, route, None::<&()>, true).await?;
        Page::<T>::from_response(response).await.map_err(|error| Error::of(&doing, error))
    }

    /// Runs a GraphQL query.
    ///
    /// # Errors
    /// As for [`Github::get`].
    pub async fn query<T: DeserializeOwned>(
        &self,
        document: Document<'_>,
        variables: Value,
    ) -> Result<T, Error> {
        let mut attempt = 0;
        loop {
            match self.graphql(document, &variables, true).await {
                // Its own trouble, which it tells with a status that says that all is well.
                Err(error @ Error::Graphql { .. }) if error.is_passing() && attempt < AGAIN => {
                    attempt += 1;
                    self.pause(attempt).await;
                }
                result => return result,
            }
        }
    }

    async fn graphql<T: DeserializeOwned>(
        &self,
        document: Document<'_>,
        variables: &Value,
        repeatable: bool,
    ) -> Result<T, Error> {
        let body = json!({"query": document.0, "variables": variables});
        let answer: GraphqlAnswer<T> =
            self.sent(Method::POST, "/graphql", Some(&body), repeatable).await?;
        match answer.data.filter(|_| answer.errors.is_empty()) {
            Some(data) => Ok(data),
            None if answer.errors.is_empty() => {
                let (doing, why) = ("POST /graphql".to_owned(), "there is no data".to_owned());
                Err(Error::Unreadable { doing, why })
            }
            None => Err(Error::Graphql { errors: answer.errors }),
        }
    }

    /// The path of what is below the repo.
    fn route(&self, below: &str) -> String {
        let Place { owner, name, .. } = &*self.place;
        match below {
            "" => format!("/repos/{owner}/{name}"),
            below => format!("/repos/{owner}/{name}/{below}"),
        }
    }

    async fn sent<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        body: Option<&B>,
        repeatable: bool,
    ) -> Result<T, Error> {
        let doing = format!("{method} {}", path_of(route));
        let response = self.raw(method, route, body, repeatable).await?;
        let body =
            response.into_body().collect().await.map_err(|error| Error::of(&doing, error))?;
        // An answer without a body, such as to a DELETE, reads as null.
        let body = body.to_bytes();
        let body: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(body)
            .map_err(|error| Error::Unreadable { doing, why: error.to_string() })
    }

    async fn raw<B: Serialize + ?Sized>(
        &self,
        method: Method,
        route: &str,
        body: Option<&B>,
        repeatable: bool,
    ) -> Result<Response<BoxBody<Bytes, octocrab::Error>>, Error> {
        let doing = format!("{method} {}", path_of(route));
        let request =
            Request::builder().method(method).uri(route).extension(Repeatable(repeatable));
        let octocrab = &self.octocrab;
        let request =
            octocrab.build_request(request, body).map_err(|error| Error::of(&doing, error))?;
        let response = octocrab.execute(request).await.map_err(|error| Error::of(&doing, error))?;
        octocrab::map_github_error(response).await.map_err(|error| Error::of(&doing, error))
    }
}

impl Writer {
    /// Only commands that write build one.
    pub fn new(github: Github) -> Self {
        Writer(github)
    }

    /// The same client for what is only asked.
    pub fn reader(&self) -> &Github {
        &self.0
    }

    /// Sends a change, once.
    ///
    /// # Errors
    /// GitHub refuses it, or its answer didn't come: then it may have been done.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        below: &str,
        body: &Value,
    ) -> Result<T, Error> {
        self.0.sent(method, &self.0.route(below), Some(body), false).await
    }

    /// Runs a GraphQL mutation, once.
    ///
    /// # Errors
    /// As for [`Writer::send`].
    pub async fn mutate<T: DeserializeOwned>(
        &self,
        document: Document<'_>,
        variables: Value,
    ) -> Result<T, Error> {
        self.0.graphql(document, &variables, false).await
    }
}

/// A route without its query, for messages.
fn path_of(route: &str) -> String {
    let path = route.parse::<Uri>().map(|uri| uri.path().to_owned());
    path.unwrap_or_else(|_| route.split('?').next().unwrap_or_default().to_owned())
}
