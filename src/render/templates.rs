//! The Tera templates: built in, or overridden by a folder of the deployment repo; what they print is quoted for YAML.
use std::collections::BTreeMap;
use std::io::Write;

use serde_json::Value;
use tera::{Context, Kwargs, State, Tera};

use super::{Problem, RenderError};

/// The built-in templates by the name under which a folder can override them.
const BUILTIN: [(&str, &str); 4] = [
    ("synchronizer.yaml.tera", include_str!("../../templates/manifests/synchronizer.yaml.tera")),
    ("farmers.yaml.tera", include_str!("../../templates/manifests/farmers.yaml.tera")),
    ("run.yaml.tera", include_str!("../../templates/manifests/run.yaml.tera")),
    ("job.yaml.tera", include_str!("../../templates/manifests/job.yaml.tera")),
];

/// Where the built-in templates are said to be in messages.
const BUILTIN_FOLDER: &str = "templates/manifests";

/// All templates a step is rendered from.
#[derive(Debug, Clone)]
pub struct Templates {
    tera: Tera,
    /// Name → path by which Tera knows it and messages name it.
    paths: BTreeMap<&'static str, String>,
}

impl Templates {
    /// The templates that come with the program.
    pub fn builtin() -> Result<Self, RenderError> {
        Self::from_files("", &BTreeMap::new())
    }

    /// The files of `folder` (`templates:` of `dcr-gitops.yaml`) in place of the built-in templates of
    /// the same name. A file of any other name, and a template that can't be read, are errors.
    pub fn from_files(folder: &str, files: &BTreeMap<String, String>) -> Result<Self, RenderError> {
        let known = BUILTIN.map(|(name, _)| name);
        let unknown = files.keys().filter(|name| !known.contains(&name.as_str()));
        let problems: Vec<Problem> = unknown
            .map(|name| {
                Problem::new(format!("{folder}/{name}"), "there is no template of this name")
                    .hint(format!("templates are {}", known.join(", ")))
            })
            .collect();
        if !problems.is_empty() {
            return Err(RenderError { problems });
        }
        let mut tera = for_yaml();
        let mut paths = BTreeMap::new();
        let mut sources = Vec::new();
        for (name, builtin) in BUILTIN {
            let (folder, text) = match files.get(name) {
                Some(text) => (folder, text.as_str()),
                None => (BUILTIN_FOLDER, builtin),
            };
            let path = format!("{folder}/{name}");
            sources.push((path.clone(), text));
            paths.insert(name, path);
        }
        tera.add_raw_templates(sources).map_err(|error| problem(folder, &error))?;
        Ok(Templates { tera, paths })
    }

    /// The path of a template, for messages.
    pub(super) fn path(&self, name: &str) -> &str {
        self.paths.get(name).map_or("", String::as_str)
    }

    /// Renders one template.
    pub(super) fn render(&self, name: &str, context: &Context) -> Result<String, Problem> {
        let path = self.path(name);
        self.tera.render(path, context).map_err(|error| problem(path, &error))
    }
}

/// Renders one template of YAML that belongs to no step.
///
/// # Errors
/// The template can't be read, or doesn't fit the values.
pub fn render_yaml(path: &str, text: &str, values: &Value) -> Result<String, RenderError> {
    let mut tera = for_yaml();
    tera.register_filter("comment", comment);
    let rendered = tera
        .add_raw_template(path, text)
        .and_then(|()| tera.render(path, &Context::from_serialize(values)?));
    rendered.map_err(|error| RenderError { problems: vec![problem(path, &error)] })
}

/// Whatever is printed is quoted.
fn for_yaml() -> Tera {
    let mut tera = Tera::new();
    tera.autoescape_on([".yaml.tera"]);
    tera.set_escape_fn(escape);
    tera.register_filter("yaml", yaml);
    tera.register_filter("safe", refuse_safe);
    tera
}

/// `# {{ text | comment }}`: on one line, whatever is in it.
fn comment(text: &str, _: Kwargs, _: &State) -> tera::TeraResult<tera::Value> {
    Ok(tera::Value::safe_string(&crate::report::line(text)))
}

/// Renders a template whose output isn't YAML and is left as it is.
pub(crate) fn render_text(path: &str, text: &str, context: &Context) -> Result<String, Problem> {
    let mut tera = Tera::new();
    tera.autoescape_on(Vec::<&str>::new());
    tera.add_raw_template(path, text)
        .and_then(|()| tera.render(path, context))
        .map_err(|error| problem(path, &error))
}

/// Tera's report, with its place first: `error: …`, `--> path:line:column`, then the line it is about.
fn problem(path: &str, error: &tera::Error) -> Problem {
    let report = error.to_string();
    let (message, rest) = report.split_once('\n').unwrap_or((&report, ""));
    let message = message.strip_prefix("error: ").unwrap_or(message);
    match rest.trim_start().strip_prefix("--> ") {
        Some(rest) => {
            let (place, excerpt) = rest.split_once('\n').unwrap_or((rest, ""));
            Problem::new(place, format!("{message}\n{}", excerpt.trim_end()))
        }
        None => Problem::new(path, report),
    }
}

/// Writes a string as YAML, whatever is in it: JSON's quotes, and escapes for what JSON leaves bare
/// though YAML reads it as a line break or refuses it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    for char in Value::from(text).to_string().chars() {
        match char {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(char)));
            }
            other => quoted.push(other),
        }
    }
    quoted
}

fn escape(text: &str, out: &mut dyn Write) -> std::io::Result<()> {
    out.write_all(quoted(text).as_bytes())
}

/// `{{ map | yaml }}`: a map, a list or anything else as YAML in flow style, its keys sorted.
fn yaml(value: tera::Value, _: Kwargs, _: &State) -> tera::TeraResult<tera::Value> {
    let mut value = serde_json::to_value(&value).map_err(tera::Error::message)?;
    value.sort_all_objects();
    Ok(tera::Value::safe_string(&flow(&value)))
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", quoted(key), flow(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn refuse_safe(_: tera::Value, _: Kwargs, _: &State) -> tera::TeraResult<tera::Value> {
    Err(tera::Error::message("`safe` would print a text unquoted; maps and lists take `yaml`"))
}
