//! All objects of one kind in one cluster, for all systems: filled by a list, or kept by a watch.
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::Client;
use kube::api::WatchParams;
use kube::core::WatchEvent;
use tokio::sync::Notify;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, timeout};

use super::list::{Complete, api, asked, list};
use super::{Kind, OURS, Object};
use crate::context::Clock;
use crate::observe::clusters::{Connection, LIMIT};
use crate::observe::unanswered::{Cause, Unanswered};
use crate::run::SystemRef;

/// How long a watch may last, in seconds: few requests an hour, and none that a server would be glad to
/// end.
const LASTS: u32 = 590;

/// A watch that says nothing for so long may have gone deaf. API servers send a bookmark every minute.
const QUIET: Duration = Duration::from_secs(150);

/// How long is waited after a failure before it is tried anew: doubled from the first to the last.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The longest that is waited because a server asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How many namespaces are listed at a time.
const AT_A_TIME: usize = 8;

#[derive(Debug)]
pub struct View<K> {
    store: RwLock<Store<K>>,
}

#[derive(Debug)]
struct Store<K> {
    /// By namespace and name.
    objects: BTreeMap<(String, String), Object<K>>,
    reading: Reading,
}

/// How far the objects can be believed.
#[derive(Debug, Default)]
enum Reading {
    #[default]
    NotYet,
    Everywhere(Result<AsOf, String>),
    /// Where not all namespaces may be read at once.
    Namespaces(BTreeMap<String, Result<AsOf, String>>),
}

/// What came of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Something,
    Nothing,
}

/// Since when the objects may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    At(Timestamp),
    /// Kept up by a watch.
    Now,
}

/// What can be told of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub as_of: AsOf,
    /// Other namespaces are in it, too.
    pub everywhere: bool,
}

impl<K> Default for View<K> {
    fn default() -> Self {
        View { store: RwLock::new(Store { objects: BTreeMap::new(), reading: Reading::NotYet }) }
    }
}

impl<K: Kind> View<K> {
    /// Whether anybody has tried to read `namespace`, with or without success.
    pub fn is_read(&self, namespace: &str) -> bool {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        match &store.reading {
            Reading::NotYet => false,
            Reading::Everywhere(_) => true,
            Reading::Namespaces(namespaces) => namespaces.contains_key(namespace),
        }
    }

    /// Whether there is an object of this system.
    pub fn has(&self, system: &SystemRef) -> bool {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let from = (system.namespace.clone(), String::new());
        let mut range =
            store.objects.range(from..).take_while(|((of, _), _)| *of == system.namespace);
        range.any(|(_, object)| object.meta.system == system.system)
    }

    /// How far the objects of `namespace` can be believed, or why not.
    pub fn seen(&self, namespace: &str) -> Result<Seen, String> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let not_yet = || Err(format!("{} weren't read yet", K::PLURAL));
        let (as_of, everywhere) = match &store.reading {
            Reading::NotYet => return not_yet(),
            Reading::Everywhere(as_of) => (as_of, true),
            Reading::Namespaces(namespaces) => match namespaces.get(namespace) {
                Some(as_of) => (as_of, false),
                None => return not_yet(),
            },
        };
        as_of.clone().map(|as_of| Seen { as_of, everywhere })
    }

    /// The objects of one namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Object<K>> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let from = (namespace.to_owned(), String::new());
        let range = store.objects.range(from..).take_while(|((of, _), _)| of == namespace);
        range.map(|(_, object)| object.clone()).collect()
    }

    /// All objects that are known, by namespace and name.
    pub fn all(&self) -> Vec<Object<K>> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.objects.values().cloned().collect()
    }

    /// Takes a complete list of one namespace, or of all, for what there is. Whether that is news.
    pub fn fill(
        &self,
        namespace: Option<&str>,
        objects: impl IntoIterator<Item = Object<K>>,
        as_of: AsOf,
    ) -> bool {
        let new: BTreeMap<_, _> =
            objects.into_iter().map(|object| (key(&object), object)).collect();
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let was_good = store.reading.get(namespace).is_some_and(Result::is_ok);
        let old = match (namespace, &store.reading) {
            // Of the other namespaces nothing is known any more, or ever was.
            (None, _) | (_, Reading::NotYet | Reading::Everywhere(_)) => {
                std::mem::take(&mut store.objects)
            }
            (Some(namespace), Reading::Namespaces(_)) => {
                store.objects.extract_if(.., |(of, _), _| of == namespace).collect()
            }
        };
        let news = !was_good || old != new;
        store.objects.extend(new);
        store.reading.set(namespace, Ok(as_of));
        news
    }

    /// One namespace, or all, can no longer be seen. What was known of it no longer counts.
    pub fn fail(&self, namespace: Option<&str>, why: String) {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        store.reading.set(namespace, Err(why));
    }

    /// Lists once: all namespaces, and where that isn't allowed, each of `namespaces`.
    pub async fn once(&self, client: &Client, namespaces: &BTreeSet<String>, clock: &Clock) {
        match list::<K>(client, None).await {
            Err(error) if error.cause == Cause::Forbidden => {
                stream::iter(namespaces)
                    .for_each_concurrent(AT_A_TIME, |namespace| async move {
                        let listed = list::<K>(client, Some(namespace)).await;
                        self.take(Some(namespace), listed, clock);
                    })
                    .await;
            }
            listed => self.take(None, listed, clock),
        }
    }

    fn take(
        &self,
        namespace: Option<&str>,
        listed: Result<Complete<K>, Unanswered>,
        clock: &Clock,
    ) {
        match listed {
            Ok(listed) => {
                let objects = listed.objects.into_iter().map(|listed| listed.object);
                self.fill(namespace, objects, AsOf::At(clock.now()));
            }
            Err(error) => self.fail(namespace, error.why),
        }
    }

    /// Keeps the view up, and tells of every change, for as long as it is polled. Where not all
    /// namespaces may be watched at once, each of `namespaces` is, from when it is one of them.
    pub async fn keep(
        &self,
        connection: &Connection,
        mut namespaces: Receiver<BTreeSet<String>>,
        changed: &Notify,
    ) {
        self.follow(connection, None, changed).await;
        let mut followed = BTreeSet::new();
        let mut each = FuturesUnordered::new();
        loop {
            for namespace in namespaces.borrow_and_update().iter() {
                if followed.insert(namespace.clone()) {
                    let namespace = namespace.clone();
                    each.push(async move {
                        self.follow(connection, Some(&namespace), changed).await;
                    });
                }
            }
            tokio::select! {
                Some(()) = each.next() => {}
                more = namespaces.changed() => if more.is_err() {
                    return each.collect().await;
                },
            }
        }
    }

    /// Ends only where all namespaces are asked for and not allowed.
    async fn follow(&self, connection: &Connection, namespace: Option<&str>, changed: &Notify) {
        let mut wait = WAIT.0;
        let mut sure = None;
        loop {
            let error = match self.watch(connection, namespace, changed, &mut sure).await {
                Ok(()) => continue,
                Err(error) => error,
            };
            // What was right a moment ago still counts, unless the trouble lasts.
            let lasts = sure.is_none_or(|sure: Instant| sure.elapsed() >= LIMIT);
            let (bearable, asked_for) = match error.cause {
                Cause::Forbidden if namespace.is_none() => return,
                Cause::Forbidden | Cause::NotFound | Cause::Other => (false, None),
                Cause::Expired => (!lasts, None),
                Cause::Passing(after) => (!lasts, after),
            };
            if !bearable {
                self.fail(namespace, error.why);
                changed.notify_one();
            }
            wait = if lasts { wait } else { WAIT.0 };
            tokio::time::sleep(wait.max(asked_for.unwrap_or_default().min(LONGEST_WAIT))).await;
            wait = (wait * 2).min(WAIT.1);
        }
    }

    /// One list, and what happens after it. An error ends it, and so does silence that nothing explains: a
    /// new list is the only sure way to know that nothing was missed. `sure` is when the view was last known
    /// to be right.
    async fn watch(
        &self,
        connection: &Connection,
        namespace: Option<&str>,
        changed: &Notify,
        sure: &mut Option<Instant>,
    ) -> Result<(), Unanswered> {
        let client = connection.client().await?;
        let Complete { objects, mut version } = list::<K>(&client, namespace).await?;
        *sure = Some(Instant::now());
        let objects = objects.into_iter().map(|listed| listed.object);
        if self.fill(namespace, objects, AsOf::Now) {
            changed.notify_one();
        }
        let mut silent = 0;
        while silent < 2 {
            let began = Instant::now();
            match self.listen(connection, namespace, changed, &mut version, sure).await? {
                Heard::Something => silent = 0,
                Heard::Nothing => silent += 1,
            }
            // A server that ends every watch at once isn't to be asked as fast as it answers.
            tokio::time::sleep(WAIT.0.saturating_sub(began.elapsed())).await;
        }
        Ok(())
    }

    /// One watch from `version` on, which moves along. It ends in order where the server ends it, the
    /// connection breaks, or nothing comes for too long: then the next one misses nothing.
    async fn listen(
        &self,
        connection: &Connection,
        namespace: Option<&str>,
        changed: &Notify,
        version: &mut String,
        sure: &mut Option<Instant>,
    ) -> Result<Heard, Unanswered> {
        let asked = asked::<K>("watch", namespace);
        let client = connection.client().await?;
        let (api, params) = (api::<K>(&client, namespace), params::<K>());
        let Ok(opened) = timeout(QUIET, api.watch(&params, version)).await else {
            return Ok(Heard::Nothing);
        };
        let mut events = pin!(opened.map_err(|error| Unanswered::new(error, &asked))?);
        let mut heard = Heard::Nothing;
        loop {
            let Ok(event) = timeout(QUIET, events.next()).await else { return Ok(heard) };
            *sure = Some(Instant::now());
            let event = match event {
                None => return Ok(heard),
                Some(Ok(event)) => event,
                Some(Err(error)) => match Unanswered::new(error, &asked) {
                    Unanswered { cause: Cause::Passing(_), .. } => return Ok(heard),
                    error => return Err(error),
                },
            };
            heard = Heard::Something;
            let (at, news) = match event {
                WatchEvent::Added(listed) | WatchEvent::Modified(listed) => {
                    (listed.of_watch.resource_version, self.put(listed.object))
                }
                WatchEvent::Deleted(listed) => {
                    (listed.of_watch.resource_version, self.remove(&listed.object))
                }
                WatchEvent::Bookmark(mark) => (Some(mark.metadata.resource_version), false),
                WatchEvent::Error(status) => {
                    return Err(Unanswered::new(kube::Error::Api(status), &asked));
                }
            };
            *version = at.unwrap_or_default();
            if news {
                changed.notify_one();
            }
        }
    }

    /// Whether it is news: most changes of an object are in what isn't kept.
    fn put(&self, object: Object<K>) -> bool {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let key = key(&object);
        if store.objects.get(&key) == Some(&object) {
            return false;
        }
        store.objects.insert(key, object);
        true
    }

    fn remove(&self, object: &Object<K>) -> bool {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        store.objects.remove(&key(object)).is_some()
    }
}

impl Reading {
    fn get(&self, namespace: Option<&str>) -> Option<&Result<AsOf, String>> {
        match (self, namespace) {
            (Reading::Everywhere(as_of), None) => Some(as_of),
            (Reading::Namespaces(namespaces), Some(namespace)) => namespaces.get(namespace),
            _ => None,
        }
    }

    fn set(&mut self, namespace: Option<&str>, as_of: Result<AsOf, String>) {
        match (&mut *self, namespace) {
            (_, None) => *self = Reading::Everywhere(as_of),
            (Reading::Namespaces(namespaces), Some(namespace)) => {
                namespaces.insert(namespace.to_owned(), as_of);
            }
            (_, Some(namespace)) => {
                *self = Reading::Namespaces(BTreeMap::from([(namespace.to_owned(), as_of)]));
            }
        }
    }
}

fn key<K>(object: &Object<K>) -> (String, String) {
    (object.meta.namespace.clone(), object.meta.name.clone())
}

fn params<K: Kind>() -> WatchParams {
    let params = WatchParams::default().timeout(LASTS);
    if K::FIELDS.is_empty() { params.labels(OURS) } else { params.fields(K::FIELDS) }
}
