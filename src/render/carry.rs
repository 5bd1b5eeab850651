//! Carries the farm's manifests forward from the base: byte for byte, but for the farmers' `replicas` and its digest.
use serde_json::{Value, json};
use yaml_edit::{Document, YamlFile, YamlNode};

use super::Problem;
use super::manifests::RUN;
use crate::manifest::{DIGEST, Object, objects};
use crate::run::Record;

/// Whether a file holds anything of run `run`, in whatever state.
pub(super) fn mentions_run(text: &str, run: u32) -> bool {
    let objects = objects(text).unwrap_or_default();
    objects.iter().any(|object| run_of(object) == Some(run.to_string().as_str()))
}

fn run_of(object: &Object) -> Option<&str> {
    object.0.pointer("/metadata/labels")?.get(RUN)?.as_str()
}

/// Whether a file on the base holds objects of this very run as they were rendered, or why not. (A step
/// that carried an edited object on would not be known as ours again.)
pub(super) fn of_this_run(path: &str, text: &str, record: &Record) -> Result<(), Problem> {
    let hint = "restore the file as the run's first step committed it, or abort the run";
    let fail = |message: String| Err(Problem::new(path, message).hint(hint));
    let objects = match objects(text) {
        Ok(objects) => objects,
        Err(error) => return fail(format!("can't be read: {error}")),
    };
    if objects.is_empty() {
        return fail("holds no object".to_owned());
    }
    let run = record.run.to_string();
    for object in &objects {
        let namespace = object.0.pointer("/metadata/namespace").and_then(Value::as_str);
        let what = format!("{} {}", object.kind(), object.name());
        if run_of(object) != Some(run.as_str()) {
            return fail(format!("{what} isn't of run {run}: its label `{RUN}` differs"));
        }
        if namespace != Some(record.system.namespace.as_str()) {
            return fail(format!("{what} isn't in namespace {}", record.system.namespace));
        }
        if !object.is_as_rendered() {
            let carried = object.carried_digest().unwrap_or("none");
            let digest = object.digest();
            return Err(Problem::new(
                path,
                format!("{what} was edited by hand: it carries digest {carried} and has {digest}"),
            )
            .hint(format!(
                "restore the file, or, if the edit is meant, make `{DIGEST}: {digest}` its only annotation"
            )));
        }
    }
    Ok(())
}

/// The farmers' file with the set `name` at `replicas`; never fewer than it has, since no step removes a
/// working farmer.
pub(super) fn with_replicas(
    path: &str,
    text: &str,
    name: &str,
    replicas: u32,
) -> Result<String, Problem> {
    let fail = |message: &str| Problem::new(path, format!("StatefulSet {name}: {message}"));
    let before = objects(text).map_err(|error| Problem::new(path, error.to_string()))?;
    let mut after = before.clone();
    let is_the_set = |object: &Object| object.kind() == "StatefulSet" && object.name() == name;
    let set = after
        .iter_mut()
        .find(|object| is_the_set(object))
        .ok_or_else(|| fail("isn't in the file"))?;
    let current = set.0.pointer("/spec/replicas").and_then(Value::as_u64);
    let current = current.ok_or_else(|| fail("`spec.replicas` is no number"))?;
    if current >= u64::from(replicas) {
        return Ok(text.to_owned());
    }
    let old = set.carried_digest().ok_or_else(|| fail("carries no digest"))?.to_owned();
    set.0["spec"]["replicas"] = json!(replicas);
    let digest = set.digest();
    set.0["metadata"]["annotations"][DIGEST] = json!(digest);

    let document = YamlFile::parse(text)
        .tree()
        .documents()
        .find(|document| {
            let named = |value: Option<YamlNode>, expected: &str| {
                value.is_some_and(|value| {
                    value.as_scalar().is_some_and(|scalar| scalar.as_string() == expected)
                })
            };
            named(at(document, &["kind"]), "StatefulSet")
                && named(at(document, &["metadata", "name"]), name)
        })
        .ok_or_else(|| fail("can't be found in the text"))?;
    // Within the value only, so that its quotes stay as they are.
    let place = |keys: &[&str], old: &str| {
        let node = at(&document, keys).filter(YamlNode::is_scalar).map(|node| node.byte_range());
        let range = node.map(|range| range.start as usize..range.end as usize);
        range
            .and_then(|range| Some(range.start + text.get(range.clone())?.find(old)?))
            .map(|start| start..start + old.len())
            .ok_or_else(|| fail(&format!("`{}` can't be found in the text", keys.join("."))))
    };
    let mut edits = [
        (place(&["spec", "replicas"], &current.to_string())?, replicas.to_string()),
        (place(&["metadata", "annotations", DIGEST], &old)?, digest),
    ];
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut edited = text.to_owned();
    for (range, value) in edits {
        edited.replace_range(range, &value);
    }
    match objects(&edited) {
        Ok(read) if read == after => Ok(edited),
        _ => Err(fail("`spec.replicas` and its digest can't be changed without changing more")
            .hint("write them as plain values, without anchors that are used elsewhere")),
    }
}

fn at(document: &Document, keys: &[&str]) -> Option<YamlNode> {
    let (first, rest) = keys.split_first()?;
    rest.iter().try_fold(document.get(*first)?, |node, key| node.get(*key))
}
