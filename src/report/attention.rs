//! What calls for a person's attention although nothing has failed, as `warning: …` on standard error.
use anstyle::AnsiColor;

use super::{Style, escape, terminal};
use crate::run::Attention;

/// One matter of one system, with its hint.
pub fn text(system: &str, attention: &Attention, style: Style) -> String {
    let since = attention.since.map(|since| format!(" (since {})", terminal::moment(since)));
    let message = format!("{system}: {}{}", attention.message, since.unwrap_or_default());
    let hint = attention
        .hint
        .as_deref()
        .map(|hint| format!("{}: {}\n", style.color(AnsiColor::Cyan, "hint"), escape::line(hint)));
    warning(&message, style) + &hint.unwrap_or_default()
}

/// A warning in one line.
pub fn warning(message: &str, style: Style) -> String {
    format!("{}: {}\n", style.color(AnsiColor::Yellow, "warning"), escape::line(message))
}
