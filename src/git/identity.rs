//! Who commits and when, by the rules of git: its variables first, then its configuration.
use git2::{Signature, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Error, Repo};

/// Author and committer of a commit.
pub struct Identity {
    pub author: Signature<'static>,
    pub committer: Signature<'static>,
}

impl Repo {
    /// Author and committer, dated `now` where git's variables don't say otherwise.
    ///
    /// # Errors
    /// Nobody said who commits, or a date can't be read.
    pub fn identity(&self, now: Timestamp) -> Result<Identity, Error> {
        Ok(Identity {
            author: self.person("AUTHOR", "author", now)?,
            committer: self.person("COMMITTER", "committer", now)?,
        })
    }

    fn person(
        &self,
        variable: &str,
        section: &str,
        now: Timestamp,
    ) -> Result<Signature<'static>, Error> {
        let said = |what: &str| {
            let of_this_role = self.variable(&format!("GIT_{variable}_{}", what.to_uppercase()));
            let configured = || self.config.text(&format!("{section}.{what}"));
            let of_user = || self.config.text(&format!("user.{what}"));
            of_this_role.map(str::to_owned).or_else(configured).or_else(of_user)
        };
        let name = said("name").map(|name| clean(&name));
        let email = said("email").or_else(|| self.variable("EMAIL").map(str::to_owned));
        let email = email.map(|email| clean(&email));
        let (Some(name), Some(email)) = (name.filter(|name| !name.is_empty()), email) else {
            return Err(Error::NoIdentity);
        };
        let date = format!("GIT_{variable}_DATE");
        let when = match self.variable(&date) {
            Some(value) => parse(value, &self.time_zone())
                .ok_or_else(|| Error::BadDate { what: date, value: value.to_owned() })?,
            None => time(&now.to_zoned(self.time_zone())),
        };
        Signature::new(&name, &email, &when).map_err(Error::git(format!("naming the {section}")))
    }

    fn time_zone(&self) -> TimeZone {
        let named = self.variable("TZ").and_then(|name| TimeZone::get(name).ok());
        named.unwrap_or_else(TimeZone::system)
    }
}

/// What git leaves out of names: characters with a meaning in a commit, and crud around.
fn clean(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !matches!(c, '<' | '>' | '\n' | '\0')).collect();
    kept.trim_matches(|c: char| c <= ' ' || ".,:;\"\\'".contains(c)).to_owned()
}

fn time(at: &Zoned) -> Time {
    Time::new(at.timestamp().as_second(), at.offset().seconds() / 60)
}

fn parse(text: &str, local: &TimeZone) -> Option<Time> {
    let text = text.trim();
    if let Some((seconds, offset)) = text.trim_start_matches('@').split_once(' ')
        && let Ok(seconds) = seconds.parse()
    {
        let (sign, digits) = match offset.as_bytes().first()? {
            b'+' => (1, &offset[1..]),
            b'-' => (-1, &offset[1..]),
            _ => return None,
        };
        let number: i32 = digits.parse().ok().filter(|_| digits.len() == 4)?;
        return Some(Time::new(seconds, sign * (number / 100 * 60 + number % 100)));
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse().ok().map(|seconds| Time::new(seconds, 0));
    }
    if let Ok(at) = jiff::fmt::rfc2822::parse(text) {
        return Some(time(&at));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S %z"] {
        if let Ok(at) = Zoned::strptime(format, text) {
            return Some(time(&at));
        }
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Time::new(at.as_second(), 0));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(time(&civil.to_zoned(local.clone()).ok()?))
}
