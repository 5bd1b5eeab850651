//! Texts for people from the templates in `templates/messages`: whatever is put into one is made harmless for
//! the format that it writes.
use std::io::Write;

use anyhow::Context as _;
use serde::Serialize;
use tera::{Context, Kwargs, State, Tera, Value};

use super::escape;
use super::prose::Prose;
use crate::render::quoted;

/// Renders a Markdown template. Strings are shown as themselves; `| link` writes a link's target and
/// `| fenced` a block of code.
///
/// # Errors
/// The template names something that isn't there.
pub fn markdown(path: &str, template: &str, facts: &impl Serialize) -> anyhow::Result<String> {
    let mut tera = Tera::new();
    tera.autoescape_on([".md.tera"]);
    tera.set_escape_fn(escape_markdown);
    tera.register_filter("link", link);
    tera.register_filter("fenced", fenced);
    render(tera, path, template, facts)
}

/// Renders a template whose output is a [`Prose`] in YAML. Strings are quoted, so that they can be nothing else.
///
/// # Errors
/// The template names something that isn't there, or what it writes is no such text.
pub fn prose(path: &str, template: &str, facts: &impl Serialize) -> anyhow::Result<Prose> {
    let mut tera = Tera::new();
    tera.autoescape_on([".yaml.tera"]);
    tera.set_escape_fn(escape_yaml);
    let text = render(tera, path, template, facts)?;
    let options = serde_yaml::options! { strict_booleans: true, };
    serde_yaml::from_str_with_options(&text, options)
        .with_context(|| format!("reading what {path} writes"))
}

/// The templates are the program's own, so that nothing of what is rendered can be wrong but a template.
fn render(
    mut tera: Tera,
    path: &str,
    template: &str,
    facts: &impl Serialize,
) -> anyhow::Result<String> {
    let context = Context::from_serialize(facts).with_context(|| format!("filling {path}"))?;
    tera.add_raw_template(path, template).with_context(|| format!("reading {path}"))?;
    tera.render(path, &context).with_context(|| format!("rendering {path}"))
}

fn escape_markdown(text: &str, out: &mut dyn Write) -> std::io::Result<()> {
    out.write_all(escape::markdown(text).as_bytes())
}

fn escape_yaml(text: &str, out: &mut dyn Write) -> std::io::Result<()> {
    out.write_all(quoted(text).as_bytes())
}

fn link(url: &str, _: Kwargs, _: &State) -> Value {
    Value::safe_string(&escape::url(url))
}

fn fenced(text: &str, _: Kwargs, _: &State) -> Value {
    Value::safe_string(&escape::fenced("", text))
}
