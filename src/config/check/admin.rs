//! The `admin` part of `dcr.yaml`: questions that can't be asked, answers that can't be read.
use std::collections::BTreeMap;

use super::inputs::SUBDOMAIN;
use super::text::{bad_image, bad_path, bad_placeholders, same_command};
use super::{Check, steps};
use crate::config::names::is_subdomain;
use crate::config::{Admin, Command, Probe, Query, Via};

const IN_A_QUESTION: [&str; 5] = ["system", "namespace", "cluster", "node", "port"];
const IN_A_COMMAND: [&str; 4] = ["forced", "run", "attempt", "system"];

pub fn admin(check: &mut Check<'_>, admin: &Admin) {
    if admin.port == 0 {
        check.refuse("admin/port", "`admin.port` must be from 1 to 65535", None);
    }
    if let Some(why) = bad_image(&admin.client_image) {
        check.refuse("admin/clientImage", format!("`admin.clientImage` {why}"), None);
    }
    command(check, "trigger", &admin.trigger);
    command(check, "propagate", &admin.propagate);
    if same_command(&admin.propagate.path, &admin.trigger.path) {
        check.refuse_all(
            &[&steps("admin/propagate/path"), &steps("admin/trigger/path")],
            "`admin.propagate.path` gives the command of `admin.trigger.path`".to_owned(),
            Some("it would start another rebuild"),
        );
    }
    let aa_status = &admin.aa_status;
    question(check, admin, "aaStatus", aa_status);
    let probes = [
        ("rebuildStatus", Some(&admin.rebuild_status)),
        ("history", admin.history.as_ref()),
        ("propagation", admin.propagation.as_ref()),
    ];
    for (key, probe) in probes {
        let Some(probe) = probe else { continue };
        let asked = Query {
            via: probe.via,
            path: probe.path.clone(),
            url: probe.url.clone(),
            command: probe.command.clone(),
        };
        question(check, admin, key, &asked);
        answer(check, key, probe);
    }
}

/// A command that a Job gives.
fn command(check: &mut Check<'_>, key: &str, command: &Command) {
    if let Some(why) = bad_path(&command.path, &IN_A_COMMAND) {
        check.refuse(&format!("admin/{key}/path"), format!("`admin.{key}.path` {why}"), None);
    }
    if !is_subdomain(&command.to) {
        let message = format!("`admin.{key}.to` is neither `synchronizer` nor a host's name");
        check.refuse(&format!("admin/{key}/to"), message, Some(SUBDOMAIN));
    }
    if command.expect.as_deref() == Some("") {
        let message = format!("`admin.{key}.expect` is empty, which every answer holds");
        check.refuse(&format!("admin/{key}/expect"), message, Some("`null` expects nothing"));
    }
}

/// A question that the watcher asks again and again.
fn question(check: &mut Check<'_>, admin: &Admin, key: &str, asked: &Query) {
    let place = |field: &str| format!("admin/{key}/{field}");
    let via = asked.via.unwrap_or(admin.via);
    let via_path = steps(&if asked.via.is_some() { place("via") } else { "admin/via".to_owned() });
    let mut needs = |field: &str, via: &str| {
        check.refuse_all(
            &[&steps(&place(field)), &via_path],
            format!("`via: {via}` needs `admin.{key}.{field}`"),
            None,
        );
    };
    match via {
        Via::Command if asked.command.as_deref().is_none_or(<[String]>::is_empty) => {
            needs("command", "command");
        }
        Via::Url if asked.url.is_none() => needs("url", "url"),
        Via::Proxy if asked.path.is_none() => needs("path", "proxy"),
        Via::PortForward if asked.path.is_none() => needs("path", "port-forward"),
        Via::Url if asked.path.is_none() => needs("path", "url"),
        _ => {}
    }
    if let Some(path) = &asked.path {
        if let Some(why) = bad_path(path, &IN_A_QUESTION) {
            check.refuse(&place("path"), format!("`admin.{key}.path` {why}"), None);
        }
        for (name, command) in [("trigger", &admin.trigger), ("propagate", &admin.propagate)] {
            if same_command(path, &command.path) {
                check.refuse_all(
                    &[&steps(&place("path")), &steps(&format!("admin/{name}/path"))],
                    format!("`admin.{key}.path` gives the command of `admin.{name}.path`"),
                    Some("it is asked for again and again, and would start something each time"),
                );
            }
        }
    }
    if let Some(url) = &asked.url {
        let why = super::text::bad_url(url)
            .map(str::to_owned)
            .or_else(|| bad_placeholders(url, &IN_A_QUESTION));
        if let Some(why) = why {
            check.refuse(&place("url"), format!("`admin.{key}.url` {why}"), None);
        }
    }
    for (index, word) in asked.command.iter().flatten().enumerate() {
        let why = bad_placeholders(word, &IN_A_QUESTION)
            .or_else(|| (index == 0 && word.is_empty()).then(|| "names no program".to_owned()))
            .or_else(|| word.contains('\0').then(|| "holds a NUL".to_owned()));
        if let Some(why) = why {
            let message = format!("`admin.{key}.command[{index}]` {why}");
            check.refuse(&place(&format!("command/{index}")), message, None);
        }
    }
}

/// How an answer with a state is read.
fn answer(check: &mut Check<'_>, key: &str, probe: &Probe) {
    if probe.fields.state.is_none() {
        let message = format!("`admin.{key}.fields.state` is what its gate is decided by");
        check.refuse(&format!("admin/{key}/fields/state"), message, Some("say where it stands"));
    }
    let states = &probe.states;
    if states.complete.is_empty() {
        let message = format!("`admin.{key}.states.complete` holds no word: its gate is never met");
        check.refuse(&format!("admin/{key}/states/complete"), message, None);
    }
    let lists = [
        ("running", &states.running),
        ("complete", &states.complete),
        ("failed", &states.failed),
        ("notNeeded", &states.not_needed),
    ];
    let mut meanings: BTreeMap<&str, &str> = BTreeMap::new();
    for (list, words) in lists {
        for (index, word) in words.iter().enumerate() {
            let path = format!("admin/{key}/states/{list}/{index}");
            if word.trim().is_empty() {
                let message = format!("`admin.{key}.states.{list}[{index}]` is empty");
                check.refuse(&path, message, Some("an empty state means that no rebuild is known"));
            } else if let Some(other) = meanings.insert(word, list) {
                let message = if other == list {
                    format!("the state `{word}` is given twice")
                } else {
                    format!("the state `{word}` can't mean both `{other}` and `{list}`")
                };
                let hint = (other != list).then_some("each list replaces its default as a whole");
                check.refuse(&path, message, hint);
            }
        }
    }
}
