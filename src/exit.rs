//! What the program ends with.

/// Done, or nothing to do.
pub const OK: u8 = 0;
pub const UNEXPECTED: u8 = 1;
pub const USAGE: u8 = 2;
/// Settings, inputs, templates, name or repo.
pub const INVALID: u8 = 3;
/// Run it again.
pub const WAITING: u8 = 10;
/// A person must look.
pub const HALTED: u8 = 11;

/// What several systems come to together: the worst of them.
pub fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    const BY_WEIGHT: [u8; 5] = [UNEXPECTED, INVALID, HALTED, WAITING, OK];
    let codes: Vec<u8> = codes.into_iter().collect();
    BY_WEIGHT.into_iter().find(|code| codes.contains(code)).unwrap_or(OK)
}
