//! What the types can't say: values that fit them and still make no sense, alone or together.
mod admin;
mod inputs;
mod settings;
mod text;

pub(super) use inputs::{inputs, system_names};
pub(super) use settings::settings;

use super::fault::Fault;
use super::place::{Layer, Origin};
use super::tree::{Content, Node};

/// Notes what makes no sense, each with the values that it is about.
pub(super) struct Check<'a> {
    tree: &'a Node,
    /// Nothing can be said about these.
    unsure: &'a [Vec<String>],
    /// Only what this layer says is looked at: another may still change the rest.
    only: Option<Layer>,
    faults: Vec<Fault>,
}

impl<'a> Check<'a> {
    pub fn new(tree: &'a Node, unsure: &'a [Vec<String>], only: Option<Layer>) -> Self {
        Check { tree, unsure, only, faults: Vec::new() }
    }

    pub fn faults(self) -> Vec<Fault> {
        self.faults
    }

    /// `path`, written `farmers/count`, makes no sense.
    fn refuse(&mut self, path: &str, message: impl Into<String>, hint: Option<&str>) {
        self.refuse_all(&[&steps(path)], message.into(), hint);
    }

    /// The values at these paths make no sense together. Shown is the one said last, in the order of
    /// the layers; among those of one layer the first that is listed.
    fn refuse_all(&mut self, paths: &[&[String]], message: String, hint: Option<&str>) {
        let concerns = |unsure: &Vec<String>| {
            paths.iter().any(|path| path.starts_with(unsure) || unsure.starts_with(path))
        };
        if self.unsure.iter().any(concerns) {
            return;
        }
        let mut shown: Option<(Rank, Origin)> = None;
        for path in paths {
            let said = self.tree.find(path).map(|node| node.origin.layer);
            if self.only.is_some() && said != self.only {
                return;
            }
            let origin = self.origin(path);
            let rank = (said.is_some_and(|layer| layer != Layer::Builtin), origin.layer);
            if shown.is_none_or(|(best, _)| rank > best) {
                shown = Some((rank, origin));
            }
        }
        let mut fault = Fault::new(message);
        if let Some(hint) = hint {
            fault = fault.hint(hint);
        }
        fault.origin = shown.map(|(_, origin)| origin);
        self.faults.push(fault);
    }

    /// The value at `path`, or the key of the nearest thing above it that stands in a file.
    fn origin(&self, path: &[String]) -> Origin {
        let mut node = self.tree;
        let mut origin = Origin::nowhere(Layer::Builtin);
        for step in path {
            let key = node.entry(step).map(|entry| entry.key_origin);
            let Some(child) = node.child(step) else { return origin };
            let absent = matches!(child.content, Content::Null | Content::Map(_));
            let here = if absent { key.unwrap_or(child.origin) } else { child.origin };
            if here.is_somewhere() {
                origin = here;
            }
            node = child;
        }
        origin
    }
}

/// What somebody said goes before what nobody did, then the later layer before the earlier one.
type Rank = (bool, Layer);

/// `farmers/count` as steps. Keys that hold a `/` have to be pushed.
fn steps(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}
