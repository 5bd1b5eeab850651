//! The list of pull requests, followed by when they last changed.
use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use octocrab::Page;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use crate::github::{Error, Github, Place};
use crate::run::branch::PREFIX;

/// How many requests a page has. One of GitHub's descriptions of a request has some 20 KB.
const PER_PAGE: usize = 30;

/// How many pages of changes since the last look are read. After a longer absence what matters is asked for
/// by its branch again.
const MOST_PAGES: usize = 10;

/// How many branches are asked for at a time.
const AT_ONCE: usize = 8;

/// A pull request as a list has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Pull {
    pub number: u64,
    /// GraphQL's name for it.
    pub node_id: String,
    pub html_url: String,
    pub state: String,
    #[serde(default)]
    pub title: String,
    pub body: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub merged_at: Option<Timestamp>,
    pub head: Side,
    pub base: Side,
    #[serde(default)]
    pub auto_merge: Option<Value>,
    #[serde(default)]
    pub labels: Vec<Label>,
}

/// Where a request comes from, or goes to.
#[derive(Debug, Clone, Deserialize)]
pub struct Side {
    #[serde(rename = "ref")]
    pub name: String,
    pub sha: String,
    /// Nothing where a fork was deleted.
    pub repo: Option<Repo>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Repo {
    full_name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Label {
    pub name: String,
}

impl Pull {
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// Whether its head is a branch of the repo itself: a fork may have a branch of any name.
    fn is_from(&self, place: &Place) -> bool {
        let repo = format!("{}/{}", place.owner, place.name);
        self.head.repo.as_ref().is_some_and(|head| head.full_name.eq_ignore_ascii_case(&repo))
    }
}

/// What was learned so far.
#[derive(Default)]
pub struct Known {
    /// By their number.
    pub pulls: BTreeMap<u64, Pull>,
    /// Who closed what was closed; nothing where GitHub doesn't say.
    pub closed_by: BTreeMap<u64, Option<String>>,
    /// When the newest change happened that was seen.
    newest: Option<Timestamp>,
    /// Whether the list has been seen to its end.
    to_the_end: bool,
    /// Branches whose requests were asked for; later ones show up in the list.
    asked: BTreeSet<String>,
}

/// Reads what has changed since, and what of the `wanted` branches is older than the list reaches.
pub async fn follow(
    github: &Github,
    base: &str,
    known: &mut Known,
    wanted: &BTreeSet<String>,
) -> Result<(), Error> {
    let place = github.place();
    let query = format!(
        "pulls?state=all&base={}&sort=updated&direction=desc&per_page={PER_PAGE}",
        encoded(base)
    );
    let mut page: Page<Pull> = github.page(&query).await?;
    let mut newest = known.newest;
    let mut pages = 1;
    loop {
        let oldest = page.items.last().map(|pull| pull.updated_at);
        newest = newest.max(page.items.iter().map(|pull| pull.updated_at).max());
        let reached = known.newest.is_none_or(|seen| oldest.is_none_or(|oldest| oldest < seen));
        let next = page.next.take();
        note(known, page.items, place);
        let Some(next) = next else {
            known.to_the_end = true;
            break;
        };
        if reached {
            break;
        }
        if pages == MOST_PAGES {
            (known.to_the_end, known.asked) = (false, BTreeSet::new());
            break;
        }
        page = github.page_at(&next.to_string()).await?;
        pages += 1;
    }
    known.newest = newest;
    if known.to_the_end {
        return Ok(());
    }
    let heads: BTreeSet<&str> = known.pulls.values().map(|pull| pull.head.name.as_str()).collect();
    let missing = wanted.iter().filter(|name| !heads.contains(name.as_str()));
    let missing: Vec<String> =
        missing.filter(|name| !known.asked.contains(*name)).cloned().collect();
    let answers = missing.iter().map(async |head| requests_of(github, base, head).await);
    let found: Vec<Vec<Pull>> = stream::iter(answers).buffered(AT_ONCE).try_collect().await?;
    note(known, found.into_iter().flatten(), place);
    known.asked.extend(missing);
    Ok(())
}

/// The requests of one branch, whatever became of them, the newest first.
///
/// # Errors
/// GitHub doesn't answer, or not as it should.
pub async fn requests_of(github: &Github, base: &str, head: &str) -> Result<Vec<Pull>, Error> {
    let place = github.place();
    // Without the owner GitHub takes no notice of the head.
    let query = format!(
        "pulls?state=all&base={}&head={}:{}&per_page={PER_PAGE}",
        encoded(base),
        encoded(&place.owner),
        encoded(head)
    );
    let page: Page<Pull> = github.page(&query).await?;
    let of_it =
        |pull: &Pull| pull.head.name == head && pull.base.name == base && pull.is_from(place);
    let mut pulls: Vec<Pull> = page.items.into_iter().filter(of_it).collect();
    pulls.sort_by_key(|pull| std::cmp::Reverse(pull.number));
    Ok(pulls)
}

fn note(known: &mut Known, pulls: impl IntoIterator<Item = Pull>, place: &Place) {
    for pull in pulls {
        if !pull.head.name.starts_with(PREFIX) || !pull.is_from(place) {
            continue;
        }
        let (number, updated) = (pull.number, pull.updated_at);
        let before = known.pulls.insert(number, pull);
        if before.is_some_and(|before| before.updated_at != updated) {
            // It may have been opened again and closed by somebody else.
            known.closed_by.remove(&number);
        }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
