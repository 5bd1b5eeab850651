//! What inputs are recognised by.
use sha2::{Digest, Sha256};

use super::Inputs;

/// `sha256:` and lower-case hex over the resolved inputs as compact JSON with sorted keys. It stays the
/// same when a file is only laid out differently.
pub fn digest(inputs: &Inputs) -> String {
    // Inputs hold texts, numbers and maps with text keys: they always are JSON.
    let mut canonical = serde_json::to_value(inputs).unwrap_or_default();
    canonical.sort_all_objects();
    format!("sha256:{:x}", Sha256::digest(canonical.to_string()))
}
