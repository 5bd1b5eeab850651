//! Answers watches: a stream of changes from a version on, with bookmarks, that ends when it should.
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures::Stream;
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::target::Target;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::kubernetes::refusal::Refusal;
use crate::rehearse::kubernetes::selector::Selector;
use crate::rehearse::kubernetes::store::{Change, Store};
use crate::rehearse::kubernetes::{Kubernetes, Pulse};
use crate::rehearse::loopback::BoxError;

/// How long a watch lasts that doesn't say so.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How often a bookmark is sent where nothing happens.
const BOOKMARKS: Duration = Duration::from_secs(60);

/// One open watch.
pub struct Watch {
    kubernetes: Kubernetes,
    pulse: tokio::sync::watch::Receiver<Pulse>,
    kind: Kind,
    namespace: Option<String>,
    selector: Selector,
    /// Up to which version everything was sent.
    seen: u64,
    cuts: u64,
    ready: VecDeque<Value>,
    bookmarks: Option<Instant>,
    ends: Instant,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Open,
    /// What is ready is still sent, then the stream ends.
    Ending,
    /// The connection breaks.
    Cut,
    Over,
}

impl Watch {
    pub fn open(
        kubernetes: &Kubernetes,
        target: &Target,
        query: &BTreeMap<String, String>,
    ) -> Result<Self, Refusal> {
        let parameter = |key: &str| query.get(key).map(String::as_str).unwrap_or_default();
        let selector =
            Selector::parse(target.kind, parameter("labelSelector"), parameter("fieldSelector"))?;
        let timeout = parameter("timeoutSeconds").parse().map_or(TIMEOUT, Duration::from_secs);
        let begins = match parameter("resourceVersion") {
            "" => 0,
            version => version.parse::<u64>().map_err(|_| {
                Refusal::bad_request(format!("invalid resource version \"{version}\""))
            })?,
        };
        let pulse = kubernetes.pulse();
        let cuts = pulse.borrow().cuts;
        let bookmarks = parameter("allowWatchBookmarks") == "true";
        let mut watch = Self {
            kubernetes: kubernetes.clone(),
            pulse,
            kind: target.kind,
            namespace: target.namespace.clone(),
            selector,
            seen: begins,
            cuts,
            ready: VecDeque::new(),
            bookmarks: bookmarks.then(|| Instant::now() + BOOKMARKS),
            ends: Instant::now() + timeout,
            state: State::Open,
        };
        let streams_list = parameter("sendInitialEvents") == "true";
        if begins == 0 || streams_list {
            kubernetes.read(|cluster| watch.begin_with_all(&cluster.store));
        }
        if streams_list {
            let mut end = watch.bookmark();
            end["object"]["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
            watch.ready.push_back(end);
        }
        Ok(watch)
    }

    /// The stream as frames of a body, one line of JSON each.
    pub fn frames(self) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> {
        futures::stream::unfold(self, |mut watch| async move {
            let event = watch.next().await?;
            let line = event.map(|event| Frame::data(Bytes::from(format!("{event}\n"))));
            Some((line, watch))
        })
    }

    async fn next(&mut self) -> Option<Result<Value, BoxError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            match self.state {
                State::Open => {}
                State::Cut => {
                    self.state = State::Over;
                    return Some(Err("connection reset by peer".into()));
                }
                State::Ending | State::Over => return None,
            }
            self.kubernetes.advance().await;
            self.look();
            if self.ready.is_empty() && self.state == State::Open {
                self.wait().await;
            }
        }
    }

    /// Gets ready what happened since the last look.
    fn look(&mut self) {
        let cuts = self.pulse.borrow_and_update().cuts;
        if cuts != self.cuts {
            self.state = State::Cut;
            return;
        }
        let kubernetes = self.kubernetes.clone();
        kubernetes.read(|cluster| self.follow(&cluster.store));
        if Instant::now() >= self.ends && self.state == State::Open {
            self.state = State::Ending;
            if self.bookmarks.is_some() {
                self.ready.push_back(self.bookmark());
            }
        } else if self.bookmarks.is_some_and(|due| Instant::now() >= due) {
            self.bookmarks = Some(Instant::now() + BOOKMARKS);
            self.ready.push_back(self.bookmark());
        }
    }

    fn begin_with_all(&mut self, store: &Store) {
        let all = store.list(self.kind, self.namespace.as_deref());
        let chosen = all.filter(|object| self.selector.chooses(object));
        self.ready = chosen.map(|object| event("ADDED", object)).collect();
        self.seen = store.version();
    }

    fn follow(&mut self, store: &Store) {
        let refusal = if self.seen < store.forgotten() {
            Some(Refusal::too_old(self.seen, store.forgotten()))
        } else if self.seen > store.version() {
            Some(Refusal::too_large(self.seen, store.version()))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.ready.push_back(event("ERROR", &refusal.status()));
            self.state = State::Ending;
            return;
        }
        let changes = store.changes_after(self.seen).filter_map(|change| self.event(change));
        let events: Vec<Value> = changes.collect();
        self.ready.extend(events);
        self.seen = store.version();
    }

    /// What a change is to this watch: an object may come to be, or cease to be, among the chosen.
    fn event(&self, change: &Change) -> Option<Value> {
        let key = &change.key;
        let here = key.kind == self.kind
            && self.namespace.as_ref().is_none_or(|namespace| key.namespace == *namespace);
        if !here {
            return None;
        }
        let chosen = |object: &Option<_>| {
            object
                .as_ref()
                .is_some_and(|object: &std::sync::Arc<Value>| self.selector.chooses(object))
        };
        match (chosen(&change.before), chosen(&change.after)) {
            (false, false) => None,
            (false, true) => change.after.as_ref().map(|object| event("ADDED", object)),
            (true, true) => change.after.as_ref().map(|object| event("MODIFIED", object)),
            (true, false) => change.before.as_ref().map(|before| {
                let mut gone = event("DELETED", before);
                gone["object"]["metadata"]["resourceVersion"] = json!(change.version.to_string());
                gone
            }),
        }
    }

    fn bookmark(&self) -> Value {
        let object = json!({
            "kind": self.kind.name(),
            "apiVersion": self.kind.api_version(),
            "metadata": {"resourceVersion": self.seen.to_string(), "creationTimestamp": null},
        });
        event("BOOKMARK", &object)
    }

    /// Until something was written, something is due in the world, or this watch is over.
    async fn wait(&mut self) {
        let mut until = self.bookmarks.map_or(self.ends, |due| due.min(self.ends));
        if let Some(due) = self.kubernetes.next_due() {
            until = until.min(Instant::now() + due);
        }
        let written = self.pulse.changed();
        // Both ends of the wait lead to another look; which of them it was doesn't matter.
        let _ = tokio::time::timeout_at(until, written).await;
    }
}

fn event(r#type: &str, object: &Value) -> Value {
    json!({"type": r#type, "object": object})
}
