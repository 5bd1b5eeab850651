//! The `admin` part of the inputs: how the nodes are asked, and what their answers mean.
use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

/// How the nodes are asked, and what their answers mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Admin {
    /// The port the nodes answer on.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The way to it; may be set per answer.
    pub via: Via,
    /// The A/A status: which node is in which state.
    pub aa_status: AaStatusQuery,
    /// How far the rebuild is.
    pub rebuild_status: Probe,
    /// The signal that the history update has ended.
    pub history: Option<Probe>,
    /// The signal that the caches were propagated.
    pub propagation: Option<Probe>,
    /// What starts the rebuild.
    pub trigger: Command,
    /// What propagates its result to the frontends.
    pub propagate: Command,
    /// This program's container image, for the Jobs.
    #[schemars(length(min = 1))]
    pub client_image: String,
}

/// The way to a node's admin port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// The API server's pod proxy.
    #[default]
    Proxy,
    /// A port-forward through the API server.
    PortForward,
    /// A URL reachable from here.
    Url,
    /// A command run here.
    Command,
}

/// How the A/A status is asked for, and what it must show. `{system}`, `{namespace}`, `{cluster}`, `{node}` and
/// `{port}` are replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AaStatusQuery {
    /// Instead of `admin.via`.
    pub via: Option<Via>,
    /// Path and query, percent-encoded.
    pub path: Option<String>,
    /// With `via: url`: what stands before the path, e.g. `http://{node}.example.com:{port}`.
    pub url: Option<String>,
    /// With `via: command`: the program and its arguments.
    pub command: Option<Vec<String>>,
    /// By phase: what the rows of the farm's nodes must show before it ends. By default nothing: whether
    /// nodes are ready is asked of Kubernetes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub require: BTreeMap<NodesPhase, RequiredRows>,
}

/// The phases that end when their nodes are ready.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NodesPhase {
    HistoryUpdate,
    FarmUp,
    Synchronizer,
}

impl NodesPhase {
    pub fn as_str(self) -> &'static str {
        match self {
            NodesPhase::HistoryUpdate => "history-update",
            NodesPhase::FarmUp => "farm-up",
            NodesPhase::Synchronizer => "synchronizer",
        }
    }
}

/// Words that the rows of nodes must show, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RequiredRows {
    /// The synchronizer's row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub synchronizer: Vec<AaWord>,
    /// The rows of as many farmers as have to be ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub farmers: Vec<AaWord>,
}

/// A word of the A/A status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AaWord {
    #[serde(rename = "SYNCHRONIZED")]
    Synchronized,
    #[serde(rename = "BOOTING")]
    Booting,
    #[serde(rename = "DOWN")]
    Down,
    #[serde(rename = "visible")]
    Visible,
    #[serde(rename = "invisible")]
    Invisible,
    #[serde(rename = "sync")]
    Sync,
    #[serde(rename = "not sync")]
    NotSync,
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "waiting")]
    Waiting,
    #[serde(rename = "hidden")]
    Hidden,
    #[serde(rename = "unreachable")]
    Unreachable,
    #[serde(rename = "Inactive")]
    Inactive,
}

impl AaWord {
    /// As nodes print it.
    pub fn as_str(self) -> &'static str {
        match self {
            AaWord::Synchronized => "SYNCHRONIZED",
            AaWord::Booting => "BOOTING",
            AaWord::Down => "DOWN",
            AaWord::Visible => "visible",
            AaWord::Invisible => "invisible",
            AaWord::Sync => "sync",
            AaWord::NotSync => "not sync",
            AaWord::Ready => "ready",
            AaWord::Waiting => "waiting",
            AaWord::Hidden => "hidden",
            AaWord::Unreachable => "unreachable",
            AaWord::Inactive => "Inactive",
        }
    }
}

/// How an answer with a state is asked for and read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Probe {
    /// Instead of `admin.via`.
    pub via: Option<Via>,
    /// Path and query, percent-encoded.
    pub path: Option<String>,
    /// With `via: url`: what stands before the path, e.g. `http://{node}.example.com:{port}`.
    pub url: Option<String>,
    /// With `via: command`: the program and its arguments.
    pub command: Option<Vec<String>>,
    /// Where each field of the answer stands.
    pub fields: Fields,
    /// What its state words mean.
    pub states: States,
}

/// Where each field of an answer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Fields {
    /// The state word.
    pub state: Option<Field>,
    /// 0 to 100.
    pub percent: Option<Field>,
    /// RFC 3339, or seconds or milliseconds since 1970.
    pub started_at: Option<Field>,
    /// The run the answer is about: `7`, or `7-2` with its attempt.
    pub run: Option<Field>,
    /// What went wrong so far.
    pub error: Option<Field>,
}

/// A JSON Pointer (RFC 6901) into the answer, or a regular expression with one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", untagged)]
#[schemars(deny_unknown_fields)]
pub enum Field {
    /// Begins with `/`.
    Pointer(#[schemars(regex(pattern = r"^/"))] String),
    /// With exactly one group, which is the value.
    Regex {
        /// In the syntax of the Rust crate regex.
        regex: String,
    },
}

/// The state words, each in the list of what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct States {
    /// It goes on.
    pub running: Vec<String>,
    /// It has ended well.
    pub complete: Vec<String>,
    /// It has ended.
    pub failed: Vec<String>,
    /// There was nothing to do: it has ended well.
    pub not_needed: Vec<String>,
}

/// A command that changes something: run by a Job, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Command {
    /// Path and query, percent-encoded. `{forced}`, `{run}`, `{attempt}`, `{system}` are replaced.
    pub path: String,
    /// `synchronizer`, or the host name of a node.
    #[serde(default = "to_synchronizer")]
    pub to: String,
    /// What the answer must contain.
    #[serde(default)]
    pub expect: Option<String>,
}

fn to_synchronizer() -> String {
    "synchronizer".to_owned()
}

impl Default for Fields {
    fn default() -> Self {
        let pointer = |name: &str| Some(Field::Pointer(format!("/{name}")));
        Fields {
            state: pointer("state"),
            percent: pointer("percent"),
            started_at: pointer("startedAt"),
            run: None,
            error: pointer("error"),
        }
    }
}

impl Default for States {
    fn default() -> Self {
        let word = |word: &str| vec![word.to_owned()];
        States {
            running: word("RUNNING"),
            complete: word("COMPLETE"),
            failed: word("FAILED"),
            not_needed: Vec::new(),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        let path = |path: &str| Some(path.to_owned());
        let command =
            |path: &str| Command { path: path.to_owned(), to: to_synchronizer(), expect: None };
        Admin {
            port: 9100,
            via: Via::default(),
            aa_status: AaStatusQuery {
                path: path("/.admin?cmd=aaStatus"),
                ..AaStatusQuery::default()
            },
            rebuild_status: Probe {
                path: path(
                    "/.admin?cmd=rebuildStatus&CMD_CENTER_CSRF_TOKEN=&format=JSON&template=",
                ),
                ..Probe::default()
            },
            history: None,
            propagation: None,
            trigger: command("/.admin?cmd=startRebuild&force={forced}&run={run}&attempt={attempt}"),
            propagate: command("/.admin?cmd=propagateCaches&run={run}&attempt={attempt}"),
            client_image: concat!("ghcr.io/dcr-gitops/dcr-gitops:", env!("CARGO_PKG_VERSION"))
                .to_owned(),
        }
    }
}

/// By hand, because what derives for an untagged enum can't say what is wrong and where.
impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegexField {
    regex: OneGroup,
}

/// A regular expression whose only group is what it finds.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct OneGroup(String);

impl TryFrom<String> for OneGroup {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match regex::Regex::new(&text) {
            Ok(regex) if regex.captures_len() == 2 => Ok(OneGroup(text)),
            Ok(regex) => Err(format!(
                "must have exactly one group `(…)`, not {}: write `(?:…)` for what isn't the value",
                regex.captures_len() - 1
            )),
            Err(error) => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default();
                let why = why.strip_prefix("error: ").unwrap_or(why);
                Err(format!("is no regular expression: {why}"))
            }
        }
    }
}

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON Pointer such as `/state`, or `{regex: \"…(…)…\"}`")
    }

    fn visit_str<E: Error>(self, pointer: &str) -> Result<Field, E> {
        if !pointer.starts_with('/') {
            return Err(E::custom(format!(
                "is no JSON Pointer: `{pointer}` doesn't begin with `/`"
            )));
        }
        Ok(Field::Pointer(pointer.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
        let field = RegexField::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Field::Regex { regex: field.regex.0 })
    }
}
