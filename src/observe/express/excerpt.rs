//! The beginning of an answer, fit to be shown to people.

/// How many characters of an answer an error quotes.
const QUOTED: usize = 160;

/// The beginning of `answer` on one line: white space collapsed, what isn't printable escaped, cut with `…`.
pub fn excerpt(answer: &[u8]) -> String {
    // Bounded before anything else: collapsing and escaping a whole answer would be for nothing.
    let head = &answer[..answer.len().min(QUOTED * 8)];
    let text = String::from_utf8_lossy(head);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let mut cut: String = line.chars().take(QUOTED).collect();
    if cut.len() < line.len() || head.len() < answer.len() {
        cut.push('…');
    }
    printable(&cut)
}

/// `text` with control characters, and those that reorder or hide text, written as `\u{…}`.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || reorders_or_hides(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn reorders_or_hides(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
