//! Lists all objects of a kind, page by page, each request within its time limit.
use std::time::Duration;

use kube::Client;
use kube::api::{Api, ListParams, ObjectList};

use super::{Kind, Listed, OURS};
use crate::observe::clusters::LIMIT;
use crate::observe::rights::Asked;
use crate::observe::unanswered::{Cause, Unanswered};

/// How many objects come at once.
pub const PAGE: u32 = 500;

/// How often a request is sent again that failed in passing, and a list begun anew that expired.
const AGAIN: u32 = 2;

/// The longest that is waited before, whatever the server asks for: somebody waits for the answer.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// All there is, at one version.
pub struct Complete<K> {
    pub objects: Vec<Listed<K>>,
    /// From where a watch misses nothing.
    pub version: String,
}

/// The objects of one namespace, or of all of them.
pub async fn list<K: Kind>(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Complete<K>, Unanswered> {
    let api = api(client, namespace);
    let asked = asked::<K>("list", namespace);
    let mut begun = 0;
    'anew: loop {
        let mut objects = Vec::new();
        let mut params = params::<K>();
        loop {
            match page(&api, &params, &asked).await {
                Ok(page) => {
                    objects.extend(page.items);
                    let metadata = page.metadata;
                    match metadata.continue_.filter(|next| !next.is_empty()) {
                        Some(next) => params.continue_token = Some(next),
                        None => {
                            let version = metadata.resource_version.unwrap_or_default();
                            return Ok(Complete { objects, version });
                        }
                    }
                }
                Err(error) if error.cause == Cause::Expired && begun < AGAIN => {
                    begun += 1;
                    continue 'anew;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

pub fn api<K: Kind>(client: &Client, namespace: Option<&str>) -> Api<Listed<K>> {
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// A verb and what it is for.
pub fn asked<K: Kind>(verb: &'static str, namespace: Option<&str>) -> Asked {
    K::READ.asked(verb, namespace)
}

fn params<K: Kind>() -> ListParams {
    let params = ListParams::default().limit(PAGE);
    if K::FIELDS.is_empty() { params.labels(OURS) } else { params.fields(K::FIELDS) }
}

async fn page<K: Kind>(
    api: &Api<Listed<K>>,
    params: &ListParams,
    asked: &Asked,
) -> Result<ObjectList<Listed<K>>, Unanswered> {
    let mut sent = 0;
    loop {
        let answer = tokio::time::timeout(LIMIT, api.list(params)).await;
        let error = match answer {
            Ok(Ok(page)) => return Ok(page),
            Ok(Err(error)) => Unanswered::new(error, asked),
            Err(_) => return Err(Unanswered::late(LIMIT, asked)),
        };
        match error.cause {
            Cause::Passing(wait) if sent < AGAIN => {
                sent += 1;
                tokio::time::sleep(wait.unwrap_or(Duration::from_millis(500)).min(LONGEST_WAIT))
                    .await;
            }
            _ => return Err(error),
        }
    }
}
