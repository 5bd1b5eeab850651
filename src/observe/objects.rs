//! The live objects of the farms, one kind at a time: slim from the moment they are read, whatever the API
//! server sends along.
mod configuration;
mod farm;
mod job;
mod list;
mod metadata;
mod pod;
mod refusal;
mod stateful_set;
pub mod view;
pub(super) mod words;

use std::borrow::Cow;
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

pub(super) use crate::manifest::spec::or_default;
use crate::observe::rights::Read;

pub use configuration::{Budget, Claim, RunRecord, Service};
pub use farm::Objects;
pub use job::Job;
pub use metadata::{Meta, Metadata};
pub use pod::{LastWords, Pod};
pub use refusal::Refusal;
pub use stateful_set::StatefulSet;
pub use view::View;

/// Chooses every object of every run.
pub const OURS: &str = "app.kubernetes.io/managed-by=dcr-gitops";

/// A kind of object that is looked at.
pub trait Kind: Debug + Clone + PartialEq + Send + Sync + 'static {
    const KIND: &'static str;
    /// What reading it takes.
    const READ: Read;
    /// Empty for the core group.
    const GROUP: &'static str = Self::READ.right().group;
    const PLURAL: &'static str = Self::READ.right().resource;
    /// Chooses the objects by their fields; empty: by the label that all of ours carry.
    const FIELDS: &'static str = "";
    /// What is read of the object's JSON.
    type Wire: DeserializeOwned;

    /// Takes out what is kept.
    fn slim(wire: Self::Wire) -> (Metadata, Self);
}

/// One object, reduced to what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<K> {
    pub meta: Meta,
    pub body: K,
}

/// One object as it comes with a list or a watch.
#[derive(Debug, Clone)]
pub struct Listed<K> {
    pub object: Object<K>,
    /// What the watch needs: name, namespace and resource version.
    of_watch: ObjectMeta,
}

impl<'de, K: Kind> Deserialize<'de> for Listed<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (metadata, body) = K::slim(K::Wire::deserialize(from)?);
        let (of_watch, meta) = metadata.split();
        Ok(Listed { object: Object { meta, body }, of_watch })
    }
}

impl<K: Kind> kube::Resource for Listed<K> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        K::KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        K::GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.of_watch
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.of_watch
    }
}
