//! Values with a syntax of their own: durations, Kubernetes quantities, names.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A length of time in whole seconds, written `14d`, `8h`, `30m`, `10s`, or a sum of those (`1d12h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration {
    seconds: u32,
}

impl Duration {
    pub const fn seconds(seconds: u32) -> Self {
        Duration { seconds }
    }
    pub const fn minutes(minutes: u32) -> Self {
        Duration { seconds: minutes * 60 }
    }
    pub const fn hours(hours: u32) -> Self {
        Duration { seconds: hours * 3_600 }
    }
    pub const fn days(days: u32) -> Self {
        Duration { seconds: days * 86_400 }
    }

    pub const fn as_seconds(self) -> i64 {
        self.seconds as i64
    }

    /// As a length for time arithmetic.
    pub const fn signed(self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_secs(self.as_seconds())
    }
}

const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid =
            || format!("`{text}` is no duration: write e.g. `14d`, `8h`, `30m` or `1d12h`");
        let mut rest = text;
        let mut seconds: u32 = 0;
        for (unit, length) in UNITS {
            let Some((digits, after)) = rest.split_once(unit) else { continue };
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(invalid());
            }
            let count: u32 = digits.parse().map_err(|_| invalid())?;
            seconds = count
                .checked_mul(length)
                .and_then(|more| seconds.checked_add(more))
                .ok_or_else(|| format!("`{text}` is too long a duration"))?;
            rest = after;
        }
        if rest.is_empty() && !text.is_empty() { Ok(Duration { seconds }) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for Duration {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> String {
        duration.to_string()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.seconds;
        for (unit, length) in UNITS {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

/// A Kubernetes resource quantity (`200Gi`, `500m`, `2`), kept as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(pub String);
