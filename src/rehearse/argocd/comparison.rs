//! Whether the cluster is as a commit wants it: which objects differ, and which are too many.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Application, ClusterWriter, TRACKING};

/// Which object is meant. Ordered as Argo CD lists them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Id {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub version: String,
}

impl Id {
    pub fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let api_version = text(&object["apiVersion"]);
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let metadata = &object["metadata"];
        Id {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text(&object["kind"]),
            namespace: text(&metadata["namespace"]),
            name: text(&metadata["name"]),
        }
    }

    pub fn get(&self, cluster: &dyn ClusterWriter) -> Option<Arc<Value>> {
        cluster.get(&self.kind, &self.namespace, &self.name)
    }
}

/// How one object compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    #[serde(flatten)]
    pub id: Id,
    /// `Synced` or `OutOfSync`.
    pub status: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub requires_pruning: bool,
}

impl Resource {
    pub fn is_synced(&self) -> bool {
        self.status == "Synced"
    }
}

/// The object as it is to be applied: with its namespace, and known as one of this application's.
pub fn target(application: &Application, mut object: Value) -> Value {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    if object["metadata"]["namespace"].is_null() {
        object["metadata"]["namespace"] = json!(application.destination);
    }
    let Id { group, kind, namespace, name, .. } = Id::of(&object);
    if !object["metadata"]["annotations"].is_object() {
        object["metadata"]["annotations"] = json!({});
    }
    let tracking = format!("{}:{group}/{kind}:{namespace}/{name}", application.name);
    object["metadata"]["annotations"][TRACKING] = json!(tracking);
    object
}

/// Compares every object that is wanted, and every one that is live, `applied` being what was applied last.
pub fn compare(
    application: &Application,
    targets: &[Value],
    applied: &BTreeMap<Id, Value>,
    cluster: &dyn ClusterWriter,
) -> Vec<Resource> {
    let mut resources: BTreeMap<Id, Resource> = BTreeMap::new();
    for target in targets {
        let id = Id::of(target);
        let live = id.get(cluster);
        let same = live.is_some_and(|live| {
            let [target, live] = [target, &live].map(|it| without_ignored(application, it));
            // What was applied before and isn't wanted any more is a difference too.
            let before = applied.get(&id).map(|before| without_ignored(application, before));
            contains(&live, &target) && before.is_none_or(|before| contains(&target, &before))
        });
        let status = if same { "Synced" } else { "OutOfSync" };
        resources.insert(id.clone(), Resource { id, status, requires_pruning: false });
    }
    for object in managed(application, cluster) {
        let id = Id::of(&object);
        resources.entry(id.clone()).or_insert(Resource {
            id,
            status: "OutOfSync",
            requires_pruning: true,
        });
    }
    resources.into_values().collect()
}

/// The live objects of this application.
pub fn managed(application: &Application, cluster: &dyn ClusterWriter) -> Vec<Arc<Value>> {
    let ours = format!("{}:", application.name);
    let mut objects = cluster.list_managed();
    objects.retain(|object| {
        let tracking = object["metadata"]["annotations"][TRACKING].as_str();
        tracking.is_some_and(|tracking| tracking.starts_with(&ours))
    });
    objects
}

/// The pointers that are ignored in this object.
pub fn ignored<'a>(application: &'a Application, object: &Value) -> impl Iterator<Item = &'a str> {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let of_kind = application.ignore.iter().filter(move |ignored| ignored.kind == kind);
    of_kind.flat_map(|ignored| ignored.pointers.iter().map(String::as_str))
}

fn without_ignored<'a>(application: &Application, object: &'a Value) -> Cow<'a, Value> {
    let mut shown = Cow::Borrowed(object);
    for pointer in ignored(application, object) {
        remove(shown.to_mut(), pointer);
    }
    shown
}

/// Takes away what stands at a JSON Pointer.
pub fn remove(object: &mut Value, pointer: &str) {
    if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(Value::Object(parent)) = object.pointer_mut(parent)
    {
        parent.shift_remove(key);
    }
}

/// Everything that `given` says is so in `whole`, which may say more.
fn contains(whole: &Value, given: &Value) -> bool {
    match (whole, given) {
        (Value::Object(whole), Value::Object(given)) => {
            given.iter().all(|(key, given)| match whole.get(key) {
                Some(whole) => contains(whole, given),
                None => given.is_null() || given.as_object().is_some_and(|it| it.is_empty()),
            })
        }
        (Value::Array(whole), Value::Array(given)) => {
            whole.len() == given.len()
                && whole.iter().zip(given).all(|(whole, given)| contains(whole, given))
        }
        (whole, given) => whole == given,
    }
}
