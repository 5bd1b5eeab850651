//! Jira's REST API, as far as a ticket is kept told: version 2 with wiki markup and a personal access token
//! (Data Center), or version 3 with documents and an API token (Cloud).
use std::time::Duration;

use jiff::SignedDuration;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;
use reqwest::{Client, Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Error, Link};
use crate::config::{JiraKind, JiraSettings};
use crate::context::Context;
use crate::report::prose::{Prose, adf, adf_last_line, wiki, wiki_inline, wiki_last_line};
use crate::report::scrub::Scrub;
use crate::web;

/// A look at the next system waits for no longer than this.
const CONNECT: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_secs(15);

/// What Jira takes of one text, unless its administrator chose another limit, in UTF-16.
const LONGEST: usize = 32_767;

/// A page of comments, at most 100 on Cloud, and how many pages are read of an issue.
const PAGE: usize = 100;
const PAGES: usize = 100;

/// Of an answer, in bytes: a page of the longest comments.
const LONGEST_ANSWER: usize = 16 << 20;

/// Of what Jira says about an error, in characters.
const LONGEST_WORDS: usize = 300;

/// Who writes.
#[derive(Clone)]
pub enum Login {
    /// A personal access token of Data Center.
    Token(SecretString),
    /// A user of Cloud, by the mail address, and an API token.
    User { name: String, token: SecretString },
}

/// One Jira.
pub struct Jira {
    http: Client,
    /// With the version of its API.
    api: Url,
    kind: JiraKind,
    login: Login,
    scrub: Scrub,
    me: OnceCell<Author>,
}

/// A user, by what Jira tells users apart: `accountId` on Cloud, `key` or `name` on Data Center.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author(String);

/// A comment on an issue.
#[derive(Debug, Clone)]
pub struct Comment {
    pub id: String,
    pub author: Author,
    body: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    total: usize,
    comments: Vec<RawComment>,
}

#[derive(Deserialize)]
struct RawComment {
    id: String,
    /// Comments of people who were removed have none.
    author: Option<User>,
    #[serde(default)]
    body: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    account_id: Option<String>,
    key: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLink {
    global_id: Option<String>,
    object: LinkObject,
}

#[derive(Deserialize)]
struct LinkObject {
    #[serde(default)]
    url: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    status: LinkStatus,
}

#[derive(Deserialize, Default)]
struct LinkStatus {
    resolved: Option<bool>,
}

impl From<Option<User>> for Author {
    fn from(user: Option<User>) -> Self {
        let id = user.and_then(|user| user.account_id.or(user.key).or(user.name));
        Author(id.unwrap_or_default())
    }
}

impl Login {
    /// From `JIRA_TOKEN`, and for Cloud `JIRA_USER`.
    ///
    /// # Errors
    /// One of them isn't set.
    pub fn find(context: &Context, kind: JiraKind) -> Result<Self, Error> {
        let var = |name: &str| {
            let value = context.var(name).map(str::trim);
            value.ok_or_else(|| Error::Setup(format!("{name} isn't set: the ticket isn't told")))
        };
        let token = SecretString::from(var("JIRA_TOKEN")?);
        match kind {
            JiraKind::Datacenter => Ok(Login::Token(token)),
            JiraKind::Cloud => Ok(Login::User { name: var("JIRA_USER")?.to_owned(), token }),
        }
    }
}

impl Jira {
    /// A client; nothing is connected yet.
    ///
    /// # Errors
    /// There is no token, or the address or a proxy can't be used.
    pub fn new(context: &Context, settings: &JiraSettings) -> Result<Self, Error> {
        let login = Login::find(context, settings.kind)?;
        let version = match settings.kind {
            JiraKind::Datacenter => 2,
            JiraKind::Cloud => 3,
        };
        let api = format!("{}/rest/api/{version}/", settings.url.trim_end_matches('/'));
        let api = Url::parse(&api)
            .map_err(|error| Error::Setup(format!("`jira.url` is no URL: {error}")))?;
        let http = web::client(context, CONNECT, TOTAL)
            .map_err(|error| Error::Setup(format!("setting up the connection to Jira: {error}")))?;
        let (kind, scrub) = (settings.kind, Scrub::new(context));
        Ok(Jira { http, api, kind, login, scrub, me: OnceCell::new() })
    }

    /// Who we are.
    pub async fn me(&self) -> Result<&Author, Error> {
        let ask = async || {
            let user: User = self.ask("myself").await?;
            let author = Author::from(Some(user));
            if author.0.is_empty() {
                let doing = "GET myself".to_owned();
                return Err(Error::Unreadable { doing, why: "it names nobody".to_owned() });
            }
            Ok(author)
        };
        self.me.get_or_try_init(ask).await
    }

    /// All comments on an issue, the oldest first.
    pub async fn comments(&self, issue: &str) -> Result<Vec<Comment>, Error> {
        let mut all: Vec<Comment> = Vec::new();
        for _ in 0..PAGES {
            let start = all.len();
            let below = self.below(
                issue,
                &format!("comment?startAt={start}&maxResults={PAGE}&orderBy=created"),
            );
            let page: Page = self.ask(&below).await.map_err(|error| of_issue(issue, error))?;
            let nothing_more = page.comments.is_empty();
            all.extend(page.comments.into_iter().map(|raw| Comment {
                id: raw.id,
                author: raw.author.into(),
                body: raw.body,
            }));
            if nothing_more || all.len() >= page.total {
                break;
            }
        }
        Ok(all)
    }

    /// The digest in the last line of a comment, if that is our line about this matter.
    pub fn digest(&self, comment: &Comment, marker: &str) -> Option<String> {
        let rest = |line: &str, marker: &str, open: &str, close: &str| {
            let rest = line.strip_prefix(marker)?.strip_prefix(open)?.strip_suffix(close)?;
            Some(rest.to_owned())
        };
        match self.kind {
            JiraKind::Datacenter => {
                let line = wiki_last_line(comment.body.as_str()?)?;
                rest(line, &wiki_inline(marker), " \\(", "\\)")
            }
            JiraKind::Cloud => rest(&adf_last_line(&comment.body)?, marker, " (", ")"),
        }
    }

    pub async fn create(&self, issue: &str, prose: &Prose) -> Result<(), Error> {
        self.write(issue, Method::POST, "comment", prose).await
    }

    pub async fn update(&self, issue: &str, id: &str, prose: &Prose) -> Result<(), Error> {
        self.write(issue, Method::PUT, &format!("comment/{}", encoded(id)), prose).await
    }

    pub async fn delete(&self, issue: &str, id: &str) -> Result<(), Error> {
        let below = self.below(issue, &format!("comment/{}", encoded(id)));
        let sent = self.send(Method::DELETE, &below, None).await;
        sent.map(drop).map_err(|error| of_issue(issue, error))
    }

    /// The links of an issue that have an id of their own.
    pub async fn links(&self, issue: &str) -> Result<Vec<Link>, Error> {
        let links: Vec<RawLink> = self
            .ask(&self.below(issue, "remotelink"))
            .await
            .map_err(|error| of_issue(issue, error))?;
        let ours = links.into_iter().filter_map(|raw| {
            Some(Link {
                global_id: raw.global_id?,
                url: raw.object.url,
                title: raw.object.title,
                resolved: raw.object.status.resolved.unwrap_or(false),
            })
        });
        Ok(ours.collect())
    }

    /// Makes a link, or changes the one of the same id.
    pub async fn link(&self, issue: &str, link: &Link) -> Result<(), Error> {
        let body = json!({
            "globalId": link.global_id,
            "relationship": "Distributed Cache Rebuild",
            "object": {"url": link.url, "title": link.title, "status": {"resolved": link.resolved}},
        });
        let below = self.below(issue, "remotelink");
        let sent = self.send(Method::POST, &below, Some(&body)).await;
        sent.map(drop).map_err(|error| of_issue(issue, error))
    }

    /// Writes a comment, shorter if Jira says that it takes less.
    async fn write(
        &self,
        issue: &str,
        method: Method,
        below: &str,
        prose: &Prose,
    ) -> Result<(), Error> {
        let below = self.below(issue, below);
        let mut most = LONGEST;
        loop {
            let body = json!({"body": self.body(prose, most)});
            match self.send(method.clone(), &below, Some(&body)).await {
                // Half of it, should the limit that it names not be the one it keeps.
                Err(Error::TooLong { limit }) if most > 1_000 => most = limit.min(most / 2),
                sent => return sent.map(drop).map_err(|error| of_issue(issue, error)),
            }
        }
    }

    /// The text in the format of this Jira, in at most so many characters of UTF-16.
    fn body(&self, prose: &Prose, most: usize) -> Value {
        let length = |text: &str| text.encode_utf16().count();
        let prose = prose.clone();
        match self.kind {
            JiraKind::Datacenter => {
                Value::from(wiki(&prose.within(most, |prose| length(&wiki(prose)))))
            }
            JiraKind::Cloud => adf(&prose.within(most, |prose| length(&adf(prose).to_string()))),
        }
    }

    fn below(&self, issue: &str, rest: &str) -> String {
        format!("issue/{}/{rest}", encoded(issue))
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, below: &str) -> Result<T, Error> {
        let answer = self.send(Method::GET, below, None).await?;
        serde_json::from_slice(&answer).map_err(|error| Error::Unreadable {
            doing: format!("GET {}", path(below)),
            why: error.to_string(),
        })
    }

    /// Sends one request, once; gives the body of an answer that is a success.
    async fn send(
        &self,
        method: Method,
        below: &str,
        body: Option<&Value>,
    ) -> Result<Vec<u8>, Error> {
        let doing = format!("{method} {}", path(below));
        tracing::debug!("Jira: {doing}");
        let url = self.api.join(below).map_err(|error| Error::Setup(error.to_string()))?;
        let request = self.http.request(method, url).header("Accept", "application/json");
        let request = match &self.login {
            Login::Token(token) => request.bearer_auth(token.expose_secret()),
            Login::User { name, token } => request.basic_auth(name, Some(token.expose_secret())),
        };
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.map_err(|error| Error::Down(web::why(error)))?;
        let status = answer.status();
        let retry_after = retry_after(&answer);
        let body = whole(answer).await?;
        if status.is_success() {
            return Ok(body);
        }
        let why = self.scrub.text(&words(&body));
        let status_code = status.as_u16();
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS => Error::Busy { retry_after },
            StatusCode::UNAUTHORIZED => Error::Login { status: status_code },
            StatusCode::NOT_FOUND => Error::NoIssue { key: path(below).to_owned() },
            StatusCode::BAD_REQUEST if is_too_long(&why) => Error::TooLong { limit: limit(&why) },
            status if status.is_server_error() || status.is_redirection() => {
                Error::Down(format!("it answered {status}"))
            }
            _ => Error::Refused { doing, status: status_code, why },
        })
    }
}

/// A 404 below an issue is about the issue.
fn of_issue(issue: &str, error: Error) -> Error {
    match error {
        Error::NoIssue { .. } => Error::NoIssue { key: issue.to_owned() },
        other => other,
    }
}

async fn whole(mut answer: Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Error::Down(web::why(error)))? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Error::Down(format!("it answers with more than {LONGEST_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// In whole seconds; a date is as good as nothing said.
fn retry_after(answer: &Response) -> Option<SignedDuration> {
    let seconds: u32 = answer.headers().get("Retry-After")?.to_str().ok()?.trim().parse().ok()?;
    Some(SignedDuration::from_secs(i64::from(seconds)))
}

/// What Jira says is wrong: `errorMessages` and `errors`, else the beginning of whatever it says.
fn words(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(answer) => {
            let messages = answer["errorMessages"].as_array().into_iter().flatten();
            let fields =
                answer["errors"].as_object().into_iter().flat_map(|fields| fields.values());
            let words = messages.chain(fields).filter_map(Value::as_str);
            words.collect::<Vec<_>>().join("; ")
        }
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let text = if text.is_empty() { "it doesn't say why".to_owned() } else { text };
    text.chars().take(LONGEST_WORDS).collect()
}

fn is_too_long(why: &str) -> bool {
    why.contains("too long") || why.contains("CONTENT_LIMIT_EXCEEDED")
}

/// `… the allowed limit of 32767 characters`.
fn limit(why: &str) -> usize {
    let named = Regex::new(r"limit of (\d+)").ok();
    let named = named.and_then(|named| named.captures(why)?.get(1)?.as_str().parse().ok());
    named.unwrap_or(usize::MAX)
}

fn encoded(part: &str) -> String {
    utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()
}

/// Without the query, for messages.
fn path(below: &str) -> &str {
    below.split('?').next().unwrap_or_default()
}
