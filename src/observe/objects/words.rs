//! Texts out of the cluster, fit to be kept and shown: one line, nothing hidden in it, bounded.
use crate::observe::express::excerpt::printable;

/// The longest text that is kept of an object, in bytes.
const LONGEST: usize = 400;

/// `text` on one line, escaped and cut with `…`. `None` if nothing is left.
pub fn words(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = printable(&line);
    if line.len() > LONGEST {
        line.truncate(line.floor_char_boundary(LONGEST));
        line.push('…');
    }
    (!line.is_empty()).then_some(line)
}

/// `reason: message`, or whichever of them there is.
pub fn reason(reason: &str, message: &str) -> Option<String> {
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => words(&format!("{reason}: {message}")),
        _ => words(if reason.is_empty() { message } else { reason }),
    }
}
