//! The kinds of objects that the embedded Kubernetes knows, and how they are called where.

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Pod,
    StatefulSet,
    Job,
    ConfigMap,
    Service,
    PodDisruptionBudget,
    PersistentVolumeClaim,
    Event,
    ResourceQuota,
    /// Argo CD's, a custom resource.
    Application,
}

impl Kind {
    pub const ALL: [Kind; 10] = [
        Kind::Pod,
        Kind::StatefulSet,
        Kind::Job,
        Kind::ConfigMap,
        Kind::Service,
        Kind::PodDisruptionBudget,
        Kind::PersistentVolumeClaim,
        Kind::Event,
        Kind::ResourceQuota,
        Kind::Application,
    ];

    /// The kind that `apiVersion` and `kind` of an object name.
    pub fn of(api_version: &str, kind: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.name() == kind && k.api_version() == api_version)
    }

    /// The kind that a path of the API names.
    pub fn served_at(group: &str, version: &str, plural: &str) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|k| k.group() == group && k.version() == version && k.plural() == plural)
    }

    /// As in `kind:`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pod => "Pod",
            Kind::StatefulSet => "StatefulSet",
            Kind::Job => "Job",
            Kind::ConfigMap => "ConfigMap",
            Kind::Service => "Service",
            Kind::PodDisruptionBudget => "PodDisruptionBudget",
            Kind::PersistentVolumeClaim => "PersistentVolumeClaim",
            Kind::Event => "Event",
            Kind::ResourceQuota => "ResourceQuota",
            Kind::Application => "Application",
        }
    }

    /// As in paths, RBAC rules and error messages.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Pod => "pods",
            Kind::StatefulSet => "statefulsets",
            Kind::Job => "jobs",
            Kind::ConfigMap => "configmaps",
            Kind::Service => "services",
            Kind::PodDisruptionBudget => "poddisruptionbudgets",
            Kind::PersistentVolumeClaim => "persistentvolumeclaims",
            Kind::Event => "events",
            Kind::ResourceQuota => "resourcequotas",
            Kind::Application => "applications",
        }
    }

    /// The API group; empty for the core one.
    pub fn group(self) -> &'static str {
        match self {
            Kind::StatefulSet => "apps",
            Kind::Job => "batch",
            Kind::PodDisruptionBudget => "policy",
            Kind::Application => "argoproj.io",
            _ => "",
        }
    }

    pub fn version(self) -> &'static str {
        match self {
            Kind::Application => "v1alpha1",
            _ => "v1",
        }
    }

    /// As in `apiVersion:`.
    pub fn api_version(self) -> String {
        match self.group() {
            "" => self.version().to_owned(),
            group => format!("{group}/{}", self.version()),
        }
    }

    /// The plural with its group, as error messages name it: `statefulsets.apps`.
    pub fn resource(self) -> String {
        qualified(self.plural(), self.group())
    }

    /// The kind with its group, as messages about invalid objects name it: `StatefulSet.apps`.
    pub fn qualified_name(self) -> String {
        qualified(self.name(), self.group())
    }

    /// Whether `metadata.generation` is counted.
    pub fn has_generation(self) -> bool {
        matches!(
            self,
            Kind::Pod
                | Kind::StatefulSet
                | Kind::Job
                | Kind::PodDisruptionBudget
                | Kind::Application
        )
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}
