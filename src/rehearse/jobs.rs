//! What runs in the pods of Jobs: this program's own admin commands, on the pod network.
mod crew;

use std::time::Duration;

use futures::future::BoxFuture;
use http::{Method, Request};
use jiff::Timestamp;
use serde_json::Value;
use tower::Service;

pub use self::crew::Crew;
use super::express::Express;
use super::kubernetes::kind::Kind;
use super::kubernetes::node::{Exit, JobRunner};
use super::kubernetes::{Kubernetes, object};
use crate::admin::{self, Time, Wire};
use crate::admin_job::VARIABLE;
use crate::observe::express::http::{HttpError, Limits};

/// Runs `admin trigger` and `admin propagate`, told by their containers' arguments and environment.
pub struct Jobs {
    pub kubernetes: Kubernetes,
    pub express: Express,
    pub crew: Crew,
}

impl JobRunner for Jobs {
    fn run(&self, pod: &Value) -> BoxFuture<'static, Exit> {
        let container = &pod["spec"]["containers"][0];
        let argument = |at: usize| container["args"][at].as_str().unwrap_or_default();
        let kind = match (argument(0), argument(1)) {
            ("admin", "trigger") => admin::Kind::Trigger,
            ("admin", "propagate") => admin::Kind::Propagate,
            (first, second) => {
                let message = format!("error: unrecognized subcommand '{first} {second}'");
                return Box::pin(std::future::ready(Exit { code: 2, message }));
            }
        };
        let environment = object::list(container, "/env");
        let told = environment.iter().find(|variable| variable["name"] == VARIABLE);
        let told = told.and_then(|variable| variable["value"].as_str()).map(str::to_owned);
        let network = Network {
            kubernetes: self.kubernetes.clone(),
            express: self.express.clone(),
            namespace: object::namespace(pod).to_owned(),
            crew: self.crew.clone(),
        };
        let (crew, awake) = (self.crew.clone(), self.crew.begin());
        Box::pin(async move {
            let _awake = awake;
            let outcome = admin::run(kind, told.as_deref(), &network, &crew).await;
            Exit { code: outcome.exit, message: outcome.message }
        })
    }
}

/// The pod network as seen from one namespace.
struct Network {
    kubernetes: Kubernetes,
    express: Express,
    namespace: String,
    crew: Crew,
}

impl Network {
    async fn request(&self, method: Method, url: &str) -> Result<Vec<u8>, HttpError> {
        let bad = |why: &str| HttpError::Url { url: url.to_owned(), why: why.to_owned() };
        let uri: http::Uri = url.parse().map_err(|_| bad("it can't be parsed"))?;
        let host = uri.host().ok_or_else(|| bad("it has no host"))?;
        let node = self.resolve(host)?;
        let request = Request::builder().method(method).uri(&uri).body(Vec::new());
        let request = request.map_err(|_| bad("it can't be asked for"))?;
        let mut node = self.express.node(&self.namespace, node, uri.port_u16().unwrap_or(80));
        let refused = |_| HttpError::NotConnected("connection refused".to_owned());
        let answer = tokio::select! {
            biased;
            answer = node.call(request) => answer.map_err(refused)?,
            () = self.crew.pause(Limits::default().total) => {
                return Err(HttpError::Lost("operation timed out".to_owned()));
            }
        };
        match answer.status().as_u16() {
            200 => Ok(answer.into_body()),
            status => {
                let beginning = String::from_utf8_lossy(answer.body()).trim().to_owned();
                Err(HttpError::Status { status, beginning })
            }
        }
    }

    /// The pod behind `<pod>` or `<pod>.<service>`: the latter has a name only while its service is there.
    fn resolve<'a>(&self, host: &'a str) -> Result<&'a str, HttpError> {
        let mut labels = host.split('.');
        let pod = labels.next().unwrap_or(host);
        let known = labels.next().is_none_or(|service| {
            self.kubernetes.get(Kind::Service, &self.namespace, service).is_some()
        });
        let unknown = || HttpError::NotConnected(format!("dns error: no such host {host}"));
        if known { Ok(pod) } else { Err(unknown()) }
    }
}

impl Wire for Network {
    async fn ask(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        self.request(Method::GET, url).await
    }

    async fn command(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        self.request(Method::POST, url).await
    }
}

impl Time for Crew {
    fn now(&self) -> Timestamp {
        Crew::now(self)
    }

    async fn pause(&self, length: Duration) {
        Crew::pause(self, length).await;
    }
}
