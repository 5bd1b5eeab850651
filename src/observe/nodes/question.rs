//! One question to the nodes: by which way it goes, and its text for one node.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::{Admin, Probe, Via};
use crate::run::SystemRef;
use crate::run::express::Silent;

/// All but the unreserved characters of RFC 3986, so that a value can't add a parameter of its own.
pub const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is asked, as the inputs have it.
#[derive(Debug)]
pub struct Question<'a> {
    name: &'static str,
    pub via: Via,
    pub port: u16,
    path: Option<&'a str>,
    url: Option<&'a str>,
    command: Option<&'a [String]>,
}

impl<'a> Question<'a> {
    pub fn of_aa_status(inputs: &'a Admin) -> Self {
        let query = &inputs.aa_status;
        Question {
            name: "aaStatus",
            via: query.via.unwrap_or(inputs.via),
            port: inputs.port,
            path: query.path.as_deref(),
            url: query.url.as_deref(),
            command: query.command.as_deref(),
        }
    }

    pub fn of_probe(name: &'static str, inputs: &Admin, probe: &'a Probe) -> Self {
        Question {
            name,
            via: probe.via.unwrap_or(inputs.via),
            port: inputs.port,
            path: probe.path.as_deref(),
            url: probe.url.as_deref(),
            command: probe.command.as_deref(),
        }
    }

    /// Of so many nodes, how many there is a point in asking: what doesn't name the node gives one answer
    /// for all of them.
    pub fn askable(&self, nodes: usize) -> usize {
        let names_it = |text: &str| text.contains("{node}");
        let each = match self.via {
            Via::Proxy | Via::PortForward => true,
            Via::Url => self.url.into_iter().chain(self.path).any(names_it),
            Via::Command => self.command.into_iter().flatten().any(|part| names_it(part)),
        };
        if each { nodes } else { 1 }
    }

    pub fn silent(&self, node: String, why: String) -> Silent {
        Silent { node, asked: self.name.to_owned(), why }
    }

    /// Path and query, beginning with `/`.
    pub fn path(&self, system: &SystemRef, node: &str) -> Result<String, String> {
        let path = self.path.ok_or_else(|| self.missing("path"))?;
        let climbs = path
            .split(['?', '#'])
            .next()
            .is_some_and(|path| path.split('/').any(|part| matches!(part, "." | "..")));
        if !path.starts_with('/') || climbs {
            return Err(format!("`admin.{}.path` has to begin with `/`, without `..`", self.name));
        }
        Ok(self.fill(path, system, node, encoded))
    }

    pub fn url(&self, system: &SystemRef, node: &str) -> Result<String, String> {
        let before = self.fill(self.url.ok_or_else(|| self.missing("url"))?, system, node, encoded);
        let path = match self.path {
            Some(_) => self.path(system, node)?,
            None => String::new(),
        };
        Ok(format!("{}{path}", before.trim_end_matches('/')))
    }

    /// A program and its arguments.
    pub fn command(&self, system: &SystemRef, node: &str) -> Result<Vec<String>, String> {
        let command = self.command.ok_or_else(|| self.missing("command"))?;
        Ok(command.iter().map(|part| self.fill(part, system, node, str::to_owned)).collect())
    }

    fn missing(&self, key: &str) -> String {
        format!("`admin.{}.{key}` isn't set", self.name)
    }

    /// Replaces the placeholders; what else stands in braces stays as it is.
    fn fill(
        &self,
        text: &str,
        system: &SystemRef,
        node: &str,
        written: impl Fn(&str) -> String,
    ) -> String {
        let port = self.port.to_string();
        let values = [
            ("{system}", system.system.as_str()),
            ("{namespace}", &system.namespace),
            ("{cluster}", &system.cluster),
            ("{node}", node),
            ("{port}", &port),
        ];
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(begin) = rest.find('{') {
            let (before, at) = rest.split_at(begin);
            filled.push_str(before);
            let known = values.iter().find(|(name, _)| at.starts_with(name));
            let length = match known {
                Some((name, value)) => {
                    filled.push_str(&written(value));
                    name.len()
                }
                None => {
                    filled.push('{');
                    1
                }
            };
            rest = &at[length..];
        }
        filled.push_str(rest);
        filled
    }
}

fn encoded(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}
