//! The `admin` part of `dcr.yaml`: questions that can't be asked, answers that can't be read.
use std::collections::BTreeMap;

use super::inputs::SUBDOMAIN;
use super::text::{bad_image, bad_path, bad_placeholders, same_command};
use super::{Check, steps};
use crate::config::names::is_subdomain;
use crate::config::{AaStatusQuery, AaWord, Admin, Command, NodesPhase, Probe, Via};

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
    let AaStatusQuery { via, path, url, command, require: _ } = &admin.aa_status;
    question(check, admin, "aaStatus", &Asked { via: *via, path, url, command });
    required_rows(check, &admin.aa_status);
    let probes = [
        ("rebuildStatus", Some(&admin.rebuild_status)),
        ("history", admin.history.as_ref()),
        ("propagation", admin.propagation.as_ref()),
    ];
    for (key, probe) in probes {
        let Some(probe) = probe else { continue };
        let Probe { via, path, url, command, fields: _, states: _ } = probe;
        question(check, admin, key, &Asked { via: *via, path, url, command });
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

/// How an answer is asked for, whichever it is.
struct Asked<'a> {
    via: Option<Via>,
    path: &'a Option<String>,
    url: &'a Option<String>,
    command: &'a Option<Vec<String>>,
}

/// A question that the watcher asks again and again.
fn question(check: &mut Check<'_>, admin: &Admin, key: &str, asked: &Asked<'_>) {
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
    if let Some(path) = asked.path {
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
    if let Some(url) = asked.url {
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

/// Words that no row can show together.
fn required_rows(check: &mut Check<'_>, query: &AaStatusQuery) {
    const FIELDS: [&[AaWord]; 4] = [
        &[AaWord::Synchronized, AaWord::Booting, AaWord::Down],
        &[AaWord::Visible, AaWord::Invisible],
        &[AaWord::Sync, AaWord::NotSync],
        &[AaWord::Ready, AaWord::Waiting, AaWord::Hidden, AaWord::Unreachable],
    ];
    for (phase, rows) in &query.require {
        for (nodes, words) in [("synchronizer", &rows.synchronizer), ("farmers", &rows.farmers)] {
            let contradicts = FIELDS
                .iter()
                .any(|field| words.iter().filter(|word| field.contains(word)).count() > 1);
            if contradicts {
                let place = format!("admin/aaStatus/require/{}/{nodes}", phase.as_str());
                let message = format!("no row shows all of these words: `{nodes}`");
                let hint = "one each of the state, the visibility, the sync and the readiness";
                check.refuse(&place, message, Some(hint));
            }
        }
        if *phase == NodesPhase::Synchronizer && !rows.farmers.is_empty() {
            let message = "in phase `synchronizer` there are no farmers";
            check.refuse("admin/aaStatus/require/synchronizer/farmers", message, None);
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
