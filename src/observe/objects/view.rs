//! All objects of one kind in one cluster, for all systems: filled by a list, or kept by a watch.
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::Client;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::Notify;

use super::list::{PAGE, api, asked, list};
use super::{Kind, OURS, Object};
use crate::context::Clock;
use crate::observe::clusters::{Connection, LIMIT};
use crate::observe::unanswered::{Cause, Unanswered};

/// A watch that says nothing for so long is begun anew, with a list: it may have gone deaf.
const QUIET: Duration = Duration::from_secs(600);

/// How long a watch that failed waits before it is begun anew: doubled from the first to the last.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

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
        listed: Result<Vec<super::Listed<K>>, Unanswered>,
        clock: &Clock,
    ) {
        match listed {
            Ok(listed) => {
                let objects = listed.into_iter().map(|listed| listed.object);
                self.fill(namespace, objects, AsOf::At(clock.now()));
            }
            Err(error) => self.fail(namespace, error.why),
        }
    }

    /// Keeps the view up, and tells of every change, for as long as it is polled. Where not all
    /// namespaces may be watched at once, each of `namespaces` is.
    pub async fn keep(
        &self,
        connection: &Connection,
        namespaces: &BTreeSet<String>,
        changed: &Notify,
    ) {
        self.follow(connection, None, changed).await;
        let each = namespaces
            .iter()
            .map(|namespace| self.follow(connection, Some(namespace.as_str()), changed));
        join_all(each).await;
    }

    /// Ends only where all namespaces are asked for and not allowed.
    async fn follow(&self, connection: &Connection, namespace: Option<&str>, changed: &Notify) {
        let mut wait = WAIT.0;
        loop {
            let end = match connection.client().await {
                Ok(client) => self.watch(&client, namespace, changed, &mut wait).await,
                Err(error) => Err(error),
            };
            let Err(error) = end else { continue };
            if namespace.is_none() && error.cause == Cause::Forbidden {
                return;
            }
            self.fail(namespace, error.why);
            changed.notify_one();
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT.1);
        }
    }

    /// One list, and what happens after it. An error ends it: a new list is the only sure way to know
    /// that nothing was missed.
    async fn watch(
        &self,
        client: &Client,
        namespace: Option<&str>,
        changed: &Notify,
        wait: &mut Duration,
    ) -> Result<(), Unanswered> {
        let asked = asked::<K>("list and watch", namespace);
        let mut events = pin!(watcher(api::<K>(client, namespace), config::<K>()));
        let mut listed = Some(Vec::new());
        loop {
            let limit = if listed.is_some() { LIMIT } else { QUIET };
            let event = match tokio::time::timeout(limit, events.next()).await {
                Ok(Some(event)) => event.map_err(|error| Unanswered::watching(error, &asked))?,
                Err(_) if listed.is_some() => return Err(Unanswered::late(limit, &asked)),
                Ok(None) | Err(_) => return Ok(()),
            };
            let news = match event {
                Event::Init => {
                    listed = Some(Vec::new());
                    false
                }
                Event::InitApply(object) => {
                    listed.get_or_insert_default().push(object.object);
                    false
                }
                Event::InitDone => {
                    *wait = WAIT.0;
                    self.fill(namespace, listed.take().unwrap_or_default(), AsOf::Now)
                }
                Event::Apply(object) => self.put(object.object),
                Event::Delete(object) => self.remove(&object.object),
            };
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

fn config<K: Kind>() -> watcher::Config {
    let config = watcher::Config::default().page_size(PAGE);
    if K::FIELDS.is_empty() { config.labels(OURS) } else { config.fields(K::FIELDS) }
}
