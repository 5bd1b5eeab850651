//! What is drawn over on a terminal whenever it changes: a line for each system, with its phase, its nodes, a bar
//! while the rebuild says how far it is, and what is left; or a whole text.
use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::escape;
use super::json::Line;
use super::time::age;
use crate::context::Context;
use crate::run::{Decision, Phase};

/// Without colours: the terminal's own do.
const WITH_BAR: &str = "{prefix} [{bar:24}] {msg}";
const WITHOUT: &str = "{prefix} {msg}";

/// How many times a second is often enough for what takes days.
const OFTEN: u8 = 4;

/// What is drawn at present. It is taken off the terminal when this is dropped.
#[derive(Debug)]
pub struct Live {
    all: MultiProgress,
    each: BTreeMap<String, ProgressBar>,
}

impl Live {
    /// On the program's standard error, if that is a terminal that can be drawn on.
    pub fn on_terminal(context: &Context) -> Option<Self> {
        let can = context.terminal.err && can_draw(context);
        can.then(|| Live::on(ProgressDrawTarget::stderr_with_hz(OFTEN)))
    }

    pub fn on(target: ProgressDrawTarget) -> Self {
        Live { all: MultiProgress::with_draw_target(target), each: BTreeMap::new() }
    }

    /// Shows where a system stands at `now`.
    pub fn show(&mut self, line: &Line, decision: &Decision, now: Timestamp) {
        let name = format!("{}/{}/{}", line.cluster, line.namespace, line.system);
        let bar = self.each.entry(name).or_insert_with_key(|name| {
            let bar = self.all.add(ProgressBar::new(100));
            bar.set_prefix(escape::line(name));
            bar
        });
        let percent = line.progress.as_ref().and_then(|progress| progress.percent);
        let template = if percent.is_some() { WITH_BAR } else { WITHOUT };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_position(percent.unwrap_or_default().clamp(0.0, 100.0) as u64);
        bar.set_message(words(line, decision, now));
    }

    /// Prints something above what is drawn.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.all.suspend(print)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for bar in self.each.values() {
            bar.finish_and_clear();
        }
        // Where the terminal is gone there is nothing to take off.
        let _ = self.all.clear();
    }
}

/// A text of many lines. What was shown last stays when this is dropped.
#[derive(Debug)]
pub struct Screen(ProgressBar);

impl Screen {
    /// On the program's standard output, if that is a terminal that can be drawn on.
    pub fn on_terminal(context: &Context) -> Option<Self> {
        let can = context.terminal.out && can_draw(context);
        can.then(|| Screen::on(ProgressDrawTarget::stdout_with_hz(OFTEN)))
    }

    pub fn on(target: ProgressDrawTarget) -> Self {
        let text = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            text.set_style(style);
        }
        Screen(text)
    }

    /// Shows the text in place of the one before. What doesn't fit the terminal's height is left out.
    pub fn show(&self, text: &str) {
        self.0.set_message(text.trim_end().to_owned());
    }

    /// Prints something above what is drawn.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

fn can_draw(context: &Context) -> bool {
    context.var("TERM").is_some_and(|term| term != "dumb")
}

/// Where a system stands, in a few words.
pub fn words(line: &Line, decision: &Decision, now: Timestamp) -> String {
    let mut words = Vec::new();
    if let Some(phase) = line.phase {
        words.push(phase.to_string());
    }
    if let Some(progress) = &line.progress {
        if let (Some(ready), Some(farmers)) = (progress.farmers_ready, progress.farmers)
            && line.phase != Some(Phase::Teardown)
        {
            words.push(format!("{ready}/{farmers} farmers"));
        }
        if let Some(percent) = progress.percent {
            words.push(format!("{percent:.0} %"));
        }
        if let Some(eta) = progress.eta {
            words.push(format!("{} left", age(eta.duration_since(now))));
        }
    }
    words.push(match decision {
        Decision::Wait(unmet) => {
            let gates: Vec<&str> = unmet.iter().map(|unmet| unmet.gate.as_str()).collect();
            format!("waiting for {}", gates.join(", "))
        }
        Decision::Propose(step) => format!("next is {}", step.intent().what()),
        Decision::Halt(_) => "halted".to_owned(),
        Decision::Finished(_) => "finished".to_owned(),
        Decision::Idle(_) | Decision::Withdraw(_) => "idle".to_owned(),
    });
    escape::line(&words.join(", "))
}
