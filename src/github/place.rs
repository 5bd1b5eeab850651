//! Where the repo is: its owner and name, and the addresses of the API it is reached by.
use percent_encoding::percent_decode_str;
use reqwest::Url;
use thiserror::Error;

use crate::context::Context;
use crate::git::without_credentials;

/// One repo on GitHub, or on a GitHub Enterprise Server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub owner: String,
    pub name: String,
    /// Of the REST API, without a slash at its end.
    pub rest: Url,
    /// Of GraphQL.
    pub graphql: Url,
    /// Of what people look at, without a slash at its end.
    pub web: String,
}

/// Why it can't be told which repo on GitHub is meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoPlace {
    #[error("{} is no address of a repo on GitHub", .0.as_deref().unwrap_or("no remote"))]
    NotGithub(Option<String>),
    #[error("{variable} is `{value}`, {why}")]
    BadVariable { variable: &'static str, value: String, why: &'static str },
}

impl NoPlace {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            NoPlace::NotGithub(_) => {
                "set GITHUB_REPOSITORY=OWNER/NAME, and GITHUB_API_URL unless it is on github.com"
                    .to_owned()
            }
            NoPlace::BadVariable { variable, .. } => match *variable {
                "GITHUB_REPOSITORY" => "write OWNER/NAME".to_owned(),
                _ => "write e.g. https://github.example.com/api/v3".to_owned(),
            },
        }
    }
}

impl Place {
    /// By the address of the remote, where it is on the server that the environment names or on a server of
    /// its own; else by `GITHUB_REPOSITORY`. The environment's addresses are the ones Actions sets.
    ///
    /// # Errors
    /// Neither names a repo, or an address in the environment can't be used.
    pub fn find(context: &Context, remote: Option<&str>) -> Result<Self, NoPlace> {
        let rest =
            context.var("GITHUB_API_URL").map(|url| api(url, "GITHUB_API_URL")).transpose()?;
        let graphql = context.var("GITHUB_GRAPHQL_URL");
        let graphql = graphql.map(|url| api(url, "GITHUB_GRAPHQL_URL")).transpose()?;
        let server = context.var("GITHUB_SERVER_URL").and_then(|url| Url::parse(url).ok());
        let named = server.and_then(|url| Some(url.host_str()?.to_owned()));
        let named = named.or_else(|| rest.as_ref().and_then(server_of));
        let (host, owner, name) = match (remote.and_then(repo_of), context.var("GITHUB_REPOSITORY"))
        {
            (Some(repo), _) if named.as_ref().is_none_or(|host| *host == repo.0) => repo,
            (_, Some(repo)) => {
                let parts =
                    repo.split_once('/').filter(|(owner, name)| is_name(owner) && is_name(name));
                let (owner, name) = parts.ok_or_else(|| NoPlace::BadVariable {
                    variable: "GITHUB_REPOSITORY",
                    value: repo.to_owned(),
                    why: "which names no repo",
                })?;
                let host = named.unwrap_or_else(|| "github.com".to_owned());
                (host, owner.to_owned(), name.to_owned())
            }
            (..) => return Err(NoPlace::NotGithub(remote.map(without_credentials))),
        };
        let web = context.var("GITHUB_SERVER_URL").map(|url| url.trim_end_matches('/').to_owned());
        let web = web.unwrap_or_else(|| format!("https://{host}"));
        let defaults = || NoPlace::NotGithub(Some(host.clone()));
        let rest = match rest {
            Some(rest) => rest,
            None => rest_of(&host).ok_or_else(defaults)?,
        };
        let graphql = match graphql {
            Some(graphql) => graphql,
            None => graphql_beside(&rest).ok_or_else(defaults)?,
        };
        Ok(Place { owner, name, rest, graphql, web })
    }

    /// The same, unless a token would be sent to a server that nobody said is GitHub's: what only looks
    /// beside other things must not.
    pub fn find_known(context: &Context, remote: Option<&str>) -> Option<Self> {
        let place = Self::find(context, remote).ok()?;
        let ours = |host: &str| host == "api.github.com" || host.ends_with(".ghe.com");
        let known =
            context.var("GITHUB_API_URL").is_some() || place.rest.host_str().is_some_and(ours);
        known.then_some(place)
    }

    /// The page of a commit.
    pub fn commit_url(&self, commit: &str) -> String {
        format!("{}/{}/{}/commit/{commit}", self.web, self.owner, self.name)
    }
}

/// An address of an API from the environment. A token goes there, so it is encrypted on its way, unless
/// that doesn't leave this machine.
fn api(value: &str, variable: &'static str) -> Result<Url, NoPlace> {
    let bad = |why| NoPlace::BadVariable { variable, value: without_credentials(value), why };
    let url = Url::parse(value.trim_end_matches('/')).map_err(|_| bad("which is no URL"))?;
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err(bad("where a token would be sent unencrypted")),
    }
}

/// The server whose REST API this is.
fn server_of(rest: &Url) -> Option<String> {
    let host = rest.host_str()?;
    Some(host.strip_prefix("api.").unwrap_or(host).to_owned())
}

fn rest_of(host: &str) -> Option<Url> {
    // One with its data in a region of its own, or github.com itself, has the API on a host beside.
    let url = if host == "github.com" || host.ends_with(".ghe.com") {
        format!("https://api.{host}")
    } else {
        format!("https://{host}/api/v3")
    };
    Url::parse(&url).ok()
}

/// `/api/graphql` beside `/api/v3`, else `/graphql` below the address.
fn graphql_beside(rest: &Url) -> Option<Url> {
    let rest = rest.as_str().trim_end_matches('/');
    let url = match rest.strip_suffix("/api/v3") {
        Some(server) => format!("{server}/api/graphql"),
        None => format!("{rest}/graphql"),
    };
    Url::parse(&url).ok()
}

/// Host, owner and name in a remote's address: `https://host/owner/name.git`, `ssh://git@host:22/owner/name`
/// or `git@host:owner/name.git`.
fn repo_of(remote: &str) -> Option<(String, String, String)> {
    let (host, path) = match Url::parse(remote) {
        Ok(url) if matches!(url.scheme(), "https" | "http" | "ssh" | "git") => (
            url.host_str()?.to_owned(),
            percent_decode_str(url.path()).decode_utf8().ok()?.into_owned(),
        ),
        _ => {
            let (user_and_host, path) = remote.split_once(':')?;
            let host = user_and_host.rsplit_once('@').map_or(user_and_host, |(_, host)| host);
            (host.to_owned(), path.to_owned())
        }
    };
    // Without a dot it is a name of the user's own in ~/.ssh/config, or no host at all.
    if !host.contains('.') || host.contains(['/', '\\']) {
        return None;
    }
    let host = host.to_lowercase();
    // SSH over the port of HTTPS.
    let host =
        host.strip_prefix("ssh.").filter(|host| *host == "github.com").unwrap_or(&host).to_owned();
    let path = path.trim_matches('/');
    let (owner, name) = path.strip_suffix(".git").unwrap_or(path).split_once('/')?;
    (is_name(owner) && is_name(name)).then(|| (host, owner.to_owned(), name.to_owned()))
}

/// What GitHub allows in the name of an owner or a repo.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && !matches!(text, "." | "..") && text.chars().all(plain)
}
