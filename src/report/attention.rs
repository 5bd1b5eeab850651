//! What calls for a person's attention although nothing has failed, as `warning: …` on standard error.
use anstyle::AnsiColor;

use super::Style;
use super::error::{hint, line};
use super::time::moment;
use crate::run::Attention;

/// One matter of one system, with its hint.
pub fn text(system: &str, attention: &Attention, style: Style) -> String {
    let since = attention.since.map(|since| format!(" (since {})", moment(since)));
    let message = format!("{system}: {}{}", attention.message, since.unwrap_or_default());
    warning(&message, style) + &hint(style, attention.hint.as_deref())
}

/// A warning in one line.
pub fn warning(message: &str, style: Style) -> String {
    line(style, "warning", AnsiColor::Yellow, message)
}
