//! What a request's path and query name.
use http::{Method, Uri};

use crate::rehearse::kubernetes::access::Attempt;
use crate::rehearse::kubernetes::kind::Kind;
use crate::rehearse::uri::decoded;

/// Objects, an object, or something of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub kind: Kind,
    pub namespace: Option<String>,
    /// With a port where `subresource` is `proxy`: `system6-fe1:9100`.
    pub name: Option<String>,
    pub subresource: Option<String>,
    /// What follows `/proxy`, with its query, as it came.
    pub rest: String,
}

impl Target {
    /// `None` for paths that aren't served.
    pub fn of(uri: &Uri) -> Option<Self> {
        let path = uri.path().strip_prefix('/')?;
        let (group, version, path) = if let Some(path) = path.strip_prefix("api/") {
            let (version, path) = path.split_once('/')?;
            ("", version, path)
        } else {
            let mut parts = path.strip_prefix("apis/")?.splitn(3, '/');
            (parts.next()?, parts.next()?, parts.next()?)
        };
        let (namespace, path) = match path.strip_prefix("namespaces/") {
            Some(path) => {
                let (namespace, path) = path.split_once('/')?;
                (Some(decoded(namespace)), path)
            }
            None => (None, path),
        };
        let mut parts = path.splitn(4, '/');
        let kind = Kind::served_at(group, version, parts.next()?)?;
        let name = parts.next().map(decoded).filter(|name| !name.is_empty());
        let subresource = parts.next().map(decoded).filter(|name| !name.is_empty());
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let rest = format!("/{}{query}", parts.next().unwrap_or_default());
        if name.is_some() && namespace.is_none() {
            return None;
        }
        Some(Self { kind, namespace, name, subresource, rest })
    }

    /// What the request wants, in the words of RBAC.
    pub fn attempt(&self, method: &Method, watches: bool) -> Attempt<'_> {
        let verb = match (method.as_str(), &self.name) {
            ("GET" | "HEAD", Some(_)) => "get",
            ("GET" | "HEAD", None) if watches => "watch",
            ("GET" | "HEAD", None) => "list",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", Some(_)) => "delete",
            ("DELETE", None) => "deletecollection",
            _ => "create",
        };
        Attempt {
            verb,
            kind: self.kind,
            subresource: self.subresource.as_deref(),
            namespace: self.namespace.as_deref(),
            name: self.name.as_deref(),
        }
    }
}
