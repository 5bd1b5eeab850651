//! What is read of a cluster, and which rights that takes: one row for every kind of read there is. Whoever
//! reads names their row, so that the roles that are shipped can't lack it.
use std::fmt;

/// A kind of read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    Pods,
    StatefulSets,
    Jobs,
    RunRecords,
    Services,
    Budgets,
    Claims,
    Refusals,
    Proxy,
    PortForward,
    Application,
}

/// How something is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// All of a kind: a list, and a watch from there on.
    ListAndWatch,
    /// One object, or what is behind it, by its name.
    Get,
    /// A connection that a GET request turns into: since Kubernetes 1.35 that takes `create`, too.
    Upgrade,
}

/// What a read takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// Empty for the core group.
    pub group: &'static str,
    /// With its subresource: `pods/proxy`.
    pub resource: &'static str,
    pub way: Way,
    /// What it is read for.
    pub why: &'static str,
}

impl Way {
    /// What RBAC calls the requests that are sent.
    pub const fn verbs(self) -> &'static [&'static str] {
        match self {
            Way::ListAndWatch => &["list", "watch"],
            Way::Get => &["get"],
            Way::Upgrade => &["get", "create"],
        }
    }
}

impl Read {
    pub const ALL: [Read; 11] = [
        Read::Pods,
        Read::StatefulSets,
        Read::Jobs,
        Read::RunRecords,
        Read::Services,
        Read::Budgets,
        Read::Claims,
        Read::Refusals,
        Read::Proxy,
        Read::PortForward,
        Read::Application,
    ];

    pub const fn right(self) -> Right {
        match self {
            Read::Pods => right("", "pods", "whether the farm's nodes are up, and why not"),
            Read::StatefulSets => right("apps", "statefulsets", "whether the farm is applied"),
            Read::Jobs => right("batch", "jobs", "how the trigger and the propagation ended"),
            Read::RunRecords => right("", "configmaps", "which runs are on"),
            Read::Services => right("", "services", "whether the farm is applied, or gone"),
            Read::Budgets => {
                right("policy", "poddisruptionbudgets", "whether the farm is applied, or gone")
            }
            Read::Claims => {
                right("", "persistentvolumeclaims", "whether the farm's volumes are bound, or gone")
            }
            Read::Refusals => right("", "events", "why a pod wasn't created"),
            Read::Proxy => Right {
                way: Way::Get,
                ..right("", "pods/proxy", "what the nodes answer on their admin port")
            },
            Read::PortForward => Right {
                way: Way::Upgrade,
                ..right("", "pods/portforward", "what the nodes answer on their admin port")
            },
            Read::Application => Right {
                way: Way::Get,
                ..right("argoproj.io", "applications", "why Argo CD hasn't applied a commit")
            },
        }
    }
}

const fn right(group: &'static str, resource: &'static str, why: &'static str) -> Right {
    Right { group, resource, way: Way::ListAndWatch, why }
}

/// A read somewhere, in words: `list pods in namespace tenant-1`. In the alternate form (`{:#}`) with the
/// rule that it takes.
#[derive(Debug, Clone)]
pub struct Asked {
    read: Read,
    verb: &'static str,
    /// `None`: everywhere.
    namespace: Option<String>,
}

impl Read {
    /// `verb` in the words of people: `list and watch`.
    pub fn asked(self, verb: &'static str, namespace: Option<&str>) -> Asked {
        Asked { read: self, verb, namespace: namespace.map(str::to_owned) }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Asked { read, verb, namespace } = self;
        let Right { group, resource, way, .. } = read.right();
        write!(f, "{verb} {resource}")?;
        // The name of another project's resource alone says little.
        if group.contains('.') {
            write!(f, ".{group}")?;
        }
        f.write_str(" in ")?;
        match namespace {
            Some(namespace) => write!(f, "namespace {namespace}")?,
            None => f.write_str("all namespaces")?,
        }
        if f.alternate() {
            let verbs = way.verbs().join(", ");
            write!(
                f,
                ", which takes the rule {{apiGroups: [\"{group}\"], resources: [{resource}], verbs: [{verbs}]}}"
            )?;
        }
        Ok(())
    }
}
