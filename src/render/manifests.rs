//! Renders the files of a run: template, `pod:`, checks, digest, text.
use serde_json::{Map, Value, json};
use tera::Context;

use super::flaws::Labels;
use super::templates::Templates;
use super::validate::{Intended, What};
use super::{Problem, RenderError, pod};
use crate::admin_job::{AdminJob, Order, StatusQuery};
use crate::config::{Command, Inputs};
use crate::manifest::{DIGEST, Object, objects};
use crate::run::Step;

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const COMPONENT: &str = "app.kubernetes.io/component";
const SYSTEM: &str = "dcr-gitops/system";
pub(super) const RUN: &str = "dcr-gitops/run";

/// The labels that every object carries.
pub(super) const OUR_LABELS: [&str; 4] = [MANAGED_BY, COMPONENT, SYSTEM, RUN];

/// Renders the files of one step.
pub(super) struct Manifests<'a> {
    pub step: &'a Step,
    pub inputs: &'a Inputs,
    pub templates: &'a Templates,
}

/// The two things a Job can be told to do.
#[derive(Clone, Copy)]
pub(super) enum JobKind {
    Trigger,
    /// With the attempt of the rebuild whose result is propagated.
    Propagate {
        rebuild: u32,
    },
}

impl Manifests<'_> {
    pub fn synchronizer(&self) -> Result<String, RenderError> {
        let name = self.step.record.system.synchronizer_set();
        let inputs = &self.inputs.synchronizer;
        let (labels, selector) = self.labels("synchronizer");
        let mut context = self.context(&name, &labels);
        self.node(&mut context, &selector, &inputs.resources, &inputs.storage);
        let what = What::Nodes { selector: &selector, replicas: 1, most: 1 };
        self.render(
            "synchronizer.yaml.tera",
            &context,
            &self.intended(&name, &labels, what),
            |set| pod::merge(set, &inputs.pod, "synchronizer.pod"),
        )
    }

    pub fn farmers(&self) -> Result<String, RenderError> {
        let name = self.step.record.system.farmer_set();
        let inputs = &self.inputs.farmers;
        let (labels, selector) = self.labels("farmer");
        let replicas = self.step.farmer_replicas(inputs.initial);
        let mut context = self.context(&name, &labels);
        self.node(&mut context, &selector, &inputs.resources, &inputs.storage);
        context.insert("replicas", &replicas);
        context.insert("tolerate", &inputs.tolerate);
        let most = inputs.max.max(replicas);
        let what = What::Nodes { selector: &selector, replicas, most };
        self.render("farmers.yaml.tera", &context, &self.intended(&name, &labels, what), |set| {
            pod::merge(set, &inputs.pod, "farmers.pod")
        })
    }

    pub fn run(&self) -> Result<String, RenderError> {
        let name = self.step.record.system.run_record();
        let (labels, _) = self.labels("run");
        let data = self.step.record.to_data();
        let mut context = self.context(&name, &labels);
        context.insert("data", &data);
        let intended = self.intended(&name, &labels, What::Record(&data));
        self.render("run.yaml.tera", &context, &intended, |_| Ok(()))
    }

    pub fn job(&self, kind: JobKind) -> Result<String, RenderError> {
        let record = &self.step.record;
        let (name, command) = match kind {
            JobKind::Trigger => (record.system.trigger_job(record.run, record.attempt), "trigger"),
            JobKind::Propagate { .. } => {
                (record.system.propagate_job(record.run, record.attempt), "propagate")
            }
        };
        let (labels, _) = self.labels(command);
        let told = self.admin_job(kind)?;
        let mut context = self.context(&name, &labels);
        context.insert("command", command);
        context.insert("client_image", &self.inputs.admin.client_image);
        context.insert("admin_job", &as_variable(&told).map_err(RenderError::from)?);
        let intended = self.intended(&name, &labels, What::Job(&told));
        self.render("job.yaml.tera", &context, &intended, |_| Ok(()))
    }

    /// What the Job's program is told.
    fn admin_job(&self, kind: JobKind) -> Result<AdminJob, Problem> {
        let record = &self.step.record;
        let admin = &self.inputs.admin;
        let http = |path: &Option<String>, key: &str| {
            path.clone().ok_or_else(|| {
                Problem::new(format!("`admin.{key}.path`"), "is missing")
                    .hint("the Jobs ask the nodes over HTTP, whatever `via` is")
            })
        };
        let order = |command: &Command| Order {
            path: command.path.clone(),
            to: command.to.clone(),
            expect: command.expect.clone(),
        };
        let (command, rebuild_attempt, aa_status, frontends) = match kind {
            JobKind::Trigger => {
                let aa_status = admin.aa_status.path.clone();
                (order(&admin.trigger), None, aa_status, record.frontends.clone())
            }
            JobKind::Propagate { rebuild } => {
                let aa_status = http(&admin.aa_status.path, "aaStatus")?;
                (order(&admin.propagate), Some(rebuild), Some(aa_status), Vec::new())
            }
        };
        let set = record.system.synchronizer_set();
        Ok(AdminJob {
            cluster: record.system.cluster.clone(),
            system: record.system.system.clone(),
            namespace: record.system.namespace.clone(),
            run: record.run,
            attempt: record.attempt,
            forced: record.forced,
            rebuild_attempt,
            synchronizer: format!("{}.{set}", record.system.synchronizer_pod()),
            frontends,
            port: admin.port,
            aa_status,
            rebuild_status: StatusQuery {
                path: http(&admin.rebuild_status.path, "rebuildStatus")?,
                fields: admin.rebuild_status.fields.clone(),
                states: admin.rebuild_status.states.clone(),
            },
            command,
        })
    }

    /// The labels of every object of a component, and those it is selected by: all but the run.
    fn labels(&self, component: &str) -> (Labels, Labels) {
        let record = &self.step.record;
        let labels = Labels::from([
            (MANAGED_BY, "dcr-gitops".to_owned()),
            (COMPONENT, component.to_owned()),
            (SYSTEM, record.system.system.clone()),
            (RUN, record.run.to_string()),
        ]);
        let mut selector = labels.clone();
        selector.remove(RUN);
        (labels, selector)
    }

    fn context(&self, name: &str, labels: &Labels) -> Context {
        let mut context = Context::new();
        context.insert("name", name);
        context.insert("cluster", &self.step.record.system.cluster);
        context.insert("namespace", &self.step.record.system.namespace);
        context.insert("system", &self.step.record.system.system);
        context.insert("run", &self.step.record.run);
        context.insert("labels", labels);
        context
    }

    fn node(
        &self,
        context: &mut Context,
        selector: &Labels,
        resources: &crate::config::Resources,
        storage: &crate::config::Quantity,
    ) {
        context.insert("selector", selector);
        context.insert("image", &self.inputs.image);
        context.insert("port", &self.inputs.admin.port);
        context.insert("resources", resources);
        context.insert("storage", storage);
    }

    fn intended<'b>(&'b self, name: &'b str, labels: &'b Labels, what: What<'b>) -> Intended<'b> {
        Intended { name, namespace: &self.step.record.system.namespace, labels, what }
    }

    /// One file: all its objects checked, each with its digest.
    fn render(
        &self,
        template: &str,
        context: &Context,
        intended: &Intended<'_>,
        into_pod: impl Fn(&mut Value) -> Result<(), Vec<Problem>>,
    ) -> Result<String, RenderError> {
        let path = self.templates.path(template);
        let printed = self.templates.render(template, context)?;
        let mut objects = objects(&printed).map_err(|error| {
            Problem::new(path, format!("what it prints is no YAML: {error}")).hint(
                "text is printed in quotes: write `{{ name ~ \"-suffix\" }}`, not `{{ name }}-suffix`",
            )
        })?;
        let mut problems = kinds(path, &objects, intended);
        for object in &mut objects {
            if object.kind() == "StatefulSet"
                && let Some(spec) = object.0.pointer_mut("/spec/template/spec")
                && let Err(flaws) = into_pod(spec)
            {
                problems.extend(flaws);
                continue;
            }
            let place = format!("{path} → {} {}", object.kind(), object.name());
            problems.extend(intended.flaws(&object.0).into_iter().map(|flaw| Problem {
                place: place.clone(),
                message: format!("{}: {}", flaw.field, flaw.message),
                hint: flaw.hint,
            }));
        }
        if !problems.is_empty() {
            return Err(RenderError { problems });
        }
        objects.iter_mut().for_each(seal);
        Ok(text(path, &objects)?)
    }
}

/// The Job's variable. Kubernetes expands `$(…)` and `$$` in variables: JSON can say `$` without it.
fn as_variable(told: &AdminJob) -> Result<String, Problem> {
    let json =
        serde_json::to_string(told).map_err(|error| Problem::new("`admin`", error.to_string()))?;
    Ok(json.replace('$', "\\u0024"))
}

/// None missing, none twice. Others are found out one by one.
fn kinds(path: &str, objects: &[Object], intended: &Intended<'_>) -> Vec<Problem> {
    let expected = intended.kinds();
    let problem = |kind: &&str| {
        let message = match objects.iter().filter(|object| object.kind() == *kind).count() {
            0 => format!("the {kind} {} is missing", intended.name),
            1 => return None,
            count => format!("{kind}: there are {count}, expected one"),
        };
        let hint = format!("it prints one each of {}", expected.join(", "));
        Some(Problem::new(path, message).hint(hint))
    };
    expected.iter().filter_map(problem).collect()
}

/// Gives the object its digest.
fn seal(object: &mut Object) {
    let digest = object.digest();
    if let Some(metadata) = object.0.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("annotations".to_owned(), json!({ DIGEST: digest }));
    }
}

/// The objects as text, read again to prove that the text says just that.
pub(super) fn text(path: &str, values: &[Object]) -> Result<String, Problem> {
    let layout = serde_yaml::ser_options! { prefer_block_scalars: false };
    let documents: Vec<&Value> = values.iter().map(|object| &object.0).collect();
    let text = serde_yaml::to_string_multiple_with_options(&documents, layout)
        .map_err(|error| Problem::new(path, error.to_string()))?;
    match objects(&text) {
        Ok(read) if read == values => Ok(text),
        Ok(_) => Err(Problem::new(path, "holds a text that YAML can't carry unchanged")),
        Err(error) => {
            Err(Problem::new(path, format!("holds a text that YAML can't carry: {error}")))
        }
    }
}

/// A single object as text.
pub(super) fn document(path: &str, fields: Map<String, Value>) -> Result<String, Problem> {
    text(path, &[Object(Value::Object(fields))])
}
