//! What the API server keeps: the objects, a version for every write, and the changes not yet forgotten.
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::kind::Kind;
use super::object;

/// How many changes are remembered before the oldest are forgotten.
const REMEMBERED: usize = 10_000;

/// Where an object is found. Ordered the way lists are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The key of an object of which the kind is known.
    pub fn of(kind: Kind, object: &Value) -> Self {
        Self::new(kind, object::namespace(object), object::name(object))
    }
}

/// One write.
pub struct Change {
    pub version: u64,
    pub key: Key,
    pub before: Option<Arc<Value>>,
    pub after: Option<Arc<Value>>,
}

/// Objects, their versions and their history.
pub struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Change>,
    version: u64,
    forgotten: u64,
    random: u64,
}

impl Store {
    /// An empty store; all its random choices follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            version: 300,
            forgotten: 300,
            random: seed,
        }
    }

    /// The version of the last write.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The newest version whose changes are no longer known: a watch has to begin there or later.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// All objects of a kind, in the order of lists; of one namespace, or of all.
    pub fn list<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        self.objects
            .range(Key::new(kind, namespace.unwrap_or_default(), "")..)
            .take_while(move |(key, _)| {
                key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace)
            })
            .map(|(_, object)| object)
    }

    pub fn all(&self) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.iter()
    }

    /// The objects of a kind as they were at `version`, which mustn't be forgotten.
    pub fn list_at(&self, kind: Kind, namespace: Option<&str>, version: u64) -> Vec<Arc<Value>> {
        let mut then: BTreeMap<&Key, &Arc<Value>> =
            self.objects.iter().filter(|(key, _)| key.kind == kind).collect();
        let undone = self.history.iter().rev().take_while(|change| change.version > version);
        for change in undone.filter(|change| change.key.kind == kind) {
            match &change.before {
                Some(before) => then.insert(&change.key, before),
                None => then.remove(&change.key),
            };
        }
        then.into_iter()
            .filter(|(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace))
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// The changes after `version`, oldest first.
    pub fn changes_after(&self, version: u64) -> impl Iterator<Item = &Change> {
        let from = self.history.partition_point(|change| change.version <= version);
        self.history.range(from..)
    }

    /// Forgets all history, as an API server does every few minutes.
    pub fn compact(&mut self) {
        self.history.clear();
        self.forgotten = self.version;
    }

    /// Stores a new object, which `complete` finishes once it has its UID, and gives it its version,
    /// generation and creation time.
    pub fn create(
        &mut self,
        kind: Kind,
        mut object: Value,
        at: Timestamp,
        complete: impl FnOnce(&mut Value),
    ) -> Arc<Value> {
        object["metadata"]["uid"] = json!(self.uid());
        complete(&mut object);
        let metadata = &mut object["metadata"];
        if kind.has_generation() {
            metadata["generation"] = json!(1);
        }
        metadata["creationTimestamp"] = object::time(at);
        self.write(Key::of(kind, &object), Some(object))
    }

    /// Edits an object; nothing happens where the edit changes nothing. The generation counts changes of
    /// the `spec` (of everything but the metadata where the kind has no status of its own). An object that
    /// waits for its end goes with its last finalizer.
    pub fn update(&mut self, key: &Key, edit: impl FnOnce(&mut Value)) -> Option<Arc<Value>> {
        let before = Arc::clone(self.objects.get(key)?);
        let mut object = Value::clone(&before);
        edit(&mut object);
        drop_if_empty(&mut object, "finalizers");
        drop_if_empty(&mut object, "ownerReferences");
        if object == *before {
            return Some(before);
        }
        if counts(key.kind, &before, &object) {
            raise_generation(&mut object);
        }
        let no_grace = |object: &Value| {
            object::number(object, "/metadata/deletionGracePeriodSeconds") == Some(0)
        };
        let ends = no_grace(&object) && object::list(&object, "/metadata/finalizers").is_empty();
        if ends && no_grace(&before) {
            // Nobody gets to see it without its last finalizer.
            self.remove(key);
            return Some(before);
        }
        let written = self.write(key.clone(), Some(object));
        if ends {
            self.remove(key);
        }
        Some(written)
    }

    /// Deletes an object: at once, or as soon as its finalizers are gone.
    pub fn delete(&mut self, key: &Key, at: Timestamp) {
        let held = |object: &Arc<Value>| !object::list(object, "/metadata/finalizers").is_empty();
        if self.objects.get(key).is_some_and(held) {
            self.mark_deleted(key, SignedDuration::ZERO, at);
        } else {
            self.remove(key);
        }
    }

    /// Says of an object that it is being deleted. Without grace and finalizers it goes right after.
    pub fn mark_deleted(&mut self, key: &Key, grace: SignedDuration, at: Timestamp) {
        if self.objects.get(key).is_some_and(|object| object::is_terminating(object)) {
            return;
        }
        self.update(key, |object| {
            object["metadata"]["deletionTimestamp"] = object::time(at + grace);
            object["metadata"]["deletionGracePeriodSeconds"] = json!(grace.as_secs());
            if key.kind.has_generation() {
                raise_generation(object);
            }
        });
    }

    /// Takes an object away, whatever holds it.
    pub fn remove(&mut self, key: &Key) {
        if self.objects.contains_key(key) {
            self.write(key.clone(), None);
        }
    }

    /// A short name such as generated names end in.
    pub fn suffix(&mut self, length: usize) -> String {
        let mut random = self.next_random();
        let mut suffix = String::new();
        for _ in 0..length {
            suffix.push(letter(random));
            random /= 27;
        }
        suffix
    }

    fn write(&mut self, key: Key, object: Option<Value>) -> Arc<Value> {
        self.version += 1;
        let before = self.objects.remove(&key);
        let after = object.map(|mut object| {
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            Arc::new(object)
        });
        let shown = after.clone().or_else(|| before.clone()).unwrap_or_default();
        if let Some(after) = &after {
            self.objects.insert(key.clone(), Arc::clone(after));
        }
        self.history.push_back(Change { version: self.version, key, before, after });
        if self.history.len() > REMEMBERED
            && let Some(oldest) = self.history.pop_front()
        {
            self.forgotten = oldest.version;
        }
        shown
    }

    fn uid(&mut self) -> String {
        let (a, b) = (self.next_random(), self.next_random());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | (b >> 48) & 0x3fff,
            b & 0xffff_ffff_ffff
        )
    }

    /// SplitMix64: all that is random in this world follows from the seed.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// One of the letters and digits that Kubernetes makes names of (no vowels: no words).
pub fn letter(random: u64) -> char {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    usize::try_from(random % 27).map_or('b', |index| char::from(LETTERS[index]))
}

fn counts(kind: Kind, before: &Value, after: &Value) -> bool {
    match kind {
        // A pod's generation counts its resizes, of which there are none; binding it to a node is none.
        Kind::Pod => false,
        // Its status is no subresource: every write of it counts.
        Kind::Application => {
            ["spec", "status", "operation"].iter().any(|at| before[at] != after[at])
        }
        _ => kind.has_generation() && before["spec"] != after["spec"],
    }
}

fn raise_generation(object: &mut Value) {
    let generation = object::number(object, "/metadata/generation").unwrap_or_default();
    object["metadata"]["generation"] = json!(generation + 1);
}

fn drop_if_empty(object: &mut Value, key: &str) {
    if object["metadata"][key].as_array().is_some_and(Vec::is_empty)
        && let Some(metadata) = object["metadata"].as_object_mut()
    {
        metadata.shift_remove(key);
    }
}
