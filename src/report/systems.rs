//! Many systems as a table: one line each, the worst first.
use anstyle::AnsiColor;
use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::overview::{Overview, Weight};
use super::time::from_now;
use super::{Style, escape};

/// How wide the last column may get: a line is for a glance, `status SYSTEM` tells the rest.
const WIDEST: usize = 70;

/// One line for each system.
pub fn table(systems: &[Overview], style: Style) -> String {
    let mut sorted: Vec<&Overview> = systems.iter().collect();
    sorted.sort_by(|a, b| (a.weight, &a.name).cmp(&(b.weight, &b.name)));
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["", "SYSTEM", "RUN", "PHASE", "DONE", "ETA", "WHAT"]);
    for system in &sorted {
        let run = system.run.map(|run| run.to_string());
        let percent = system.percent().map(|percent| format!("{percent:.0}%"));
        let eta = system.progress.as_ref().and_then(|progress| progress.eta);
        table.add_row([
            mark(system.weight).to_owned(),
            escape::line(&system.name),
            run.unwrap_or_default(),
            system.stand().unwrap_or_default(),
            percent.unwrap_or_default(),
            eta.map(|eta| from_now(eta, system.at)).unwrap_or_default(),
            cut(&escape::line(&what(system))),
        ]);
    }
    let text = table.to_string();
    let mut lines = text.lines().map(str::trim_end);
    let header = lines.next().map(|header| style.dim(header) + "\n").unwrap_or_default();
    let lines = lines.zip(&sorted).map(|(line, system)| color(line, system.weight, style) + "\n");
    header + &lines.collect::<String>()
}

fn mark(weight: Weight) -> &'static str {
    match weight {
        Weight::Halted => "x",
        Weight::Attention => "!",
        Weight::Waiting => "~",
        Weight::Quiet => "",
    }
}

fn color(line: &str, weight: Weight, style: Style) -> String {
    match weight {
        Weight::Halted => style.color(AnsiColor::Red, line),
        Weight::Attention => style.color(AnsiColor::Yellow, line),
        Weight::Waiting => line.to_owned(),
        Weight::Quiet => style.dim(line),
    }
}

fn what(system: &Overview) -> String {
    match (system.unmet.first(), &system.next) {
        (Some(unmet), _) => format!("{}: {}", unmet.gate, unmet.message),
        (None, Some(next)) if system.decision == "propose" => format!("{next} is due"),
        _ => format!("{}: {}", system.decision, system.reason),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
