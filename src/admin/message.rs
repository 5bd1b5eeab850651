//! The Job's last words, as Kubernetes takes them.
use crate::observe::express::excerpt::printable;

/// The longest termination message the kubelet keeps, in bytes.
pub const LONGEST_MESSAGE: usize = 4096;

/// On one line, without control characters, cut with `…` if need be.
pub fn bounded(message: &str) -> String {
    const CUT: &str = "…";
    let mut message = printable(message);
    if message.len() > LONGEST_MESSAGE {
        let end = message.floor_char_boundary(LONGEST_MESSAGE - CUT.len());
        message.truncate(end);
        message.push_str(CUT);
    }
    message
}
