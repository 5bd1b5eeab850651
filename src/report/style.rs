//! Colours, or none.
use anstyle::{AnsiColor, Effects};

use crate::cli::Color;
use crate::context::Context;

/// How the parts of a line are told apart on a terminal; every style is empty without colours.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    pub colored: bool,
    /// Whether a terminal would act on what is printed, with colours or without.
    pub on_terminal: bool,
}

impl Style {
    /// For standard output (`on_terminal`: whether it is one).
    pub fn choose(context: &Context, color: Color, on_terminal: bool) -> Self {
        let colored = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                on_terminal
                    && context.var("NO_COLOR").is_none()
                    && context.var("TERM") != Some("dumb")
            }
        };
        Style { colored, on_terminal }
    }

    pub fn bold(self, text: &str) -> String {
        self.paint(anstyle::Style::new().bold(), text)
    }

    pub fn dim(self, text: &str) -> String {
        self.paint(anstyle::Style::new().dimmed(), text)
    }

    pub fn color(self, color: AnsiColor, text: &str) -> String {
        self.paint(color.on_default(), text)
    }

    /// Within a changed line, the words that changed.
    pub fn emphasis(self, color: AnsiColor, text: &str) -> String {
        self.paint(color.on_default().effects(Effects::BOLD | Effects::INVERT), text)
    }

    fn paint(self, style: anstyle::Style, text: &str) -> String {
        if self.colored && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}
