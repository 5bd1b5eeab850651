//! The workflows: what they cost over a whole run, and what holds for all of them.
mod expression;
mod runner;
mod whole_run;

use std::path::{Path, PathBuf};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_yaml::from_str_with_options(&read(path), serde_yaml::options! {}).unwrap()
}

fn workflows() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(ROOT).join(".github/workflows")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The step of a job, by its name.
fn step<'a>(job: &'a Value, name: &str) -> &'a Value {
    let steps = job["steps"].as_array().unwrap();
    steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}"))
}

fn minutes(text: &str) -> u32 {
    text.strip_suffix('m').unwrap().parse().unwrap()
}

/// The minutes after which a schedule like `7-59/20 * * * *` comes again.
fn every(cron: &str) -> u32 {
    let (minute, rest) = cron.split_once(' ').unwrap();
    assert_eq!(rest, "* * * *");
    let every: u32 = minute.split_once('/').unwrap().1.parse().unwrap();
    assert_eq!(60 % every, 0);
    every
}

/// How many minutes a run of so many days is billed.
struct Cost {
    looks: u32,
    waiting: u32,
}

fn cost(days: u32, every: u32) -> Cost {
    let tick = yaml(".github/workflows/tick.yml");
    let look = &tick["jobs"]["look"];
    let wait = minutes(step(look, "Wait for it")["with"]["for"].as_str().unwrap());
    let script = step(look, "See whether something is about to happen")["run"].as_str().unwrap();
    let young: u32 = script.split("< ").nth(1).unwrap().split(')').next().unwrap().parse().unwrap();
    // Five times something begins: in each such stretch every tick waits as long as it may, until the stretch is
    // over or the next tick comes.
    let ticks_in_it = young.div_ceil(60).div_ceil(every);
    let stretches = 5;
    Cost { looks: days * 24 * 60 / every, waiting: stretches * ticks_in_it * wait.min(every) }
}

#[test]
fn a_run_of_fourteen_days_costs_what_the_documents_say() {
    let caller = yaml("templates/setup/workflows/dcr-tick.yml");
    let default = every(caller["on"]["schedule"][0]["cron"].as_str().unwrap());
    let mut table = String::from(
        "| a look every | looks in 14 days | waiting, at most | minutes, at most |\n| --- | --- | --- | --- |\n",
    );
    for minutes in [10, default, 30, 60] {
        let Cost { looks, waiting } = cost(14, minutes);
        let chosen = if minutes == default { " (as written by `init`)" } else { "" };
        table +=
            &format!("| {minutes} min{chosen} | {looks} | {waiting} | {} |\n", looks + waiting);
    }
    let Cost { looks, waiting } = cost(14, default);
    assert!(looks + waiting <= 1_500, "{looks} + {waiting}");

    let path = Path::new(ROOT).join("docs/set-up.md");
    let text = read("docs/set-up.md");
    let (before, rest) = text.split_once("<!-- minutes: computed by a test -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /minutes -->").unwrap();
    let now =
        format!("{before}<!-- minutes: computed by a test -->\n{table}<!-- /minutes -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    assert_eq!(read("docs/set-up.md"), now, "run it with UPDATE_DOCS=1");
}

#[test]
fn no_expression_reaches_a_shell_but_by_its_environment() {
    for path in workflows() {
        let text = std::fs::read_to_string(&path).unwrap();
        let workflow: Value =
            serde_yaml::from_str_with_options(&text, serde_yaml::options! {}).unwrap();
        assert_eq!(workflow["permissions"], serde_json::json!({}), "{path:?}");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            assert!(job["timeout-minutes"].is_u64(), "{path:?} {name}");
            for step in job["steps"].as_array().unwrap() {
                let script = step["run"].as_str().unwrap_or_default();
                assert!(!script.contains("${{"), "{path:?} {name}:\n{script}");
                if step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@")) {
                    assert_eq!(step["with"]["persist-credentials"], false, "{path:?} {name}");
                }
            }
        }
    }
}

#[test]
fn only_ticks_may_be_replaced_by_newer_ones() {
    for (name, has) in [("start", false), ("act", false), ("tick", true)] {
        let caller = yaml(&format!("templates/setup/workflows/dcr-{name}.yml"));
        let called = yaml(&format!(".github/workflows/{name}.yml"));
        assert_eq!(caller["concurrency"].is_object(), has, "{name}");
        assert!(called["concurrency"].is_null(), "{name}");
        assert!(
            called["jobs"].as_object().unwrap().values().all(|job| job["concurrency"].is_null())
        );
    }
    let tick = yaml("templates/setup/workflows/dcr-tick.yml");
    assert_eq!(tick["concurrency"]["cancel-in-progress"], false);
}

/// A tick takes credentials that live for an hour at its beginning.
#[test]
fn a_tick_ends_before_its_tokens_do() {
    let tick = yaml(".github/workflows/tick.yml");
    for (name, job) in tick["jobs"].as_object().unwrap() {
        let timeout = job["timeout-minutes"].as_u64().unwrap();
        assert!(timeout < 55, "{name}");
        let waits =
            job["steps"].as_array().unwrap().iter().filter_map(|step| step["with"]["for"].as_str());
        let longest = waits.filter(|wait| wait.ends_with('m')).map(minutes).max().unwrap_or(0);
        assert!(u64::from(longest) + 10 <= timeout, "{name}: time to say why it ends");
    }
}
