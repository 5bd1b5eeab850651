//! From the two texts to settings and inputs, or to all that is wrong with them.
use std::fmt;

use super::check::{self, Check};
use super::fault::{Fault, What, dotted};
use super::fit::{Fitted, fit};
use super::place::{Layer, Origin, Source};
use super::problem::{Problem, Problems};
use super::tree::{self, Content, Node, Reading};
use super::{Admin, Argocd, Inputs, Settings};
use crate::run::SystemRef;

/// What both files must begin with.
const API_VERSION: &str = "dcr-gitops/v1";

/// So many problems are shown of one file; a file that has more is not one that a person wrote.
const SHOWN: usize = 100;

/// A `dcr-gitops.yaml` that was read: the settings, and where its `defaults` stand, so that what is wrong
/// with them in one system can be shown there.
#[derive(Clone)]
pub struct SettingsFile {
    pub settings: Settings,
    source: Source,
    /// The program's defaults, with those of the file over them.
    inherited: Node,
}

/// The text holds the heartbeat's URL, so it isn't shown.
impl fmt::Debug for SettingsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsFile").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Reads a `dcr-gitops.yaml`; `path` is relative to the repo. Its `defaults` are checked as far as they
/// can be without a system's inputs.
///
/// # Errors
/// Everything that is wrong with it, up to a hundred.
pub fn parse_settings(path: &str, text: &str) -> Result<SettingsFile, Problems> {
    let mut source = Source::new(path, text);
    source.hide_urls();
    let Reading { tree, mut faults, hidden } = match read_file(Layer::Settings, text) {
        Ok(reading) => reading,
        Err(fault) => {
            source.hide_heartbeat_lines();
            return Err([problem(&[&source], Origin::nowhere(Layer::Settings), &fault)].into());
        }
    };
    source.hidden.extend(hidden);

    let defaults = match tree.child("defaults") {
        Some(node) if matches!(node.content, Content::Map(_)) => node.clone(),
        _ => Node::empty(Layer::Settings),
    };
    let inherited = builtin().under(defaults);
    let root = tree.origin;
    let Fitted { value: settings, tree, faults: unfit, unsure } = fit::<Settings>(tree);
    faults.extend(unfit);
    if let Some(settings) = &settings {
        let mut check = Check::new(&tree, &unsure, None);
        check::settings(&mut check, settings);
        faults.extend(check.faults());
    }
    faults.extend(defaults_alone(&inherited));

    let mut problems = Problems::default();
    for fault in faults.iter().take(SHOWN) {
        problems.push(problem(&[&source], root, fault));
    }
    problems.none_or_else(|| settings.map(|settings| SettingsFile { settings, source, inherited }))
}

/// Reads the `dcr.yaml` of `system`, over the defaults of the settings and of the program; `path` is
/// relative to the repo.
///
/// # Errors
/// Everything that is wrong with it, up to a hundred, its path included. What stands in the `defaults` is reported there.
pub fn parse_inputs(
    settings: &SettingsFile,
    system: &SystemRef,
    path: &str,
    text: &str,
) -> Result<Inputs, Problems> {
    let source = Source::new(path, text);
    let sources = [&settings.source, &source];
    let mut problems = Problems::default();
    for (message, hint) in check::system_names(system) {
        problems.push(Problem::new(path, &message, Some(&hint)));
    }
    let Reading { tree: own, mut faults, .. } = match read_file(Layer::Inputs, text) {
        Ok(reading) => reading,
        Err(fault) => {
            problems.push(problem(&sources, Origin::nowhere(Layer::Inputs), &fault));
            return problems.none_or_else(|| None);
        }
    };
    let root = own.origin;
    let merged = overlay(settings.inherited.clone(), own);
    let Fitted { value: inputs, tree, faults: unfit, unsure } = fit::<Inputs>(merged);
    faults.extend(unfit);
    if let Some(inputs) = &inputs {
        let mut check = Check::new(&tree, &unsure, None);
        check::inputs(&mut check, inputs);
        faults.extend(check.faults());
    }
    for fault in faults.iter().take(SHOWN) {
        problems.push(problem(&sources, root, fault));
    }
    problems.none_or_else(|| inputs)
}

/// A file, if this program knows its version; the fault that hides all others, if not.
fn read_file(layer: Layer, text: &str) -> Result<Reading, Box<Fault>> {
    let mut reading = tree::read(layer, text)?;
    let hint = format!("write `apiVersion: {API_VERSION}` at the top");
    let wrong = match reading.tree.entry("apiVersion") {
        None => {
            let fault = Fault::new("`apiVersion` is missing").hint(hint);
            reading.faults.push(fault);
            return Ok(reading);
        }
        Some(entry) => match &entry.node.content {
            Content::Text(version) if version == API_VERSION => return Ok(reading),
            Content::Text(version) => Fault::new(format!("unsupported `apiVersion`: `{version}`"))
                .hint(format!("this program knows `{API_VERSION}`"))
                .located(entry.node.origin),
            _ => Fault::new("`apiVersion` must be text").hint(hint).located(entry.key_origin),
        },
    };
    Err(Box::new(wrong))
}

/// The program's own defaults, where a part of a mapping can be left to them.
fn builtin() -> Node {
    let value = serde_json::json!({
        "synchronizer": {},
        "farmers": {},
        "argocd": Argocd::default(),
        "admin": Admin::default(),
    });
    Node::builtin(value)
}

/// `own` over what is inherited. Frontends are counted or named: either replaces the other.
fn overlay(mut inherited: Node, own: Node) -> Node {
    let given = |key: &str| {
        own.child("frontends")
            .and_then(|frontends| frontends.child(key))
            .is_some_and(|node| !matches!(node.content, Content::Null))
    };
    for (given, replaced) in [(given("names"), "count"), (given("count"), "names")] {
        if given {
            inherited.remove(&["frontends".to_owned(), replaced.to_owned()]);
        }
    }
    inherited.under(own)
}

/// What is wrong with the defaults whatever a `dcr.yaml` adds: nothing has to be there yet.
fn defaults_alone(inherited: &Node) -> Vec<Fault> {
    let Fitted { value, tree, faults, unsure } = fit::<Inputs>(inherited.clone());
    let mut faults: Vec<Fault> = faults
        .into_iter()
        .filter(|fault| !matches!(fault.what, What::Missing(_)))
        .map(|fault| fault.below("defaults"))
        .collect();
    if let Some(inputs) = value {
        let mut check = Check::new(&tree, &unsure, Some(Layer::Settings));
        check::inputs(&mut check, &inputs);
        faults.extend(check.faults());
    }
    faults
}

/// The fault as people see it, in the file it stands in; what stands nowhere is shown at `root`, the
/// beginning of the file being read.
fn problem(sources: &[&Source], root: Origin, fault: &Fault) -> Problem {
    let (message, mut hint) = fault.describe();
    if let What::Missing(key) = fault.what
        && root.layer == Layer::Inputs
    {
        let mut path = fault.path.clone();
        path.push(key.to_owned());
        hint = Some(format!("give it here, or as `defaults.{}` in the settings", dotted(&path)));
    }
    let origin = fault.origin.filter(|origin| origin.is_somewhere()).unwrap_or(root);
    let source = match origin.layer {
        Layer::Settings => sources.first(),
        Layer::Builtin | Layer::Inputs => sources.last(),
    };
    let Some(source) = source else { return Problem::new("", &message, hint.as_deref()) };
    Problem::new(&source.path, &message, hint.as_deref()).showing(source.excerpt(origin.range()))
}
