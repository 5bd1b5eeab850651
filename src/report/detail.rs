//! What `status SYSTEM` says beside the account: the phases in time, how far the rebuild is, what calls for
//! attention, and where to go on.
use anstyle::AnsiColor;

use super::overview::Overview;
use super::time::{age, from_now, moment};
use super::{Style, escape};
use crate::run::{PhaseSpan, SpanState};

/// How many characters a full bar has.
const BAR: usize = 30;

/// Lines that each begin with two spaces; nothing where no run is on or was.
pub fn detail(view: &Overview, style: Style) -> String {
    let mut text = String::new();
    if !view.phases.is_empty() {
        let phases: Vec<String> = view.phases.iter().map(|span| phase(span, view, style)).collect();
        text += &format!("  phases: {}\n", phases.join(" > "));
    }
    if let Some(percent) = view.percent() {
        let eta = view.eta().map(|eta| format!(", {eta}")).unwrap_or_default();
        let bar = if style.on_terminal { format!("{} ", bar(percent)) } else { String::new() };
        text += &format!("  rebuild: {bar}{percent:.1} % done{eta}\n");
    }
    if let Some(watched) = view.watched.filter(|_| view.phase.is_some()) {
        let outage = view
            .outage
            .map(|it| format!(", by nobody from {} to {}", moment(it.from), moment(it.to)));
        text += &format!(
            "  watched: last {}{}\n",
            from_now(watched, view.at),
            outage.unwrap_or_default()
        );
    }
    for attention in &view.attention {
        let label = style.color(AnsiColor::Yellow, "attention:");
        text += &format!("  {label} {}\n", escape::line(&attention.message));
    }
    for link in &view.links {
        text += &format!("  request {}: {}\n", escape::line(&link.text), escape::line(&link.url));
    }
    text
}

/// A phase with how long it took, or has taken so far.
fn phase(span: &PhaseSpan, view: &Overview, style: Style) -> String {
    let end = span.ended.or((span.state == SpanState::Now).then_some(view.at));
    let took = span.began.zip(end).map(|(began, end)| age(end.duration_since(began)));
    let took = took.map(|took| format!(" {took}")).unwrap_or_default();
    let text = format!("{}{took}", span.phase);
    match span.state {
        SpanState::Done => style.color(AnsiColor::Green, &text),
        SpanState::Now => style.bold(&format!("[{text}]")),
        SpanState::ToCome => style.dim(&text),
        SpanState::LeftOut => style.dim(&format!("({text} left out)")),
    }
}

fn bar(percent: f64) -> String {
    let full = (percent.clamp(0.0, 100.0) / 100.0 * BAR as f64).round() as usize;
    format!("[{}{}]", "#".repeat(full), "-".repeat(BAR - full.min(BAR)))
}
