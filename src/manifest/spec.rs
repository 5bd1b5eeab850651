//! What of an object's `spec` has to stay as committed, whether it is read from a file or from the cluster:
//! its digest proves that it was applied once, not that it is so still.
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Values longer than this, in bytes, are told by their digest.
const LONGEST: usize = 80;

/// What stands for a setting that isn't made.
const NONE: &str = "none";

/// Of a StatefulSet.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetSpec {
    pub replicas: Option<u32>,
    #[serde(deserialize_with = "or_default")]
    update_strategy: Strategy,
    #[serde(deserialize_with = "or_default")]
    pub template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Strategy {
    r#type: Option<String>,
}

/// Of a Job.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobSpec {
    suspend: Option<bool>,
    parallelism: Option<u32>,
    completions: Option<u32>,
    backoff_limit: Option<u32>,
    active_deadline_seconds: Option<u64>,
    ttl_seconds_after_finished: Option<u64>,
    #[serde(deserialize_with = "or_default")]
    pub template: Template,
}

/// A pod template.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Template {
    #[serde(deserialize_with = "or_default")]
    spec: PodSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    restart_policy: Option<String>,
    #[serde(deserialize_with = "or_default")]
    init_containers: Vec<Container>,
    #[serde(deserialize_with = "or_default")]
    containers: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    name: String,
    #[serde(deserialize_with = "or_default")]
    image: String,
    command: Option<Vec<String>>,
    args: Option<Vec<String>>,
    #[serde(deserialize_with = "or_default")]
    env: Vec<Variable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Variable {
    name: String,
    #[serde(deserialize_with = "or_default")]
    value: String,
    value_from: Option<Value>,
}

/// Reads `null` as if the field weren't there.
pub fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The settings of the object, as [`Wanted::settings`] keeps them. Kinds of which none matters have none.
///
/// [`Wanted::settings`]: crate::run::deployment::Wanted::settings
pub fn settings(kind: &str, spec: &Value) -> BTreeMap<String, String> {
    match kind {
        "StatefulSet" => SetSpec::deserialize(spec).map(|it| it.settings()).unwrap_or_default(),
        "Job" => JobSpec::deserialize(spec).map(|it| it.settings()).unwrap_or_default(),
        _ => BTreeMap::new(),
    }
}

impl Template {
    /// Of all containers, init containers first.
    pub fn images(&self) -> Vec<String> {
        self.spec.all().map(|container| container.image.clone()).collect()
    }
}

impl PodSpec {
    fn all(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }
}

impl SetSpec {
    /// Whether a change of the template may restart working nodes.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let strategy = self.update_strategy.r#type.as_deref();
        let strategy = strategy.unwrap_or("RollingUpdate").to_owned();
        BTreeMap::from([("updateStrategy".to_owned(), strategy)])
    }
}

impl JobSpec {
    /// How often it runs, how it ends, and what its containers do.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let once = (self.parallelism.is_none() && self.completions.is_none()).then_some(1);
        let pod = &self.template.spec;
        let mut settings = BTreeMap::from([
            ("suspend".to_owned(), self.suspend.unwrap_or_default().to_string()),
            ("parallelism".to_owned(), self.parallelism.unwrap_or(1).to_string()),
            ("completions".to_owned(), or_none(self.completions.or(once))),
            ("backoffLimit".to_owned(), self.backoff_limit.unwrap_or(6).to_string()),
            ("activeDeadlineSeconds".to_owned(), or_none(self.active_deadline_seconds)),
            ("ttlSecondsAfterFinished".to_owned(), or_none(self.ttl_seconds_after_finished)),
            ("restartPolicy".to_owned(), or_none(pod.restart_policy.as_deref())),
        ]);
        for Container { name, image: _, command, args, env } in pod.all() {
            let words = |words: &Option<Vec<String>>| match words {
                Some(words) => short(words.join(" ")),
                None => NONE.to_owned(),
            };
            settings.insert(format!("command of {name}"), words(command));
            settings.insert(format!("args of {name}"), words(args));
            for Variable { name: variable, value, value_from } in env {
                let value = match value_from {
                    Some(from) => from.to_string(),
                    None => value.clone(),
                };
                // It may be a secret that somebody put there: only whether it is the same is told.
                settings.insert(format!("variable {variable} of {name}"), digest(&value));
            }
        }
        settings
    }
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

fn short(text: String) -> String {
    if text.len() > LONGEST { digest(&text) } else { text }
}

fn digest(text: &str) -> String {
    let digest = format!("{:x}", Sha256::digest(text));
    format!("sha256:{}", &digest[..12])
}
